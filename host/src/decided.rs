//! `Decided`: what the host has decided by itself about what runs, until it stands in the journal.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use aisoc_manifests::fault::Result;
use aisoc_manifests::text::shown;
use aisoc_trust::journal::{Action, Entry, JournalTime};
use jiff::{SignedDuration, Timestamp};

use crate::audit::Subject;
use crate::held::locked;

/// Most characters of why, of a decision of the host's.
const MAX_REASON: usize = 500;
/// Most decisions of the host's that wait to be written down: what is held is decided about one by one, and each keeps some
/// hundred bytes.
const MAX_DECIDED: usize = 65_536;

/// How many plugins are remembered by what was denied to them last. What is denied to more of them is told as events alone.
const MAX_DENIED: usize = 20_000;
/// How often something may be denied to a plugin with a line for it, at most,
const DENIAL_PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// and how often the same as the time before: it is tried again and again.
const SAME_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// What the host has decided by itself about what runs, until it is written down: whoever decides waits for nobody's lock.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    waiting: Mutex<VecDeque<Entry>>,
    denied: Mutex<HashMap<(Action, String), (Timestamp, String)>>,
}

impl Decided {
    /// As [`Decided::add`], of what whoever is denied it asks for as often as they like: one line a minute for each plugin, and
    /// one an hour where it is the same.
    pub(crate) fn deny(&self, at: Timestamp, action: Action, of: Subject, why: &str) {
        if self.is_news(at, (action, of.id.clone().unwrap_or_default()), why) {
            self.add(at, action, of, Some(why));
        }
    }

    fn is_news(&self, at: Timestamp, of: (Action, String), why: &str) -> bool {
        let why = shown(why, MAX_REASON);
        let mut denied = locked(&self.denied);
        if let Some((last, said)) = denied.get(&of) {
            let pause = if *said == why { SAME_PAUSE } else { DENIAL_PAUSE };
            // A clock that was ahead is no reason to be silent until then.
            if *last <= at && at.duration_since(*last) < pause {
                return false;
            }
        } else if denied.len() >= MAX_DENIED {
            denied.retain(|_, (last, _)| *last <= at && at.duration_since(*last) < SAME_PAUSE);
            if denied.len() >= MAX_DENIED {
                return false;
            }
        }
        denied.insert(of, (at, why));
        true
    }

    /// One more; of too many, the first are forgotten here, and were told as events.
    pub(crate) fn add(&self, at: Timestamp, action: Action, of: Subject, why: Option<&str>) {
        let Subject { id, version, hash } = of;
        let reason = why.map(|why| shown(why, MAX_REASON));
        let mut waiting = locked(&self.waiting);
        waiting.push_back(Entry { at: JournalTime::utc(at), action, id, version, hash, reason });
        if waiting.len() > MAX_DECIDED {
            waiting.pop_front();
        }
    }

    /// Has all that waits written, in the order in which it was decided. What cannot be written waits for the next time.
    pub(crate) fn write(&self, write: impl FnOnce(&[Entry]) -> Result<()>) {
        let taken = std::mem::take(&mut *locked(&self.waiting));
        let entries = Vec::from(taken);
        if !entries.is_empty() && write(&entries).is_err() {
            let mut waiting = locked(&self.waiting);
            let behind = std::mem::replace(&mut *waiting, entries.into());
            waiting.extend(behind);
            let too_many = waiting.len().saturating_sub(MAX_DECIDED);
            waiting.drain(..too_many);
        }
    }
}

#[cfg(test)]
mod tests {
    use aisoc_manifests::fault::{Fault, Reason};

    use super::*;

    fn add(decided: &Decided, number: usize) {
        let of = Subject { id: Some(number.to_string()), ..Subject::default() };
        decided.add(Timestamp::UNIX_EPOCH, Action::Refuse, of, Some("key_revoked: x"));
    }

    fn written(decided: &Decided) -> Vec<usize> {
        let mut ids = Vec::new();
        decided.write(|entries| {
            let ids_of = entries.iter().filter_map(|entry| entry.id.as_ref()?.parse::<usize>().ok());
            ids.extend(ids_of);
            Ok(())
        });
        ids
    }

    #[test]
    fn what_could_not_be_written_is_written_the_next_time_and_in_its_order() {
        let decided = Decided::default();
        add(&decided, 1);
        decided.write(|_| {
            add(&decided, 2);
            Err(Fault::new(Reason::Locked, "somebody writes"))
        });
        add(&decided, 3);
        assert_eq!(written(&decided), [1, 2, 3]);
        assert!(written(&decided).is_empty(), "and once");
    }

    #[test]
    fn so_many_wait_and_the_first_go() {
        let decided = Decided::default();
        for number in 0..=MAX_DECIDED {
            add(&decided, number);
        }
        decided.write(|_| Err(Fault::new(Reason::Locked, "somebody writes")));
        let written = written(&decided);
        assert_eq!((written.len(), written[0], written.last()), (MAX_DECIDED, 1, Some(&MAX_DECIDED)));
    }

    #[test]
    fn what_is_denied_again_and_again_is_written_once_a_minute_and_the_same_once_an_hour() {
        let decided = Decided::default();
        let deny = |seconds: i64, id: &str, why: &str| {
            let (at, of) = (Timestamp::from_second(seconds).expect("a time"), Some(id.to_owned()));
            decided.deny(at, Action::Refuse, Subject { id: of, ..Subject::default() }, why);
            let mut count = 0;
            decided.write(|entries| {
                count = entries.len();
                Ok(())
            });
            count
        };
        for (seconds, id, why, count) in [
            (0, "a", "x", 1),
            (59, "a", "y", 0),
            (60, "a", "y", 1),
            (60, "b", "y", 1),
            (3659, "a", "y", 0),
            (3660, "a", "y", 1),
            (10, "a", "y", 1),
        ] {
            assert_eq!(deny(seconds, id, why), count, "{id} {why} at {seconds}");
        }
    }

    #[test]
    fn so_many_plugins_are_remembered_and_who_has_been_quiet_makes_room() {
        let decided = Decided::default();
        let is_news = |seconds: i64, id: &str| {
            let at = Timestamp::from_second(seconds).expect("a time");
            decided.is_news(at, (Action::Refuse, id.to_owned()), "x")
        };
        for number in 0..MAX_DENIED {
            assert!(is_news(i64::from(number > 0), &number.to_string()));
        }
        assert!(!is_news(2, "more"), "and one more is not");
        assert!(is_news(3600, "more"), "the first has been quiet for an hour");
        assert!(!is_news(3600, "too many"));
    }
}
