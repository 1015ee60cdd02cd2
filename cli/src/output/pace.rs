//! `Pace`: how fast work goes, and how long it takes still, by what was done lately.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use aisoc_manifests::progress::Act;

/// Over how long a pace is taken: long enough that it can be read, short enough that a stall is seen.
const WINDOW: Duration = Duration::from_secs(8);
/// How far apart what is remembered lies.
const STEP: Duration = Duration::from_millis(250);
/// Below so long nothing is said.
const SHORTEST: Duration = Duration::from_millis(500);
/// What is sent goes into buffers first, our system's and those on the way: for so long, what was taken says nothing
/// of what arrives.
const FILLING: Duration = Duration::from_secs(2);
/// More than lies in such buffers: a way that becomes slower is no larger buffer.
const LARGEST_BUFFERS: f64 = 16.0 * 1024.0 * 1024.0;

/// What was done when.
#[derive(Debug)]
pub(super) struct Pace {
    act: Act,
    /// How many bytes were done when that was noted last.
    noted: u64,
    /// When the first byte was done.
    begin: Option<Instant>,
    /// When more was done, and how much in all, the oldest first. Buffers are emptied in lumps: from one lump to
    /// another it is exact, and between two of them it is not.
    seen: VecDeque<(Instant, u64)>,
    /// How many bytes were taken and have not arrived, as far as that can be reckoned.
    ahead: f64,
}

impl Pace {
    pub(super) fn of(act: Act) -> Self {
        Self { act, noted: 0, begin: None, seen: VecDeque::new(), ahead: 0.0 }
    }

    /// So many bytes are done by now.
    pub(super) fn note(&mut self, now: Instant, done: u64) {
        if done == 0 {
            return;
        }
        let begin = *self.begin.get_or_insert(now);
        while self.seen.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) > WINDOW) {
            self.seen.pop_front();
        }
        let came = done > std::mem::replace(&mut self.noted, done);
        let is_later = |(at, _): &(Instant, u64)| now.saturating_duration_since(*at) >= STEP;
        if self.is_filling(now, begin) || !came || !self.seen.back().is_none_or(is_later) {
            return;
        }
        self.seen.push_back((now, done));
        if self.act == Act::Pushing
            && let Some(rate) = self.per_second(now)
        {
            let passed = now.saturating_duration_since(begin);
            let ahead = (done as f64 - rate * passed.as_secs_f64()).clamp(0.0, LARGEST_BUFFERS);
            // Once it is known it only becomes less: a way that becomes slower has grown no buffer.
            self.ahead = if passed < WINDOW { ahead } else { self.ahead.min(ahead) };
        }
    }

    fn is_filling(&self, now: Instant, begin: Instant) -> bool {
        self.act == Act::Pushing && now.saturating_duration_since(begin) < FILLING
    }

    /// How many bytes are done in a second; nothing before there is anything to say. Twice as long ago as usual counts
    /// as just now; from then on it is a stall.
    pub(super) fn per_second(&self, now: Instant) -> Option<f64> {
        let ((first, before), (last, done)) = (*self.seen.front()?, *self.seen.back()?);
        let between = |(one, other): (&(Instant, u64), &(Instant, u64))| other.0.saturating_duration_since(one.0);
        let usual = self.seen.iter().zip(self.seen.iter().skip(1)).map(between).max()?;
        let end = now.checked_sub(usual * 2).map_or(last, |end| end.max(last));
        let passed = end.saturating_duration_since(first);
        (passed >= SHORTEST).then(|| done.saturating_sub(before) as f64 / passed.as_secs_f64())
    }

    /// How many bytes are still to come, with `done` of `total` by now: also those that were taken and have not
    /// arrived.
    pub(super) fn left(&self, done: u64, total: u64) -> u64 {
        total.saturating_sub(done).saturating_add(self.ahead as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1_048_576.0;

    /// What is known after so many seconds of work that has taken in `done(second)` bytes.
    fn after(act: Act, seconds: f64, done: impl Fn(f64) -> f64) -> (Option<f64>, Pace, u64) {
        let (mut pace, begin) = (Pace::of(act), Instant::now());
        let rounds = (seconds * 10.0) as u32;
        for round in 0..=rounds {
            let passed = f64::from(round) / 10.0;
            pace.note(begin + Duration::from_secs_f64(passed), done(passed) as u64);
        }
        let done = done(f64::from(rounds) / 10.0) as u64;
        (pace.per_second(begin + Duration::from_secs_f64(seconds)), pace, done)
    }

    fn is_about(found: f64, expected: f64) -> bool {
        (found / expected - 1.0).abs() < 0.02
    }

    #[test]
    fn a_pace_is_what_was_done_lately() {
        let steady = |seconds: f64| 1.0 + 4.0 * MIB * seconds;
        assert_eq!(after(Act::Reading, 0.3, steady).0, None, "too early");
        for seconds in [0.7, 3.0, 60.0] {
            assert!(is_about(after(Act::Reading, seconds, steady).0.expect("a pace"), 4.0 * MIB), "{seconds}");
        }
        let slower = |seconds: f64| if seconds < 20.0 { seconds * 10.0 * MIB } else { (180.0 + seconds) * MIB };
        assert!(is_about(after(Act::Fetching, 30.0, slower).0.expect("a pace"), MIB));
        let stalled = |seconds: f64| seconds.min(5.0) * MIB;
        assert!(after(Act::Fetching, 9.0, stalled).0.expect("a pace") < 0.6 * MIB, "it is seen to stand");
        assert_eq!(after(Act::Fetching, 25.0, stalled).0, None);
        assert_eq!(after(Act::Reading, 5.0, |_| 0.0).0, None);
    }

    #[test]
    fn what_lies_in_buffers_is_not_taken_for_sent() {
        // Three MiB are taken at once, and then as fast as they leave.
        let buffered = |seconds: f64| 3.0 * MIB + 0.7 * MIB * seconds;
        assert_eq!(after(Act::Pushing, 2.2, buffered).0, None, "the buffers fill");
        for seconds in [3.0, 6.0, 40.0] {
            let (rate, pace, done) = after(Act::Pushing, seconds, buffered);
            assert!(is_about(rate.expect("a pace"), 0.7 * MIB), "{seconds}: {rate:?}");
            let left = pace.left(done, 100 << 20) as f64;
            assert!(is_about(left, 100.0 * MIB - 0.7 * MIB * seconds), "{seconds}: {left}");
        }
        // As a system takes it, which empties a buffer by half before it says so.
        let lumps = |seconds: f64| 5.5 * MIB + (seconds / 1.4).floor() * 1.4 * MIB;
        for seconds in [5.0, 6.1, 8.3, 20.0] {
            let (rate, pace, done) = after(Act::Pushing, seconds, lumps);
            assert!((rate.expect("a pace") / MIB - 1.0).abs() < 0.1, "{seconds}: {rate:?}");
            let left = pace.left(done, 100 << 20) as f64 / MIB;
            assert!((left + seconds - 100.0).abs() < 1.5, "{seconds}: {left}");
        }
        // A way that becomes slower has not grown a buffer.
        let slower = |seconds: f64| if seconds < 10.0 { seconds * 8.0 * MIB } else { (70.0 + seconds) * MIB };
        let (_, pace, done) = after(Act::Pushing, 30.0, slower);
        let ahead = pace.left(done, 200 << 20) - ((200 << 20) - done);
        assert!((ahead as f64) < MIB, "{ahead}");
    }
}
