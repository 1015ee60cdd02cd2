//! `Census`: which names stand in a plugins directory and in ours, listed once. No file is opened for it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use aisoc_files::{TooManyNames, names_in};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;

use crate::layout::{FLOORS, Layout, PENDING, RECORDS, id_of_json};
use crate::names::folded;

/// Most names in a directory of plugins, records or versions: a hundred times what a site has.
pub(crate) const MAX_NAMES: usize = 100_000;

/// What is there, by name.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// What can be plugins, sorted: all names but those that begin with a dot, which hosts pass over.
    pub(crate) candidates: Vec<OsString>,
    /// The ids that have a record. What it says, and about what, is for whoever reads it.
    pub(crate) recorded: BTreeSet<PluginId>,
    /// The ids of which a change was begun.
    pub(crate) pending: BTreeSet<PluginId>,
    /// The ids that have a coverage floor.
    pub(crate) floored: BTreeSet<PluginId>,
}

impl Census {
    /// Lists four directories; those that do not exist are empty.
    ///
    /// # Errors
    /// `forbidden_entry` for one that somebody has filled, and I/O reasons.
    pub(crate) fn of(layout: &Layout) -> Result<Self> {
        let mut candidates = list(layout.plugins())?;
        candidates.retain(|name| !name.as_bytes().starts_with(b"."));
        candidates.sort();
        let floored = list(&layout.ours(FLOORS))?;
        Ok(Self {
            candidates,
            recorded: ids_in(layout, RECORDS)?,
            pending: ids_in(layout, PENDING)?,
            floored: floored.iter().filter_map(|name| name.to_str()?.parse().ok()).collect(),
        })
    }

    /// `id`, and every other spelling of it of which something is written down, sorted: to a host, or to a
    /// file system, all of them are one plugin.
    pub(crate) fn spellings(&self, id: &PluginId) -> Vec<PluginId> {
        let is_other = |other: &&PluginId| *other != id && is_spelling(other, id);
        let written = self.floored.iter().chain(&self.recorded).chain(&self.pending).filter(is_other).cloned();
        let spellings: BTreeSet<PluginId> = written.chain([id.clone()]).collect();
        spellings.into_iter().collect()
    }

    /// Whether something is written down of that spelling: a record, a change that was begun, or a floor.
    pub(crate) fn has_notes_on(&self, id: &PluginId) -> bool {
        [&self.recorded, &self.pending, &self.floored].iter().any(|noted| noted.contains(id))
    }
}

/// Ids are ASCII, so that no folding changes their length; folding all of a large site takes its time.
fn is_spelling(other: &PluginId, id: &PluginId) -> bool {
    let length = |id: &PluginId| id.as_str().trim_end_matches('.').len();
    length(other) == length(id) && folded(other.as_str()) == folded(id.as_str())
}

/// The ids of which something is written down in one of our directories.
pub(crate) fn ids_in(layout: &Layout, directory: &str) -> Result<BTreeSet<PluginId>> {
    let names = list(&layout.ours(directory))?;
    Ok(names.iter().filter_map(|name| id_of_json(name.to_str()?)).collect())
}

/// The names in `directory`, in no order; none when it does not exist.
///
/// # Errors
/// `forbidden_entry` for more than [`MAX_NAMES`], and I/O reasons.
pub(crate) fn list(directory: &Path) -> Result<Vec<OsString>> {
    at_most(MAX_NAMES, directory)
}

fn at_most(most: usize, directory: &Path) -> Result<Vec<OsString>> {
    names_in(directory, most).map_err(|error| match TooManyNames::is_why(&error) {
        true => Fault::new(Reason::ForbiddenEntry, format!("`{}` has too many entries", directory.display()))
            .expected(format!("at most {most}"), "more")
            .hint("find out what fills the directory, and remove it"),
        false => Fault::io("list", directory, error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_somebody_has_filled_is_named() {
        let root = tempfile::tempdir().expect("a directory");
        for name in ["a", "b"] {
            std::fs::write(root.path().join(name), "").expect("written");
        }
        assert_eq!(at_most(2, root.path()).expect("listed").len(), 2);
        let fault = at_most(1, root.path()).expect_err("too many");
        assert_eq!(fault.reason(), Reason::ForbiddenEntry);
        assert!(fault.message().contains(&root.path().display().to_string()), "{fault:?}");
        assert_eq!(at_most(2, &root.path().join("a")).expect_err("a file").reason(), Reason::IoError);
    }

    #[test]
    fn all_spellings_of_an_id_of_which_anything_is_written_down_are_found() {
        let id = |text: &str| text.parse::<PluginId>().expect("an id");
        let ids = |texts: &[&str]| texts.iter().map(|text| id(text)).collect::<BTreeSet<_>>();
        let census = Census {
            candidates: Vec::new(),
            recorded: ids(&["race-x", "other"]),
            pending: ids(&["Race.x"]),
            floored: ids(&["race_x", "race-xy", "race-x.."]),
        };
        let found: BTreeSet<_> = census.spellings(&id("RACE_X")).into_iter().collect();
        assert_eq!(found, ids(&["RACE_X", "Race.x", "race-x", "race-x..", "race_x"]));
        assert_eq!(census.spellings(&id("third")), [id("third")]);
    }
}
