//! `When`: the time by which keys are looked at, and how far ahead.

use jiff::{SignedDuration, Timestamp};

/// A time, and how long after it something is near.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// The time to judge keys by.
    pub at: Timestamp,
    /// How far ahead is looked.
    pub within: SignedDuration,
}

impl When {
    /// The last moment that is looked at.
    pub fn horizon(&self) -> Timestamp {
        self.at.checked_add(self.within).unwrap_or(Timestamp::MAX)
    }
}
