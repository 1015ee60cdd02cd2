//! `InstalledPlugin`: one directory that a host would take for a plugin, or that an install has put there.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::ManifestFile;

use crate::identity::manifest_id;
use crate::layout::Layout;
use crate::record::InstallRecord;
use crate::recorded;

/// A plugin in its place, and what its install wrote down.
#[derive(Debug)]
pub struct InstalledPlugin {
    /// The directory's name.
    pub directory: OsString,
    /// Where it is.
    pub path: PathBuf,
    /// What its install wrote down: nothing when somebody else put it there.
    pub record: Result<Option<InstallRecord>>,
}

impl InstalledPlugin {
    /// The plugin in that directory; `None` when the host would not take it for one and no install has
    /// written down that it should be there.
    pub(crate) fn read(layout: &Layout, directory: &OsStr) -> Option<Self> {
        let path = layout.place(directory);
        let record = match directory.to_str().and_then(|name| name.parse().ok()) {
            Some(id) => recorded::read(layout, &id),
            None => Ok(None),
        };
        let is_expected = !matches!(record, Ok(None)) || has_manifest(&path);
        is_expected.then(|| Self { directory: directory.to_owned(), path, record })
    }

    /// The plugin in a directory that has no record.
    pub(crate) fn unrecorded(layout: &Layout, directory: &OsStr) -> Option<Self> {
        let path = layout.place(directory);
        has_manifest(&path).then(|| Self { directory: directory.to_owned(), path, record: Ok(None) })
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

/// Whether a host would take the directory for a plugin. What cannot be looked at may be one: reading it says
/// why it cannot be read.
pub(crate) fn has_manifest(directory: &Path) -> bool {
    let may_be_file = |name: &str| match directory.join(name).metadata() {
        Ok(found) => found.is_file(),
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    };
    ManifestFile::find(may_be_file).is_some()
}
