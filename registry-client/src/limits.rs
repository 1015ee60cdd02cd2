//! `Limits`: how long a registry may keep us and how much it may say. Each figure ends one attack.

use std::time::Duration;

/// How long a host may say nothing before whoever waits is told its name.
pub(crate) const USUAL_SILENCE: Duration = Duration::from_secs(5);

/// Waiting, in one place. Tests use milliseconds.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest wait for a connection: an address where nobody answers.
    pub connect: Duration,
    /// Longest silence, in both directions: a registry that hangs.
    pub idle: Duration,
    /// Longest time for one document, from the question to its last byte, with every try, every login
    /// and every hop: a byte now and then, interim answers (1xx) without end, `Retry-After` of a year.
    pub exchange: Duration,
    /// Longest time for everything that is asked for one reference: a registry that is slow in a
    /// thousand small ways.
    pub operation: Duration,
    /// Slowest download: a blob that takes weeks.
    pub slowest: Slowest,
}

/// Fewest bytes that must come within a time of waiting.
#[derive(Debug, Clone, Copy)]
pub struct Slowest {
    /// So many bytes.
    pub bytes: u64,
    /// Within so long. Time that we spend on other things does not count.
    pub within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            exchange: Duration::from_secs(60),
            operation: Duration::from_secs(60 * 60),
            slowest: Slowest::default(),
        }
    }
}

impl Default for Slowest {
    /// 16 KiB per second, over half a minute.
    fn default() -> Self {
        Self { bytes: 480 << 10, within: Duration::from_secs(30) }
    }
}

/// Most hosts that are not asked again because nobody could connect to them.
pub(crate) const MAX_UNREACHED_HOSTS: usize = 100;
/// How often one request is tried altogether.
pub(crate) const MAX_TRIES: u32 = 5;
/// How often a registry is asked for what it stored a moment ago: ten seconds or so, and then it has lost it.
pub(crate) const MAX_LATE_TRIES: u32 = 7;
/// How often a registry is asked for a fresh URL of its store, when the store refuses the one it gave: a URL
/// that ran out on the way is one thing, a store that nobody may read another.
pub(crate) const MAX_FRESH_URLS: u32 = 3;
/// Most header lines of an answer; the HTTP library reads at most 408 KiB of them.
pub(crate) const MAX_HEADERS: usize = 100;
/// Most hops of a redirect. A registry needs one, a content network in front of its store another.
pub(crate) const MAX_HOPS: usize = 5;
/// Longest `Location`: presigned URLs are long, but not endless.
pub(crate) const MAX_LOCATION_BYTES: usize = 8 << 10;
/// Pages of a list that are followed (CVE-2023-33957: endless pages).
pub(crate) const MAX_PAGES: usize = 64;
/// Longest answer of a token service.
pub(crate) const MAX_TOKEN_ANSWER_BYTES: usize = 1 << 20;
/// Largest file of certificates. All that Mozilla trusts are 220 KiB in PEM.
pub(crate) const MAX_CERTIFICATE_BYTES: u64 = 4 << 20;
/// Most files of a directory of certificates. Distributions have 300, twice with the links of OpenSSL.
pub(crate) const MAX_CERTIFICATE_FILES: usize = 10_000;
/// Most bytes of an error's body that are read.
pub(crate) const MAX_ERROR_BYTES: u64 = 64 << 10;

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
