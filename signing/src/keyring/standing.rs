//! `Standing`: whether a key may verify something, asked when it is used.

use std::fmt;

use aisoc_manifests::text::printable;
use jiff::{SignedDuration, Timestamp};

use super::kind::SignatureKind;
use super::scope::Origin;

/// What a key is asked for: what was signed, where it comes from, and when that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// The time to judge keys by.
    pub at: Timestamp,
    /// Where what was signed comes from.
    pub origin: Origin,
}

/// At a time, of what comes from nobody knows where.
impl From<Timestamp> for Circumstances {
    fn from(at: Timestamp) -> Self {
        Self { at, origin: Origin::unknown() }
    }
}

/// Whether a key may verify anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Current,
    /// Not before that time.
    NotYet(Timestamp),
    /// Yes, and not this.
    OutOfScope(OutOfScope),
    /// Its note demands that its signatures cover every file, and this one does not.
    CoversTooLittle,
    /// Not since that time.
    Expired(Timestamp),
    /// It stands among the keys that are to be trusted some day.
    Staged,
    /// It stands among the keys that were trusted once.
    Retired,
    /// Never again.
    Revoked {
        /// When it was revoked, where that is written down.
        at: Option<Timestamp>,
        /// Why.
        reason: Option<String>,
    },
}

/// What a key is limited to, and what it was asked for instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutOfScope {
    /// It does not sign such things.
    Kind {
        /// What it signs.
        may_sign: Vec<SignatureKind>,
        /// What it was asked for.
        asked: SignatureKind,
    },
    /// It does not sign that plugin.
    Plugin {
        /// The globs of its scope.
        globs: Vec<String>,
        /// The plugin's id; nothing where that cannot be read.
        id: Option<String>,
    },
    /// It does not sign what comes from there.
    Origin {
        /// The registries and repositories of its scope.
        repositories: Vec<String>,
        /// Where the plugin comes from.
        origin: Origin,
    },
}

/// In words that go on from the name of the key.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("counts"),
            Self::NotYet(from) => write!(f, "does not count before {from}"),
            Self::OutOfScope(scope) => scope.fmt(f),
            Self::CoversTooLittle => f.write_str("counts where it has signed every file, and here it has not"),
            Self::Expired(since) => write!(f, "expired at {since}"),
            Self::Staged => f.write_str("is staged, and not trusted yet"),
            Self::Retired => f.write_str("was retired, and is not trusted any more"),
            Self::Revoked { at, reason } => {
                f.write_str("was revoked")?;
                at.iter().try_for_each(|at| write!(f, " at {at}"))?;
                reason.iter().try_for_each(|reason| write!(f, ": {reason}"))
            }
        }
    }
}

impl fmt::Display for OutOfScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { asked, .. } => write!(f, "signs {}, and no {asked}", self.allowed()),
            Self::Plugin { id, .. } => write!(f, "signs {}, and not {}", self.allowed(), asked(id.as_deref())),
            Self::Origin { origin, .. } if origin.is_known() => {
                write!(f, "signs what comes from {}, and not from {origin}", self.allowed())
            }
            Self::Origin { .. } => {
                write!(f, "signs what comes from {}, and where this comes from is not known", self.allowed())
            }
        }
    }
}

fn asked(id: Option<&str>) -> String {
    id.map_or("a plugin whose id cannot be read".to_owned(), |id| format!("`{}`", printable(id)))
}

impl OutOfScope {
    /// What the key may be used for, in words.
    pub fn allowed(&self) -> String {
        match self {
            Self::Kind { may_sign, .. } => {
                may_sign.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") + " alone"
            }
            Self::Plugin { globs: patterns, .. } | Self::Origin { repositories: patterns, .. } => quoted(patterns),
        }
    }

    /// What it was asked for, in words.
    pub fn found(&self) -> String {
        match self {
            Self::Kind { asked, .. } => asked.to_string(),
            Self::Plugin { id, .. } => asked(id.as_deref()),
            Self::Origin { origin, .. } => origin.to_string(),
        }
    }
}

fn quoted(patterns: &[String]) -> String {
    const SHOWN: usize = 5;
    let named: Vec<String> = patterns.iter().take(SHOWN).map(|one| format!("`{one}`")).collect();
    match patterns.len().saturating_sub(SHOWN) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

impl Standing {
    /// The higher, the less the key may do.
    pub(super) fn strictness(&self) -> u8 {
        match self {
            Self::Current => 0,
            Self::CoversTooLittle => 1,
            Self::OutOfScope(_) => 2,
            Self::NotYet(_) => 3,
            Self::Expired(_) => 4,
            Self::Staged => 5,
            Self::Retired => 6,
            Self::Revoked { .. } => 7,
        }
    }

    /// The stricter of two; of equally strict ones the first, so that one directory always says the same.
    #[must_use]
    pub(super) fn or_stricter(self, other: Self) -> Self {
        if other.strictness() > self.strictness() { other } else { self }
    }
}

/// When a key stops to count, as its notes say. The earlier one is the smaller, and of one moment the revocation:
/// it says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedEnd {
    pub(super) at: Timestamp,
    pub(super) by: EndedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EndedBy {
    Revocation,
    Expiry,
}

/// How long before a key expires that is said: time enough for a publisher to sign again and for everybody to install
/// that, and short enough that a key which lives for a year is not spoken of every day.
const EXPIRY_IS_NEAR: SignedDuration = SignedDuration::from_hours(30 * 24);

impl PlannedEnd {
    /// When.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether it is a revocation that is still to come, and no expiry.
    pub fn is_revocation(&self) -> bool {
        self.by == EndedBy::Revocation
    }

    /// Whether it is time to say so. Somebody has decided about a revocation, which is said however far it is.
    pub fn is_near(&self, at: Timestamp) -> bool {
        self.by == EndedBy::Revocation || self.at.duration_since(at) <= EXPIRY_IS_NEAR
    }
}

/// In words that go on from the name of the key.
impl fmt::Display for PlannedEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.by {
            EndedBy::Revocation => "is revoked",
            EndedBy::Expiry => "expires",
        };
        write!(f, "counts until {}, when it {end}", self.at)
    }
}
