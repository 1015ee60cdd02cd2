//! Since when a key is trusted, by the word of the journal.

use aisoc_manifests::fault::Result;
use aisoc_signing::Fingerprint;
use jiff::Timestamp;

use crate::journal::{Action, Entry, JournalPlace};

/// Since when the newest line about the key says that it is trusted; nothing where it says that it is no more, or no
/// line is about it. `at` is the time that keys are judged by.
///
/// A line was written after those before it, whatever the clock of its writer said. So a key that was promoted while
/// the clock was set back counts since the latest time that stands above it and is not still to come.
///
/// # Errors
/// `journal_broken`, and as [`JournalPlace::read`].
pub fn trusted_since(place: &JournalPlace, key: Fingerprint, at: Timestamp) -> Result<Option<Timestamp>> {
    let hash = key.to_string();
    let (mut latest, mut since) = (None, None);
    let reading = place.read(|seen| {
        // A line that nobody can read says nothing of any key.
        let Ok(entry) = seen.entry() else { return Ok(()) };
        latest = latest.max(Some(entry.at.instant()).filter(|time| *time <= at));
        if is_about(&entry, &hash) {
            since = match is_trusted_by(&entry) {
                Some(true) => latest.max(Some(entry.at.instant())),
                Some(false) => None,
                None => since,
            };
        }
        Ok(())
    })?;
    reading.broken.map_or(Ok(since), Err)
}

/// By the key itself: people give keys other names. A line by hand may have its digits in the other case.
fn is_about(entry: &Entry, hash: &str) -> bool {
    entry.hash.as_deref().is_some_and(|named| named.eq_ignore_ascii_case(hash))
}

/// Whether a key is trusted behind such a line; nothing where that is as it was before. One that is to be retired on a
/// date has the same action as one that is retired: it counts from then on as if it had come anew, which makes an overlap
/// longer and never shorter.
fn is_trusted_by(entry: &Entry) -> Option<bool> {
    match entry.action {
        Action::KeyAdd | Action::KeyPromote | Action::KeyRestore | Action::KeyAccept => Some(true),
        Action::KeyStage | Action::KeyRetire | Action::KeyRevoke | Action::KeyRemove => Some(false),
        // A set says in the reason what it has made of the key.
        Action::KeySync => match entry.reason.as_deref().and_then(|reason| reason.split_once(':'))?.0 {
            "trusted" => Some(true),
            "annotated" => None,
            _ => Some(false),
        },
        _ => None,
    }
}
