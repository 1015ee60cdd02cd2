//! What whoever operates a host is told of what it keeps for plugins, and how often.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The same is told once in so long: a plugin can bring it about as often as it asks.
const SAME_PAUSE: Duration = Duration::from_secs(60);
/// Something else is told after so long: two that take turns are no reason to go on and on.
const OTHER_PAUSE: Duration = Duration::from_secs(1);

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice<'a> {
    /// A file with facts is not opened, or cannot be used: which, and why.
    FactsRefused(&'a str),
    /// The audit log cannot be written, or somebody has put something else into its place: what of it.
    AuditRefused(&'a str),
    /// Certificates cannot be read by which others are asked for plugins: which, and why.
    CertificatesRefused(&'a str),
    /// A plugin begins without what was kept under its id, of which others have signed what kept it.
    BegunAnew {
        /// The plugin.
        id: &'a str,
        /// Those who have signed it now.
        line: &'a str,
        /// Those who have begun a line of that id before.
        before: &'a [String],
    },
    /// A plugin goes on with what another line of signers has kept, and without what it has kept itself.
    OfOthers {
        /// The plugin.
        id: &'a str,
        /// The line that it is of now.
        line: &'a str,
        /// The one that it was of, when it was loaded last.
        before: &'a str,
    },
}

/// Told what is to be told.
pub type Tell = dyn Fn(Notice<'_>) + Send + Sync;

/// Tells what goes wrong with one thing, and not again and again.
pub struct Teller {
    tell: Arc<Tell>,
    last: Mutex<Option<(String, Instant)>>,
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller").field("last", &self.last).finish_non_exhaustive()
    }
}

impl Teller {
    /// One that tells it there.
    pub fn of(tell: Arc<Tell>) -> Self {
        Self { tell, last: Mutex::default() }
    }

    /// Tells it, unless that was told a moment ago.
    pub fn tell(&self, notice: Notice<'_>) {
        let (Notice::FactsRefused(why) | Notice::AuditRefused(why) | Notice::CertificatesRefused(why)) = notice else {
            return (self.tell)(notice);
        };
        if self.is_due(why, Instant::now()) {
            (self.tell)(notice);
        }
    }

    fn is_due(&self, why: &str, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.as_ref().is_none_or(|(said, at)| {
            let pause = if said == why { SAME_PAUSE } else { OTHER_PAUSE };
            now.saturating_duration_since(*at) >= pause
        });
        if is_due {
            *last = Some((why.to_owned(), now));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_a_minute_and_something_else_once_a_second() {
        let teller = Teller::of(Arc::new(|_| ()));
        let begun = Instant::now();
        for (why, after, is_due) in [
            ("full", 0, true),
            ("full", 59_999, false),
            ("full", 60_000, true),
            ("damaged", 60_999, false),
            ("damaged", 61_000, true),
            ("full", 61_999, false),
            ("full", 62_000, true),
        ] {
            assert_eq!(teller.is_due(why, begun + Duration::from_millis(after)), is_due, "{why} after {after}");
        }
    }
}
