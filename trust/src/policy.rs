//! `Policy`: what a site asks of every plugin, whoever has signed it and whatever is installed.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use aisoc_manifests::capability::Capability;

use crate::mode::{CoverageRule, MalformedSignature, TrustMode};
use crate::publisher::Publishers;

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
}
