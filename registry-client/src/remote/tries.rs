//! `Tries`: the pauses between tries of one task.

use std::collections::BTreeMap;
use std::time::Duration;

use aisoc_manifests::cancellation::Cancellation;
use tokio::time::{Instant, sleep};

use super::connection::Connection;
use crate::limits::{MAX_TRIES, USUAL_SILENCE};

/// The pauses between tries of one task. What is bounded is the waiting: a download that took ten
/// minutes may still be resumed.
#[derive(Debug)]
pub(super) struct Tries {
    made: u32,
    /// How many ended in a failure of that limit.
    of_limit: BTreeMap<u32, u32>,
    /// How many there are at most, whatever ends them.
    most: u32,
    next: Duration,
    left: Duration,
    ends: Instant,
    registry: String,
    cancellation: Cancellation,
}

impl Tries {
    pub(super) fn new(connection: &Connection) -> Self {
        let options = &connection.options;
        Self {
            made: 1,
            of_limit: BTreeMap::new(),
            most: connection.most_tries,
            next: options.backoff,
            left: options.limits.exchange,
            ends: connection.wire.ends(),
            registry: connection.registry().to_string(),
            cancellation: options.cancellation.clone(),
        }
    }

    /// No more tries after that moment: the last answer says more than the end of the wait does.
    pub(super) fn until(self, end: Instant) -> Self {
        Self { ends: self.ends.min(end), ..self }
    }

    /// Waits as [`Tries::pause`] does, for one request of several: its last answer says more than the end of the wait.
    pub(super) async fn pause_until(&mut self, end: Instant, limit: u32, asked: Option<Duration>) -> bool {
        let ends = self.ends;
        self.ends = ends.min(end);
        let may = self.pause(limit, asked).await;
        self.ends = ends;
        may
    }

    /// Waits before another try, or says that there is none: `limit` tries ended so, or as many as may be made at
    /// all, or the waits together would take longer than an exchange may, or than the operation.
    pub(super) async fn pause(&mut self, limit: u32, asked: Option<Duration>) -> bool {
        let wait = jittered(self.next).max(asked.unwrap_or_default());
        let of_limit = self.of_limit.entry(limit).or_default();
        *of_limit += 1;
        // A failure that is given up early is counted apart: two of the registry are none of its store. One that
        // asks to wait for a year is not available.
        let is_left = *of_limit < limit && self.made < limit.max(MAX_TRIES).min(self.most);
        let may = is_left && Instant::now() + wait < self.ends;
        let Some(left) = self.left.checked_sub(wait).filter(|_| may) else {
            return false;
        };
        if wait >= USUAL_SILENCE {
            let (registry, seconds) = (&self.registry, wait.as_secs());
            self.cancellation.waits_for(&format!("{seconds} s, as `{registry}` asks, before it is asked again"));
        }
        sleep(wait).await;
        self.left = left;
        self.made += 1;
        self.next *= 2;
        true
    }
}

/// Half fixed, half random: clients that were refused together do not come back together. Without
/// randomness the pause is only shorter, so its absence is no reason to fail.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(0);
    pause / 2 + pause.mul_f64(f64::from(random) / f64::from(u32::MAX)) / 2
}
