//! The gate: the one place where evidence becomes a decision.
//!
//! It has two stages, because evidence comes from two places. [`examine`] asks the gates about proof, which
//! need the bytes and the keys alone, and can take long: no lock is held. [`admit`] asks those about the
//! site, which need what is installed *now*, and answer at once: only what was read under a lock that is
//! still held can be asked there, for whatever was read before it may be gone. [`observe`] asks the same
//! gates for those who hold no lock, and gives them a verdict, never an admission.

mod asking;
mod beyond;
mod file;
mod found;
mod growth;
mod order;
mod trace;

use std::collections::BTreeSet;

use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::{Manifest, require_known_capabilities, stated_grants};
use aisoc_signing::{Claim, Findings, Outcome, Signer};

pub use self::asking::Asking;
pub use self::beyond::{Proofs, RequiredShown};
pub use self::file::{FileVerdict, judge_file};
pub use self::found::{FoundPlugin, FoundSignature};
pub use self::order::NUMBERED;
pub use self::trace::{Answered, Step, Trace, Traces};

use crate::continuity::known;
use crate::danger;
use crate::facts::{Facts, UnderLock};
use crate::mode::{MalformedSignature, SignatureStatus, TrustMode};
use crate::policy::Policy;
use crate::refusal;
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
    /// What the gates about the manifest said, those about proof, and the one about publishers.
    traces: [Trace; 3],
    findings: Findings,
    subject: TreeDigest,
    /// What the gates about proof let pass, or one of them refused.
    verdict: Result<Verdict>,
    /// What this site lets no plugin ask for.
    unwanted: Option<Fault>,
    /// Whose plugins this site does not take, and which proofs it misses.
    unlisted: Option<Fault>,
    /// What its manifest states.
    stated: Stated,
    /// Whether it may be admitted unread.
    is_unsigned_acknowledged: bool,
}

/// What the manifest of a claim states, as far as it can be read.
#[derive(Debug)]
struct Stated {
    manifest: Result<Manifest>,
    /// What it asks of the host.
    grants: Result<BTreeSet<String>>,
    /// Why no host could grant that.
    ungrantable: Option<Fault>,
}

impl Stated {
    fn by(claim: &Claim) -> Self {
        let document = || claim.document();
        Self {
            manifest: document().and_then(Manifest::from_document),
            grants: document().and_then(stated_grants),
            ungrantable: document().and_then(require_known_capabilities).err(),
        }
    }

    fn case<'a>(&'a self, policy: &'a Policy) -> order::ManifestCase<'a> {
        order::ManifestCase { policy, grants: self.grants.as_ref(), manifest: self.manifest.as_ref() }
    }
}

impl Examined {
    /// What refuses the claim, whatever is installed.
    pub fn refusal(&self) -> Option<&Fault> {
        self.unwanted.as_ref().or(self.verdict.as_ref().err()).or(self.unlisted.as_ref())
    }

    /// Asks the gate about proofs beyond a key. No mode overrules it, and no key stands in for one: whoever requires a
    /// proof means that one.
    pub fn with_proofs(mut self, proofs: &Proofs) -> Self {
        let [_, about_proof, _] = &mut self.traces;
        let unproven = order::BeyondCase { proofs }.ask(about_proof);
        self.unlisted = order::all_of(self.unlisted.take().into_iter().chain(unproven));
        self
    }

    /// By whose signatures it is let pass; nobody's where it is refused.
    pub fn signers(&self) -> &[Signer] {
        self.verdict.as_ref().map(Verdict::signers).unwrap_or_default()
    }

    /// What every check of the proof saw.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// What the gates about proof let pass; nothing when one of them refused.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref().ok().filter(|_| self.refusal().is_none())
    }

    /// What was decided, where nothing is known of a site.
    fn alone(self) -> Decision<Verdict> {
        let Self { traces: [mut trace, about_proof, about_publisher], findings, verdict, unwanted, unlisted, .. } =
            self;
        trace.extend(about_proof);
        trace.extend(about_publisher);
        let outcome = unwanted.map_or(Ok(()), Err).and(verdict);
        Decision { trace, findings, outcome: outcome.and_then(|verdict| unlisted.map_or(Ok(verdict), Err)) }
    }

    /// Whether it matters who else has signed the tree in place than those who are known: whoever asks the
    /// site then has to look first, which takes as long as that tree is large.
    pub fn asks_who_signed(&self, facts: &Facts) -> bool {
        self.verdict().is_some_and(|verdict| order::asks_who_signed(verdict, facts))
    }
}

/// Asks the gates about proof. `prove` is called at most once, and not at all in mode `disabled`, which
/// reads nothing.
///
/// In mode `strict` whatever is not verified is refused: `unsigned`, `signature_malformed`,
/// `no_trusted_keys`, `signature_invalid`, `untrusted_key`, `key_revoked`, `key_expired`,
/// `key_not_yet_valid`,
/// `coverage_mismatch`, `integrity_unknown`; and what is verified but not as the policy asks:
/// `signers_too_few`, `coverage_partial`. In every mode that verifies, the errors of `prove` refuse, and
/// `untrusted_publisher`; in every mode `capability_denied`.
pub fn examine(
    policy: &Policy,
    claim: &Claim,
    prove: impl FnOnce(&Claim, &mut Findings) -> Result<Outcome>,
) -> Examined {
    let (mut traces, mut findings) = (<[Trace; 3]>::default(), Findings::default());
    let [about_manifest, about_proof, about_publisher] = &mut traces;
    let (stated, is_unsigned_acknowledged) = (Stated::by(claim), policy.is_unsigned_acknowledged);
    let unwanted = stated.case(policy).ask(about_manifest);
    let verdict = match policy.mode {
        TrustMode::Disabled => {
            order::pass_over(about_proof);
            Ok(danger::let_in_unread(claim.subject()))
        }
        TrustMode::Strict | TrustMode::Warn => {
            let outcome = prove(claim, &mut findings);
            let case = order::ProofCase { policy, findings: &findings, outcome: outcome.as_ref().ok() };
            let objection = case.ask(about_proof);
            outcome.and_then(|outcome| conclude(policy, claim.subject(), outcome, objection))
        }
    };
    let unlisted = order::PublisherCase { policy, verdict: verdict.as_ref().ok() }.ask(about_publisher);
    let (subject, verdict) = (claim.subject(), verdict.map(|verdict| decided(policy, verdict)));
    Examined { traces, findings, subject, verdict, unwanted, unlisted, stated, is_unsigned_acknowledged }
}

/// Says by which list the signers of what was verified are taken.
fn decided(policy: &Policy, verdict: Verdict) -> Verdict {
    let decision = policy.decision_on(&known(verdict.signers()));
    match decision.filter(|_| verdict.status() == SignatureStatus::Verified) {
        Some(decision) => verdict.decided(decision),
        None => verdict,
    }
}

/// Asks the gates about the site, under the lock under which what is installed was read.
///
/// What it refuses: `already_exists` for another spelling of an installed id, `coverage_downgrade` for less
/// than was verified before, `record_invalid` when nobody can say what that was; and unless the site's facts
/// hold a consent to it, `version_downgrade`, `signer_changed` and `capabilities_not_accepted`; where plugins.lock
/// decides, what is not as it accepts it (`lock_missing`, `missing_from_lock`, `version_mismatch`, `hash_mismatch`,
/// `entry_point_mismatch`). What nobody has read is admitted once somebody has said to know that (`unsigned_not_acknowledged`).
pub fn admit<P: UnderLock>(examined: Examined, present: &P) -> Decision<Admitted<P::Held>> {
    let Decision { trace, findings, outcome } = foresee(examined, Some(present.facts()));
    let admitted = |verdict| Admitted { plugin: present.facts().plugin.clone(), verdict, _held: present.held() };
    Decision { trace, findings, outcome: outcome.map(admitted) }
}

/// As [`observe`], for whoever says what [`admit`] would: what nobody has read is refused, unless somebody has said to know
/// that.
pub fn foresee(examined: Examined, facts: Option<&Facts>) -> Decision<Verdict> {
    let may_be_unread = examined.is_unsigned_acknowledged;
    let Decision { mut trace, findings, outcome } = observe(examined, facts);
    let outcome = match outcome {
        Ok(verdict) if verdict.status() == SignatureStatus::Skipped && !may_be_unread => {
            let refusal = refusal::not_acknowledged();
            trace.failed(order::ACKNOWLEDGED, &refusal);
            Err(refusal)
        }
        outcome => outcome,
    };
    Decision { trace, findings, outcome }
}

/// Asks the gates about the site as it was observed without a lock, if it was: for readers, who change
/// nothing.
pub fn observe(examined: Examined, facts: Option<&Facts>) -> Decision<Verdict> {
    let Some(facts) = facts else { return examined.alone() };
    let Examined { traces: [mut trace, about_proof, about_publisher], findings, subject, stated, .. } = examined;
    let Examined { verdict, unwanted, unlisted, .. } = examined;
    let Stated { manifest, grants, ungrantable } = &stated;
    let grants = order::GrantsCase { subject, facts, grants: grants.as_ref(), ungrantable: ungrantable.as_ref() };
    let (ungranted, accepted) = (grants.ask(&mut trace), grants.accepted());
    trace.extend(about_proof);
    let version = manifest.as_ref().ok().map(|manifest| manifest.version.as_str());
    let displaced = match &verdict {
        Ok(verdict) => order::PlaceCase { verdict, facts, version }.ask(&mut trace),
        Err(_) => {
            order::PlaceCase::pass_over(&mut trace);
            None
        }
    };
    trace.extend(about_publisher);
    let coverage = verdict.as_ref().ok().map(Verdict::coverage);
    let signers = verdict.as_ref().map(Verdict::signers).unwrap_or_default();
    let signed_by = signers.iter().map(|signer| signer.fingerprint.to_string()).collect();
    let unlocked = order::LockCase { lock: facts.lock.as_ref(), coverage, signed_by }.ask(&mut trace);
    let taken = order::NameCase { other: facts.other_spelling.as_ref() }.ask(&mut trace);
    let outcome = match (unwanted, verdict) {
        // What is refused for its manifest or its proof is refused for no more than comes before that.
        (Some(refusal), _) => Err(refusal),
        (None, Err(refusal)) => {
            // Of what nobody vouches for nothing is to be accepted, which is what the refusal of growth would advise.
            let unknown = ungranted.filter(|fault| fault.reason() != Reason::CapabilitiesNotAccepted);
            Err(order::all_of(unknown.into_iter().chain([refusal.clone()])).unwrap_or(refusal))
        }
        (None, Ok(verdict)) => {
            let objections = [ungranted, displaced, unlisted, unlocked, taken].into_iter().flatten();
            order::all_of(objections).map_or(Ok(verdict.grown_by(accepted)), Err)
        }
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
