//! `installed`: what the host would discover in a plugins directory.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::ManifestFile;

use crate::listing::names_in;
use crate::record::{InstallRecord, OWN_DIRECTORY, RECORDS};

/// A directory that the host would take for a plugin, or that an install has put there.
#[derive(Debug)]
pub struct InstalledPlugin {
    /// The directory's name, which the host takes for the id unless the manifest says otherwise.
    pub directory: String,
    /// Where it is.
    pub path: PathBuf,
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
    let mut directories = Vec::new();
    for name in names_in(plugins_dir)? {
        let directory = name.to_string_lossy().into_owned();
        if !directory.starts_with(OWN_DIRECTORY) {
            directories.push(directory);
        }
    }
    directories.sort();
    Ok(directories)
}

/// The ids that have a record file, in no order. What it says, and about what, is for
/// [`InstallRecord::read`].
///
/// # Errors
/// I/O reasons when the records cannot be listed.
pub fn recorded(plugins_dir: &Path) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for name in names_in(&plugins_dir.join(OWN_DIRECTORY).join(RECORDS))? {
        let id = name.to_str().and_then(|name| name.strip_suffix(".json")).filter(|id| id.parse::<PluginId>().is_ok());
        ids.extend(id.map(str::to_owned));
    }
    Ok(ids)
}

impl InstalledPlugin {
    /// The plugin in that directory; `None` when the host would not take it for one and no install has
    /// written down that it should be there.
    pub fn read(plugins_dir: &Path, directory: &str) -> Option<Self> {
        let path = plugins_dir.join(directory);
        // What cannot be looked at may be one: reading it says why it cannot be read.
        let may_be_file = |name: &str| match path.join(name).metadata() {
            Ok(found) => found.is_file(),
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        };
        let is_plugin = ManifestFile::find(may_be_file).is_some();
        let record = match directory.parse() {
            Ok(id) => InstallRecord::read(plugins_dir, &id),
            Err(_) => Ok(None),
        };
        let is_expected = is_plugin || !matches!(record, Ok(None));
        is_expected.then(|| Self { directory: directory.to_owned(), path, record })
    }
}
