//! `SignatureKind`: what a key may sign. A key signs plugins unless its note says something else.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::shown;
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

impl FromStr for SignatureKind {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{}` is nothing that a key signs", shown(text, 80)))
                .hint("a key signs plugin, succession, keyset, lock or dropin")
        })
    }
}

impl FromStr for KeyCoverage {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text {
            "full" => Ok(Self::Full),
            "code" => Ok(Self::Code),
            _ => Err(Fault::new(Reason::Usage, format!("`{}` is no coverage that a key can ask for", shown(text, 80)))
                .hint("a key asks for full, or code is enough for it")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_leads_to_what_it_names_and_no_other_does() {
        for kind in SignatureKind::ALL {
            assert_eq!(kind.as_str().parse::<SignatureKind>().expect("a kind"), kind);
            assert_eq!(serde_json::to_string(&kind).expect("JSON"), format!("\"{kind}\""));
        }
        for coverage in [KeyCoverage::Full, KeyCoverage::Code] {
            assert_eq!(coverage.as_str().parse::<KeyCoverage>().expect("a coverage"), coverage);
            assert_eq!(serde_json::to_string(&coverage).expect("JSON"), format!("\"{coverage}\""));
        }
        for none in ["", "Plugin", "plugins", "inert", "full "] {
            assert_eq!(none.parse::<SignatureKind>().expect_err(none).reason(), Reason::Usage);
            assert_eq!(none.parse::<KeyCoverage>().expect_err(none).reason(), Reason::Usage);
        }
    }
}
