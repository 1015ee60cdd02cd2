//! Which record is about the tree in place: the file's, or one of those in the note of a change.

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::id::PluginId;

use crate::in_place::Identity;
use crate::layout::Layout;
use crate::pending::PendingChange;
use crate::record::{InstallRecord, invalid};
use crate::sealed;

/// How often a record that changes while it is read is read again.
const READ_ATTEMPTS: usize = 8;

/// The record of the tree of `id` that is in place, or `None` when there is none.
///
/// While a change is being made, or when one was killed, the tree's content says which record that
/// is; nothing is written. Otherwise it is one small file, opened once.
///
/// # Errors
/// `record_invalid`, a record that cannot be read not being the same as no record, and I/O reasons.
pub(crate) fn read(layout: &Layout, id: &PluginId) -> Result<Option<InstallRecord>> {
    let path = layout.record(id);
    let mut attempt = 1;
    loop {
        let read = sealed::read_with_identity(&path);
        if let Some(change) = PendingChange::read(layout, id)? {
            return change.record_in_place(layout);
        }
        // A change that began and ended in between has put another file in its place.
        let identity = read.as_ref().ok().and_then(|read| Some(read.as_ref()?.1));
        if attempt == READ_ATTEMPTS || identity == Identity::at(&path) {
            return of_file(layout, id, read.map(|read| read.map(|(content, _)| content)));
        }
        attempt += 1;
    }
}

/// The record file of `id` as it is, whatever tree is in place.
pub(crate) fn read_file(layout: &Layout, id: &PluginId) -> Result<Option<InstallRecord>> {
    of_file(layout, id, sealed::read(&layout.record(id)))
}

fn of_file(layout: &Layout, id: &PluginId, content: Result<Option<Vec<u8>>>) -> Result<Option<InstallRecord>> {
    let about = |fault: Fault| fault.about(layout.record(id).display());
    let Some(content) = content? else { return Ok(None) };
    let record = InstallRecord::parse(&content).map_err(about)?;
    match record.id == *id {
        true => Ok(Some(record)),
        false => Err(about(invalid().expected(id.to_string(), record.id.to_string()))),
    }
}

/// As [`read`], a record that cannot be understood being none.
///
/// # Errors
/// I/O reasons.
pub(crate) fn read_understood(layout: &Layout, id: &PluginId) -> Result<Option<InstallRecord>> {
    sealed::understood(read(layout, id))
}
