//! `SignatureKind`: what a key may sign. A key signs plugins unless its note says something else.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of thing that is signed. Each is signed in a form of its own, so that no signature over one passes for one
/// over another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureKind {
    /// A plugin.
    Plugin,
    /// The endorsement of a key that succeeds.
    Succession,
    /// A set of trusted keys.
    Keyset,
    /// A lock file.
    Lock,
    /// A single file that a host runs.
    Dropin,
}

impl SignatureKind {
    /// Every kind, in the order of the words.
    pub const ALL: [Self; 5] = [Self::Plugin, Self::Succession, Self::Keyset, Self::Lock, Self::Dropin];

    /// The word in a note.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Succession => "succession",
            Self::Keyset => "keyset",
            Self::Lock => "lock",
            Self::Dropin => "dropin",
        }
    }
}

impl fmt::Display for SignatureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much of a plugin the signatures of a key have to cover, where its note says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyCoverage {
    /// Every file: a signature that covers less does not count.
    Full,
    /// The manifest and `*.py` are enough, although the site asks for more of others: for a publisher who signed
    /// before trees were signed. The one member of a note that gives something.
    Code,
}

impl KeyCoverage {
    /// The word in a note.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Code => "code",
        }
    }
}

impl fmt::Display for KeyCoverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
