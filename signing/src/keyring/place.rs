//! `Place`: where in a directory of keys a key stands, which says whether it is trusted. Hosts that know only PEM files
//! read the top alone, so a key that is moved counts nowhere any more from that moment.

use std::ffi::OsStr;

use serde::{Deserialize, Serialize};

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPlace {
    /// At the top: trusted.
    Trusted,
    /// `staged/`: to be trusted some day.
    Staged,
    /// `retired/`: trusted once.
    Retired,
    /// `revoked/`: never to be trusted again, wherever else it stands.
    Revoked,
}

impl KeyPlace {
    /// Every place.
    pub const ALL: [Self; 4] = [Self::Trusted, Self::Staged, Self::Retired, Self::Revoked];

    /// The state of the keys that stand there, in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Staged => "staged",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// The directory below that of the keys; nothing for the top.
    pub const fn directory(self) -> Option<&'static str> {
        match self {
            Self::Trusted => None,
            place => Some(place.as_str()),
        }
    }

    /// The path of a file there, from the directory of the keys on.
    pub fn below(self, file: &str) -> String {
        self.directory().map_or_else(|| file.to_owned(), |directory| format!("{directory}/{file}"))
    }
}

/// The directory at the top that is ours: the lock, and what a change has begun.
pub const OWN_DIRECTORY: &str = ".aisoc";
/// What is written down of every change, beside the keys.
pub const JOURNAL: &str = "keys.journal";
/// What chains the lines of the journal.
pub const JOURNAL_CHAIN: &str = "keys.journal.chain";

/// Whether a name at the top of a directory of keys is one of ours, and so neither a key nor a note on one.
pub(super) fn is_ours(name: &OsStr) -> bool {
    let ours = [OWN_DIRECTORY, JOURNAL, JOURNAL_CHAIN].into_iter();
    ours.chain(KeyPlace::ALL.into_iter().filter_map(KeyPlace::directory)).any(|known| name == known)
}
