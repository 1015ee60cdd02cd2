//! How what is in memory stands: to those who may revoke it, and to what is on the disk.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How soon a change of keys, notes or lock is noticed.
const JUDGE_ROUND: Duration = Duration::from_secs(2);
/// How soon it is noticed that the disk differs from what is in memory.
pub(crate) const LOOK_ROUND: Duration = Duration::from_secs(10);
/// How soon it is written down what plugins have used: it is written whole, each time.
pub(crate) const SETTLE_ROUND: Duration = Duration::from_secs(2);
/// How long the list of all is kept for somebody who asks for it again.
pub(crate) const LIST_KEPT: Duration = Duration::from_secs(10);
/// How much longer than something takes it is waited until the next time: so much of a processor is left to others.
pub(crate) const REST: u32 = 50;
/// And no longer than this: what has taken long once may have waited for a disk, and a revocation does not.
const LONGEST_REST: Duration = Duration::from_secs(20);

/// What becomes of a plugin in memory that is admitted no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnRevoked {
    /// It takes no calls until it is admitted again.
    #[default]
    Quarantine,
    /// It is shown and said.
    Warn,
}

/// Whether what is on the disk is what is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDisk {
    Same,
    Differs,
    Gone,
}

impl OnDisk {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Gone => "gone",
        }
    }
}

/// Something that is done again and again.
#[derive(Debug)]
pub(crate) struct Round {
    every: Duration,
    due: Instant,
}

impl Round {
    pub(crate) fn begin(every: Duration) -> Self {
        Self { every, due: Instant::now() + every }
    }

    /// Does it, where it is due.
    pub(crate) fn when_due(&mut self, act: impl FnOnce()) {
        let begun = Instant::now();
        if self.due <= begun {
            act();
            self.due = Instant::now() + self.rest_after(begun.elapsed());
        }
    }

    fn rest_after(&self, took: Duration) -> Duration {
        self.every.max((took * REST).min(LONGEST_REST))
    }
}

/// When what is in memory is judged again, and what was said last of why nothing could be.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) round: Round,
    pub(crate) said: Option<String>,
}

impl Judgement {
    pub(crate) fn begin() -> Self {
        Self { round: Round::begin(JUDGE_ROUND), said: None }
    }
}

/// Where a sweep is.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) due: Instant,
    /// The last one that was looked at.
    pub(crate) after: Option<(String, PathBuf)>,
}

impl Sweep {
    pub(crate) fn begin() -> Self {
        Self { due: Instant::now() + LOOK_ROUND, after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_comes_less_often_up_to_a_bound() {
        let rests =
            |every: u64, took: u64| Round::begin(Duration::from_millis(every)).rest_after(Duration::from_millis(took));
        for (every, took, rest) in [
            (2000, 0, 2000),
            (2000, 40, 2000),
            (2000, 41, 2050),
            (2000, 400, 20_000),
            (2000, 401, 20_000),
            (30_000, 9000, 30_000),
        ] {
            assert_eq!(rests(every, took), Duration::from_millis(rest), "{every} {took}");
        }
    }
}
