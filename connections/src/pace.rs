//! `Pace`: bytes against the time that was waited for them, so that a byte now and then is no progress.

use std::time::Duration;

/// Fewest bytes that must come within a time of waiting.
#[derive(Debug, Clone, Copy)]
pub struct Slowest {
    /// So many bytes.
    pub bytes: u64,
    /// Within so long. Time that we spend on other things does not count.
    pub within: Duration,
}

impl Default for Slowest {
    /// 16 KiB per second, over half a minute.
    fn default() -> Self {
        Self { bytes: 480 << 10, within: Duration::from_secs(30) }
    }
}

/// Bytes against the time that was waited for them.
#[derive(Debug)]
pub struct Pace {
    slowest: Slowest,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Nothing has been waited for yet.
    pub fn new(slowest: Slowest) -> Self {
        Self { slowest, waited: Duration::ZERO, bytes: 0 }
    }

    /// Counts a wait and what it brought. Says whether that is fast enough: judged at the end of each
    /// stretch of waiting, so that a good beginning buys nothing later.
    pub fn keeps_up(&mut self, waited: Duration, bytes: u64) -> bool {
        self.waited += waited;
        self.bytes += bytes;
        if self.waited < self.slowest.within {
            return true;
        }
        let enough = self.bytes >= self.slowest.bytes;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_judged_anew_after_each_stretch_of_waiting() {
        let slowest = Slowest { bytes: 100, within: Duration::from_secs(10) };
        for (bytes, fast) in [(99, false), (100, true), (101, true)] {
            let mut pace = Pace::new(slowest);
            assert!(pace.keeps_up(Duration::from_secs(9), 0), "not judged yet");
            assert_eq!(pace.keeps_up(Duration::from_secs(1), bytes), fast, "{bytes}");
        }
        let mut pace = Pace::new(slowest);
        assert!(pace.keeps_up(Duration::ZERO, 1 << 40), "what is there at once needs no wait");
        assert!(pace.keeps_up(Duration::from_secs(10), 0), "it counts for its stretch");
        assert!(!pace.keeps_up(Duration::from_secs(10), 99), "and not for the next");
    }
}
