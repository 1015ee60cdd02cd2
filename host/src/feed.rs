//! `Feed`: what has happened lately, for whoever watches: the newest events, each with an id of its own.
//!
//! Whoever was away asks for what is behind the last id that they have seen. What is there no more is said to be missing:
//! nobody takes a gap for silence. A watcher has no queue of its own, so one that is slow holds nothing but its place.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aisoc_pipeline::Occurrence;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Most events that are kept.
const MAX_EVENTS: usize = 1024;
/// Most watchers at a time.
const MAX_WATCHERS: usize = 32;

/// Which event: ids grow, and a host that is started again has none that one before had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventId {
    /// When the host began, in microseconds since 1970.
    began: u64,
    /// The how manieth since then, from 1.
    number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.began, self.number)
    }
}

impl FromStr for EventId {
    type Err = ();

    /// As it is written, and not otherwise.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (began, number) = text.split_once('-').ok_or(())?;
        let id = Self { began: began.parse().map_err(|_| ())?, number: number.parse().map_err(|_| ())? };
        (id.to_string() == text).then_some(id).ok_or(())
    }
}

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    /// What hosts call it.
    pub(crate) name: String,
    /// As a log has it.
    pub(crate) line: String,
}

/// What a watcher is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// That this has happened.
    Event(Arc<Event>),
    /// That what was behind an event is there no more, up to the next one that it is told of.
    Gap {
        /// The last event that it knows.
        after: EventId,
    },
}

/// The newest events.
#[derive(Debug)]
pub struct Feed {
    began: u64,
    kept: Mutex<VecDeque<Arc<Event>>>,
    /// The number of the newest; nothing once nobody is told anything any more.
    newest: watch::Sender<Option<u64>>,
    watchers: Arc<Semaphore>,
}

impl Feed {
    /// Of a host that begins now.
    pub fn begin(now: Timestamp) -> Self {
        Self {
            began: u64::try_from(now.as_microsecond()).unwrap_or_default(),
            kept: Mutex::default(),
            newest: watch::Sender::new(Some(0)),
            watchers: Arc::new(Semaphore::new(MAX_WATCHERS)),
        }
    }

    /// Tells of something that happens now.
    pub fn tell(&self, at: Timestamp, occurrence: &Occurrence) {
        let (name, line) = (occurrence.name(), occurrence.line(at));
        self.newest.send_modify(|newest| {
            let Some(number) = newest else { return };
            *number += 1;
            let event = Event { id: EventId { began: self.began, number: *number }, name, line };
            let mut kept = self.kept();
            kept.push_back(Arc::new(event));
            if kept.len() > MAX_EVENTS {
                kept.pop_front();
            }
        });
    }

    /// Lets everybody go who watches.
    pub(crate) fn end(&self) {
        self.newest.send_replace(None);
    }

    /// Watches from now on, or from behind an event. Nothing where as many watch as may.
    pub(crate) fn watch(self: &Arc<Self>, after: Option<EventId>) -> Option<Watching> {
        let place = Arc::clone(&self.watchers).try_acquire_owned().ok()?;
        let newest = self.newest.subscribe();
        let now = EventId { began: self.began, number: (*newest.borrow()).unwrap_or_default() };
        Some(Watching { feed: Arc::clone(self), after: after.unwrap_or(now), newest, _place: place })
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Arc<Event>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes behind that event; nothing where it is the newest.
    fn behind(&self, after: EventId, newest: u64) -> Option<Told> {
        let kept = self.kept();
        // Of another run of the host, or a number that there never was: whatever was behind it is not here.
        let is_ours = after.began == self.began && after.number <= newest;
        let oldest = kept.front().map_or(newest + 1, |event| event.id.number);
        if !is_ours || after.number + 1 < oldest {
            return Some(Told::Gap { after });
        }
        let at = usize::try_from(after.number + 1 - oldest).ok()?;
        kept.get(at).map(|event| Told::Event(Arc::clone(event)))
    }

    /// Before the oldest event that there is.
    fn beginning(&self, newest: u64) -> EventId {
        let oldest = self.kept().front().map_or(newest + 1, |event| event.id.number);
        EventId { began: self.began, number: oldest - 1 }
    }
}

/// Somebody who watches.
#[derive(Debug)]
pub(crate) struct Watching {
    feed: Arc<Feed>,
    after: EventId,
    newest: watch::Receiver<Option<u64>>,
    _place: OwnedSemaphorePermit,
}

impl Watching {
    /// What they are told next, once there is something; nothing when it is over.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        loop {
            let newest = (*self.newest.borrow_and_update())?;
            if let Some(told) = self.feed.behind(self.after, newest) {
                self.after = match &told {
                    Told::Event(event) => event.id,
                    Told::Gap { .. } => self.feed.beginning(newest),
                };
                return Some(told);
            }
            self.newest.changed().await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn feed() -> Arc<Feed> {
        Arc::new(Feed::begin("2026-05-24T14:32:00Z".parse().expect("a time")))
    }

    fn tell(feed: &Feed, count: usize) {
        for number in 0..count {
            feed.tell(Timestamp::UNIX_EPOCH, &Occurrence::unpinned(&number.to_string()));
        }
    }

    async fn next(watching: &mut Watching) -> Option<Told> {
        tokio::time::timeout(Duration::from_millis(50), watching.next()).await.expect("at once")
    }

    async fn number(watching: &mut Watching) -> u64 {
        match next(watching).await {
            Some(Told::Event(event)) => event.id.number,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn whoever_was_away_is_told_what_came_behind_what_they_know() {
        let feed = feed();
        tell(&feed, 3);
        let mut fresh = feed.watch(None).expect("a place");
        tell(&feed, 2);
        assert_eq!((number(&mut fresh).await, number(&mut fresh).await), (4, 5), "from now on");
        let mut back = feed.watch(Some(EventId { began: feed.began, number: 2 })).expect("a place");
        assert_eq!((number(&mut back).await, number(&mut back).await, number(&mut back).await), (3, 4, 5));
        let waits = tokio::time::timeout(Duration::from_millis(50), back.next()).await;
        assert!(waits.is_err(), "there is nothing more");
        feed.end();
        assert_eq!(next(&mut back).await, None);
        tell(&feed, 1);
        assert_eq!(next(&mut fresh).await, None, "it is over");
    }

    #[tokio::test]
    async fn what_is_there_no_more_is_said_to_be_missing() {
        let feed = feed();
        tell(&feed, MAX_EVENTS + 2);
        for (after, is_gap, first) in [
            (EventId { began: feed.began, number: 2 }, false, 3),
            (EventId { began: feed.began, number: 1 }, true, 3),
            (EventId { began: feed.began, number: 0 }, true, 3),
            (EventId { began: feed.began, number: 1_000_000 }, true, 3),
            (EventId { began: feed.began - 1, number: 5 }, true, 3),
            (EventId { began: feed.began + 1, number: 5 }, true, 3),
            (EventId { began: feed.began, number: u64::MAX }, true, 3),
        ] {
            let mut watching = feed.watch(Some(after)).expect("a place");
            if is_gap {
                assert_eq!(next(&mut watching).await, Some(Told::Gap { after }));
            }
            assert_eq!(number(&mut watching).await, first, "{after}");
        }
        // Of a host that has just begun, there is nothing behind the gap yet.
        let (feed, after) = (self::feed(), EventId { began: 1, number: 7 });
        let mut watching = feed.watch(Some(after)).expect("a place");
        assert_eq!(next(&mut watching).await, Some(Told::Gap { after }));
        tell(&feed, 1);
        assert_eq!(number(&mut watching).await, 1);
    }

    #[tokio::test]
    async fn so_many_watch_and_no_more() {
        let feed = feed();
        let mut watching: Vec<_> = (0..MAX_WATCHERS).map(|_| feed.watch(None).expect("a place")).collect();
        assert!(feed.watch(None).is_none());
        watching.pop();
        assert!(feed.watch(None).is_some());
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = EventId { began: 17, number: 3 };
        assert_eq!("17-3".parse(), Ok(id));
        for other in ["", "17", "17-", "-3", "017-3", "17-03", "+17-3", "17-3 ", "17-3-1", "17-99999999999999999999"] {
            assert!(other.parse::<EventId>().is_err(), "{other:?}");
        }
    }
}
