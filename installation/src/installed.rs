//! `installed`: what the host would discover in a plugins directory.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use aisoc_files::{Links, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::{Document, ManifestFile};

use crate::identity::stated_id;
use crate::listing::names_in;
use crate::record::{InstallRecord, OWN_DIRECTORY, RECORDS};
use aisoc_files::parallel;
use aisoc_packaging::Limits;
use aisoc_packaging::default_threads;

/// A directory that the host would take for a plugin, or that an install has put there.
#[derive(Debug)]
pub struct InstalledPlugin {
    /// The directory's name.
    pub directory: OsString,
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

/// As [`installed`], with those that are gone although a record says that they should be there.
///
/// # Errors
/// As [`installed`].
pub fn expected(plugins_dir: &Path) -> Result<Vec<InstalledPlugin>> {
    let mut names = candidates(plugins_dir)?;
    names.extend(recorded(plugins_dir)?.into_iter().map(OsString::from));
    names.sort();
    names.dedup();
    let read = parallel::map(&names, default_threads(), |name| InstalledPlugin::read(plugins_dir, name));
    let read = read.map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
    Ok(read.into_iter().flatten().collect())
}

/// The names in a plugins directory that can be plugins, sorted: all but those that begin with a dot,
/// which the host passes over.
fn candidates(plugins_dir: &Path) -> Result<Vec<OsString>> {
    let mut directories = Vec::new();
    for directory in names_in(plugins_dir)? {
        if !directory.as_bytes().starts_with(b".") {
            directories.push(directory);
        }
    }
    directories.sort();
    Ok(directories)
}

/// The ids that have a record file, in no order. What it says, and about what, is for
/// [`InstallRecord::read`].
fn recorded(plugins_dir: &Path) -> Result<Vec<String>> {
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
    pub fn read(plugins_dir: &Path, directory: &OsStr) -> Option<Self> {
        let path = plugins_dir.join(directory);
        // What cannot be looked at may be one: reading it says why it cannot be read.
        let may_be_file = |name: &str| match path.join(name).metadata() {
            Ok(found) => found.is_file(),
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        };
        let is_plugin = ManifestFile::find(may_be_file).is_some();
        let record = match directory.to_str().and_then(|name| name.parse().ok()) {
            Some(id) => InstallRecord::read(plugins_dir, &id),
            None => Ok(None),
        };
        let is_expected = is_plugin || !matches!(record, Ok(None));
        is_expected.then(|| Self { directory: directory.to_owned(), path, record })
    }

    /// The id: of what an install put there the directory's name, else what the manifest states, which
    /// is read for it. `None` when that cannot be read.
    pub fn id(&self) -> Option<PluginId> {
        match self.record {
            Ok(None) => manifest_id(&self.path),
            Ok(Some(_)) | Err(_) => self.directory.to_str().and_then(|name| name.parse().ok()),
        }
    }
}

/// The id that the manifest in a directory states; `None` when it cannot be read.
pub fn manifest_id(plugin: &Path) -> Option<PluginId> {
    let file = ManifestFile::find(|name| plugin.join(name).is_file())?;
    // Through a link, which the host follows; what it leads to is refused later, under its id.
    let manifest = read_small(&plugin.join(file.name()), Limits::default().max_manifest_bytes, Links::Followed).ok()?;
    stated_id(&Document::read(file, &manifest.content).ok()?).ok()
}
