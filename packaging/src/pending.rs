//! `PendingChange`: what a change of one plugin is about, written down before it is made.
//!
//! The exchange of the trees and the exchange of the records are two renames. Between them, and after
//! a kill between them, this note says which record belongs to which tree: readers look which tree is
//! in place, and the next command that changes anything finishes the change, forward or backward.

use std::path::{Path, PathBuf};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use serde::{Deserialize, Serialize};

use crate::dir::InstalledDir;
use crate::kept::Slot;
use crate::record::{self, InstallRecord, OWN_DIRECTORY};

pub(crate) const PENDING: &str = "pending";
const SCHEMA_VERSION: u32 = 1;

/// A change of one plugin: an install, an upgrade, a rollback or an uninstall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PendingChange {
    schema_version: u32,
    #[serde(deserialize_with = "record::plugin_id")]
    pub(crate) id: PluginId,
    /// The record that was there before, if there was a readable one.
    pub(crate) before: Option<InstallRecord>,
    /// The record of what is there after; nothing after an uninstall.
    pub(crate) after: Option<InstallRecord>,
    /// Where the tree that is not in place is.
    pub(crate) slot: Slot,
    /// The number of the directory that moves in, or of the one that an uninstall moves out.
    moving_inode: u64,
    /// How many versions stay kept afterwards; as many as there are when nothing is said.
    pub(crate) keep: Option<u8>,
}

/// Which of the two trees is in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

impl PendingChange {
    pub(crate) fn new(
        id: PluginId,
        before: Option<InstallRecord>,
        after: Option<InstallRecord>,
        slot: Slot,
        moving_inode: u64,
        keep: Option<u8>,
    ) -> Self {
        Self { schema_version: SCHEMA_VERSION, id, before, after, slot, moving_inode, keep }
    }

    /// The change of `id` that was begun and not finished, if there is one.
    ///
    /// # Errors
    /// `record_invalid` for a note that cannot be read, and I/O reasons.
    pub(crate) fn read(plugins_dir: &Path, id: &PluginId) -> Result<Option<Self>> {
        let path = path(plugins_dir, id);
        let Some(content) = record::read_bounded(&path)? else { return Ok(None) };
        let invalid = || Fault::new(Reason::RecordInvalid, "the note of an unfinished change cannot be read");
        let change: Self =
            serde_json::from_slice(&content).map_err(|error| invalid().caused_by(error).about(path.display()))?;
        let other = [&change.before, &change.after].into_iter().flatten().any(|record| record.id != *id);
        if change.schema_version != SCHEMA_VERSION || change.id != *id || other {
            return Err(invalid().about(path.display()));
        }
        Ok(Some(change))
    }

    /// The record of the tree that is in place.
    pub(crate) fn record_in_place(self, plugins_dir: &Path) -> Option<InstallRecord> {
        match self.side(plugins_dir) {
            Side::Before => self.before,
            Side::After => self.after,
        }
    }

    /// Looks which tree is in place. Its content decides; where that is neither's, because something
    /// was written into it since, the directory's own number decides, which a rename does not change.
    pub(crate) fn side(&self, plugins_dir: &Path) -> Side {
        use std::os::unix::fs::MetadataExt as _;
        let place = plugins_dir.join(self.id.as_str());
        let found = place.symlink_metadata().ok();
        let moved = found.as_ref().is_some_and(|found| found.ino() == self.moving_inode);
        let content = || InstalledDir::read(&place).ok().map(|tree| tree.subject());
        match (&self.after, found.is_some()) {
            (Some(_), false) => Side::Before,
            (None, false) => Side::After,
            (Some(after), true) => side_of(content(), self.before.as_ref(), after).unwrap_or(match moved {
                true => Side::After,
                false => Side::Before,
            }),
            // Something else stands where the plugin was: its own tree left by its number.
            (None, true) if moved => Side::Before,
            (None, true) => match content().zip(self.before.as_ref()) {
                Some((content, before)) if content == before.tree_digest => Side::Before,
                _ => Side::After,
            },
        }
    }

    /// Whether the tree that leaves is kept for a rollback. Not when the same artifact replaces it: then
    /// it is a damaged copy of what is installed, and would push an older version out.
    pub(crate) fn keeps_previous(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => before.digest != after.digest && self.keep != Some(0),
            _ => false,
        }
    }
}

/// What the content says, when the two trees differ and it is that of one of them.
fn side_of(content: Option<Digest>, before: Option<&InstallRecord>, after: &InstallRecord) -> Option<Side> {
    let (content, before) = (content?, before.map(|before| before.tree_digest));
    match (content == after.tree_digest, Some(content) == before) {
        (true, false) => Some(Side::After),
        (false, true) => Some(Side::Before),
        _ => None,
    }
}

/// The ids of all changes that were begun and not finished, sorted.
pub(crate) fn ids(plugins_dir: &Path) -> Vec<PluginId> {
    let entries = std::fs::read_dir(plugins_dir.join(OWN_DIRECTORY).join(PENDING)).into_iter().flatten().flatten();
    let id = |name: std::ffi::OsString| name.to_str()?.strip_suffix(".json")?.parse().ok();
    let mut ids: Vec<PluginId> = entries.filter_map(|entry| id(entry.file_name())).collect();
    ids.sort();
    ids
}

pub(crate) fn path(plugins_dir: &Path, id: &PluginId) -> PathBuf {
    plugins_dir.join(OWN_DIRECTORY).join(PENDING).join(format!("{id}.json"))
}
