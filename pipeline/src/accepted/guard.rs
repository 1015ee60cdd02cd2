//! What plugins.lock says of what comes: whether it may, and what is written down of it.
//!
//! The lock file's own lock is held from the judgement to the entry, so that of two installs the second is judged by
//! what the first has written. It is taken behind the plugins directory's, everywhere. The judgement is the gate's: this
//! tells it what the lock says.

use aisoc_discovery::{LOCAL_PACKAGE, lock_entry_point, lock_package};
use aisoc_installation::{Access, InstallRecord, Site};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_signing::Claim;
use aisoc_trust::drift::Present;
use aisoc_trust::lockfile::{KnownLock, LockEntry, LockPath, LockPlace, LockSchema, LockSession, Lockfile, Provenance};
use aisoc_trust::{CameIn, LockDemand, LockFacts, LockListed, PluginMode};
use jiff::Timestamp;

use super::accept::{lock_access, provenance_of, trust_line};
use crate::judge::Judgement;

/// What an install or a rollback has to do with a lock.
#[derive(Debug, Clone)]
pub enum LockRule {
    /// In dev it decides nothing, but for what the plugin may ask for: no less was accepted of that anywhere.
    Known(LockPath),
    /// What comes is what the lock accepts, exactly, and anything else is refused; of production too, where a host would
    /// refuse it as soon as it is there.
    Exactly(LockPath),
    /// As [`LockRule::Exactly`], and signed by one whose signature it accepts.
    AsSigned {
        /// The lock.
        path: LockPath,
        /// As it was read before, of the many that it is about.
        known: KnownLock,
    },
    /// As [`LockRule::AsSigned`], by a lock that would be written: what a dry run goes by, and nothing else.
    Foreseen {
        /// Where it would be.
        path: LockPath,
        /// What it would accept.
        lock: Lockfile,
    },
    /// It accepts what comes, for that reason.
    Record {
        /// The lock.
        path: LockPath,
        /// Why.
        reason: String,
    },
}

/// A plugin on its way, or one that is here, as a lock compares it.
#[derive(Debug)]
pub(crate) struct Arriving {
    present: Present,
    /// The artifact that it came in, where it came in one.
    artifact: Option<CameIn>,
}

impl Arriving {
    /// What is claimed, and from where, where anybody knows.
    ///
    /// # Errors
    /// `manifest_not_canonical` for a manifest that nothing can be compared with.
    pub(crate) fn of(
        manifest: &Manifest,
        claim: &Claim,
        reference: Option<&str>,
        artifact: Option<CameIn>,
    ) -> Result<Self> {
        let hash = format!("sha256:{}", claim.statement()?.digest().hex());
        let present = Present {
            id: manifest.id.to_string(),
            entry_point_name: None,
            is_provisional: false,
            package: reference.map_or_else(|| LOCAL_PACKAGE.to_owned(), lock_package),
            version: manifest.version.clone(),
            entry_point: lock_entry_point(manifest),
            hash,
        };
        Ok(Self { present, artifact })
    }
}

/// The lock, held as long as something is decided by it.
#[derive(Debug)]
pub(crate) struct LockGuard<'a> {
    rule: &'a LockRule,
    lock: Option<Lockfile>,
    session: Option<LockSession>,
}

/// What a lock says of what has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InLock {
    /// Whether it accepts it; nothing where no lock was asked.
    pub is_accepted: bool,
    /// The schema version that the lock had, where a newer one was needed to write down that it is accepted: a reader
    /// that knows the older one alone refuses it from then on.
    pub raised_from: Option<LockSchema>,
}

impl LockRule {
    /// What a mode makes of a lock, of whoever says nothing else.
    pub fn of(mode: PluginMode, path: LockPath) -> Self {
        match mode {
            PluginMode::Dev => Self::Known(path),
            PluginMode::Production => Self::Exactly(path),
        }
    }

    /// Whether what comes is accepted by it, rather than compared with it.
    pub const fn records(&self) -> bool {
        matches!(self, Self::Record { .. })
    }

    /// The lock.
    pub fn path(&self) -> &LockPath {
        match self {
            Self::Known(path)
            | Self::Exactly(path)
            | Self::AsSigned { path, .. }
            | Self::Foreseen { path, .. }
            | Self::Record { path, .. } => path,
        }
    }

    fn known(&self) -> KnownLock {
        match self {
            Self::AsSigned { known, .. } => known.clone(),
            _ => KnownLock::default(),
        }
    }

    /// Reads the lock alone: for whoever only looks, and for whoever refuses early what is refused under it as well.
    ///
    /// # Errors
    /// As [`LockPlace::read`].
    pub(crate) fn read(&self) -> Result<LockGuard<'_>> {
        if let Self::Foreseen { lock, .. } = self {
            return Ok(LockGuard { rule: self, lock: Some(lock.clone()), session: None });
        }
        let read = LockPlace::open(self.path())
            .and_then(|place| place.map(|place| place.read_beside(&self.known())).transpose());
        let lock = match read {
            // Of one that was found, and in dev alone: it may stand in the home of whoever ran the command that became
            // this user. One that is named was read by whoever took the name.
            Err(fault) if fault.reason() == Reason::IoDenied && matches!(self, Self::Known(_)) => None,
            read => read?.flatten(),
        };
        Ok(LockGuard { rule: self, lock, session: None })
    }

    /// What the lock says of what is claimed, for whoever changes nothing; nothing where nothing can be compared with it,
    /// which its proof is refused for.
    ///
    /// # Errors
    /// As [`LockRule::read`].
    pub(crate) fn says(
        &self,
        manifest: &Manifest,
        claim: &Claim,
        reference: Option<&str>,
        artifact: Option<CameIn>,
        at: Timestamp,
    ) -> Result<Option<LockFacts>> {
        let guard = self.read()?;
        Ok(Arriving::of(manifest, claim, reference, artifact).ok().map(|arriving| guard.facts(&arriving, at)))
    }

    /// Takes the lock's lock. Whoever only goes by it, and may not write there, reads it alone; in dev everybody does.
    ///
    /// # Errors
    /// As [`LockSession::begin`], and as [`LockSession::with_journal`] for whoever writes into it.
    pub(crate) fn begin(&self, site: &Site, access: &Access) -> Result<LockGuard<'_>> {
        match self {
            Self::Known(_) => return self.read(),
            Self::Foreseen { .. } if access.dry_run.is_on() => return self.read(),
            Self::Foreseen { path, .. } => {
                let message = format!("`{}` is not written yet, and something is changed by it", path.display());
                return Err(Fault::new(Reason::Internal, message));
            }
            Self::Exactly(_) | Self::AsSigned { .. } | Self::Record { .. } => {}
        }
        let begun = site.journal_heads(access).and_then(|head| {
            let session = LockSession::begin_beside(self.path(), head, &lock_access(access), &self.known())?;
            // Before anything is installed that the journal has to answer for, and would not.
            if matches!(self, Self::Record { .. }) { session.with_journal() } else { Ok(session) }
        });
        match begun {
            Ok(session) => Ok(LockGuard { rule: self, lock: session.lock().cloned(), session: Some(session) }),
            Err(fault)
                if fault.reason() == Reason::IoDenied && matches!(self, Self::Exactly(_) | Self::AsSigned { .. }) =>
            {
                self.read()
            }
            Err(fault) => Err(fault),
        }
    }
}

impl LockGuard<'_> {
    /// Whether anything is decided by it, or written into it, but what the plugin may ask for.
    pub(crate) fn is_asked(&self) -> bool {
        !matches!(self.rule, LockRule::Known(_))
    }

    /// What the lock says of it, for the gate. `at` is the time at which it would be accepted.
    pub(crate) fn facts(&self, arriving: &Arriving, at: Timestamp) -> LockFacts {
        let demand = match self.rule {
            LockRule::Known(_) => LockDemand::Dev,
            LockRule::Exactly(_) => LockDemand::Exactly,
            LockRule::AsSigned { .. } | LockRule::Foreseen { .. } => LockDemand::AsSigned,
            LockRule::Record { .. } => LockDemand::Recording(self.unrecordable(arriving, at)),
        };
        let listed = self.lock.as_ref().map(|lock| LockListed::of(lock, &arriving.present, arriving.artifact.clone()));
        LockFacts { demand, path: self.rule.path().clone(), listed }
    }

    /// Why no entry of it can be written: the floor of what the lock accepts is asked before anything is changed.
    fn unrecordable(&self, arriving: &Arriving, at: Timestamp) -> Option<Fault> {
        let Present { id, version, .. } = &arriving.present;
        provenance_of(None, id, version, self.lock.as_ref()?.entry(id), at).err()
    }

    /// Writes down that it was accepted, if that is asked: its entry, and the line that answers for it. An entry that
    /// says so already stays. What the lock says of it then.
    ///
    /// # Errors
    /// As [`LockSession::commit`], saying that it is installed all the same.
    pub(crate) fn record(
        self,
        arriving: &Arriving,
        record: &InstallRecord,
        judged: &Judgement,
        capabilities: Vec<String>,
        at: Timestamp,
    ) -> Result<InLock> {
        let done = InLock { is_accepted: self.is_asked(), raised_from: None };
        let (LockRule::Record { reason, .. }, Some(session)) = (self.rule, self.session) else { return Ok(done) };
        let schema = self.lock.as_ref().map(Lockfile::schema);
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
            return Ok(done);
        }
        let changed = lock.with(&entry)?;
        session.commit(&changed, &[trust_line(&entry, reason, at)])?;
        Ok(InLock { raised_from: schema.filter(|schema| *schema < changed.schema()), ..done })
    }
}
