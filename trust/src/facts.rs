//! What the gates are told about a site: facts that somebody else has read, as data.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::id::PluginId;
use aisoc_signing::Coverage;

use crate::continuity::SignedBy;
use crate::lock_facts::LockFacts;

/// What is installed, as far as it decides about what may come.
#[derive(Debug)]
pub struct Facts {
    /// The plugin that would be changed.
    pub plugin: PluginId,
    /// The widest coverage that was ever verified of it here; why it cannot be told, where it cannot.
    pub coverage_floor: Result<Coverage>,
    /// Whether somebody has given a reason to fall below it.
    pub lowers_floor: bool,
    /// What is installed under another spelling of the id.
    pub other_spelling: Option<Fault>,
    /// What stands in the place of the plugin and would be replaced; nothing when it is free.
    pub in_place: Option<InPlace>,
    /// What is asked about the plugin.
    pub errand: Errand,
    /// What whoever changes the site has said may happen.
    pub consent: Consent,
    /// What plugins.lock says of it; nothing where no lock is asked.
    pub lock: Option<LockFacts>,
}

impl Facts {
    /// What stands in the place that another tree would take: the same tree again replaces nothing.
    pub(crate) fn replaced(&self, subject: TreeDigest) -> Option<&InPlace> {
        self.in_place.as_ref().filter(|in_place| in_place.recorded != Some(subject))
    }
}

/// What is asked about a plugin: whether it may come, or what it is worth where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Errand {
    /// It comes.
    #[default]
    Arrival,
    /// It comes again: what is written down of the plugin in place says that it is this artifact.
    Return,
    /// It stays where it is.
    Stay,
}

/// What is installed of a plugin, as far as it decides about what may replace it.
#[derive(Debug, Clone)]
pub struct InPlace {
    /// The tree that was recorded; nothing where no record can be understood.
    pub recorded: Option<TreeDigest>,
    /// The record that cannot be understood, where there is one.
    pub damaged_record: Option<PathBuf>,
    /// Its version, when that is known.
    pub version: Option<String>,
    /// Who has signed it.
    pub signers: SignedBy,
    /// Whether its directory was taken away, and what is written down of it is all that is left.
    pub is_gone: bool,
    /// What of the host it was accepted to ask for: as its install has written it down, else as its manifest has it.
    /// Nothing where neither can be read.
    pub capabilities: Option<BTreeSet<String>>,
}

/// What an operator has said may happen to a plugin that is installed. Nothing, when nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consent {
    /// An older version may replace a newer one.
    pub downgrade: bool,
    /// A plugin may come from others than before.
    pub signer_change: bool,
    /// What a plugin may ask for beside what it did before.
    pub capabilities: CapabilityConsent,
}

/// What of the host a plugin may ask for beside what the one in its place was accepted with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CapabilityConsent {
    /// Nothing.
    #[default]
    Nothing,
    /// These, all of them and no others.
    These(BTreeSet<Capability>),
    /// Whatever it asks for: it was accepted here before, and somebody goes back to it. What plugins.lock says is not
    /// overruled by that.
    AcceptedBefore,
    /// The same, and these beside what plugins.lock accepts, all of them and no others.
    AcceptedBeforeAnd(BTreeSet<Capability>),
}

/// What is installed, read under a lock that is still held.
///
/// The gate takes both from one value, so that nobody can be admitted by what is installed elsewhere, or was
/// a moment ago.
pub trait UnderLock {
    /// Evidence of the lock, which the admission carries to the change that it allows.
    type Held;

    /// What was read.
    fn facts(&self) -> &Facts;

    /// The lock under which it was read.
    fn held(&self) -> Self::Held;
}
