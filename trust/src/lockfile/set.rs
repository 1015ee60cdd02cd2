//! `LockSet`: a plugins.lock as a value with a version that only grows, for the many sites that follow it. The lock is
//! in it as its text: what a signer has looked at is what stands on each site, comments and all.

use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::PayloadType;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::place::MAX_LOCK_BYTES;
use super::read::Lockfile;
use crate::keys::{SetHead, SetReasons, SignedSet, as_usage};

/// Largest set: a lock as large as it may be in one, and what the set says of itself.
pub const MAX_LOCKSET_BYTES: u64 = MAX_LOCK_BYTES + (64 << 10);
/// How the lock in a set is called in messages.
const SHOWN: &str = "the lock in the set";

/// A lock, as it is to be on every site that follows it. Unknown members refuse it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockSet {
    /// Always 1.
    pub schema_version: u32,
    /// Which set it is: the same in every version.
    pub name: String,
    /// It only grows.
    pub version: u64,
    /// When it was made, RFC 3339.
    pub issued_at: Timestamp,
    /// Until when it can be relied on that nothing newer was withheld, RFC 3339.
    pub expires_at: Timestamp,
    /// The text of the lock.
    pub lock: String,
}

/// What every form says of itself.
#[derive(Deserialize)]
struct Form {
    schema_version: u32,
}

impl LockSet {
    /// The schema version that this build writes and reads.
    const SCHEMA_VERSION: u32 = 1;

    /// The set that a lock is.
    ///
    /// # Errors
    /// `usage` for what no set holds: a name that is none, an end before the beginning, a lock that is too large.
    pub fn of(lock: &Lockfile, head: SetHead) -> Result<Self> {
        let SetHead { name, version, issued_at, expires_at } = head;
        let lock = lock.text().to_owned();
        let set = Self { schema_version: Self::SCHEMA_VERSION, name, version, issued_at, expires_at, lock };
        let payload = set.to_payload().len() as u64;
        if payload > MAX_LOCKSET_BYTES {
            return Err(Fault::new(Reason::Usage, "the lock is too large for a set of plugins")
                .expected(format!("at most {MAX_LOCKSET_BYTES} bytes"), format!("{payload} bytes")));
        }
        set.require_sound().map_err(|fault| as_usage(fault, Reason::LocksetInvalid))?;
        Ok(set)
    }

    /// What it accepts.
    ///
    /// # Errors
    /// `lockset_invalid` for a text that is no lock, and `lock_schema_unsupported` for one of a newer schema version.
    pub fn lockfile(&self) -> Result<Lockfile> {
        Lockfile::parse(self.lock.clone().into_bytes(), Path::new(SHOWN)).map_err(|fault| match fault.reason() {
            Reason::LockInvalid => invalid().caused_by(fault),
            _ => fault,
        })
    }

    fn require_sound(&self) -> Result<()> {
        self.head().require_sound(Reason::LocksetInvalid)?;
        self.lockfile().map(drop)
    }
}

impl SignedSet for LockSet {
    const KIND: PayloadType = PayloadType::Lockset;
    const REASONS: SetReasons = SetReasons {
        invalid: Reason::LocksetInvalid,
        mismatch: Reason::LocksetMismatch,
        expired: Reason::LocksetExpired,
        rollback: Reason::LocksetRollback,
    };

    fn read(payload: &[u8]) -> Result<Self> {
        if payload.len() as u64 > MAX_LOCKSET_BYTES {
            return Err(
                invalid().expected(format!("at most {MAX_LOCKSET_BYTES} bytes"), format!("{} bytes", payload.len()))
            );
        }
        let Form { schema_version } = serde_json::from_slice(payload).map_err(|error| invalid().caused_by(error))?;
        if schema_version != Self::SCHEMA_VERSION {
            return Err(invalid()
                .expected(format!("schema_version {}", Self::SCHEMA_VERSION), schema_version.to_string())
                .hint("use a version of aisoc that knows the form"));
        }
        let set: Self = serde_json::from_slice(payload).map_err(|error| invalid().caused_by(error))?;
        set.require_sound().map(|()| set)
    }

    fn to_payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers and times are JSON")
    }

    fn head(&self) -> SetHead {
        let Self { name, version, issued_at, expires_at, .. } = self;
        SetHead { name: name.clone(), version: *version, issued_at: *issued_at, expires_at: *expires_at }
    }
}

fn invalid() -> Fault {
    Fault::new(Reason::LocksetInvalid, "the set of plugins cannot be understood")
}
