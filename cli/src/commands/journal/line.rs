//! A line of a journal as documents have it, and which lines are asked for.

use std::path::Path;

use aisoc_manifests::fault::Result;
use aisoc_manifests::text::shown;
use aisoc_pipeline::documents::{JournalColumns, JournalEntry, Objection};
use aisoc_trust::journal::{Entry, JournalPlace, Reading, Seen, Standing, Writer};

use crate::args::journal::JournalFilterArgs;
use crate::output::path_text;

/// Longest line that says nothing which is shown.
const MAX_SHOWN: usize = 200;

/// Goes over a journal; `take` gets the lines that are asked for.
pub(super) fn read(
    place: &JournalPlace,
    filter: &JournalFilterArgs,
    mut take: impl FnMut(JournalEntry) -> Result<()>,
) -> Result<Reading> {
    let path = place.path();
    place.read(|seen| match matching(filter, &seen) {
        true => take(document(&path, &seen)),
        false => Ok(()),
    })
}

/// Whether a line is asked for. One that says nothing is, when nothing in particular is asked for.
fn matching(filter: &JournalFilterArgs, seen: &Seen<'_>) -> bool {
    let JournalFilterArgs { since, id, action } = filter;
    if since.is_none() && id.is_none() && action.is_none() {
        return true;
    }
    let Ok(entry) = seen.entry() else { return false };
    since.is_none_or(|since| entry.at.instant() >= since.0.instant())
        && (id.is_none() || *id == entry.id)
        && action.is_none_or(|action| action == entry.action)
}

fn document(path: &Path, seen: &Seen<'_>) -> JournalEntry {
    let (standing, writer, chain_digest, bound_by_line) = match &seen.standing {
        Standing::Written(writer, link) => ("written", writer.clone(), Some(link.hash.to_string()), None),
        Standing::BoundBy(line) => ("by_hand", Writer::default(), None, Some(*line)),
        Standing::Unchained => ("unchained", Writer::default(), None, None),
        Standing::Unverified => ("unverified", Writer::default(), None, None),
    };
    let Writer { user, host, run: ci_run } = writer;
    let entry = seen.entry();
    let text = entry.is_err().then(|| shown(&String::from_utf8_lossy(seen.text()), MAX_SHOWN));
    let objection = entry.as_ref().err().map(|fault| Objection::from(&fault.fault(path, seen.number)));
    let said = entry.map(columns).unwrap_or_default();
    let (path, line) = (path_text(path), seen.number);
    JournalEntry { path, line, standing, bound_by_line, said, user, host, ci_run, chain_digest, objection, text }
}

fn columns(entry: Entry) -> JournalColumns {
    let Entry { at, action, id, version, hash, reason } = entry;
    JournalColumns { at: Some(at.rfc3339()), action: Some(action.as_str()), id, version, hash, reason }
}
