//! `Blobs`: the blobs of a transfer that are on their way, each as far as it is.

use std::time::{Duration, Instant};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::progress::Act;

use super::amount::Amount;
use super::pace::Pace;

/// What is smaller is over before anybody could read its line.
const LARGE: u64 = 1 << 20;

/// One that is on its way.
#[derive(Debug)]
pub(super) struct Blob {
    act: Act,
    digest: Digest,
    size: u64,
    done: u64,
    begin: Instant,
    pace: Pace,
    /// When it was told of last, where each is told of as it goes on.
    told: Option<Instant>,
}

/// Those that are on their way, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    moving: Vec<Blob>,
    /// How many large ones have begun.
    large: usize,
}

impl Blobs {
    /// So much of it is done.
    pub(super) fn note(&mut self, now: Instant, act: Act, (digest, size): (Digest, u64), done: u64) -> &mut Blob {
        let known = self.moving.iter().position(|blob| blob.digest == digest);
        let at = known.unwrap_or_else(|| {
            self.large += usize::from(size >= LARGE);
            self.moving.push(Blob { act, digest, size, done: 0, begin: now, pace: Pace::of(act), told: None });
            self.moving.len() - 1
        });
        let blob = &mut self.moving[at];
        blob.done = blob.done.max(done.min(size));
        blob.pace.note(now, blob.done);
        blob
    }

    /// It is no longer on its way. Says how long it was, where that was seen.
    pub(super) fn end(&mut self, now: Instant, digest: Digest) -> Option<Duration> {
        let at = self.moving.iter().position(|blob| blob.digest == digest)?;
        Some(now.saturating_duration_since(self.moving.remove(at).begin))
    }

    /// Those that have a line of their own while they move.
    pub(super) fn drawn(&self) -> impl Iterator<Item = &Blob> {
        self.moving.iter().filter(|blob| blob.size >= LARGE)
    }

    /// Whether one line says all: there was one blob that takes long, and it is on its way.
    pub(super) fn are_one(&self) -> bool {
        self.large == 1 && self.drawn().count() == 1
    }
}

impl Blob {
    /// Its digest in short, and without the algorithm: a bar has little room.
    pub(super) fn name(&self) -> String {
        let short = short(self.digest);
        short.split_once(':').map_or(short.clone(), |(_, hex)| hex.to_owned())
    }

    /// How many of its bytes have passed.
    pub(super) const fn done(&self) -> u64 {
        self.done
    }

    pub(super) fn amount(&self, now: Instant) -> Amount {
        let Self { act, done, size: total, .. } = *self;
        Amount {
            done,
            total,
            per_second: self.pace.per_second(now),
            left: self.pace.left(done, total),
            awaits_registry: act == Act::Pushing && done >= total,
            counts_plugins: false,
        }
    }

    /// Whether it is told of now, who is told at most once within `pause`.
    pub(super) fn is_due(&mut self, now: Instant, pause: Duration) -> bool {
        let is_due = self.told.is_none_or(|told| now.saturating_duration_since(told) >= pause);
        if is_due {
            self.told = Some(now);
        }
        is_due
    }
}

/// As much of a digest as tells blobs apart.
pub(crate) fn short(digest: Digest) -> String {
    let text = digest.to_string();
    let end = text.find(':').map_or(0, |colon| colon + 13).min(text.len());
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_line_while_it_moves_and_one_says_all_only_where_there_is_one() {
        let (mut blobs, now) = (Blobs::default(), Instant::now());
        let [first, second, small] = [(b"1", LARGE), (b"2", LARGE), (b"3", LARGE - 1)].map(|(x, n)| (Digest::of(x), n));
        blobs.note(now, Act::Pushing, small, 5);
        assert!(blobs.drawn().next().is_none() && !blobs.are_one());
        blobs.note(now, Act::Pushing, first, 9);
        assert!(blobs.are_one());
        blobs.note(now, Act::Pushing, first, 7);
        assert_eq!(blobs.drawn().next().expect("it moves").amount(now).done, 9, "it never goes back");
        blobs.note(now, Act::Pushing, second, 1);
        assert_eq!(blobs.drawn().count(), 2);
        assert_eq!(blobs.end(now + LONG, first.0), Some(LONG));
        assert!(!blobs.are_one(), "there were two");
        assert_eq!(blobs.end(now, first.0), None);
    }

    #[test]
    fn who_is_told_of_each_is_told_now_and_then() {
        let (mut blobs, now, blob) = (Blobs::default(), Instant::now(), (Digest::of(b"1"), 10));
        let mut is_due = |after| blobs.note(now + after, Act::Fetching, blob, 1).is_due(now + after, LONG);
        assert_eq!([Duration::ZERO, LONG / 2, LONG, LONG + LONG / 2].map(&mut is_due), [true, false, true, false]);
    }

    const LONG: Duration = Duration::from_secs(3);
}
