//! `Descriptors`: how many files and connections a host may have open, and that clients leave some of them to the host.

use std::os::fd::{AsFd, AsRawFd as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aisoc_connections::Slots;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Mutex;

/// So many are left to what a host does itself: to read keys, tokens and the lock, to write its journal and logs, to start a
/// plugin; half of them, where there are few. Whoever shows no token could hold all others.
const RESERVE: u64 = 128;

/// How long a connection has to be closed before the next one is taken.
const TURN: Duration = Duration::from_millis(1);
/// How long there are fewer connections than a host has places for.
const NARROW: Duration = Duration::from_secs(1);

/// What a host may have open.
pub(super) struct Descriptors {
    /// Most of them; nothing where the system sets no limit.
    most: Option<u64>,
    slots: Arc<Slots>,
    /// When there were too many connections last.
    narrowed_at: Mutex<Option<Instant>>,
}

impl Descriptors {
    /// As many as this process may have at all: the usual limit is one for programs that hold the numbers in a fixed table.
    /// Plugins have limits of their own.
    pub(super) fn raised(slots: Arc<Slots>) -> Self {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // What nobody may raise stays as it is, and is what counts.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        Self { most: getrlimit(Resource::Nofile).current, slots, narrowed_at: Mutex::default() }
    }

    /// Looks at a connection that has come. Systems give the lowest number that is free, so one near the last says that nearly
    /// all are taken: then there are fewer connections for a while.
    pub(super) async fn look_at(&self, connection: impl AsFd) {
        let mut narrowed_at = self.narrowed_at.lock().await;
        if self.is_near_the_last(connection.as_fd().as_raw_fd()) {
            self.slots.narrow();
            *narrowed_at = Some(Instant::now());
            // Others are closed by whoever serves them, which those who come must not outrun.
            tokio::time::sleep(TURN).await;
        } else if narrowed_at.take_if(|at| at.elapsed() >= NARROW).is_some() {
            self.slots.widen();
        }
    }

    /// Lets connections go until there is a descriptor for one that waits.
    pub(super) async fn make_room(&self) {
        self.slots.narrow();
        *self.narrowed_at.lock().await = Some(Instant::now());
    }

    fn is_near_the_last(&self, number: i32) -> bool {
        let Some(most) = self.most else { return false };
        u64::try_from(number).is_ok_and(|number| number.saturating_add(RESERVE.min(most / 2)) >= most)
    }
}

#[cfg(test)]
mod tests {
    use aisoc_connections::Crowd;

    use super::*;

    #[test]
    fn the_last_ones_are_the_hosts() {
        let slots =
            Slots::new(Crowd { most: 1, most_per_peer: 1, patience: Duration::ZERO, patience_between: Duration::ZERO });
        let with = |most| Descriptors { most, slots: Arc::clone(&slots), narrowed_at: Mutex::default() };
        for (most, number, is_near) in [
            (Some(1024), 3, false),
            (Some(1024), 895, false),
            (Some(1024), 896, true),
            (Some(1024), 1023, true),
            (Some(64), 31, false),
            (Some(64), 32, true),
            (None, i32::MAX, false),
        ] {
            assert_eq!(with(most).is_near_the_last(number), is_near, "{most:?} {number}");
        }
    }
}
