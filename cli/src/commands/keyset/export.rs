//! `aisoc keys export`

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::ExportedKeySet;
use aisoc_pipeline::keys::{self, ExportOptions, ExportedSet, FoundStatement, NewVersion};
use aisoc_signing::{KeyHolder, PayloadType};
use jiff::Timestamp;

use super::super::statement::Named;
use crate::args::keyset::{Expiry, ExportKeysArgs};
use crate::clock;
use crate::context::Context;
use crate::output::{Answer, Form, path_text, printable};
use crate::signer;

impl Answer for ExportedKeySet {
    fn text(&self) -> String {
        match (&self.statement, &self.destination) {
            (Some(statement), _) => statement.clone(),
            (None, destination) => {
                let destination = destination.as_deref().unwrap_or("-");
                format!("{} {} {}\n", printable(destination), printable(&self.name), self.set_version)
            }
        }
    }

    fn form(&self) -> Form {
        if self.statement.is_some() { Form::Exact } else { Form::Escaped }
    }
}

pub(crate) fn run(args: ExportKeysArgs, context: &Context) -> Result<u8> {
    let options = ExportOptions { keys_dir: context.keys_directory(args.trusted_keys.clone()), at: clock::now() };
    let named = Named::of(PayloadType::Keyset, &args.destination, &args.registry, context)?;
    named.require_writable(&options.keys_dir)?;
    require_said(&args, &named)?;
    let signers = signer::all(&args.private_keys, &args.passphrase, context)?;
    let signers: Vec<&dyn KeyHolder> = signers.iter().map(AsRef::as_ref).collect();
    let held = named.hold(context)?;
    // Of a stream nothing stands there before, but for what is to be signed as well.
    let present = match args.add && named.is_stream() {
        true => Some(named.read(context)?),
        false => named.read_present(context)?,
    };
    let done = match args.expires {
        None => keys::sign_as_well(&options, &require_present(&present)?.content, &signers)?,
        Some(expires) => {
            let new = new_version(&args, expires, context)?;
            keys::export(&options, &new, present.as_ref().map(|found| found.content.as_slice()), &signers)?
        }
    };
    let artifact = named.write(&done.content, present.as_ref(), context)?;
    drop(held);
    warn(&done, context);
    answer(&named, done, artifact, &options, context)
}

/// What is printed follows nothing that could be read: which version it is has to be said, or every one would be the
/// first. And standard input, or the one key that is read from it, is one stream.
fn require_said(args: &ExportKeysArgs, named: &Named) -> Result<()> {
    if !named.is_stream() {
        return Ok(());
    }
    if args.add && args.private_keys.iter().any(|key| key == "-") {
        return Err(Fault::new(Reason::Usage, "standard input holds one thing, and is named more than once")
            .expected("the set, or a private key", "both")
            .hint("pass the private key as a file"));
    }
    match args.add || args.set_version.is_some() {
        true => Ok(()),
        false => Err(Fault::new(Reason::Usage, "nothing says which version of the set is printed")
            .expected("`--set-version N` with `-`", "no version")
            .hint("name one that is newer than every one before: `--set-version N`")),
    }
}

fn require_present(present: &Option<FoundStatement>) -> Result<&FoundStatement> {
    present.as_ref().ok_or_else(|| {
        Fault::new(Reason::IoNotFound, "there is no set of keys to sign as well")
            .hint("check the place; the first signer makes the set: leave `--add` out")
    })
}

/// A build that asked for a time gets that one.
fn new_version(args: &ExportKeysArgs, expires: Expiry, context: &Context) -> Result<NewVersion> {
    let asked = context.environment.source_date_epoch()?.and_then(|seconds| i64::try_from(seconds).ok());
    let seconds = asked.unwrap_or_else(|| clock::now().as_second());
    let issued_at = Timestamp::from_second(seconds)
        .map_err(|error| Fault::new(Reason::Usage, "the time of the set is none").caused_by(error))?;
    let (name, version) = (args.name.clone(), args.set_version);
    Ok(NewVersion { name, version, issued_at, expires_at: expires.after(issued_at)? })
}

fn warn(done: &ExportedSet, context: &Context) {
    context.warn_of_keys(&done.skipped_keys, std::iter::empty::<&str>());
    for signer in &done.doubtful {
        let said = format!("{} may sign no sets by the keys of the directory", signer.fingerprint);
        context.output.warning(Warning::SignerDoubtful, said);
    }
}

fn answer(
    named: &Named,
    done: ExportedSet,
    artifact_digest: Option<String>,
    options: &ExportOptions,
    context: &Context,
) -> Result<u8> {
    let ExportedSet { set, signers, previous_version, content, .. } = done;
    let destination = named.shown();
    let is_printed = named.is_stream() && !context.dry_run().is_on();
    let statement = is_printed.then(|| String::from_utf8_lossy(&content).into_owned());
    let (keys, signatures) = (counted(set.keys.len(), "key"), counted(signers.len(), "signature"));
    let place = destination.as_ref().map(|place| format!(" as {place}")).unwrap_or_default();
    let said = format!("{} version {}{place}: {keys}, {signatures}", set.name, set.version);
    context.output.status(context.said("Exported", "Would export"), said);
    context.output.answer(&ExportedKeySet {
        set_version: set.version,
        previous_set_version: previous_version,
        issued_at: set.issued_at.to_string(),
        expires_at: set.expires_at.to_string(),
        key_count: set.keys.len(),
        payload_digest: aisoc_manifests::digest::Digest::of(&set.to_payload()).to_string(),
        signers: signers.iter().map(super::signer).collect(),
        destination,
        artifact_digest,
        statement,
        keys_directory: path_text(&options.keys_dir),
        name: set.name,
    })
}
