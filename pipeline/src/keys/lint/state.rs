//! What is wrong with what is written down of changes: the journal, and a change that was begun.

use std::path::{Path, PathBuf};

use aisoc_installation::Site;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_signing::OWN_DIRECTORY;
use aisoc_trust::journal::JournalPlace;
use aisoc_trust::keys::unfinished;

use super::finding::Finding;
use super::rule::Rule;

/// Everything that is said of the state beside the keys.
pub(super) fn findings(directory: &Path, site: &Site) -> Vec<Finding> {
    change(directory).into_iter().chain(journals(directory, site)).collect()
}

fn change(directory: &Path) -> Option<Finding> {
    let path = directory.join(OWN_DIRECTORY);
    match unfinished(directory) {
        Ok(None) => None,
        Ok(Some(entry)) => {
            let id = entry.id.as_deref().unwrap_or("-");
            let message = format!("`{}` of key `{id}` was begun, and is not finished", entry.action.as_str());
            Some(Finding::at(Rule::ChangeUnfinished, path, message).hint(
                "wait for the command that is at it; if there is none, the next change of a key finishes it first",
            ))
        }
        Err(fault) => Some(Finding::of(Rule::ChangeUnknown, path, &fault)),
    }
}

/// That of the keyring, and that in the site of a keyring that cannot be written.
fn journals(directory: &Path, site: &Site) -> Vec<Finding> {
    let places = [JournalPlace::in_keyring(directory), site.keys_journal()];
    places.into_iter().flat_map(|place| of_place(place, directory)).collect()
}

fn of_place(place: Result<Option<JournalPlace>>, directory: &Path) -> Vec<Finding> {
    let Some(JournalState { path, broken, line }) = journal_state(place, directory) else { return Vec::new() };
    let broken = broken.iter().map(|fault| Finding::of(Rule::JournalBroken, &path, fault));
    broken.chain(line.iter().map(|fault| Finding::of(Rule::JournalLine, &path, fault))).collect()
}

/// What is wrong with a journal.
pub(crate) struct JournalState {
    pub(crate) path: PathBuf,
    /// Why its chain does not hold, or it cannot be read.
    pub(crate) broken: Option<Fault>,
    /// The first line that is none.
    pub(crate) line: Option<Fault>,
}

/// Reads a journal whole; nothing where there is none. `shown` is where it would be.
pub(crate) fn journal_state(place: Result<Option<JournalPlace>>, shown: &Path) -> Option<JournalState> {
    let broken = |path: PathBuf, fault| Some(JournalState { path, broken: Some(fault), line: None });
    let place = match place {
        Err(fault) => return broken(shown.to_owned(), fault),
        Ok(place) => place?,
    };
    let path = place.path();
    match place.read(|_| Ok(())) {
        Err(fault) => broken(path, fault),
        Ok(reading) => {
            let line = reading.summary.invalid.as_ref().map(|(line, fault)| fault.fault(&path, *line));
            Some(JournalState { path, broken: reading.broken, line })
        }
    }
}
