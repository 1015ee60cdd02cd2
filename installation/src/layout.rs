//! `Layout`: every name below a plugins directory that is ours, once.
//!
//! ```text
//! <plugins>/<id>                                    the plugin in place
//! <plugins>/.aisoc-staging-XXXXXX/                  what a running command prepares
//! <plugins>/.aisoc-partials/<digest>.partial        what came of a large blob before its download ended
//! <plugins>/.aisoc/write.lock                       one writer at a time
//! <plugins>/.aisoc/records/<id>.json                what an install wrote down
//! <plugins>/.aisoc/pending/<id>.json                a change that was begun
//! <plugins>/.aisoc/floors/<id>                      the widest coverage that was ever verified
//! <plugins>/.aisoc/proofs/<algorithm>-<hex>.json    the proofs that let in what came of that artifact
//! <plugins>/.aisoc/plugins.journal                  what was done to what the site trusts (`aisoc_trust::journal`)
//! <plugins>/.aisoc/lowered                          lowerings of floors that an earlier version wrote down
//! <plugins>/.aisoc/last-seen                        the latest time that was seen here
//! <plugins>/.aisoc/in-use/<number>                  which directories a host uses, as long as it lives
//! <plugins>/.aisoc/versions/<id>/<number>/tree      a tree that was replaced, or is on its way
//! <plugins>/.aisoc/versions/<id>/<number>/kept.json makes that tree a previous version
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use aisoc_files::PartialDirectory;
use aisoc_manifests::id::PluginId;
use serde::{Deserialize, Serialize};

/// The directory in a plugins directory that is ours.
pub(crate) const OWN_DIRECTORY: &str = ".aisoc";
/// How every staging directory's name begins. Hosts and listings pass over such names.
pub(crate) const STAGING_PREFIX: &str = ".aisoc-staging-";
pub(crate) const RECORDS: &str = "records";
pub(crate) const PENDING: &str = "pending";
pub(crate) const FLOORS: &str = "floors";
pub(crate) const PROOFS: &str = "proofs";
pub(crate) const VERSIONS: &str = "versions";
pub(crate) const IN_USE: &str = "in-use";
pub(crate) const LOWERED: &str = "lowered";
pub(crate) const LAST_SEEN: &str = "last-seen";
pub(crate) const TREE: &str = "tree";
pub(crate) const PREVIOUS_NOTE: &str = "kept.json";
/// Where a directory of ours holds one file for each plugin, and how the file's name ends.
const JSON: &str = ".json";

/// The names of one plugins directory. Nothing is opened by it.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    plugins: PathBuf,
}

impl Layout {
    pub(crate) fn of(plugins: impl Into<PathBuf>) -> Self {
        Self { plugins: plugins.into() }
    }

    /// The plugins directory.
    pub(crate) fn plugins(&self) -> &Path {
        &self.plugins
    }

    /// The place of a plugin, or of what somebody put there under that name.
    pub(crate) fn place(&self, name: impl AsRef<Path>) -> PathBuf {
        self.plugins.join(name)
    }

    /// The place of the plugin `id`.
    pub(crate) fn plugin(&self, id: &PluginId) -> PathBuf {
        self.place(id.as_str())
    }

    /// Where what came of large blobs stays until all of them is there.
    pub(crate) fn partials(&self) -> PartialDirectory {
        PartialDirectory::in_directory(&self.plugins)
    }

    pub(crate) fn own(&self) -> PathBuf {
        self.place(OWN_DIRECTORY)
    }

    /// One of our directories, by its name.
    pub(crate) fn ours(&self, name: &str) -> PathBuf {
        self.own().join(name)
    }

    pub(crate) fn record(&self, id: &PluginId) -> PathBuf {
        self.ours(RECORDS).join(json_name(id))
    }

    pub(crate) fn pending(&self, id: &PluginId) -> PathBuf {
        self.ours(PENDING).join(json_name(id))
    }

    pub(crate) fn floor(&self, id: &PluginId) -> PathBuf {
        self.ours(FLOORS).join(id.as_str())
    }

    /// Where the versions of `id` are.
    pub(crate) fn versions(&self, id: &PluginId) -> PathBuf {
        self.ours(VERSIONS).join(id.as_str())
    }

    pub(crate) fn version(&self, id: &PluginId, slot: Slot) -> PathBuf {
        self.versions(id).join(slot.to_string())
    }

    pub(crate) fn version_tree(&self, id: &PluginId, slot: Slot) -> PathBuf {
        self.version(id, slot).join(TREE)
    }
}

/// The name of the file of `id` among the records, and among the changes that were begun.
pub(crate) fn json_name(id: &PluginId) -> String {
    format!("{id}{JSON}")
}

/// The id whose file has that name among the records or the changes.
pub(crate) fn id_of_json(name: &str) -> Option<PluginId> {
    name.strip_suffix(JSON)?.parse().ok()
}

/// The number of a place among a plugin's versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Slot(u64);

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Slot {
    /// The slot after `last`.
    pub(crate) fn after(last: Option<Self>) -> Self {
        Self(last.map_or(1, |slot| slot.0.saturating_add(1)))
    }

    /// The slot's path below the directory of versions.
    pub(crate) fn below(self, id: &PluginId) -> String {
        format!("{id}/{self}")
    }

    /// The slot of that directory name, if it is one that we would write.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        name.parse().ok().map(Self).filter(|slot| slot.to_string() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_one_spelling_and_the_next_one_is_another() {
        for (name, slot) in [("1", Some(1)), ("10", Some(10)), ("18446744073709551615", Some(u64::MAX)), ("0", Some(0))]
        {
            assert_eq!(Slot::of_name(name), slot.map(Slot), "{name}");
        }
        for name in ["", "01", "+1", "-1", " 1", "1 ", "1.0", "one", "18446744073709551616", "\u{661}"] {
            assert_eq!(Slot::of_name(name), None, "{name:?}");
        }
        assert_eq!(Slot::after(None), Slot(1));
        assert_eq!(Slot::after(Some(Slot(1))), Slot(2));
        assert_eq!(Slot::after(Some(Slot(u64::MAX))), Slot(u64::MAX), "which is there, and is refused as that");
    }

    #[test]
    fn a_file_of_ours_is_about_the_id_that_it_is_named_for_or_about_none() {
        let id: PluginId = "race.json".parse().expect("an id");
        assert_eq!(json_name(&id), "race.json.json");
        assert_eq!(id_of_json(&json_name(&id)), Some(id));
        for name in [".json", "demo", "demo.JSON", "demo.json.aside", "../x.json", "a b.json", ".demo.json"] {
            assert_eq!(id_of_json(name), None, "{name}");
        }
    }
}
