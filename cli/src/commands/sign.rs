//! `aisoc plugin sign`

use std::path::Path;

use aisoc_files::shell_word;
use aisoc_manifests::fault::Result;
use aisoc_manifests::plugin::Profile;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::SignedPlugin;
use aisoc_pipeline::{Bench, Signing, Timestamper};

use super::{bench, sign_artifact, sign_file};
use crate::allowed_secrets::Allowance;
use crate::args::plugin::{SignArgs, SignedCoverage};
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::signer;
use crate::timestamps;

impl Answer for SignedPlugin {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.signature_path))
    }
}

pub(crate) fn run(args: SignArgs, context: &Context) -> Result<u8> {
    if let Some(form) = args.cosign {
        return sign_artifact::run(args, form.forms(), context);
    }
    sign_artifact::require_no_registry(&args.registry)?;
    let allowance = Allowance::of(&args.secrets)?;
    let directory = args.directory.path()?;
    if let Some(file) = args.directory.file() {
        return sign_file::run(file, &args, context);
    }
    let bench = Bench::open(directory)?;
    if let Some(code) = refuse(&bench, &args, context)? {
        return Ok(code);
    }
    let signer = signer::one(&args.key.signer.private_key, &args.key.signer.passphrase, context)?;
    let out = args.out.as_deref();
    let how = match args.coverage {
        _ if args.add => Signing::Added,
        SignedCoverage::Full => Signing::WholeTree { out },
        SignedCoverage::Code => Signing::CodeOnly { out },
    };
    let (limits, dry_run) = (context.limits()?, context.dry_run());
    // Nobody else hears of what is only tried.
    let source = timestamps::source(args.timestamp, &args.registry, context)?
        .filter(|source| !(dry_run.is_on() && source.is_asked()));
    let timestamp = source.as_ref().map(|source| timestamps::asked(source, context));
    let timestamper = timestamp.as_ref().map(|timestamp| timestamp as Timestamper<'_>);
    let (key, secrets) = (signer.as_ref(), &allowance.secrets);
    let written = aisoc_pipeline::sign_directory_knowing(directory, key, how, secrets, timestamper, &limits, dry_run)?;
    drop(signer);
    if args.profile.is_none() {
        bench::warn_of_strange_keys(&bench, context);
        bench::warn(&bench, Profile::Manager, context);
    }
    let done = if dry_run.is_on() { "would be removed" } else { "are removed" };
    warn_of_removed(&written.removed_signatures, done, context);
    let what = format!("{} as {} (coverage {})", directory.display(), written.signer, written.coverage);
    context.output.status(if dry_run.is_on() { "Would sign" } else { "Signed" }, what);
    if args.out.is_none() && !dry_run.is_on() {
        context.output.status("Next", verify_line(directory, &args.key.signer.private_key, written.left_out));
    }
    context.output.answer(&SignedPlugin {
        signature_path: path_text(&written.path),
        signature: written.signature.to_hex(),
        canonical_digest: format!("sha256:{}", written.digest.hex()),
        signing_key_fingerprint: written.signer.to_string(),
        coverage: written.coverage.as_str(),
        signed_at: written.signed_at.map(|at| at.to_string()),
        allowed_secrets: allowance.announce(&written.allowed_secrets, context),
    })
}

/// The command that verifies what was signed. Where the directory holds more than what would be shipped, a host would
/// refuse it as it stands.
fn verify_line(directory: &Path, private_key: &str, left_out: usize) -> String {
    let public = Path::new(private_key).with_extension("pem");
    let keys = if public.is_file() { shell_word(public) } else { "KEYS".to_owned() };
    let shipped = if left_out > 0 { " --as-shipped" } else { "" };
    format!("aisoc plugin verify {}{shipped} --trusted-keys {keys}", shell_word(directory))
}

/// Shows what must not be signed, and what the profile refuses that was asked for; without one, says what a host's
/// manager will refuse. What YAML readers disagree on is signed when the author says that it may be. Gives the exit
/// code when there is something to refuse.
fn refuse(bench: &Bench, args: &SignArgs, context: &Context) -> Result<Option<u8>> {
    let ambiguities = bench.ambiguities();
    let mut problems = bench.unsignable();
    let asked = args.profile.map(|profile| bench.problems(profile)).unwrap_or_default();
    problems.extend(
        asked.into_iter().filter(|found| !problems.iter().any(|known| known.is_same_as(found))).collect::<Vec<_>>(),
    );
    if args.key.allow_ambiguous {
        problems.retain(|problem| !ambiguities.contains(problem));
        warn_of_ambiguities(bench, ambiguities.len(), context);
    }
    if !problems.is_empty() {
        return bench::refuse(&bench.shown, problems, context).map(Some);
    }
    Ok(None)
}

/// A signature of somebody else is not made again by whoever signs alone.
pub(super) fn warn_of_removed(removed: &[String], done: &str, context: &Context) {
    if !removed.is_empty() {
        let names: Vec<String> = removed.iter().map(|name| format!("`{}`", printable(name))).collect();
        let message = format!("signatures of others, which fit what is signed, {done}: {}", names.join(", "));
        context.output.warning(Warning::SignaturesRemoved, message);
    }
}

fn warn_of_ambiguities(bench: &Bench, count: usize, context: &Context) {
    if count > 0 {
        let message = format!("{} is signed with {count} ambiguous places", bench.shown);
        context.output.warning(Warning::AmbiguitySigned, message);
    }
}
