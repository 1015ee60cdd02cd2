//! `Decided`: what the host has decided by itself about what runs, until it stands in the journal.

use std::collections::VecDeque;
use std::sync::Mutex;

use aisoc_manifests::fault::Result;
use aisoc_manifests::text::shown;
use aisoc_trust::journal::{Action, Entry, JournalTime};
use jiff::Timestamp;

use crate::audit::Subject;
use crate::held::locked;

/// Most characters of why, of a decision of the host's.
const MAX_REASON: usize = 500;
/// Most decisions of the host's that wait to be written down: what is held is decided about one by one, and each keeps some
/// hundred bytes.
const MAX_DECIDED: usize = 65_536;

/// What the host has decided by itself about what runs, until it is written down: whoever decides waits for nobody's lock.
#[derive(Debug, Default)]
pub(crate) struct Decided(Mutex<VecDeque<Entry>>);

impl Decided {
    /// One more; of too many, the first are forgotten here, and were told as events.
    pub(crate) fn add(&self, at: Timestamp, action: Action, of: Subject, why: Option<&str>) {
        let Subject { id, version, hash } = of;
        let reason = why.map(|why| shown(why, MAX_REASON));
        let mut waiting = locked(&self.0);
        waiting.push_back(Entry { at: JournalTime::utc(at), action, id, version, hash, reason });
        if waiting.len() > MAX_DECIDED {
            waiting.pop_front();
        }
    }

    /// Has all that waits written, in the order in which it was decided. What cannot be written waits for the next time.
    pub(crate) fn write(&self, write: impl FnOnce(&[Entry]) -> Result<()>) {
        let taken = std::mem::take(&mut *locked(&self.0));
        let entries = Vec::from(taken);
        if !entries.is_empty() && write(&entries).is_err() {
            let mut waiting = locked(&self.0);
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
}
