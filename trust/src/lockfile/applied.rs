//! `AppliedLock`: what a site has taken from the set of plugins that it follows, beside its lock: which version, until
//! when that can be relied on, and the lock that it took the place of.

use std::num::NonZeroUsize;
use std::path::Path;

use aisoc_manifests::digest::{ArtifactDigest, Digest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::place::{LockPlace, MAX_LOCK_BYTES};
use super::read::Lockfile;
use super::set::LockSet;
use crate::keys::{EarlierSet, MAX_SETTINGS_BYTES, SyncSettings, earlier_than, last_of};

/// Behind the name of a lock: what was applied to it.
pub(super) const APPLIED: &str = ".set";
/// Behind the name of a lock: which set it follows.
pub(super) const SETTINGS: &str = ".sync";
/// Larger than any: two locks, each of whose bytes may be escaped, and what else there is.
const MAX_APPLIED_BYTES: u64 = 4 * MAX_LOCK_BYTES + (1 << 20);

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppliedLock {
    /// Always 1.
    schema_version: u32,
    /// The set.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// The version by content.
    pub payload_digest: Digest,
    /// Until when it can be relied on that no newer one was withheld.
    pub expires_at: Timestamp,
    /// The artifact that held it; nothing for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_digest: Option<ArtifactDigest>,
    /// How many had to have signed it.
    pub required_signatures: NonZeroUsize,
    /// The lock, as it was written then.
    pub lock_digest: Digest,
    /// Whether this site has gone back from that version since.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_rolled_back: bool,
    /// The lock in whose place it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousLock>,
    /// The lock that going back puts into its place, until it stands there: a run that is killed in between would have
    /// it nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returning: Option<PreviousLock>,
    /// The last versions of sets that were followed here before: none of them goes back either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierSet>,
}

/// A lock that a set, or going back from one, has replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviousLock {
    /// The version of the set that it was, if it was one as it stood.
    pub version: Option<u64>,
    /// Its text.
    pub lock: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl AppliedLock {
    /// What was taken last by the lock of that place, if anything was.
    ///
    /// # Errors
    /// `record_invalid` for what cannot be understood: nobody can tell which version was there. `directory_insecure`,
    /// and I/O reasons.
    pub fn read(place: &LockPlace) -> Result<Option<Self>> {
        let Some(content) = place.beside(APPLIED, MAX_APPLIED_BYTES)? else { return Ok(None) };
        let invalid = || {
            let path = place.path_beside(APPLIED);
            Fault::new(Reason::RecordInvalid, format!("`{}` does not say which set was applied", path.display()))
                .hint("put it back from a copy; without it nobody can tell an older set from a newer one")
        };
        let applied: Self = serde_json::from_slice(&content).map_err(|error| invalid().caused_by(error))?;
        match applied.schema_version {
            1 => Ok(Some(applied)),
            other => Err(invalid().expected("schema_version 1", other.to_string())),
        }
    }

    /// What was taken of `set`, which makes the lock `lock`, after what was taken `before`, when `here` stood there.
    pub fn of(
        set: &LockSet,
        payload_digest: Digest,
        lock: &Lockfile,
        before: Option<&Self>,
        here: Option<&Lockfile>,
    ) -> Self {
        let is_again = before.is_some_and(|it| it.name == set.name && it.payload_digest == payload_digest);
        let previous = match before {
            // A run that was killed is finished: the lock before is the one before it.
            Some(before) if is_again => before.previous.clone(),
            before => here.map(|here| PreviousLock::of(here, before)),
        };
        let known = before.map(|before| before.earlier.clone()).unwrap_or_default();
        Self {
            schema_version: 1,
            name: set.name.clone(),
            version: set.version,
            payload_digest,
            expires_at: set.expires_at,
            artifact_digest: None,
            required_signatures: NonZeroUsize::MIN,
            lock_digest: digest_of(lock),
            is_rolled_back: false,
            previous,
            returning: None,
            earlier: earlier_than(&set.name, before.map(Self::as_earlier), known),
        }
    }

    /// The same, of a set that was found in that artifact, and was signed by so many at least.
    pub fn asked_of(self, artifact_digest: Option<ArtifactDigest>, required_signatures: NonZeroUsize) -> Self {
        Self { artifact_digest, required_signatures, ..self }
    }

    /// The lock that was to come back when a run was killed: what it was to replace still stands `here`.
    pub fn unfinished(&self, here: Option<&Lockfile>) -> Option<&PreviousLock> {
        let is_here = |replaced: &PreviousLock| here.is_some_and(|here| here.text() == replaced.lock);
        let is_replaced = self.previous.as_ref().map_or(here.is_none(), is_here);
        self.returning.as_ref().filter(|_| is_replaced && !self.is_untouched(here))
    }

    /// The same, once the lock that was to come back stands in its place; nothing where none was to. Whoever writes there
    /// from then on means it.
    pub fn returned(&self) -> Option<Self> {
        self.returning.as_ref().map(|_| Self { returning: None, ..self.clone() })
    }

    /// What is known once the lock before, `lock`, is back in the place of what is `here`: the version that was applied
    /// stays the last one, and does not come back by itself. A run that was killed is finished, and not undone.
    pub fn gone_back(&self, lock: &Lockfile, here: Option<&Lockfile>) -> Self {
        if self.unfinished(here).is_some() {
            return Self { lock_digest: digest_of(lock), ..self.clone() };
        }
        let version = self.previous.as_ref().and_then(|previous| previous.version);
        Self {
            lock_digest: digest_of(lock),
            is_rolled_back: !self.is_rolled_back,
            previous: here.map(|here| PreviousLock::of(here, Some(self))),
            returning: Some(PreviousLock { version, lock: lock.text().to_owned() }),
            ..self.clone()
        }
    }

    fn as_earlier(&self) -> EarlierSet {
        EarlierSet { name: self.name.clone(), version: self.version, payload_digest: self.payload_digest }
    }

    /// The last version of the set of that name, whether it is the one that is followed now or not.
    pub fn last_of(&self, name: &str) -> Option<EarlierSet> {
        last_of(self.as_earlier(), &self.earlier, name)
    }

    /// Whether the lock stands as it was written last.
    pub fn is_untouched(&self, here: Option<&Lockfile>) -> bool {
        here.is_some_and(|here| digest_of(here) == self.lock_digest)
    }

    /// The content of the file.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and times are JSON") + "\n"
    }
}

impl PreviousLock {
    fn of(here: &Lockfile, applied: Option<&AppliedLock>) -> Self {
        let as_written = applied.filter(|applied| applied.is_untouched(Some(here)) && !applied.is_rolled_back);
        Self { version: as_written.map(|applied| applied.version), lock: here.text().to_owned() }
    }

    /// What it accepts.
    ///
    /// # Errors
    /// As [`Lockfile::parse`].
    pub fn lockfile(&self) -> Result<Lockfile> {
        Lockfile::parse(self.lock.clone().into_bytes(), Path::new("the lock before"))
    }
}

fn digest_of(lock: &Lockfile) -> Digest {
    Digest::of(lock.text().as_bytes())
}

/// Which set the lock of that place follows, if that is written down.
///
/// # Errors
/// `record_invalid` for what cannot be understood: nobody is followed by guessing. `directory_insecure`, and I/O
/// reasons.
pub fn followed(place: &LockPlace) -> Result<Option<SyncSettings>> {
    let Some(content) = place.beside(SETTINGS, MAX_SETTINGS_BYTES)? else { return Ok(None) };
    let page = "\"Following a set\" in `aisoc help fleet`";
    SyncSettings::parse(&content, &place.path_beside(SETTINGS), "plugins lock pull", page).map(Some)
}
