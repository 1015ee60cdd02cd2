//! Which directory of an unpacked artifact is the plugin.

use std::collections::BTreeSet;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::path::RelPath;

use crate::names::Kind;
use crate::tree::is_manifest;

/// Chooses the plugin's root as the host does: the top when a manifest is there, else the one
/// sub-directory that holds one, else the only sub-directory. `None` is the top.
///
/// # Errors
/// `ambiguous_layout` when two sub-directories could be meant: which one an installer takes must not
/// depend on the order in which a file system lists them.
pub fn select_root<'a>(names: impl IntoIterator<Item = (&'a RelPath, Kind)>) -> Result<Option<RelPath>> {
    let mut directories = BTreeSet::new();
    let mut holders = BTreeSet::new();
    for (path, kind) in names {
        match (path.parent(), kind) {
            (None, Kind::File) if is_manifest(path.as_str()) => return Ok(None),
            (None, Kind::File) => {}
            (None, Kind::Directory) => {
                directories.insert(path.clone());
            }
            (Some(parent), Kind::File) if parent.parent().is_none() && is_manifest(path.file_name()) => {
                holders.insert(parent);
            }
            (Some(_), _) => {}
        }
    }
    let candidates = if holders.is_empty() { directories } else { holders };
    let several = candidates.len() > 1;
    match candidates.into_iter().next() {
        Some(_) if several => {
            Err(Fault::new(Reason::AmbiguousLayout, "the artifact holds several directories that could be the plugin"))
        }
        only => Ok(only),
    }
}
