//! `LockFacts`: what plugins.lock says of one plugin, read before the gate is asked that goes by it.

use std::collections::BTreeSet;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::Coverage;

use crate::drift::{Comparison, Drift, Present, compare_one, drifted};
use crate::lockfile::{LockEntry, LockPath, Lockfile, Provenance};
use crate::plugin_mode::PluginMode;

/// What the lock says of a plugin, and what follows from it.
#[derive(Debug, Clone)]
pub struct LockFacts {
    /// What follows from it.
    pub demand: LockDemand,
    /// Where it is, or would be.
    pub path: LockPath,
    /// What it says; nothing where there is none.
    pub listed: Option<LockListed>,
}

/// Who asks the lock, and for what.
#[derive(Debug, Clone)]
pub enum LockDemand {
    /// In dev a difference is worth knowing, and no more.
    Dev,
    /// What it does not accept is refused: in production, and where somebody asks for exactly what it accepts.
    Exactly,
    /// As [`LockDemand::Exactly`], and one of those has to have signed it whose signature it accepts: where nobody is there
    /// to answer for another signer.
    AsSigned,
    /// What comes is going to be accepted, or cannot be for that reason.
    Recording(Option<Fault>),
}

impl From<PluginMode> for LockDemand {
    fn from(mode: PluginMode) -> Self {
        match mode {
            PluginMode::Dev => Self::Dev,
            PluginMode::Production => Self::Exactly,
        }
    }
}

/// What a lock that is there says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockListed {
    /// Its entry of the plugin; nothing where it has none.
    pub entry: Option<LockEntry>,
    /// In what the plugin differs from it.
    pub drifts: Vec<Drift>,
    /// The artifact that the plugin came in, where that is known.
    pub artifact: Option<CameIn>,
}

/// The artifact that a plugin came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameIn {
    /// The digest of its manifest.
    pub digest: String,
    /// The digest of the image index that it was taken of; nothing where it was named itself, or nobody has written it down.
    pub index_digest: Option<String>,
    /// The platform by which it was taken of that.
    pub platform: Option<String>,
}

impl CameIn {
    /// What an entry that accepts another artifact has against it: another platform, which explains all else that differs,
    /// another artifact, or another index of the same one. An artifact that was named itself is what it is, whichever index
    /// lists it.
    fn objection(&self, accepted: &Provenance) -> Option<Fault> {
        let differs = |accepted: &Option<String>, found: Option<&String>| {
            let both = accepted.as_ref().zip(found);
            both.filter(|(accepted, found)| accepted != found).map(|(one, other)| (one.clone(), other.clone()))
        };
        let (reason, message, (expected, found)) =
            if let Some(both) = differs(&accepted.oci_platform, self.platform.as_ref()) {
                (Reason::PlatformMismatch, "plugins.lock accepts it for another platform", both)
            } else if let Some(both) = differs(&accepted.oci_digest, Some(&self.digest)) {
                (Reason::HashMismatch, "plugins.lock accepts another artifact of it", both)
            } else {
                let both = differs(&accepted.oci_index_digest, self.index_digest.as_ref())?;
                (Reason::HashMismatch, "plugins.lock accepts this artifact of another image index", both)
            };
        Some(Fault::new(reason, message).expected(expected, found))
    }
}

impl LockListed {
    /// Of one plugin, whatever else is here.
    pub fn of(lock: &Lockfile, present: &Present, artifact: Option<CameIn>) -> Self {
        let (entry, drifts) = compare_one(lock, present);
        Self { entry: entry.map(|at| lock.entries()[at].clone()), drifts, artifact }
    }

    /// Of the plugin that was compared as the one at `at`.
    pub fn compared(lock: &Lockfile, comparison: &Comparison, at: usize, artifact: Option<CameIn>) -> Self {
        let entry = comparison.entries[at].map(|entry| lock.entries()[entry].clone());
        Self { entry, drifts: comparison.blocking(at).cloned().collect(), artifact }
    }

    /// What the lock has against it. `coverage` is what was verified, where anything was.
    pub fn objection(&self, coverage: Option<Coverage>) -> Option<Fault> {
        let provenance = self.entry.as_ref().map(|entry| &entry.provenance);
        let of_artifact =
            provenance.zip(self.artifact.as_ref()).and_then(|(accepted, found)| found.objection(accepted));
        if of_artifact.as_ref().is_some_and(|fault| fault.reason() == Reason::PlatformMismatch) {
            return of_artifact;
        }
        if !self.drifts.is_empty() {
            return Some(drifted(&self.drifts));
        }
        if of_artifact.is_some() {
            return of_artifact;
        }
        let provenance = provenance?;
        let accepted = provenance.coverage.as_deref().map(coverage_of);
        accepted.zip(coverage).filter(|(accepted, found)| accepted > found).map(|(accepted, found)| {
            Fault::new(Reason::CoverageDowngrade, "plugins.lock accepts it with a signature that covers more")
                .expected(accepted.as_str(), found.as_str())
        })
    }

    /// What the lock has against who has signed it: nobody whose signature it accepts. Where nothing was verified there is
    /// nobody, and the trust mode answers for that; where the lock names nobody, it is asked for nobody.
    pub fn signer_objection(&self, signed_by: &[String]) -> Option<Fault> {
        let accepted = self.entry.as_ref()?.provenance.signed_by.as_ref()?;
        if signed_by.is_empty() || signed_by.iter().any(|signer| accepted.contains(signer)) {
            return None;
        }
        let listed = |keys: &[String]| if keys.is_empty() { "nobody".to_owned() } else { keys.join(", ") };
        Some(
            Fault::new(Reason::SignerChanged, "nobody whose signature plugins.lock accepts has signed it")
                .expected(listed(accepted), listed(signed_by)),
        )
    }
}

impl LockFacts {
    /// Whether the plugin is refused for it, whatever was verified.
    pub fn refuses(&self) -> bool {
        match (&self.demand, &self.listed) {
            (LockDemand::Recording(objection), _) => objection.is_some(),
            (LockDemand::Exactly | LockDemand::AsSigned, None) => true,
            (LockDemand::Exactly | LockDemand::AsSigned, Some(listed)) => listed.objection(None).is_some(),
            (LockDemand::Dev, _) => false,
        }
    }

    /// What the lock accepts that the plugin asks for; nothing where it does not say.
    pub(crate) fn capabilities(&self) -> Option<BTreeSet<String>> {
        let accepted = self.listed.as_ref()?.entry.as_ref()?.provenance.capabilities.as_ref()?;
        Some(accepted.iter().cloned().collect())
    }
}

fn coverage_of(word: &str) -> Coverage {
    let known = [Coverage::Full, Coverage::Code].into_iter().find(|coverage| coverage.as_str() == word);
    known.unwrap_or(Coverage::None)
}
