//! What operators have a host do, in the journal of its site: a line that stands before it is done, and the lines that
//! stand there.
//!
//! What cannot be written down is not done. A call changes nothing, and has no line.

use std::collections::VecDeque;

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{AuditPage, JournalEntry, Objection};
use aisoc_pipeline::{Discovered, InstallOptions};
use aisoc_trust::journal::{Action, Entry, JournalMemory, JournalTime, Writer};

use crate::asker::Asker;
use crate::lifecycle::Verb;

/// To what something is done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subject {
    pub(crate) id: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) hash: Option<String>,
}

impl Subject {
    /// A plugin, as it was found.
    pub(crate) fn of(plugin: &Discovered) -> Self {
        let Discovered { id, version, hash, .. } = plugin;
        Self { id: Some(id.clone()), version: Some(version.clone()), hash: Some(hash.clone()) }
    }
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

/// Writes down what somebody is about to have done, under the lock of the site. What the host does by itself is no
/// operator's: events tell of it, and where it decides about what runs a line behind that (`decided`).
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
