//! What is wrong with what is written down of changes: the journal, and a change that was begun.

use std::path::Path;

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
    let broken = |path: &Path, fault: &Fault| Finding::of(Rule::JournalBroken, path, fault);
    let place = match place {
        Err(fault) => return vec![broken(directory, &fault)],
        Ok(None) => return Vec::new(),
        Ok(Some(place)) => place,
    };
    let path = place.path();
    let reading = match place.read(|_| Ok(())) {
        Err(fault) => return vec![broken(&path, &fault)],
        Ok(reading) => reading,
    };
    let line = reading
        .summary
        .invalid
        .as_ref()
        .map(|(line, fault)| Finding::of(Rule::JournalLine, &path, &fault.fault(&path, *line)));
    reading.broken.iter().map(|fault| broken(&path, fault)).chain(line).collect()
}
