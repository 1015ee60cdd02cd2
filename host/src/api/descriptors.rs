//! `Descriptors`: how many files and connections a host may have open, and that clients leave some of them to the host.

use std::os::fd::{AsFd, AsRawFd as _};
use std::sync::Arc;

use aisoc_connections::Slots;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// So many are left to what a host does itself: to read keys, tokens and the lock, to write its journal and logs, to start a
/// plugin; half of them, where there are few. Whoever shows no token could hold all others.
const RESERVE: u64 = 128;

/// What a host may have open.
pub(super) struct Descriptors {
    /// Most of them; nothing where the system sets no limit.
    most: Option<u64>,
    slots: Arc<Slots>,
}

impl Descriptors {
    /// As many as this process may have at all: the usual limit is one for programs that hold the numbers in a fixed table.
    /// Plugins have limits of their own.
    pub(super) fn raised(slots: Arc<Slots>) -> Self {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // What nobody may raise stays as it is, and is what counts.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        Self { most: getrlimit(Resource::Nofile).current, slots }
    }

    /// Whether a connection that has come may stay. Systems give the lowest number that is free, so one near the last says that
    /// nearly all are taken: then it stays where another one makes room.
    pub(super) fn may_stay(&self, connection: impl AsFd) -> bool {
        !self.is_near_the_last(connection.as_fd().as_raw_fd()) || self.make_room()
    }

    /// Lets the connection go whose client was waited for longest.
    pub(super) fn make_room(&self) -> bool {
        self.slots.make_room()
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
        let slots = Slots::new(Crowd { most: 1, most_per_peer: 1, patience: std::time::Duration::ZERO });
        let limited = Descriptors { most: Some(1024), slots: Arc::clone(&slots) };
        for (number, is_near) in [(3, false), (895, false), (896, true), (1023, true)] {
            assert_eq!(limited.is_near_the_last(number), is_near, "{number}");
        }
        assert!(!Descriptors { most: None, slots: Arc::clone(&slots) }.is_near_the_last(i32::MAX));
        let few = Descriptors { most: Some(64), slots };
        assert_eq!([31, 32].map(|number| few.is_near_the_last(number)), [false, true]);
    }
}
