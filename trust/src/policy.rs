//! `Policy`: what a site asks of every plugin, whoever has signed it and whatever is installed.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::Fault;

use crate::continuity::KnownSigner;
use crate::mode::{CoverageRule, MalformedSignature, TrustMode};
use crate::publisher::{Publishers, TrustDecision};
use crate::refusal;

/// What the gate is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The trust mode.
    pub mode: TrustMode,
    /// What `warn` does about a malformed signature file.
    pub malformed: MalformedSignature,
    /// How much a signature has to cover.
    pub coverage: CoverageRule,
    /// How many distinct trusted keys have to sign.
    pub required_signers: NonZeroUsize,
    /// Whose plugins are taken.
    pub publishers: Publishers,
    /// What no plugin may ask for here.
    pub denied_capabilities: BTreeSet<Capability>,
    /// Whether somebody has said to know what it means that mode `disabled` lets in what nobody vouches for.
    pub is_unsigned_acknowledged: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self::of(TrustMode::default())
    }
}

impl Policy {
    /// The policy of a trust mode: one signer whoever it is, nothing uncovered that could run or be loaded.
    pub const fn of(mode: TrustMode) -> Self {
        Self {
            mode,
            malformed: MalformedSignature::ReadsAsInvalid,
            coverage: CoverageRule::InertRest,
            required_signers: NonZeroUsize::MIN,
            publishers: Publishers::all(),
            denied_capabilities: BTreeSet::new(),
            is_unsigned_acknowledged: false,
        }
    }

    /// What the lists of publishers say of what these keys have signed; nothing when too few are on one.
    pub fn decision_on(&self, signers: &[KnownSigner]) -> Option<TrustDecision> {
        let signers: Vec<_> = signers.iter().map(|signer| (signer.key_id.as_str(), signer.fingerprint)).collect();
        self.publishers.decide(&signers, self.required_signers.get())
    }

    /// Why a site does not take what these keys have signed; nothing where it does.
    pub fn unlisted(&self, signers: &[KnownSigner]) -> Option<Fault> {
        match self.decision_on(signers) {
            Some(_) => None,
            None => Some(refusal::untrusted_publisher(signers, self.required_signers.get())),
        }
    }

    /// Why no plugin is taken here that asks for these; nothing where one is.
    pub fn denial_of(&self, grants: &BTreeSet<String>) -> Option<Fault> {
        let asked = |capability: &Capability| grants.contains(capability.as_str());
        let found: Vec<Capability> = self.denied_capabilities.iter().copied().filter(asked).collect();
        (!found.is_empty()).then(|| refusal::capabilities_denied(&found))
    }

    /// The policy by which it is seen what keys vouch for, whatever else a site asks today: a plugin that is refused for
    /// something else, or is not asked about at all, is signed all the same, and may be let in tomorrow. What strict
    /// mode would refuse is let in with the objection, so that who has signed it stays known.
    #[must_use]
    pub fn by_keys_alone(&self) -> Self {
        Self { coverage: self.coverage, required_signers: self.required_signers, ..Self::of(TrustMode::Warn) }
    }
}
