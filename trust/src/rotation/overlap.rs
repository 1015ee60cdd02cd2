//! `Overlap`: how long the old key and the new one count beside each other.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

const SECONDS_OF_A_DAY: i64 = 24 * 3_600;

/// A length of time, never below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overlap(SignedDuration);

impl Overlap {
    /// An overlap of that length; of none where that is below zero.
    pub fn of(length: SignedDuration) -> Self {
        Self(length.max(SignedDuration::ZERO))
    }

    /// When an overlap that begins then is over.
    pub fn end(self, since: Timestamp) -> Timestamp {
        since.checked_add(self.0).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() % SECONDS_OF_A_DAY {
            0 => write!(f, "{}d", self.0.as_secs() / SECONDS_OF_A_DAY),
            _ => write!(f, "{:#}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_ends_when_it_is_over_and_never_early() {
        let since: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        for (hours, end, shown) in [
            (-1, "2026-01-01T00:00:00Z", "0d"),
            (0, "2026-01-01T00:00:00Z", "0d"),
            (36, "2026-01-02T12:00:00Z", "36h"),
            (14 * 24, "2026-01-15T00:00:00Z", "14d"),
        ] {
            let overlap = Overlap::of(SignedDuration::from_hours(hours));
            assert_eq!(
                (overlap.end(since).to_string().as_str(), overlap.to_string().as_str()),
                (end, shown),
                "{hours}"
            );
        }
        assert_eq!(Overlap::of(SignedDuration::MAX).end(since), Timestamp::MAX);
    }
}
