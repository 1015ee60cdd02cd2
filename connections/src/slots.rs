//! `Slots`: so many connections at a time, and those that get on before those that do not.
//!
//! Clients that say nothing, drip, or do not read, hold a slot at no cost to them. When all slots are taken, the
//! connection that got on least lately makes room: first of those that nobody waits for anything over, which have no
//! request, and then of those in the middle of one. One that gets on is never in the way of that, and neither is one whose
//! request is being worked on: that it does not get on is not its client's doing.
//!
//! Connections come in turn, so whoever comes behind thousands that say nothing waits for each of them to get a slot
//! and lose it. That is why those are left alone so much shorter: the next client's wait is their number by that time.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aisoc_manifests::address::{Zone, zone};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// How far a connection must have come to have got on.
const STEP_BYTES: u64 = 64 << 10;
/// How soon a full house is looked at again, at the latest and at the earliest.
const SOON: Duration = Duration::from_millis(50);
const LEAST: Duration = Duration::from_millis(1);

/// How many connections there are, and which of them give way.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    /// Connections at a time.
    pub most: usize,
    /// Most for one other machine. All programs of this machine have one address, so it has no such limit.
    pub most_per_peer: usize,
    /// How long a connection is left alone after it got on, in the middle of a request or of its answer.
    pub patience: Duration,
    /// How long one is left alone that has no request: since it came, or since its last answer was taken.
    pub patience_between: Duration,
}

/// The table of connections.
#[derive(Debug)]
pub struct Slots {
    taken: Mutex<Vec<Arc<Slot>>>,
    freed: Notify,
    crowd: Crowd,
    /// Connections at a time, as it is now.
    most: AtomicUsize,
}

/// One connection.
#[derive(Debug)]
pub struct Slot {
    peer: IpAddr,
    progress: Mutex<Progress>,
    evicted: Notify,
}

/// A request that is worked on. Dropping it is the end of that.
#[derive(Debug)]
pub struct Work(Arc<Slot>);

#[derive(Debug)]
struct Progress {
    at: Instant,
    bytes: u64,
    /// How many of its requests came whole and are not answered to the end.
    open: usize,
    /// Whether what was written waits for its client to read.
    is_unread: bool,
    /// Whether somebody who may ask has asked over it.
    is_known: bool,
    /// How many of its requests are worked on.
    at_work: usize,
    is_evicted: bool,
}

/// A slot while it is taken; dropping it frees the slot.
#[derive(Debug)]
pub struct Taken {
    slots: Arc<Slots>,
    /// The slot.
    pub slot: Arc<Slot>,
}

impl Slots {
    /// A table without a connection.
    pub fn new(crowd: Crowd) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), freed: Notify::new(), crowd, most: crowd.most.into() })
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.table().len()
    }

    /// Waits for a slot. `None` when that machine has its share, and every connection of it gets on.
    pub async fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Taken> {
        loop {
            match self.try_take(peer) {
                Ok(taken) => return taken,
                Err(Full { until }) => drop(timeout(until.min(SOON), self.freed.notified()).await),
            }
        }
    }

    /// Has one slot fewer than connections, until [`Slots::widen`]: those that got on least lately go, if they did not for a
    /// while.
    pub fn narrow(&self) {
        let mut taken = self.table();
        let most = self.most.load(Ordering::Relaxed).min(taken.len()).saturating_sub(1).max(1);
        self.most.store(most, Ordering::Relaxed);
        while taken.len() > most && make_room(&mut taken, &self.crowd, |_| true) {}
    }

    /// Has as many slots as it was made with.
    pub fn widen(&self) {
        self.most.store(self.crowd.most, Ordering::Relaxed);
    }

    /// The share of one machine first: it must not make room among the connections of others.
    fn try_take(self: &Arc<Self>, peer: IpAddr) -> Result<Option<Taken>, Full> {
        let mut taken = self.table();
        let of_peer = |slot: &Slot| slot.peer == peer;
        let crowd = &self.crowd;
        let most = self.most.load(Ordering::Relaxed);
        let is_crowd =
            zone(peer) != Zone::Loopback && taken.iter().filter(|slot| of_peer(slot)).count() >= crowd.most_per_peer;
        if is_crowd && !make_room(&mut taken, crowd, of_peer) {
            return Ok(None);
        }
        if taken.len() >= most && !make_room(&mut taken, crowd, |_| true) {
            let until = taken.iter().filter_map(|slot| slot.waits_in(crowd)).min();
            return Err(Full { until: until.unwrap_or(SOON).max(LEAST) });
        }
        let slot = Arc::new(Slot {
            peer,
            progress: Mutex::new(Progress {
                at: Instant::now(),
                bytes: 0,
                open: 0,
                is_unread: false,
                is_known: false,
                at_work: 0,
                is_evicted: false,
            }),
            evicted: Notify::new(),
        });
        taken.push(Arc::clone(&slot));
        Ok(Some(Taken { slots: Arc::clone(self), slot }))
    }

    fn table(&self) -> MutexGuard<'_, Vec<Arc<Slot>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every slot is taken by a connection that gets on.
struct Full {
    /// How long the first of them is still left alone.
    until: Duration,
}

/// Evicts the connection that got on least lately, if there is one that did not for a while; one in the middle of a request
/// after all of those that have none, and one of somebody who is known after all of those who are not.
fn make_room(taken: &mut Vec<Arc<Slot>>, crowd: &Crowd, may_go: impl Fn(&Slot) -> bool) -> bool {
    loop {
        let candidates = taken.iter().enumerate().filter(|(_, slot)| may_go(slot));
        let waiting = candidates.filter_map(|(at, slot)| slot.waits(crowd).map(|rank| (rank, at)));
        let Some((_, at)) = waiting.min() else { return false };
        if taken[at].evict() {
            // Out of the table before it is gone: its slot is free now, and its end frees nothing twice.
            taken.swap_remove(at);
            return true;
        }
    }
}

impl Slot {
    /// Counts bytes that moved, in either direction.
    pub fn moved(&self, bytes: usize) {
        let mut progress = self.progress();
        // In steps, so that a byte now and then is no progress.
        progress.bytes += bytes as u64;
        if progress.bytes >= STEP_BYTES {
            (progress.at, progress.bytes) = (Instant::now(), 0);
        }
    }

    /// Notes that so many requests are whole: that is getting on too.
    pub fn asked(&self, requests: usize) {
        let mut progress = self.progress();
        progress.open += requests;
        progress.at = Instant::now();
    }

    /// Notes that one of them is answered, and the answer was taken: from now on the client is not waited for in the middle
    /// of anything.
    pub fn answered(&self) {
        let mut progress = self.progress();
        progress.open = progress.open.saturating_sub(1);
        progress.at = Instant::now();
    }

    /// Notes whether what was written waits for its client to read.
    pub fn unread(&self, is_unread: bool) {
        self.progress().is_unread = is_unread;
    }

    /// Waits until the connection must make room.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Notes that whoever asks over it may.
    pub fn known(&self) {
        self.progress().is_known = true;
    }

    /// Notes that one of its requests is worked on, as long as what this gives lives. Nothing for a connection that must
    /// make room: what it has asked for is not begun.
    pub fn work(self: &Arc<Self>) -> Option<Work> {
        let mut progress = self.progress();
        if progress.is_evicted {
            return None;
        }
        progress.at_work += 1;
        Some(Work(Arc::clone(self)))
    }

    /// Whether it is known, whether it is in the middle of a request, and since when its client is waited for: those that
    /// are less go first. Nothing of one that is worked for, or is left alone yet.
    fn waits(&self, crowd: &Crowd) -> Option<(bool, bool, Instant)> {
        let progress = self.progress();
        let is_due = progress.left_alone(crowd)?.is_zero();
        is_due.then_some((progress.is_known, progress.is_in_the_middle(), progress.at))
    }

    /// How long it is still left alone; nothing of one that is worked for, which may take as long as it takes.
    fn waits_in(&self, crowd: &Crowd) -> Option<Duration> {
        self.progress().left_alone(crowd)
    }

    /// Makes it go, unless it has begun to be worked for.
    fn evict(&self) -> bool {
        let mut progress = self.progress();
        progress.is_evicted = progress.at_work == 0;
        if progress.is_evicted {
            self.evicted.notify_one();
        }
        progress.is_evicted
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn is_in_the_middle(&self) -> bool {
        self.open > 0 || self.is_unread
    }

    fn left_alone(&self, crowd: &Crowd) -> Option<Duration> {
        let patience = if self.is_in_the_middle() { crowd.patience } else { crowd.patience_between };
        (self.at_work == 0).then(|| patience.saturating_sub(self.at.elapsed()))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let mut progress = self.0.progress();
        // From now on the client is waited for.
        progress.at = Instant::now();
        progress.at_work -= 1;
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
    use std::net::Ipv4Addr;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn slots(most: usize, patience: Duration) -> Arc<Slots> {
        Slots::new(Crowd { most, most_per_peer: 9, patience, patience_between: patience })
    }

    #[tokio::test]
    async fn the_connection_that_got_on_least_lately_makes_room() {
        let (slots, here) = (slots(2, PATIENCE), HERE);
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

    #[tokio::test]
    async fn who_has_no_request_goes_before_who_is_in_the_middle_of_one_and_far_sooner() {
        let crowd = Crowd { most: 3, most_per_peer: 9, patience: PATIENCE, patience_between: Duration::ZERO };
        let slots = Slots::new(crowd);
        let [asking, answered, silent] = [
            slots.take(HERE).await.expect("free"),
            slots.take(HERE).await.expect("free"),
            slots.take(HERE).await.expect("free"),
        ];
        asking.slot.asked(1);
        answered.slot.asked(2);
        answered.slot.answered();
        // Of its two requests one is not answered.
        let fourth = slots.take(HERE).await.expect("room at once");
        timeout(SOON, silent.slot.evicted()).await.expect("it has said nothing");
        answered.slot.answered();
        fourth.slot.asked(1);
        let fifth = slots.take(HERE).await.expect("room at once");
        timeout(SOON, answered.slot.evicted()).await.expect("nothing is open over it");
        fifth.slot.asked(1);
        let began = Instant::now();
        let _sixth = slots.take(HERE).await.expect("room in the end");
        timeout(SOON, asking.slot.evicted()).await.expect("it has waited longest");
        assert!(began.elapsed() > PATIENCE / 2, "in the middle of a request it is left alone longer");
    }

    #[tokio::test]
    async fn thousands_that_say_nothing_are_gone_within_a_second() {
        const COUNT: usize = 10_000;
        let crowd =
            Crowd { most: 256, most_per_peer: 9, patience: PATIENCE, patience_between: Duration::from_millis(10) };
        let slots = Slots::new(crowd);
        let busy = slots.take(HERE).await.expect("free");
        busy.slot.asked(1);
        let began = Instant::now();
        let mut all = Vec::new();
        for _ in 0..COUNT {
            busy.slot.moved(usize::try_from(STEP_BYTES).expect("fits"));
            all.push(slots.take(HERE).await.expect("room"));
        }
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(timeout(SOON, busy.slot.evicted()).await.is_err(), "who gets on stays");
    }

    #[tokio::test]
    async fn who_is_known_or_is_being_answered_stays_before_who_is_not() {
        let slots = slots(3, Duration::ZERO);
        let [first, second, third] = [
            slots.take(HERE).await.expect("free"),
            slots.take(HERE).await.expect("free"),
            slots.take(HERE).await.expect("free"),
        ];
        first.slot.known();
        let work = second.slot.work().expect("it stays");
        let fourth = slots.take(HERE).await.expect("room");
        third.slot.evicted().await;
        let work = (work, fourth.slot.work().expect("it stays"));
        let fifth = slots.take(HERE).await.expect("room");
        first.slot.evicted().await;
        assert!(first.slot.work().is_none(), "nothing is begun for who has to go");
        let all = (work, fifth.slot.work().expect("it stays"));
        let waits = timeout(4 * SOON, slots.take(HERE)).await;
        assert!(waits.is_err(), "everybody is being answered");
        drop(all);
        let _last = slots.take(HERE).await.expect("room");
        assert_eq!(slots.count(), 3);
        // Fewer, for as long as there is no room for all of them, and never none.
        for most in [2, 1, 1] {
            slots.narrow();
            assert_eq!(slots.count(), most);
        }
        let again = slots.take(HERE).await.expect("room");
        assert_eq!(slots.count(), 1);
        slots.widen();
        let _others = [slots.take(HERE).await.expect("free"), slots.take(HERE).await.expect("free")];
        assert_eq!(slots.count(), 3);
        assert!(timeout(SOON, again.slot.evicted()).await.is_err(), "it stays");
    }
}
