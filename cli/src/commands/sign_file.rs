//! `aisoc plugin sign FILE`: one file, a drop-in.

use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::SignedPlugin;
use aisoc_signing::Coverage;

use crate::args::plugin::{SignArgs, SignedCoverage};
use crate::context::Context;
use crate::output::path_text;
use crate::signer;

pub(super) fn run(file: &Path, args: &SignArgs, context: &Context) -> Result<u8> {
    require_none_of_a_plugins(args)?;
    let signer = signer::one(&args.key.signer.private_key, &args.key.signer.passphrase, context)?;
    let dry_run = context.dry_run();
    let signed = aisoc_pipeline::sign_file(file, signer.as_ref(), args.out.as_deref(), dry_run)?;
    drop(signer);
    let what = format!("{} as {}", file.display(), signed.signer);
    context.output.status(if dry_run.is_on() { "Would sign" } else { "Signed" }, what);
    context.output.answer(&SignedPlugin {
        signature_path: path_text(&signed.path),
        signature: signed.signature.to_hex(),
        canonical_digest: format!("sha256:{}", signed.digest.hex()),
        signing_key_fingerprint: signed.signer.to_string(),
        coverage: Coverage::Full.as_str(),
        signed_at: None,
        allowed_secrets: Vec::new(),
    })
}

/// A file has no manifest, and no signer beside its only one.
fn require_none_of_a_plugins(args: &SignArgs) -> Result<()> {
    let asked = [
        (args.add, "--add"),
        (args.profile.is_some(), "--profile"),
        (args.coverage == SignedCoverage::Code, "--coverage code"),
        (args.timestamp.timestamp.is_some(), "--timestamp"),
        (args.key.allow_ambiguous, "--allow-ambiguous"),
        (!args.secrets.allow_secret.is_empty(), "--allow-secret"),
    ];
    match asked.iter().find(|(is_asked, _)| *is_asked) {
        None => Ok(()),
        Some((_, option)) => {
            Err(Fault::new(Reason::Usage, format!("`{option}` is about a plugin, and a file is named"))
                .expected("a plugin's directory", "one file")
                .hint("sign a file with `--private-key` alone, and `--out` where the signature is to stand elsewhere"))
        }
    }
}
