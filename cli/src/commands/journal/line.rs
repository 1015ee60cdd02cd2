//! Which lines of a journal are asked for.

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::JournalEntry;
use aisoc_trust::journal::{JournalPlace, Reading, Seen};

use crate::args::journal::JournalFilterArgs;

/// Goes over a journal; `take` gets the lines that are asked for.
pub(super) fn read(
    place: &JournalPlace,
    filter: &JournalFilterArgs,
    mut take: impl FnMut(JournalEntry) -> Result<()>,
) -> Result<Reading> {
    let path = place.path();
    place.read(|seen| match matching(filter, &seen) {
        true => take(JournalEntry::of(&path, &seen)),
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
