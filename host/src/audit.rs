//! What operators have a host do, in the journal of its site: a line that stands before it is done, and the lines that
//! stand there.
//!
//! What cannot be written down is not done. A call changes nothing, and has no line.

use std::collections::VecDeque;
use std::sync::Mutex;

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::Result;
use aisoc_manifests::text::shown;
use aisoc_pipeline::InstallOptions;
use aisoc_pipeline::documents::{AuditPage, JournalEntry, Objection};
use aisoc_trust::journal::{Action, Entry, JournalMemory, JournalTime, Writer};

use jiff::Timestamp;

use crate::asker::Asker;
use crate::held::locked;
use crate::host::Host;
use crate::lifecycle::Verb;

/// To what something is done.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    pub(crate) id: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) hash: Option<String>,
}

/// What a journal calls what an operator asks for; nothing for a call.
pub(crate) const fn action(verb: Verb) -> Option<Action> {
    match verb {
        Verb::Enable => Some(Action::Enable),
        Verb::Disable => Some(Action::Disable),
        Verb::Reload => Some(Action::Reload),
        Verb::Unload => Some(Action::Unload),
        Verb::Run => None,
    }
}

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
    fn write(&self, write: impl FnOnce(&[Entry]) -> Result<()>) {
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

impl Host {
    /// Writes down what the host has decided by itself; for whoever asks again and again.
    pub(crate) fn journal_round(&self) {
        locked(&self.journaling).when_due(|| self.write_decided());
    }

    pub(crate) fn write_decided(&self) {
        self.decided.write(|entries| {
            let InstallOptions { site, access, .. } = self.install_options(&Cancellation::default())?;
            site.write_down(&access, entries, &self.journal)
        });
    }
}

/// Writes down what somebody is about to have done, under the lock of the site. What the host does by itself is no
/// operator's: events tell of it, and where it decides about what runs a line behind that ([`Decided`]).
///
/// # Errors
/// `locked`, those of the journal and of its directory, and I/O reasons.
pub(crate) fn write_down(
    options: InstallOptions,
    action: Action,
    of: Subject,
    by: &Asker,
    memory: &JournalMemory,
) -> Result<()> {
    let InstallOptions { site, mut access, .. } = options;
    let Subject { id, version, hash } = of;
    let reason = by.reason.as_ref().map(|reason| reason.as_str().to_owned());
    let entry = Entry { at: JournalTime::utc(access.at), action, id, version, hash, reason };
    access.writer = writer(access.writer, by);
    site.write_down(&access, &[entry], memory)
}

/// The newest `limit` lines of the site's journal, of those before the line `after` where that is said.
///
/// # Errors
/// Those of the journal, but for one that is broken, which the page says.
pub(crate) fn page(options: &InstallOptions, limit: usize, after: Option<u64>) -> Result<AuditPage> {
    let (mut lines, mut is_cut) = (VecDeque::with_capacity(limit), false);
    let Some(place) = options.site.journal()? else {
        return Ok(AuditPage { entries: Vec::new(), next: None, objection: None });
    };
    let path = place.path();
    let reading = place.read(|seen| {
        if after.is_none_or(|after| seen.number < after) {
            if lines.len() == limit {
                is_cut = lines.pop_front().is_some();
            }
            lines.push_back(JournalEntry::of(&path, &seen));
        }
        Ok(())
    })?;
    let next = lines.front().filter(|_| is_cut).map(|oldest| oldest.line);
    let objection = reading.broken.as_ref().map(Objection::from);
    Ok(AuditPage { entries: lines.into_iter().rev().collect(), next, objection })
}

/// The host has written it, and says who had it do so.
fn writer(host: Writer, by: &Asker) -> Writer {
    let user = host.user.unwrap_or_default();
    let request = by.request_id.as_ref().map(|id| format!("request {}", id.as_str()));
    let operator = by.actor.operator().map(|operator| format!(" (operator {operator})")).unwrap_or_default();
    Writer { user: Some(format!("{user}, asked by {}{operator}", by.actor)), run: request.or(host.run), ..host }
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
