//! `aisoc plugin sign`

use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::SignedPlugin;
use aisoc_pipeline::{Bench, Signing};

use super::bench;
use crate::allowed_secrets::Allowance;
use crate::args::plugin::{KeyArgs, SignArgs, SignedCoverage};
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

impl Answer for SignedPlugin {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.signature_path))
    }
}

pub(crate) fn run(args: SignArgs, context: &Context) -> Result<u8> {
    let allowance = Allowance::of(&args.secrets)?;
    let bench = Bench::open(&args.plugin_dir)?;
    if let Some(code) = refuse_ambiguity(&bench, &args.key, context)? {
        return Ok(code);
    }
    let key = context.signing_key(&args.key.private_key)?;
    let out = args.out.as_deref();
    let how = match args.coverage {
        _ if args.add => Signing::Added,
        SignedCoverage::Full => Signing::WholeTree { out },
        SignedCoverage::Code => Signing::CodeOnly { out },
    };
    let limits = context.limits()?;
    let written = aisoc_pipeline::sign_directory_knowing(&args.plugin_dir, &key, how, &allowance.secrets, &limits)?;
    drop(key);
    let what = format!("{} as {} (coverage {})", args.plugin_dir.display(), written.signer, written.coverage);
    context.output.status("Signed", what);
    context.output.answer(&SignedPlugin {
        signature_path: path_text(&written.path),
        signature: written.signature.to_hex(),
        canonical_digest: format!("sha256:{}", written.digest.hex()),
        signing_key_fingerprint: written.signer.to_string(),
        coverage: written.coverage.as_str(),
        allowed_secrets: allowance.announce(&written.allowed_secrets, context),
    })
}

/// Shows what YAML readers disagree on, unless the author said that it may be signed all the same.
/// Gives the exit code when there is something to refuse.
pub(crate) fn refuse_ambiguity(bench: &Bench, key: &KeyArgs, context: &Context) -> Result<Option<u8>> {
    let problems = bench.ambiguities();
    if problems.is_empty() {
        return Ok(None);
    }
    if key.allow_ambiguous {
        let said = format!("{} is signed with {} ambiguous places", bench.shown, problems.len());
        context.output.warning(Warning::AmbiguitySigned, said);
        return Ok(None);
    }
    bench::refuse(&bench.shown, problems, context).map(Some)
}
