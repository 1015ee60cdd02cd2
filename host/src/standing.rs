//! How what is in memory stands: to those who may revoke it, and to what is on the disk.

use std::time::{Duration, Instant};

/// How soon a change of keys, notes or lock is noticed.
pub(crate) const JUDGE_ROUND: Duration = Duration::from_secs(2);
/// How soon it is noticed that the disk differs from what is in memory.
pub(crate) const LOOK_ROUND: Duration = Duration::from_secs(10);
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

/// When what is due next, and what was said last of why nothing could be judged.
#[derive(Debug)]
pub(crate) struct Rounds {
    pub(crate) judgement: Instant,
    pub(crate) look: Instant,
    pub(crate) said: Option<String>,
}

impl Rounds {
    pub(crate) fn begin() -> Self {
        let now = Instant::now();
        Self { judgement: now + JUDGE_ROUND, look: now + LOOK_ROUND, said: None }
    }
}
