//! What a site has of a key of a set, and why it is left as it is where it is not the set's to change.

use std::collections::BTreeSet;
use std::fmt;

use aisoc_signing::{Fingerprint, HeldKey, Keyring, Standing};
use jiff::Timestamp;

use super::applied::{Applied, BroughtKey};

/// A key of the set, or one that the set has brought, which is not here as the set says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// Its name here, or in the set where it is not here.
    pub key_id: String,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// Its file here, from the directory of the keys on.
    pub file: Option<String>,
    /// Why.
    pub why: WhyLeft,
}

/// Why a key is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyLeft {
    /// It is revoked here, and no set takes a revocation back.
    RevokedHere,
    /// The site has the key itself, in a file that no set has brought.
    OwnKey,
    /// The set has brought it, and somebody here has changed or moved it since.
    ChangedHere,
    /// The set has brought it, and somebody here has removed it since.
    RemovedHere,
    /// The site has the key itself in a trusted file, and the set revokes it: it is revoked, and the file stays.
    OwnKeyRevoked,
    /// Where it should go another key stands, in a file of the same name.
    NameTaken,
}

impl WhyLeft {
    /// The word in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RevokedHere => "revoked_here",
            Self::OwnKey => "own_key",
            Self::ChangedHere => "changed_here",
            Self::RemovedHere => "removed_here",
            Self::OwnKeyRevoked => "own_key_revoked",
            Self::NameTaken => "name_taken",
        }
    }
}

/// In words that go on from the name of the key.
impl fmt::Display for WhyLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RevokedHere => "was revoked here, and no set takes that back",
            Self::OwnKey => "is this site's own, and stays as it is",
            Self::ChangedHere => "was changed here since a set has brought it, and stays as it is",
            Self::RemovedHere => "was removed here since a set has brought it, and stays away",
            Self::OwnKeyRevoked => {
                "is revoked by the set, and its file, which is this site's own, still stands where loaders look that \
                 know PEM files alone"
            }
            Self::NameTaken => "stays where it is: another key has a file of that name where it should go",
        })
    }
}

/// What a site has of one key.
pub(super) struct Sought<'a> {
    /// Every file of the key.
    pub(super) files: Vec<&'a HeldKey>,
    /// The one that a set has brought, as long as it is where it was put.
    pub(super) brought: Option<&'a HeldKey>,
    /// What is written down of that.
    pub(super) record: Option<&'a BroughtKey>,
    /// Whether what it signed counts no more here.
    pub(super) is_revoked: bool,
}

impl<'a> Sought<'a> {
    pub(super) fn of(
        key: Fingerprint,
        keyring: &'a Keyring,
        before: Option<&'a Applied>,
        revoked: &BTreeSet<Fingerprint>,
        at: Timestamp,
    ) -> Self {
        let files: Vec<&HeldKey> = keyring.all_keys().iter().filter(|held| held.fingerprint == key).collect();
        let record = before.and_then(|before| before.key(key));
        let brought = record.and_then(|record| files.iter().copied().find(|file| record.is_file_of(file)));
        let is_revoked =
            revoked.contains(&key) || files.iter().any(|file| matches!(file.standing(at), Standing::Revoked { .. }));
        Self { files, brought, record, is_revoked }
    }

    /// The file that the set may do with as it says.
    pub(super) fn untouched(&self) -> Option<&'a HeldKey> {
        self.brought.zip(self.record).filter(|(file, record)| record.has_note_of(file)).map(|(file, _)| file)
    }

    /// The key, left as it is.
    pub(super) fn left(&self, key_id: &str, fingerprint: Fingerprint, why: WhyLeft) -> LeftAlone {
        let file = self.brought.or_else(|| self.files.first().copied());
        LeftAlone {
            key_id: file.map_or_else(|| key_id.to_owned(), |file| file.id.to_string()),
            fingerprint,
            file: file.map(|file| file.file.clone()),
            why,
        }
    }
}
