//! Signing a set, of keys or of plugins, and following one: what both kinds have in common on the command line.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::Signer;
use aisoc_pipeline::keys::{FoundStatement, StatementPlace};
use aisoc_pipeline::{ExportedSet, NewVersion};
use aisoc_signing::{KeyHolder, PayloadType};
use aisoc_trust::KnownSigner;
use aisoc_trust::keys::{SignedSet, SyncSettings};
use jiff::Timestamp;

use super::statement::Named;
use crate::args::keyset::{Expiry, FollowedSetArgs, SignSetArgs};
use crate::clock;
use crate::context::Context;
use crate::signer;

/// A signer, as documents name it: without a name where the directory knows none.
pub(super) fn signer(signer: &KnownSigner) -> Signer {
    let key_id = Some(signer.key_id.clone()).filter(|id| !id.is_empty());
    Signer { signing_key_id: key_id, signing_key_fingerprint: signer.fingerprint.to_string() }
}

/// A set that was signed and put where it goes.
pub(super) struct Signed<S> {
    pub(super) set: ExportedSet<S>,
    /// Where it is; nothing when it was printed.
    pub(super) destination: Option<String>,
    /// The artifact that holds it; nothing for a file.
    pub(super) artifact: Option<String>,
    /// The envelope, where it is printed.
    pub(super) statement: Option<String>,
}

/// How a set is made of what is here, and signed.
pub(super) trait Making {
    /// The kind of set.
    type Set: SignedSet;

    /// The directory of the keys, in which no set is written.
    fn keys_dir(&self) -> &Path;

    /// The next version, in the place of the one that is there.
    fn next(
        &self,
        new: &NewVersion,
        present: Option<&[u8]>,
        signers: &[&dyn KeyHolder],
    ) -> Result<ExportedSet<Self::Set>>;

    /// The one that is there, by more signers.
    fn signed_as_well(&self, present: &[u8], signers: &[&dyn KeyHolder]) -> Result<ExportedSet<Self::Set>>;
}

/// Signs a set, and puts it where it goes.
///
/// # Errors
/// As making it, as reading what is there, and what the place refuses; nothing is written then.
pub(super) fn sign<M: Making>(args: &SignSetArgs, making: &M, context: &Context) -> Result<Signed<M::Set>> {
    let named = Named::of(M::Set::KIND, &args.destination, &args.registry, context)?;
    named.require_writable(making.keys_dir())?;
    require_said(args, &named)?;
    let signers = signer::all(&args.private_keys, &args.passphrase, context)?;
    let signers: Vec<&dyn KeyHolder> = signers.iter().map(AsRef::as_ref).collect();
    let held = named.hold(context)?;
    // Of a stream nothing stands there before, but for what is to be signed as well.
    let present = match args.add && named.is_stream() {
        true => Some(named.read(context)?),
        false => named.read_present(context)?,
    };
    let set = match args.expires {
        None => making.signed_as_well(&require_present::<M::Set>(&present)?.content, &signers)?,
        Some(expires) => {
            let new = new_version(args, expires, context)?;
            making.next(&new, present.as_ref().map(|found| found.content.as_slice()), &signers)?
        }
    };
    let artifact = named.write(&set.content, present.as_ref(), context)?;
    drop(held);
    warn(&set, context);
    let is_printed = named.is_stream() && !context.dry_run().is_on();
    let statement = is_printed.then(|| String::from_utf8_lossy(&set.content).into_owned());
    Ok(Signed { set, destination: named.shown(), artifact, statement })
}

/// What is printed follows nothing that could be read: which version it is has to be said, or every one would be the
/// first. And standard input, or the one key that is read from it, is one stream.
fn require_said(args: &SignSetArgs, named: &Named) -> Result<()> {
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

fn require_present<S: SignedSet>(present: &Option<FoundStatement>) -> Result<&FoundStatement> {
    present.as_ref().ok_or_else(|| {
        Fault::new(Reason::IoNotFound, format!("there is no {} to sign as well", S::KIND.noun()))
            .hint("check the place; the first signer makes the set: leave `--add` out")
    })
}

/// A build that asked for a time gets that one.
fn new_version(args: &SignSetArgs, expires: Expiry, context: &Context) -> Result<NewVersion> {
    let asked = context.environment.source_date_epoch()?.and_then(|seconds| i64::try_from(seconds).ok());
    let seconds = asked.unwrap_or_else(|| clock::now().as_second());
    let issued_at = Timestamp::from_second(seconds)
        .map_err(|error| Fault::new(Reason::Usage, "the time of the set is none").caused_by(error))?;
    let (name, version) = (args.name.clone(), args.set_version);
    Ok(NewVersion { name, version, issued_at, expires_at: expires.after(issued_at)? })
}

fn warn<S>(done: &ExportedSet<S>, context: &Context) {
    context.output.warn_of_keys(&done.skipped_keys, std::iter::empty::<&str>());
    for signer in &done.doubtful {
        let said = format!("{} may sign no sets by the keys of the directory", signer.fingerprint);
        context.output.warning(Warning::SignerDoubtful, said);
    }
}

/// Which set is followed: what was typed, and else what this site has written down. Nobody follows fewer signatures
/// than were written down by leaving them out. `command` is what follows it.
pub(super) fn settings(
    kind: PayloadType,
    command: &str,
    source: Option<&OsString>,
    args: &FollowedSetArgs,
    saved: Result<Option<SyncSettings>>,
) -> Result<SyncSettings> {
    let is_whole = args.save && source.is_some() && args.name.is_some() && args.required_signatures.is_some();
    let saved = match saved {
        // What cannot be read is replaced by what is said whole.
        Err(fault) if is_whole && fault.reason() == Reason::RecordInvalid => None,
        read => read?,
    };
    let noun = kind.noun();
    let missing = |what: String| {
        Fault::new(Reason::Usage, format!("nothing says {what}")).hint(format!(
            "say it once, and it is kept: `aisoc {command} REF --name NAME --required-signatures K --save`"
        ))
    };
    let from = match (source, &saved) {
        (Some(source), _) => named(kind, command, source, args.save)?,
        (None, Some(saved)) => saved.from.clone(),
        (None, None) => return Err(missing(format!("where the {noun} is"))),
    };
    let name = args.name.clone().or_else(|| saved.as_ref().map(|saved| saved.name.clone()));
    let name = name.ok_or_else(|| missing(format!("which {noun} is followed")))?;
    let required = args.required_signatures.or_else(|| saved.as_ref().map(|saved| saved.required_signatures));
    let required = required.ok_or_else(|| missing(format!("how many have to have signed the {noun}")))?;
    match saved.filter(|saved| !args.save && (saved.name != name || saved.required_signatures > required)) {
        None => Ok(SyncSettings::new(from, name, required)),
        Some(saved) => Err(Fault::new(Reason::Usage, "this site follows a set by stricter or other settings")
            .expected(
                format!("`{}`, signed by {}", saved.name, saved.required_signatures),
                format!("`{name}`, signed by {required}"),
            )
            .hint("leave `--name` and `--required-signatures` out, or change what is kept with `--save`")),
    }
}

fn named(kind: PayloadType, command: &str, source: &OsStr, is_saved: bool) -> Result<String> {
    if source == "-" && is_saved {
        return Err(Fault::new(Reason::Usage, "standard input is no place that a set can be fetched from again")
            .hint(format!("name the file or the reference from which `aisoc {command}` takes it later")));
    }
    match is_saved {
        true => StatementPlace::parse(kind, source)?.from_anywhere(),
        false => source.to_str().map(str::to_owned).ok_or_else(|| {
            Fault::new(Reason::Usage, "the name of the file is no text")
                .hint("give it a name that is UTF-8, or use `-`")
        }),
    }
}
