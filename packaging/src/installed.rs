//! `installed`: what the host would discover in a plugins directory.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::plugin::ManifestFile;

use crate::record::{InstallRecord, OWN_DIRECTORY};

/// A directory that the host would take for a plugin.
#[derive(Debug)]
pub struct InstalledPlugin {
    /// The directory's name, which the host takes for the id unless the manifest says otherwise.
    pub directory: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest_file: ManifestFile,
    /// What its install wrote down: nothing when somebody else put it there.
    pub record: Result<Option<InstallRecord>>,
}

/// The plugins in a directory, sorted by name; none when it does not exist.
///
/// # Errors
/// I/O reasons when the directory cannot be listed.
pub fn installed(plugins_dir: &Path) -> Result<Vec<InstalledPlugin>> {
    let candidates = candidates(plugins_dir)?;
    Ok(candidates.iter().filter_map(|directory| InstalledPlugin::read(plugins_dir, directory)).collect())
}

/// The names in a plugins directory that can be plugins, sorted: all but our own.
///
/// # Errors
/// As [`installed`].
pub fn candidates(plugins_dir: &Path) -> Result<Vec<String>> {
    let failed = |error| Fault::io("list", plugins_dir, error);
    let entries = match fs::read_dir(plugins_dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut directories = Vec::new();
    for entry in entries {
        let directory = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if !directory.starts_with(OWN_DIRECTORY) {
            directories.push(directory);
        }
    }
    directories.sort();
    Ok(directories)
}

impl InstalledPlugin {
    /// The plugin in that directory; `None` when the host would not take it for one.
    pub fn read(plugins_dir: &Path, directory: &str) -> Option<Self> {
        let path = plugins_dir.join(directory);
        // What cannot be looked at may be one: reading it says why it cannot be read.
        let may_be_file = |name: &str| match path.join(name).metadata() {
            Ok(found) => found.is_file(),
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        };
        let manifest_file = ManifestFile::find(may_be_file)?;
        let record = match directory.parse() {
            Ok(id) => InstallRecord::read(plugins_dir, &id),
            Err(_) => Ok(None),
        };
        Some(Self { directory: directory.to_owned(), path, manifest_file, record })
    }
}
