//! The versions of a plugin: the one in place, and those that can be rolled back to.

use std::path::Path;

use aisoc_installation::{InstallRecord, Site, tree_bytes};
use aisoc_manifests::fault::Result;

/// One version of a plugin, as its install recorded it.
#[derive(Debug)]
pub struct PluginVersion {
    /// What was written down.
    pub record: InstallRecord,
    /// The bytes of its files.
    pub bytes: u64,
    /// Whether it is the one in place.
    pub current: bool,
}

/// The installed version of the plugin in `directory` and the previous ones, the most recently replaced first.
///
/// # Errors
/// I/O reasons: previous versions are private to the user who installed them.
pub fn versions(
    site: &Site,
    directory: &str,
    path: &Path,
    record: Option<&InstallRecord>,
) -> Result<Vec<PluginVersion>> {
    let version = |record: &InstallRecord, path: &Path, current| PluginVersion {
        record: record.clone(),
        bytes: tree_bytes(path),
        current,
    };
    let mut versions: Vec<PluginVersion> = record.map(|record| version(record, path, true)).into_iter().collect();
    // A directory that is no id was installed by nobody, and has no previous versions.
    if let Ok(id) = directory.parse() {
        let previous = site.previous_versions(&id)?;
        versions.extend(previous.iter().map(|previous| version(&previous.record, &previous.path, false)));
    }
    Ok(versions)
}
