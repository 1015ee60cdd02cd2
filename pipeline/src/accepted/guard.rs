//! What plugins.lock says of an install: whether it may be, and what is written down of it.
//!
//! The lock file's own lock is held from the judgement to the entry, so that of two installs the second is judged by
//! what the first has written. It is taken behind the plugins directory's, everywhere.

use std::path::PathBuf;

use aisoc_discovery::{lock_entry_point, lock_package};
use aisoc_installation::{Access, InstallRecord, Site};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_signing::{Claim, Coverage};
use aisoc_trust::drift::{Drift, Present, compare};
use aisoc_trust::lockfile::{LockEntry, LockPlace, LockSession, Lockfile, Provenance};
use jiff::Timestamp;

use super::accept::{lock_access, lock_missing, provenance_of, trust_line};
use super::list::drift_fault;
use crate::judge::Judgement;

/// What an install has to do with a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockRule {
    /// Nothing.
    NotAsked,
    /// It installs what the lock accepts, exactly, and refuses anything else; of production too, where a host would
    /// refuse it as soon as it is there.
    Exactly(PathBuf),
    /// It accepts what it installs, for that reason.
    Record {
        /// The lock.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A plugin on its way, as a lock compares it.
#[derive(Debug)]
pub(crate) struct Arriving {
    present: Present,
    /// The digest of its artifact.
    oci_digest: String,
}

impl Arriving {
    /// What is claimed, and from where.
    ///
    /// # Errors
    /// `manifest_not_canonical` for a manifest that nothing can be compared with.
    pub(crate) fn of(manifest: &Manifest, claim: &Claim, reference: &str, oci_digest: String) -> Result<Self> {
        let hash = format!("sha256:{}", claim.statement()?.digest().hex());
        let present = Present {
            id: manifest.id.to_string(),
            entry_point_name: None,
            is_provisional: false,
            package: lock_package(reference),
            version: manifest.version.clone(),
            entry_point: lock_entry_point(manifest),
            hash,
        };
        Ok(Self { present, oci_digest })
    }

    /// Refuses what differs from the entry.
    fn require(&self, lock: &Lockfile, coverage: Option<Coverage>) -> Result<()> {
        let comparison = compare(lock, std::slice::from_ref(&self.present));
        let drifts: Vec<Drift> = comparison.blocking(0).cloned().collect();
        if !drifts.is_empty() {
            return Err(drift_fault(&drifts));
        }
        let Some(entry) = comparison.entries[0].map(|at| &lock.entries()[at]) else { return Ok(()) };
        let Provenance { oci_digest, coverage: accepted, .. } = &entry.provenance;
        if let Some(expected) = oci_digest.as_ref().filter(|digest| **digest != self.oci_digest) {
            return Err(Fault::new(Reason::HashMismatch, "plugins.lock accepts another artifact of it")
                .expected(expected, &self.oci_digest));
        }
        match (accepted.as_deref(), coverage) {
            (Some(accepted), Some(found)) if coverage_of(accepted) > found => {
                Err(Fault::new(Reason::CoverageDowngrade, "plugins.lock accepts it with a signature that covers more")
                    .expected(accepted, found.as_str()))
            }
            _ => Ok(()),
        }
    }
}

fn coverage_of(word: &str) -> Coverage {
    let known = [Coverage::Full, Coverage::Code].into_iter().find(|coverage| coverage.as_str() == word);
    known.unwrap_or(Coverage::None)
}

/// The lock, held as long as an install decides by it.
#[derive(Debug)]
pub(crate) struct LockGuard {
    lock: Option<Lockfile>,
    session: Option<LockSession>,
}

impl LockRule {
    /// Refuses without a lock's lock what is refused whatever else is installed: early, and once more under it.
    ///
    /// # Errors
    /// As [`LockGuard::require`].
    pub(crate) fn require_early(&self, arriving: &Arriving) -> Result<()> {
        let Self::Exactly(path) = self else { return Ok(()) };
        let lock = LockPlace::open(path)?.map(|place| place.read()).transpose()?.flatten();
        LockGuard { lock, session: None }.require(self, arriving, None)
    }

    /// Takes the lock's lock. Whoever only goes by it, and may not write there, reads it alone.
    ///
    /// # Errors
    /// As [`LockSession::begin`].
    pub(crate) fn begin(&self, site: &Site, access: &Access) -> Result<LockGuard> {
        let path = match self {
            Self::NotAsked => return Ok(LockGuard { lock: None, session: None }),
            Self::Exactly(path) | Self::Record { path, .. } => path,
        };
        let begun = site.journal_heads(access).and_then(|head| LockSession::begin(path, head, &lock_access(access)));
        match begun {
            Ok(session) => Ok(LockGuard { lock: session.lock().cloned(), session: Some(session) }),
            Err(fault) if fault.reason() == Reason::IoDenied && matches!(self, Self::Exactly(_)) => {
                let lock = LockPlace::open(path)?.map(|place| place.read()).transpose()?.flatten();
                Ok(LockGuard { lock, session: None })
            }
            Err(fault) => Err(fault),
        }
    }
}

impl LockGuard {
    /// Whether it may be installed.
    ///
    /// # Errors
    /// `lock_missing`; `missing_from_lock`, `version_mismatch`, `hash_mismatch`, `entry_point_mismatch` and
    /// `coverage_downgrade` for what is not what the lock accepts.
    pub(crate) fn require(&self, rule: &LockRule, arriving: &Arriving, coverage: Option<Coverage>) -> Result<()> {
        match (rule, &self.lock) {
            (LockRule::Exactly(path), None) => Err(lock_missing(path)),
            (LockRule::Exactly(_), Some(lock)) => arriving.require(lock, coverage),
            (LockRule::NotAsked | LockRule::Record { .. }, _) => Ok(()),
        }
    }

    /// Writes down that it was accepted, if that is asked: its entry, and the line that answers for it. An entry that
    /// says so already stays.
    ///
    /// # Errors
    /// As [`LockSession::commit`], saying that it is installed all the same.
    pub(crate) fn record(
        self,
        rule: &LockRule,
        arriving: &Arriving,
        record: &InstallRecord,
        judged: &Judgement,
        capabilities: Vec<String>,
        at: Timestamp,
    ) -> Result<bool> {
        let (LockRule::Record { reason, .. }, Some(session)) = (rule, self.session) else { return Ok(false) };
        let lock = self.lock.unwrap_or_else(Lockfile::empty);
        let Present { id, package, version, entry_point, hash, .. } = arriving.present.clone();
        let before = lock.entry(&id);
        let signed_by: Vec<String> = judged.signers.iter().map(|signer| signer.fingerprint.to_string()).collect();
        let provenance = Provenance {
            source: Some("oci".to_owned()),
            signed_by: (!signed_by.is_empty()).then_some(signed_by),
            coverage: Some(judged.coverage.as_str().to_owned()),
            capabilities: Some(capabilities),
            ..provenance_of(Some(record), &id, &version, before, at)?
        };
        let entry = LockEntry { id, package, version, entry_point, distribution_hash: hash, provenance };
        let is_known = before.is_some_and(|before| {
            let accepted_at = before.provenance.accepted_at.clone();
            *before == LockEntry { provenance: Provenance { accepted_at, ..entry.provenance.clone() }, ..entry.clone() }
        });
        if is_known {
            return Ok(true);
        }
        let changed = lock.with(&entry)?;
        session.commit(&changed, &[trust_line(&entry, reason, at)]).map(|()| true)
    }

    /// The floor of what the lock accepts is asked before anything is changed.
    ///
    /// # Errors
    /// `version_downgrade`.
    pub(crate) fn require_recordable(&self, rule: &LockRule, arriving: &Arriving, at: Timestamp) -> Result<()> {
        let (LockRule::Record { .. }, Some(lock)) = (rule, &self.lock) else { return Ok(()) };
        let Present { id, version, .. } = &arriving.present;
        provenance_of(None, id, version, lock.entry(id), at).map(drop)
    }
}
