//! `aisoc keys export`

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::ExportedKeySet;
use aisoc_pipeline::keys::{self, ExportOptions, ExportedSet, FoundSet, NewVersion, SetPlace};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::KeyHolder;
use jiff::Timestamp;

use crate::args::keyset::{Expiry, ExportKeysArgs};
use crate::clock;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::runtime;
use crate::signer;

impl Answer for ExportedKeySet {
    fn text(&self) -> String {
        format!("{} {} {}\n", printable(&self.destination), printable(&self.name), self.set_version)
    }
}

pub(crate) fn run(args: ExportKeysArgs, context: &Context) -> Result<u8> {
    let place = SetPlace::parse(&args.destination)?;
    place.require_writable()?;
    let client = context.client(&args.registry, &place.artifact().into_iter().collect::<Vec<_>>())?;
    let options = ExportOptions { keys_dir: context.keys_directory(args.trusted_keys.clone()), at: clock::now() };
    let present = runtime::block_on(context.cancellation()?, place.read_present(&client))?;
    let signers = signer::all(&args.private_keys, &args.passphrase, context)?;
    let signers: Vec<&dyn KeyHolder> = signers.iter().map(AsRef::as_ref).collect();
    let done = match args.expires {
        None => keys::sign_as_well(&options, &require_present(&present)?.content, &signers)?,
        Some(expires) => {
            let new = new_version(&args, expires, context)?;
            keys::export(&options, &new, present.as_ref().map(|found| found.content.as_slice()), &signers)?
        }
    };
    let artifact = write(&place, &done, present.as_ref(), &client, context)?;
    warn(&done, context);
    answer(&place, done, artifact, &options, context)
}

fn require_present(present: &Option<FoundSet>) -> Result<&FoundSet> {
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

fn write(
    place: &SetPlace,
    done: &ExportedSet,
    present: Option<&FoundSet>,
    client: &ClientOptions,
    context: &Context,
) -> Result<Option<String>> {
    if context.dry_run().is_on() {
        return Ok(None);
    }
    let written = runtime::block_on(context.cancellation()?, place.write(&done.content, present, client))?;
    Ok(written.map(|digest| digest.to_string()))
}

fn warn(done: &ExportedSet, context: &Context) {
    context.warn_of_keys(&done.skipped_keys, std::iter::empty::<&str>());
    for signer in &done.doubtful {
        let said = format!("{} may sign no sets by the keys of the directory", signer.fingerprint);
        context.output.warning(Warning::SignerDoubtful, said);
    }
}

fn answer(
    place: &SetPlace,
    done: ExportedSet,
    artifact_digest: Option<String>,
    options: &ExportOptions,
    context: &Context,
) -> Result<u8> {
    let ExportedSet { set, signers, previous_version, .. } = done;
    let destination = match place {
        SetPlace::File(path) => path_text(path),
        SetPlace::Artifact(reference) => reference.to_string(),
    };
    let (keys, signatures) = (counted(set.keys.len(), "key"), counted(signers.len(), "signature"));
    let said = format!("{} version {} as {destination}: {keys}, {signatures}", set.name, set.version);
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
        keys_directory: path_text(&options.keys_dir),
        name: set.name,
    })
}
