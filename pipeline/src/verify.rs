//! Verifying what is on disk or in a registry, without installing it.

use std::path::Path;

use aisoc_files::shell_word;
use aisoc_installation::{Access, Site, Whereabouts, while_in_place};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::plugin::{Document, Manifest};
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{Limits, PluginDir, ReferenceDir, Secrets, Staging, default_threads};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Claim, Findings, Origin};
use aisoc_trust::{CameIn, Decision, FETCH_AGAIN, Facts, Trace, Verdict};

use crate::accepted::{LockRule, came_in};
use crate::bytecode::{cure, mended};
use crate::events::Reporter;
use crate::fetch::{Fetched, fetch};
use crate::judge::{Judge, TrustInputs};
use crate::proofs::{AtHand, Coming, OfferedFile, RequiredProof};
use crate::source::Source;

/// How many entries a hint names.
const NAMED: usize = 3;

/// A verdict, and how it came about.
#[derive(Debug)]
pub struct Verification {
    /// The id that the manifest states, when it can be read.
    pub id: Option<String>,
    /// Digest of the artifact, when it was one.
    pub artifact_digest: Option<ArtifactDigest>,
    /// Digest of the index that the reference names, when it names one that this was taken of.
    pub index_digest: Option<ArtifactDigest>,
    /// The platform by which it was taken of an index of several, or that somebody has named.
    pub platform: Option<PlatformName>,
    /// What the gate said: let in, or the refusal.
    pub verdict: Result<Verdict>,
    /// What every gate said, in order.
    pub trace: Trace,
    /// What every check saw.
    pub findings: Findings,
    /// What came of the proofs beyond a key that were required.
    pub proofs: Vec<RequiredProof>,
    /// What was left out of what was judged: files, and directories with a slash at the end.
    pub left_out: Vec<String>,
}

impl Verification {
    fn map_refusal(self, map: impl FnOnce(Fault) -> Fault) -> Self {
        Self { verdict: self.verdict.map_err(map), ..self }
    }

    /// With where it came from.
    fn of(self, fetched: &Fetched) -> Self {
        let (artifact_digest, index_digest) = (Some(fetched.artifact.digest()), fetched.index);
        Self { artifact_digest, index_digest, platform: fetched.platform.clone(), ..self }
    }
}

/// Verifies a directory as the host would: whatever it holds, as it stands. When another one is
/// exchanged for it meanwhile, it is that one that is judged.
///
/// # Errors
/// What cannot be judged: `manifest_missing`, I/O reasons, and those of reading the keys. A refusal
/// is a verdict.
pub fn verify_directory(directory: &Path, trust: &TrustInputs, limits: &Limits) -> Result<Verification> {
    let seen = see_directory(&Origin::unknown().into(), directory, trust, limits, |_| Ok(None));
    seen.map(|(_, verification)| verification)
}

/// As [`verify_directory`], where somebody has written down where it comes from, and with what `facts` says of the site:
/// with what was judged, so that whoever shows both shows one tree.
pub(crate) fn see_directory(
    coming: &Coming<'_>,
    directory: &Path,
    trust: &TrustInputs,
    limits: &Limits,
    facts: impl Fn(&Claim) -> Result<Option<Facts>>,
) -> Result<(Claim, Verification)> {
    let read = || ReferenceDir::read_with(directory, default_threads(), limits);
    while_in_place(directory, || {
        let claim = read()?.claim();
        let mut judged = judge_directory(&claim, coming, directory, trust, facts(&claim)?.as_ref())?;
        let (rule, findings) = (trust.policy.coverage, &judged.findings);
        judged.verdict = judged.verdict.map_err(|refusal| {
            let refusal = of_a_bench(refusal, directory, trust, limits);
            mended(refusal, &claim, findings, rule, || cure(&Whereabouts::of(directory), directory))
        });
        Ok((claim, judged))
    })
}

/// A refusal of what stands on an author's bench, where all that it is about would not be shipped: histories, caches,
/// what the author left out. A directory cannot hide anything that way: it stays refused, and what is judged in its
/// place has to be asked for.
fn of_a_bench(refusal: Fault, directory: &Path, trust: &TrustInputs, limits: &Limits) -> Fault {
    let is_about_content = refusal.class() == Class::Refused;
    if !is_about_content || Whereabouts::of(directory) != Whereabouts::Elsewhere {
        return refusal;
    }
    match verify_shipped(directory, trust, limits) {
        Ok(shipped) if shipped.verdict.is_ok() && !shipped.left_out.is_empty() => {
            refusal.hint(bench_hint(directory, &shipped.left_out))
        }
        // An author has changed it; to whoever has fetched it the first half speaks.
        _ if refusal.next_step() == FETCH_AGAIN => refusal.hint(format!(
            "{FETCH_AGAIN}; what is your own, sign again: `aisoc plugin sign {} --private-key KEY`",
            shell_word(directory)
        )),
        _ => refusal,
    }
}

fn bench_hint(directory: &Path, left_out: &[String]) -> String {
    let named: Vec<String> = left_out.iter().take(NAMED).map(|entry| format!("`{entry}`")).collect();
    let more = match left_out.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "all that differs would not be shipped: {}{more}; judge what would with `aisoc plugin verify {} --as-shipped`; \
         where a host loads it, install it again: `aisoc plugin install REFERENCE`",
        named.join(", "),
        shell_word(directory)
    )
}

/// Verifies what [`crate::package`] would ship of an author's directory, ignore rules applied.
///
/// # Errors
/// `usage` where a host loads plugins from: what is left out runs there. What cannot be packed: `forbidden_entry`, `manifest_missing`, I/O reasons, and those of
/// reading the keys.
pub fn verify_shipped(directory: &Path, trust: &TrustInputs, limits: &Limits) -> Result<Verification> {
    if Whereabouts::of(directory) != Whereabouts::Elsewhere {
        let message =
            format!("`{}` is where a host loads plugins from, and what is left out runs there", directory.display());
        return Err(Fault::new(Reason::Usage, message)
            .hint(format!("judge it as it stands: `aisoc plugin verify {}`", shell_word(directory))));
    }
    let plugin = PluginDir::open_knowing(directory, &Secrets::Unsearched, default_threads(), limits)?;
    let left_out = plugin.excluded().to_vec();
    Ok(Verification {
        left_out,
        ..judge_directory(&plugin.claim(), &Origin::unknown().into(), directory, trust, None)?
    })
}

fn judge_directory(
    claim: &Claim,
    coming: &Coming<'_>,
    directory: &Path,
    trust: &TrustInputs,
    facts: Option<&Facts>,
) -> Result<Verification> {
    Ok(judge_with(claim, coming.clone(), trust, facts)?.map_refusal(|refusal| match refusal.location() {
        Some(_) => refusal.below(directory),
        None => refusal.about(directory.display()),
    }))
}

/// Verifies an artifact in one pass over its bytes, writing nothing; with the proofs beyond a key that are required of it,
/// which are in `bundles` or refer to it.
///
/// # Errors
/// Every refusal of fetching and staging, and those of reading the keys.
pub async fn verify_artifact(
    reference: &Reference,
    trust: &TrustInputs,
    bundles: &[OfferedFile],
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<Verification> {
    trust.require_keys_for(reference)?;
    let fetched = fetch(reference, None, options, reporter).await?;
    let origin = Origin::of(reference);
    let most = Judge::new(trust)?.largest_proof_of(&origin);
    let at_hand = Box::pin(AtHand::gather(&fetched, bundles, most)).await?;
    let staged = fetched.stage(Staging::hash_only(Limits::default()), reporter).await?;
    let claim = fetched.claim(&staged)?;
    let judge = Judge::new(trust)?;
    let (examined, proofs) = judge.examine_noting(&claim, &Coming::with(origin, at_hand.as_ref()));
    let judged = judged(&claim, judge.observe(examined, None));
    let verification = judged.map_refusal(|refusal| refusal.about(reference));
    Ok(Verification { proofs, ..verification.of(&fetched) })
}

/// Judges what is offered as an install would, beside what is installed, and installs nothing. Nobody holds a lock:
/// what is installed may be otherwise when it comes.
///
/// # Errors
/// As [`verify_directory`] and [`verify_artifact`], and I/O reasons when the site cannot be listed.
pub async fn explain_offer(
    source: &Source,
    site: &Site,
    trust: &TrustInputs,
    lock: &LockRule,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<Verification> {
    see_offer(source, site, trust, Some(lock), options, reporter).await.map(|(_, verification)| verification)
}

/// As [`explain_offer`], with what was judged: whoever shows both shows one tree. Without a lock gate 7 is not asked.
pub(crate) async fn see_offer(
    source: &Source,
    site: &Site,
    trust: &TrustInputs,
    lock: Option<&LockRule>,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<(Claim, Verification)> {
    let beside = Beside { site, lock, reference: source.origin()? };
    match source {
        Source::Directory(directory) => {
            let limits = Limits::until(&options.cancellation);
            let claim = ReferenceDir::read_with(directory, default_threads(), &limits)?.claim();
            let judged = judge_beside(&claim, Origin::unknown().into(), trust, &beside, None)?;
            Ok((claim, judged))
        }
        Source::Artifact(reference) => {
            trust.require_keys_for(reference)?;
            let fetched = fetch(reference, None, options, reporter).await?;
            let origin = Origin::of(reference);
            let most = Judge::new(trust)?.largest_proof_of(&origin);
            let at_hand = Box::pin(AtHand::gather(&fetched, &[], most)).await?;
            let staged = fetched.stage(Staging::hash_only(Limits::until(&options.cancellation)), reporter).await?;
            let claim = fetched.claim(&staged)?;
            let coming = Coming::with(origin, at_hand.as_ref());
            let artifact = came_in(fetched.artifact.digest(), fetched.index, fetched.platform.as_ref());
            let judged = judge_beside(&claim, coming, trust, &beside, Some(artifact))?;
            Ok((claim, judged.of(&fetched)))
        }
    }
}

/// What something is offered beside.
struct Beside<'a> {
    site: &'a Site,
    lock: Option<&'a LockRule>,
    /// Where it is from.
    reference: String,
}

pub(crate) fn judge(claim: &Claim, origin: Origin, trust: &TrustInputs) -> Result<Verification> {
    judge_with(claim, origin.into(), trust, None)
}

fn judge_beside(
    claim: &Claim,
    coming: Coming<'_>,
    trust: &TrustInputs,
    beside: &Beside<'_>,
    artifact: Option<CameIn>,
) -> Result<Verification> {
    let Ok(manifest) = claim.document().and_then(Manifest::from_document) else {
        return judge_by(claim, trust, |judge| judge.foresee(judge.examine(claim, coming), None));
    };
    let says = |lock: &LockRule| lock.says(&manifest, claim, Some(&beside.reference), artifact, trust.at);
    let lock = beside.lock.map(says).transpose()?.flatten();
    let facts = Facts { lock, ..beside.site.observe()?.facts(&manifest.id, &Access::default())? };
    judge_by(claim, trust, |judge| judge.foresee(judge.examine(claim, coming), Some(&facts)))
}

/// Judges a claim; with what is known of a site by the gates that are about that.
pub(crate) fn judge_with(
    claim: &Claim,
    coming: Coming<'_>,
    trust: &TrustInputs,
    facts: Option<&Facts>,
) -> Result<Verification> {
    judge_by(claim, trust, |judge| judge.observe(judge.examine(claim, coming), facts))
}

fn judge_by(
    claim: &Claim,
    trust: &TrustInputs,
    ask: impl FnOnce(&Judge<'_>) -> Decision<Verdict>,
) -> Result<Verification> {
    Ok(judged(claim, ask(&Judge::new(trust)?)))
}

fn judged(claim: &Claim, decision: Decision<Verdict>) -> Verification {
    let Decision { trace, findings, outcome } = decision;
    Verification {
        id: claim.document().ok().and_then(stated_id),
        artifact_digest: None,
        index_digest: None,
        platform: None,
        verdict: outcome,
        trace,
        findings,
        proofs: Vec::new(),
        left_out: Vec::new(),
    }
}

fn stated_id(document: &Document) -> Option<String> {
    Manifest::from_document(document).ok().map(|manifest| manifest.id.to_string())
}
