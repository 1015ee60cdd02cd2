//! `aisoc plugin verify`

use std::ffi::OsString;

use aisoc_installation::escaped;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{DocumentedProof, Explanation, Signer, SourceVerdict};
use aisoc_pipeline::{
    AtRestOptions, InstalledVerification, RequiredProof, Source, Subject, Verification, coverage_accepted_from,
};
use aisoc_signing::proof::ProofSigner;
use aisoc_signing::{Coverage, Uncovered};
use aisoc_trust::ProofDemand;
use serde::Serialize;

use super::digest::digits;
use super::explained;
use super::list::leniency;
use super::mistagged::naming_tags;
use super::package;
use super::platform::{choosing, require_none};
use super::subject::subject;
use super::untagged::require_named;
use crate::args::plugin::VerifyArgs;
use crate::context::{Context, shared_directories};
use crate::output::{Answer, printable};
use crate::proofs::{self, TypedProofs};
use crate::runtime;

/// The coverage of a signature over every file that would be shipped.
const SHIPPED: &str = "shipped";

/// A verdict, how it is shown, and what it makes of the command.
#[derive(Serialize)]
struct Verdict {
    #[serde(flatten)]
    document: SourceVerdict,
    #[serde(skip)]
    explain: bool,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Verdict {
    fn text(&self) -> String {
        if self.explain {
            return explained::text(&self.document.explanation);
        }
        let key =
            self.document.signing_key_id.as_ref().map(|key| format!(" key={}", printable(key))).unwrap_or_default();
        let digest = self.document.canonical_digest.as_deref().map(|digest| format!(" digest={}", digits(digest)));
        let digest = digest.unwrap_or_default();
        let coverage = if key.is_empty() { String::new() } else { format!(" coverage={}", self.document.coverage) };
        let mut text = format!("{}{key}{coverage}{digest}\n", self.document.signature_status);
        for proof in &self.document.proofs {
            text.push_str(&format!("proof={}", proof.kind));
            let said = [("identity", &proof.identity), ("issuer", &proof.issuer), ("key", &proof.key_fingerprint)];
            for (name, value) in said {
                let value = value.as_deref().map(|value| format!(" {name}={}", printable(value)));
                text.push_str(&value.unwrap_or_default());
            }
            text.push('\n');
        }
        text
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

pub(crate) fn run(mut args: VerifyArgs, context: &Context) -> Result<u8> {
    let has_rules = context.trust_policy(args.trust.trust_policy.clone()).is_some();
    let TypedProofs { demands, bundles } =
        proofs::typed(&mut args.trust.required, args.proofs, has_rules, &context.environment)?;
    let site = context.site(args.plugins_dir);
    let subject = subject(&args.source, &site, context)?;
    let at = match subject {
        Subject::Source(_) => context.judging_time_elsewhere(&site)?,
        Subject::Installed { .. } => context.judging_time(&site)?,
    };
    let mut trust = context.trust_at(args.trust, at)?;
    if !matches!(subject, Subject::Source(Source::Artifact(_))) {
        require_none(args.platform.platform.as_ref())?;
        require_no_proof(demands.first())?;
    }
    trust.demands.proofs = demands;
    let reporter = context.output.reporter();
    let verification = match subject {
        Subject::Source(Source::Directory(directory)) if args.as_shipped => {
            aisoc_pipeline::verify_shipped(&directory, &trust, &context.limits()?)?
        }
        Subject::Source(Source::Artifact(_)) | Subject::Installed { .. } if args.as_shipped => {
            let message = "`--as-shipped` is about an author's directory: an artifact is what is shipped";
            return Err(Fault::new(Reason::Usage, message));
        }
        Subject::Source(Source::Directory(directory)) => {
            aisoc_pipeline::verify_directory(&directory, &trust, &context.limits()?)?
        }
        Subject::Source(Source::Artifact(reference)) => {
            let client = context.client(&args.registry, &[&reference])?;
            let client = choosing(PlatformChoice::of(args.platform.platform), client);
            trust.require_keys_for(&reference)?;
            require_named(&reference, &client, context)?;
            let verified = runtime::block_on(
                context.cancellation()?,
                aisoc_pipeline::verify_artifact(&reference, &trust, &bundles, &client, &reporter),
            );
            naming_tags(verified, &reference, &client, context)?
        }
        Subject::Installed { id, .. } => {
            let shared_directories = shared_directories(&args.shared);
            let limits = context.limits()?;
            let options = AtRestOptions { site, only: vec![id.to_string()], trust, limits, shared_directories };
            let InstalledVerification { verification, shared } = aisoc_pipeline::verify_installed(&options, None)?;
            context.warn_of_sharing(shared.as_deref());
            verification
        }
    };
    drop(reporter);
    let signers = verification.verdict.as_ref().map(|verdict| verdict.signers()).unwrap_or_default();
    let ending: Vec<String> = signers.iter().filter_map(|signer| signer.near_end(at)).collect();
    context.output.warn_of_keys(&verification.findings.skipped, ending);
    answer(as_text(args.source), args.explain, verification, context)
}

/// Proofs are of artifacts, by their digest: a directory has none.
fn require_no_proof(demand: Option<&ProofDemand>) -> Result<()> {
    let Some(ProofDemand { kind, .. }) = demand else { return Ok(()) };
    Err(Fault::new(Reason::Usage, format!("`--require {kind}` is about an artifact"))
        .expected("a reference or an archive", "what is not one")
        .hint("name the artifact that it came from: `aisoc plugin list --json` says which"))
}

/// What was named; a path that is not UTF-8 in a form from which it can be had back.
pub(super) fn as_text(source: OsString) -> String {
    source.into_string().unwrap_or_else(|path| escaped(&path))
}

fn shown_proof(required: &RequiredProof) -> Option<DocumentedProof> {
    let shown = required.outcome.as_ref().ok()?;
    let (identity, issuer, key_fingerprint) = match shown.proven.signer.clone() {
        ProofSigner::Identity { name, issuer } => (Some(name), Some(issuer), None),
        ProofSigner::Key(fingerprint) => (None, None, Some(fingerprint)),
    };
    Some(DocumentedProof {
        kind: required.kind.as_str(),
        place: shown.place.clone(),
        identity,
        issuer,
        key_fingerprint,
        predicate_type: shown.proven.predicate_type.clone(),
        signed_at: shown.proven.signed_at.iter().min().map(ToString::to_string),
    })
}

/// Names what a verified signature leaves open.
fn not_covered(uncovered: &[Uncovered]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = uncovered.iter().take(SHOWN).map(|file| format!("`{}`", printable(&file.path))).collect();
    let more = match uncovered.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more (`--explain` names them)"),
    };
    format!("the signature does not cover {}{more}", shown.join(", "))
}

/// A refusal is explained on stdout when it was asked for, and reported on stderr in any case.
fn answer(source: String, explain: bool, verification: Verification, context: &Context) -> Result<u8> {
    let Verification { id, artifact_digest, index_digest, platform, verdict, trace, findings, proofs, left_out } =
        verification;
    let mut explanation = Explanation::of(&verdict, &trace, &findings);
    if let Some(objection) = &mut explanation.objection {
        objection.hint = context.output.hint(&objection.hint);
    }
    if !left_out.is_empty() {
        // Full is what a host sees, and it would see what was left out.
        explanation.coverage =
            if explanation.coverage == Coverage::Full.as_str() { SHIPPED } else { explanation.coverage };
        package::tell_left_out(&left_out, context);
    }
    let admitted = verdict.as_ref().ok();
    let objection = admitted.and_then(|admitted| admitted.objection());
    if let Some(objection) = objection {
        context.output.warning_with(Warning::AdmittedDespite, objection, Some(objection.next_step()));
    }
    if let Some(said) = leniency(&admitted.map(coverage_accepted_from).unwrap_or_default()) {
        context.output.status("Accepted", said);
    }
    if admitted.is_some_and(|admitted| admitted.key_id().is_some()) && !findings.tree.uncovered.is_empty() {
        context.output.warning(Warning::FilesNotCovered, not_covered(&findings.tree.uncovered));
    }
    let exit_code = verdict.as_ref().err().map_or(0, |refusal| refusal.class().exit_code());
    let document = SourceVerdict {
        source,
        id,
        signature_status: explanation.signature_status,
        signing_key_id: admitted.and_then(|admitted| admitted.key_id()).map(ToString::to_string),
        signing_key_fingerprint: admitted.and_then(|admitted| admitted.fingerprint()).map(|print| print.to_string()),
        signers: admitted
            .map(|admitted| admitted.signers())
            .unwrap_or_default()
            .iter()
            .map(|signer| Signer {
                signing_key_id: Some(signer.key_id.to_string()),
                signing_key_fingerprint: signer.fingerprint.to_string(),
            })
            .collect(),
        coverage: explanation.coverage,
        coverage_accepted_from: admitted.map(coverage_accepted_from).unwrap_or_default(),
        excluded: left_out,
        canonical_digest: findings.digest.map(|digest| format!("sha256:{}", digest.hex())),
        artifact_digest: artifact_digest.map(|digest| digest.to_string()),
        index_digest: index_digest.map(|digest| digest.to_string()),
        platform: platform.map(|platform| platform.to_string()),
        proofs: proofs.iter().filter_map(shown_proof).collect(),
        objection: explanation.objection.clone(),
        explanation,
    };
    if verdict.is_ok() || explain || context.output.json() {
        context.output.answer(&Verdict { document, explain, exit_code })?;
    }
    verdict.map(|_| 0)
}
