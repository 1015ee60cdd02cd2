//! The gate: the one place where evidence becomes a decision.
//!
//! It has two stages, because evidence comes from two places. [`examine`] asks the gates about proof, which
//! need the bytes and the keys alone, and can take long: no lock is held. [`admit`] asks those about the
//! site, which need what is installed *now*, and answer at once: only what was read under a lock that is
//! still held can be asked there, for whatever was read before it may be gone. [`observe`] asks the same
//! gates for those who hold no lock, and gives them a verdict, never an admission.

mod order;
mod trace;

use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use aisoc_signing::{Claim, Findings, Outcome};

pub use self::trace::{Answered, Step, Trace};

use crate::danger;
use crate::facts::{Facts, UnderLock};
use crate::mode::{MalformedSignature, Policy, SignatureStatus, TrustMode};
use crate::verdict::Verdict;

/// Evidence that a tree may become a plugin that a host loads. Made by [`admit`] only; used once, under the
/// lock `H` under which it was made.
#[derive(Debug)]
#[must_use = "an admission that is not used lets nothing in"]
pub struct Admitted<H> {
    plugin: PluginId,
    verdict: Verdict,
    _held: H,
}

impl<H> Admitted<H> {
    /// The plugin beside which it was judged.
    pub fn plugin(&self) -> &PluginId {
        &self.plugin
    }

    /// What the gates said.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

/// A decision, and how it came about.
#[derive(Debug)]
pub struct Decision<V> {
    /// What every gate said, in order.
    pub trace: Trace,
    /// What every check of the proof saw.
    pub findings: Findings,
    /// What follows, or the refusal.
    pub outcome: Result<V>,
}

/// A claim that has passed the gates about proof, or one of them refused.
#[derive(Debug)]
#[must_use = "what was examined is admitted to nothing yet"]
pub struct Examined {
    trace: Trace,
    findings: Findings,
    verdict: Result<Verdict>,
    /// The version that the manifest states, when it can be read.
    version: Option<String>,
}

impl Examined {
    /// What refuses the claim, whatever is installed.
    pub fn refusal(&self) -> Option<&Fault> {
        self.verdict.as_ref().err()
    }

    /// What every check of the proof saw.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// What the gates about proof let pass; nothing when one of them refused.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref().ok()
    }

    /// Whether it matters who else has signed the tree in place than those who are known: whoever asks the
    /// site then has to look first, which takes as long as that tree is large.
    pub fn asks_who_signed(&self, facts: &Facts) -> bool {
        let verdict = self.verdict.as_ref().ok();
        verdict.is_some_and(|verdict| order::asks_who_signed(verdict, facts))
    }
}

/// Asks the gates about proof. `prove` is called at most once, and not at all in mode `disabled`, which
/// reads nothing.
///
/// In mode `strict` whatever is not verified is refused: `unsigned`, `signature_malformed`,
/// `no_trusted_keys`, `signature_invalid`, `untrusted_key`, `key_revoked`, `key_expired`,
/// `key_not_yet_valid`,
/// `coverage_mismatch`, `integrity_unknown`; and what is verified but not as the policy asks:
/// `signers_too_few`, `coverage_partial`. In every mode that verifies, the errors of `prove` refuse.
pub fn examine(
    policy: &Policy,
    claim: &Claim,
    prove: impl FnOnce(&Claim, &mut Findings) -> Result<Outcome>,
) -> Examined {
    let (mut trace, mut findings) = (Trace::default(), Findings::default());
    let version = claim.document().and_then(Manifest::from_document).ok().map(|manifest| manifest.version);
    if policy.mode == TrustMode::Disabled {
        order::pass_over(&mut trace);
        return Examined { trace, findings, verdict: Ok(danger::let_in_unread(claim.subject())), version };
    }
    let outcome = prove(claim, &mut findings);
    let case = order::ProofCase { policy, findings: &findings, outcome: outcome.as_ref().ok() };
    let objection = case.ask(&mut trace);
    let verdict = outcome.and_then(|outcome| conclude(policy, claim.subject(), outcome, objection));
    Examined { trace, findings, verdict, version }
}

/// Asks the gates about the site, under the lock under which what is installed was read.
///
/// What it refuses: `already_exists` for another spelling of an installed id, `coverage_downgrade` for less
/// than was verified before, `record_invalid` when nobody can say what that was; and unless the site's facts
/// hold a consent to it, `version_downgrade` and `signer_changed`.
pub fn admit<P: UnderLock>(examined: Examined, present: &P) -> Decision<Admitted<P::Held>> {
    let Decision { trace, findings, outcome } = observe(examined, Some(present.facts()));
    let admitted = |verdict| Admitted { plugin: present.facts().plugin.clone(), verdict, _held: present.held() };
    Decision { trace, findings, outcome: outcome.map(admitted) }
}

/// Asks the gates about the site as it was observed without a lock, if it was: for readers, who change
/// nothing.
pub fn observe(examined: Examined, facts: Option<&Facts>) -> Decision<Verdict> {
    let Examined { mut trace, findings, verdict, version } = examined;
    let outcome = match (verdict, facts) {
        (Ok(verdict), Some(facts)) => {
            let refusal = order::SiteCase { verdict: &verdict, facts, version: version.as_deref() }.ask(&mut trace);
            refusal.map_or(Ok(verdict), Err)
        }
        (verdict, _) => verdict,
    };
    Decision { trace, findings, outcome }
}

/// What a mode makes of an objection.
fn conclude(policy: &Policy, subject: TreeDigest, outcome: Outcome, objection: Option<Fault>) -> Result<Verdict> {
    let status = status_of(&outcome);
    match (outcome, objection, policy.mode) {
        (Outcome::Verified(verified), ..) if verified.subject() != subject => {
            Err(Fault::new(Reason::Internal, "the verdict is about another tree")
                .expected(subject.to_string(), verified.subject().to_string()))
        }
        (Outcome::Verified(verified), None, _) => Ok(Verdict::verified(subject, verified, None)),
        (Outcome::Verified(verified), Some(objection), TrustMode::Warn) => {
            Ok(danger::let_in_short(subject, verified, objection))
        }
        (Outcome::Malformed(_), Some(objection), _) if policy.malformed == MalformedSignature::Refused => {
            Err(objection)
        }
        (_, Some(objection), TrustMode::Warn) => Ok(danger::let_in_despite(subject, status, objection)),
        (_, Some(objection), TrustMode::Strict | TrustMode::Disabled) => Err(objection),
        // An outcome that no gate of the list knows must not become a yes.
        (_, None, _) => Err(Fault::new(Reason::Internal, "no gate has judged this signature")),
    }
}

fn status_of(outcome: &Outcome) -> SignatureStatus {
    match outcome {
        Outcome::Verified(_) => SignatureStatus::Verified,
        Outcome::Unsigned => SignatureStatus::Unsigned,
        _ => SignatureStatus::Invalid,
    }
}
