//! `Slots`: so many connections at a time, and those that get on before those that do not.
//!
//! Clients that drip, or do not read, hold a slot at no cost to them. When all slots are taken, the
//! connection that got on least lately makes room; one that gets on is never in the way of that.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aisoc_manifests::address::{Zone, zone};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// How far a connection must have come to have got on.
const STEP_BYTES: u64 = 64 << 10;
/// How long a connection is left alone after it got on.
const PATIENCE: Duration = Duration::from_secs(1);
/// How soon a full house is looked at again.
const SOON: Duration = Duration::from_millis(50);

/// The table of connections.
#[derive(Debug)]
pub(crate) struct Slots {
    taken: Mutex<Vec<Arc<Slot>>>,
    freed: Notify,
    most: usize,
    /// Most for one other machine. All programs of this machine have one address, so it has no such limit.
    most_per_peer: usize,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Slot {
    peer: IpAddr,
    progress: Mutex<Progress>,
    evicted: Notify,
}

#[derive(Debug)]
struct Progress {
    at: Instant,
    bytes: u64,
}

/// A slot while it is taken; dropping it frees the slot.
#[derive(Debug)]
pub(crate) struct Taken {
    slots: Arc<Slots>,
    pub(crate) slot: Arc<Slot>,
}

impl Slots {
    pub(crate) fn new(most: usize, most_per_peer: usize) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), freed: Notify::new(), most, most_per_peer })
    }

    /// Waits for a slot. `None` when that machine has its share, and every connection of it gets on.
    pub(crate) async fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Taken> {
        loop {
            match self.try_take(peer) {
                Ok(taken) => return taken,
                Err(Full) => drop(timeout(SOON, self.freed.notified()).await),
            }
        }
    }

    /// The share of one machine first: it must not make room among the connections of others.
    fn try_take(self: &Arc<Self>, peer: IpAddr) -> Result<Option<Taken>, Full> {
        let mut taken = self.table();
        let of_peer = |slot: &Slot| slot.peer == peer;
        let is_crowd =
            zone(peer) != Zone::Loopback && taken.iter().filter(|slot| of_peer(slot)).count() >= self.most_per_peer;
        if is_crowd && !make_room(&mut taken, of_peer) {
            return Ok(None);
        }
        if taken.len() >= self.most && !make_room(&mut taken, |_| true) {
            return Err(Full);
        }
        let progress = Mutex::new(Progress { at: Instant::now(), bytes: 0 });
        let slot = Arc::new(Slot { peer, progress, evicted: Notify::new() });
        taken.push(Arc::clone(&slot));
        Ok(Some(Taken { slots: Arc::clone(self), slot }))
    }

    fn table(&self) -> MutexGuard<'_, Vec<Arc<Slot>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every slot is taken by a connection that gets on.
struct Full;

/// Evicts the connection that got on least lately, if there is one that did not for a while.
fn make_room(taken: &mut Vec<Arc<Slot>>, may_go: impl Fn(&Slot) -> bool) -> bool {
    let candidates = taken.iter().enumerate().filter(|(_, slot)| may_go(slot));
    let last = candidates.map(|(at, slot)| (slot.got_on(), at)).min();
    let Some((_, at)) = last.filter(|(got_on, _)| got_on.elapsed() >= PATIENCE) else {
        return false;
    };
    // Out of the table before it is gone: its slot is free now, and its end frees nothing twice.
    taken.swap_remove(at).evicted.notify_one();
    true
}

impl Slot {
    /// Counts bytes that moved, in either direction.
    pub(crate) fn moved(&self, bytes: usize) {
        let mut progress = self.progress();
        // In steps, so that a byte now and then is no progress.
        progress.bytes += bytes as u64;
        if progress.bytes >= STEP_BYTES {
            *progress = Progress { at: Instant::now(), bytes: 0 };
        }
    }

    /// Notes that a request is whole: that is getting on too.
    pub(crate) fn asked(&self) {
        self.progress().at = Instant::now();
    }

    /// Waits until the connection must make room.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    fn got_on(&self) -> Instant {
        self.progress().at
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.slots.table().retain(|slot| !Arc::ptr_eq(slot, &self.slot));
        self.slots.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_connection_that_got_on_least_lately_makes_room() {
        let slots = Slots::new(2, 9);
        let here = "127.0.0.1".parse().expect("an address");
        let (slow, busy) = (slots.take(here).await.expect("free"), slots.take(here).await.expect("free"));
        tokio::time::sleep(PATIENCE).await;
        busy.slot.moved(usize::try_from(STEP_BYTES).expect("fits"));
        slow.slot.moved(1);
        let third = slots.take(here).await.expect("room");
        slow.slot.evicted().await;
        assert_eq!(slots.table().len(), 2);
        drop((slow, third));
        assert_eq!(slots.table().len(), 1, "an evicted connection frees its slot once");
    }
}
