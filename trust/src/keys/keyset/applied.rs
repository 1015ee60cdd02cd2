//! `Applied`: what a site has taken from the set that it follows: which version, until when that can be relied on, and
//! which files are the set's.

use std::path::Path;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Fingerprint, HeldKey, KeyNotes, KeyPlace};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::own_file;
use super::set::KeySet;
use super::signed_set::{EarlierSet, earlier_than, last_of};

/// The file in the keyring's own directory.
const APPLIED: &str = "keyset.json";
/// Larger than the record of any set.
const MAX_APPLIED_BYTES: u64 = 2 << 20;

/// The content of the file. Only [`super::SyncPlan`] makes a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
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
    /// What the set has brought here.
    pub keys: Vec<BroughtKey>,
    /// The last versions of sets that were followed here before: none of them goes back either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierSet>,
}

/// A key that a set has brought, as it was written here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BroughtKey {
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// Where its file is.
    pub place: KeyPlace,
    /// The name of that file.
    pub name: String,
    /// The note beside it, by what it says.
    pub note_digest: Option<Digest>,
}

impl Applied {
    /// What was taken last by the site of those keys, if anything was.
    ///
    /// # Errors
    /// `record_invalid` for what cannot be understood: nobody can tell which version was there. `directory_insecure`,
    /// and I/O reasons.
    pub fn read(keys: &Path) -> Result<Option<Self>> {
        let Some(content) = own_file::read(keys, APPLIED, MAX_APPLIED_BYTES)? else { return Ok(None) };
        let invalid = || {
            let path = keys.join(aisoc_signing::OWN_DIRECTORY).join(APPLIED);
            Fault::new(Reason::RecordInvalid, format!("`{}` does not say which set was applied", path.display()))
                .hint("put it back from a copy; without it nobody can tell an older set from a newer one")
        };
        let applied: Self = serde_json::from_slice(&content).map_err(|error| invalid().caused_by(error))?;
        match applied.schema_version {
            1 => Ok(Some(applied)),
            other => Err(invalid().expected("schema_version 1", other.to_string())),
        }
    }

    /// What was taken of `set`, after what was taken `before`.
    pub(super) fn of(set: &KeySet, payload_digest: Digest, before: Option<&Self>, keys: Vec<BroughtKey>) -> Self {
        let known = before.map(|before| before.earlier.clone()).unwrap_or_default();
        let earlier = earlier_than(&set.name, before.map(Self::as_earlier), known);
        let (name, version, expires_at) = (set.name.clone(), set.version, set.expires_at);
        Self { schema_version: 1, name, version, payload_digest, expires_at, keys, earlier }
    }

    fn as_earlier(&self) -> EarlierSet {
        EarlierSet { name: self.name.clone(), version: self.version, payload_digest: self.payload_digest }
    }

    /// The last version of the set of that name, whether it is the one that is followed now or not.
    pub fn last_of(&self, name: &str) -> Option<EarlierSet> {
        last_of(self.as_earlier(), &self.earlier, name)
    }

    /// Whether nobody can rely on it any more: a newer one, with a revocation, may be withheld.
    pub fn is_stale(&self, at: Timestamp) -> bool {
        at >= self.expires_at
    }

    pub(super) fn key(&self, fingerprint: Fingerprint) -> Option<&BroughtKey> {
        self.keys.iter().find(|key| key.fingerprint == fingerprint)
    }

    /// The content of the file.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and times are JSON") + "\n"
    }
}

impl BroughtKey {
    pub(super) fn new(fingerprint: Fingerprint, place: KeyPlace, name: String, note: Option<&KeyNotes>) -> Self {
        Self { fingerprint, place, name, note_digest: note.map(digest_of) }
    }

    /// Whether that is the file which was written, whatever is written of it now.
    pub(super) fn is_file_of(&self, key: &HeldKey) -> bool {
        key.fingerprint == self.fingerprint && key.place == self.place && key.file == self.place.below(&self.name)
    }

    /// Whether its note says what was written.
    pub(super) fn has_note_of(&self, key: &HeldKey) -> bool {
        key.notes().map(digest_of) == self.note_digest
    }
}

/// A note by what it says, and not by its blanks.
fn digest_of(note: &KeyNotes) -> Digest {
    Digest::of(note.to_json().as_bytes())
}
