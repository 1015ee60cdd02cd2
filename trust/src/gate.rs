//! The gate: the one place where a verdict becomes a decision.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Claim, Coverage, Fingerprint, KeyId, Outcome, SignedStatement, Signer, Uncovered, Verified};

use crate::danger;
use crate::mode::{CoverageRule, MalformedSignature, Policy, SignatureStatus, TrustMode};
use crate::refusal;

/// Evidence that a tree may be activated. Made by [`admit`] only; used once.
#[derive(Debug)]
#[must_use = "an admission that is not used lets nothing in"]
pub struct Admitted {
    subject: Digest,
    status: SignatureStatus,
    verified: Option<Verified>,
    objection: Option<Fault>,
}

impl Admitted {
    pub(crate) fn unverified(subject: Digest, status: SignatureStatus, objection: Option<Fault>) -> Self {
        Self { subject, status, verified: None, objection }
    }

    pub(crate) fn verified(subject: Digest, verified: Verified, objection: Option<Fault>) -> Self {
        Self { subject, status: SignatureStatus::Verified, verified: Some(verified), objection }
    }

    /// The tree that was admitted.
    pub fn subject(&self) -> Digest {
        self.subject
    }

    /// The word for it in listings.
    pub fn status(&self) -> SignatureStatus {
        self.status
    }

    /// The trusted keys that verified it, distinct by content.
    pub fn signers(&self) -> &[Signer] {
        self.verified.as_ref().map(Verified::signers).unwrap_or_default()
    }

    /// The first key that verified it, if one did.
    pub fn key_id(&self) -> Option<&KeyId> {
        self.signers().first().map(|signer| &signer.key_id)
    }

    /// That key by content, if one did.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.signers().first().map(|signer| signer.fingerprint)
    }

    /// The canonical digest that was verified, if it was.
    pub fn digest(&self) -> Option<Digest> {
        self.verified.as_ref().map(Verified::digest)
    }

    /// How much of the tree a verified signature covers.
    pub fn coverage(&self) -> Coverage {
        self.verified.as_ref().map_or(Coverage::None, Verified::coverage)
    }

    /// The files that a verified signature does not cover.
    pub fn uncovered(&self) -> &[Uncovered] {
        self.verified.as_ref().map(Verified::uncovered).unwrap_or_default()
    }

    /// What its publisher may pack and push: a tree that a trusted key verified, and to which strict mode has no
    /// objection.
    pub fn signed_statement(&self) -> Option<SignedStatement> {
        self.verified.as_ref().filter(|_| self.objection.is_none()).map(SignedStatement::verified)
    }

    /// Holds the admission to the widest coverage that was ever verified of the plugin. Mode `warn` is for
    /// publishers who do not sign yet, and lets nobody take back what they have signed; mode `disabled`
    /// has read nothing that could be held to anything.
    ///
    /// # Errors
    /// `coverage_downgrade`.
    pub fn require_coverage(&self, floor: Coverage) -> Result<()> {
        if self.status == SignatureStatus::Skipped || self.coverage() >= floor {
            return Ok(());
        }
        Err(refusal::downgrade(floor, self))
    }

    /// What strict mode would have refused it for: to be shown wherever the plugin is shown.
    pub fn objection(&self) -> Option<&Fault> {
        self.objection.as_ref()
    }
}

/// Decides whether the claimed tree may be activated.
///
/// `verify` is called at most once, and not at all in mode `disabled`, which reads nothing.
///
/// # Errors
/// In mode `strict`, whatever is not verified: `unsigned`, `signature_malformed`, `no_trusted_keys`,
/// `signature_invalid`, `untrusted_key`, `key_revoked`, `key_expired`, `coverage_mismatch`,
/// `integrity_unknown`; and what is verified but not as the policy asks: `signers_too_few`,
/// `coverage_partial`. In every mode that verifies, the errors of `verify`.
pub fn admit(policy: &Policy, claim: &Claim, verify: impl FnOnce(&Claim) -> Result<Outcome>) -> Result<Admitted> {
    let subject = claim.subject();
    if policy.mode == TrustMode::Disabled {
        return Ok(danger::admit_unread(subject));
    }
    let (status, objection) = match verify(claim)? {
        Outcome::Verified(verified) => return admit_verified(policy, subject, verified),
        Outcome::Unsigned => (SignatureStatus::Unsigned, refusal::unsigned()),
        Outcome::Malformed(fault) if policy.malformed == MalformedSignature::Refused => return Err(fault),
        Outcome::Malformed(fault) | Outcome::UnknownIntegrity(fault) => (SignatureStatus::Invalid, fault),
        Outcome::NoTrustedKeys { directory, skipped } => {
            (SignatureStatus::Invalid, refusal::no_trusted_keys(&directory, &skipped))
        }
        Outcome::Untrusted { digest, tried, cause } => {
            (SignatureStatus::Invalid, refusal::untrusted(digest, &tried, &cause))
        }
        Outcome::NotCounted { key_id, standing } => {
            (SignatureStatus::Invalid, refusal::not_counted(&key_id, &standing))
        }
        Outcome::OtherTree { key_id, difference } => {
            (SignatureStatus::Invalid, refusal::other_tree(&key_id, &difference))
        }
    };
    match policy.mode {
        TrustMode::Strict | TrustMode::Disabled => Err(objection),
        TrustMode::Warn => Ok(danger::admit_despite(subject, status, objection)),
    }
}

fn admit_verified(policy: &Policy, subject: Digest, verified: Verified) -> Result<Admitted> {
    if verified.subject() != subject {
        return Err(Fault::new(Reason::Internal, "the verdict is about another tree")
            .expected(subject.to_string(), verified.subject().to_string()));
    }
    match (shortfall(policy, &verified), policy.mode) {
        (None, _) => Ok(Admitted::verified(subject, verified, None)),
        (Some(objection), TrustMode::Warn) => Ok(danger::admit_short(subject, verified, objection)),
        (Some(objection), TrustMode::Strict | TrustMode::Disabled) => Err(objection),
    }
}

/// What the policy misses in a verified signature.
fn shortfall(policy: &Policy, verified: &Verified) -> Option<Fault> {
    if verified.signers().len() < policy.required_signers.get() {
        return Some(refusal::too_few(policy.required_signers.get(), verified));
    }
    // Whatever the rule: what was taken away is no matter of what may stand beside the code.
    if !verified.absent().is_empty() {
        return Some(refusal::absent(verified.absent()));
    }
    match (verified.coverage(), policy.coverage) {
        (Coverage::Full, _) | (_, CoverageRule::Code) => None,
        (_, CoverageRule::InertRest) => refusal::hazardous(verified.uncovered()),
        (_, CoverageRule::Full) => Some(refusal::partial(verified.uncovered())),
    }
}
