//! Doing the steps of a change: each is done once, whatever a kill has left of the run before.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Fingerprint, KeyNotes, KeyPlace};

use super::change::Step;
use super::place::{KeysInPlace, Places};

/// As large as a note may be that is read.
const MAX_NOTE_BYTES: u64 = 64 << 10;

/// Whether the steps can be taken, as far as that can be told before the first: each key stands where it is taken from,
/// nothing is in its way, and each note can be read again.
///
/// # Errors
/// As [`take`], and `usage` for a note that would be larger than a note is.
pub(super) fn require_possible(steps: &[Step], keys: &KeysInPlace) -> Result<()> {
    let is_made = |at: KeyPlace, file: &str| {
        steps.iter().any(|step| matches!(step, Step::PutKey { place, name, .. } if *place == at && name == file))
    };
    steps.iter().try_for_each(|step| match step {
        Step::PutKey { place, name, fingerprint, .. } => require_no_other(keys, *place, name, *fingerprint),
        Step::MoveKey { from, to, name, fingerprint } => {
            match keys.key(*from, name)? {
                Some(found) => require(found, *fingerprint, *from, name)?,
                None if is_made(*from, name) => {}
                None => return Err(gone(*from, name)),
            }
            require_no_other(keys, *to, name, *fingerprint)
        }
        Step::RemoveKey { place, name, fingerprint } => match keys.key(*place, name)? {
            Some(found) => require(found, *fingerprint, *place, name),
            None => Err(gone(*place, name)),
        },
        Step::WriteNote { note, .. } => require_readable(note),
        Step::RemoveNote { .. } | Step::WriteOwn { .. } => Ok(()),
    })
}

fn require_no_other(keys: &KeysInPlace, place: KeyPlace, name: &str, fingerprint: Fingerprint) -> Result<()> {
    keys.key(place, name)?.map_or(Ok(()), |found| require(found, fingerprint, place, name))
}

/// A note that nobody reads refuses every key of the directory.
fn require_readable(note: &KeyNotes) -> Result<()> {
    let bytes = note.to_json().len() as u64;
    match bytes > MAX_NOTE_BYTES {
        false => Ok(()),
        true => Err(Fault::new(Reason::Usage, "the note on the key would be larger than a note is")
            .expected(format!("at most {MAX_NOTE_BYTES} bytes"), format!("{bytes} bytes"))
            .hint("say less of the key, or name fewer plugins and repositories: a glob holds many")),
    }
}

/// Does one step, unless it is done.
///
/// # Errors
/// `already_exists` and `key_invalid` where somebody has put another key into the way of this one, and I/O reasons.
pub(super) fn take(step: &Step, places: &Places) -> Result<()> {
    match step {
        Step::PutKey { place, name, pem, fingerprint } => put_key(places, *place, name, pem, *fingerprint),
        Step::WriteNote { place, name, note } => places.write_note(*place, name, &note.to_json()),
        Step::MoveKey { from, to, name, fingerprint } => move_key(places, (*from, *to), name, *fingerprint),
        Step::RemoveKey { place, name, fingerprint } => {
            places.key(*place, name)?.map_or(Ok(()), |found| require(found, *fingerprint, *place, name))?;
            places.remove(*place, name)
        }
        Step::RemoveNote { place, name } => places.remove(*place, name),
        Step::WriteOwn { file, content } => places.write_own(file.name(), content),
    }
}

fn put_key(places: &Places, place: KeyPlace, name: &str, pem: &str, fingerprint: Fingerprint) -> Result<()> {
    match places.key(place, name)? {
        Some(found) => require(found, fingerprint, place, name),
        None => places.put_key(place, name, pem),
    }
}

/// The file is judged where it stands before it is moved and where it stands after: what somebody has put into its
/// place in between is found.
fn move_key(places: &Places, (from, to): (KeyPlace, KeyPlace), name: &str, fingerprint: Fingerprint) -> Result<()> {
    match (places.key(from, name)?, places.key(to, name)?) {
        (Some(found), None) => {
            require(found, fingerprint, from, name)?;
            places.move_key(from, to, name)?;
            let moved = places.key(to, name)?;
            moved.map_or_else(|| Err(gone(to, name)), |moved| require(moved, fingerprint, to, name))
        }
        // A run that was killed has moved it, and has put it there again on its way.
        (Some(found), Some(there)) => {
            require(found, fingerprint, from, name)?;
            require(there, fingerprint, to, name)?;
            places.remove(from, name)
        }
        (None, Some(there)) => require(there, fingerprint, to, name),
        (None, None) => Err(gone(from, name)),
    }
}

fn require(found: Fingerprint, expected: Fingerprint, place: KeyPlace, name: &str) -> Result<()> {
    match found == expected {
        true => Ok(()),
        false => Err(Fault::new(Reason::KeyInvalid, format!("`{}` holds another key now", place.below(name)))
            .expected(expected.to_string(), found.to_string())
            .hint("find out who has changed it; put the key back that is expected there, and run the command again")),
    }
}

fn gone(place: KeyPlace, name: &str) -> Fault {
    Fault::new(Reason::IoNotFound, format!("`{}` is gone", place.below(name)))
        .hint("put the key back there, and run the command again: the change goes on where it stopped")
}
