//! `LockSchema`: which versions of plugins.lock there are.

use std::fmt;

/// A schema version that this build reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockSchema {
    /// Five texts for each plugin: what capa reads.
    One,
    /// With [`Provenance`](super::Provenance).
    Two,
}

impl LockSchema {
    /// The newest.
    pub const NEWEST: Self = Self::Two;

    /// The number that stands in the file.
    pub const fn number(self) -> i64 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The schema of that number.
    pub const fn of_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }
}

impl fmt::Display for LockSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}
