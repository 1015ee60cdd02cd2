//! `PendingChange`: what a change of one plugin is about, written down before it is made.
//!
//! The exchange of the trees and the exchange of the records are two renames. Between them, and after
//! a kill between them, this note says which record belongs to which tree: readers look which tree is
//! in place, and the next command that changes anything finishes the change, forward or backward.

use std::path::Path;

use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use serde::{Deserialize, Serialize};

use aisoc_packaging::InstalledDir;

use crate::answered::Answered;
use crate::layout::{Layout, Slot};
use crate::record::{self, InstallRecord};
use crate::sealed;
use crate::secure::look_at;

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
    /// What somebody has answered for with it; nothing where nobody had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answered: Option<Answered>,
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
        Self { schema_version: SCHEMA_VERSION, id, before, after, slot, moving_inode, keep, answered: None }
    }

    /// With what somebody has answered for.
    pub(crate) fn answered_for(self, answered: Option<Answered>) -> Self {
        Self { answered, ..self }
    }

    /// The change of `id` that was begun and not finished, if there is one.
    ///
    /// # Errors
    /// `record_invalid` for a note that cannot be read, and I/O reasons.
    pub(crate) fn read(layout: &Layout, id: &PluginId) -> Result<Option<Self>> {
        let path = layout.pending(id);
        let Some(text) = sealed::read(&path)? else { return Ok(None) };
        let what = "the note of an unfinished change";
        let change: Self = sealed::parse(what, &text).map_err(|fault| fault.about(path.display()))?;
        let other = [&change.before, &change.after].into_iter().flatten().any(|record| record.id != *id);
        if change.schema_version != SCHEMA_VERSION || change.id != *id || other {
            return Err(Fault::new(Reason::RecordInvalid, format!("{}: {what} cannot be read", path.display())));
        }
        Ok(Some(change))
    }

    /// The record of the tree that is in place.
    pub(crate) fn record_in_place(self, layout: &Layout) -> Result<Option<InstallRecord>> {
        Ok(match self.side(layout)? {
            Side::Before => self.before,
            Side::After => self.after,
        })
    }

    /// Looks which tree is in place. Its content decides; where that is neither's, because something
    /// was written into it since, the directory's own number decides, which a rename does not change.
    ///
    /// # Errors
    /// I/O reasons: what cannot be looked at is on no side.
    pub(crate) fn side(&self, layout: &Layout) -> Result<Side> {
        use std::os::unix::fs::MetadataExt as _;
        let place = layout.plugin(&self.id);
        let Some(found) = look_at(&place)? else {
            return Ok(if self.after.is_some() { Side::Before } else { Side::After });
        };
        let moved = found.ino() == self.moving_inode;
        match &self.after {
            Some(after) => {
                let by_number = if moved { Side::After } else { Side::Before };
                Ok(side_of(content(&place)?, self.before.as_ref(), after).unwrap_or(by_number))
            }
            // Something else stands where the plugin was: its own tree left by its number.
            None if moved => Ok(Side::Before),
            None => match content(&place)?.zip(self.before.as_ref()) {
                Some((content, before)) if content == before.tree_digest => Ok(Side::Before),
                _ => Ok(Side::After),
            },
        }
    }

    /// What is true of the plugin once the change is made.
    pub(crate) fn as_done(&self) -> &'static str {
        match (&self.before, &self.after) {
            (_, None) => "uninstalled",
            (None, Some(_)) => "installed",
            (Some(_), Some(_)) => "replaced",
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
fn side_of(content: Option<TreeDigest>, before: Option<&InstallRecord>, after: &InstallRecord) -> Option<Side> {
    let (content, before) = (content?, before.map(|before| before.tree_digest));
    match (content == after.tree_digest, Some(content) == before) {
        (true, false) => Some(Side::After),
        (false, true) => Some(Side::Before),
        _ => None,
    }
}

/// The identity of the tree at `place`, if what is there can be a plugin's.
fn content(place: &Path) -> Result<Option<TreeDigest>> {
    match InstalledDir::read(place) {
        Ok(tree) => Ok(Some(tree.subject())),
        Err(fault) if fault.is_unread() => Err(fault),
        // Also when something of it vanished meanwhile, because another process exchanged it.
        Err(_) => Ok(None),
    }
}
