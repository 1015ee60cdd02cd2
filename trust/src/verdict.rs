//! `Verdict`: what the gates say, by value, and what of it is shown.

use std::collections::BTreeSet;

use aisoc_manifests::digest::{CanonicalDigest, TreeDigest};
use aisoc_manifests::fault::Fault;
use aisoc_signing::{
    Coverage, EndedSigner, Fingerprint, KeyId, SignedStatement, Signer, Standing, Uncovered, Verified,
};

use crate::mode::SignatureStatus;
use crate::publisher::TrustDecision;

/// What the gates say of a tree that they let pass: evidence to show, and by itself to nothing a key.
#[derive(Debug)]
pub struct Verdict {
    subject: TreeDigest,
    status: SignatureStatus,
    verified: Option<Verified>,
    objection: Option<Fault>,
    decision: Option<TrustDecision>,
    grown_by: BTreeSet<String>,
}

impl Verdict {
    pub(crate) fn unverified(subject: TreeDigest, status: SignatureStatus, objection: Option<Fault>) -> Self {
        // Whoever reads nothing has said so beforehand; what mode `warn` lets in nobody has decided to trust.
        let is_unread = status == SignatureStatus::Skipped;
        let decision = is_unread.then_some(TrustDecision::DevelopmentUnsignedOverride);
        Self { subject, status, verified: None, objection, decision, grown_by: BTreeSet::new() }
    }

    pub(crate) fn verified(subject: TreeDigest, verified: Verified, objection: Option<Fault>) -> Self {
        let (status, grown_by) = (SignatureStatus::Verified, BTreeSet::new());
        Self { subject, status, verified: Some(verified), objection, decision: None, grown_by }
    }

    /// By which list its signers are taken.
    pub(crate) fn decided(self, decision: TrustDecision) -> Self {
        Self { decision: Some(decision), ..self }
    }

    /// What it was accepted to ask for beside what was there before.
    pub(crate) fn grown_by(self, grown_by: BTreeSet<String>) -> Self {
        Self { grown_by, ..self }
    }

    /// The tree that it is about.
    pub fn subject(&self) -> TreeDigest {
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

    /// The trusted keys that verified it as well, and do not count.
    pub fn ended_signers(&self) -> &[EndedSigner] {
        self.verified.as_ref().map(Verified::ended).unwrap_or_default()
    }

    /// The keys by which it may come from the same publisher as what is installed: those that count, and those whose
    /// time is over, which have signed it all the same. What a revoked key has signed may be anybody's.
    pub fn known_by(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        let expired = self.ended_signers().iter().filter(|ended| matches!(ended.standing, Standing::Expired(_)));
        let current = self.signers().iter().map(|signer| signer.fingerprint);
        current.chain(expired.map(|ended| ended.fingerprint))
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
    pub fn digest(&self) -> Option<CanonicalDigest> {
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

    /// Why it was let in; nothing for what mode `warn` lets in although it is not verified.
    pub fn decision(&self) -> Option<TrustDecision> {
        self.decision
    }

    /// What of the host it asks for and what it would replace was not accepted with, because somebody has accepted it.
    pub fn accepted_capabilities(&self) -> &BTreeSet<String> {
        &self.grown_by
    }

    /// What strict mode would have refused it for: to be shown wherever the plugin is shown.
    pub fn objection(&self) -> Option<&Fault> {
        self.objection.as_ref()
    }
}
