//! Archives: no host loads one, wherever it stands, and whoever put it there expects otherwise.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use aisoc_installation::{Site, escaped};
use aisoc_manifests::warning::Warning;

use crate::discovered::{About, Note};

/// Whether something has the name of an archive. A directory that is called so is none.
pub(crate) fn is_called_archive(name: &OsStr) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}

/// The archives in a plugins directory; nothing of one that cannot be listed, which every pass over it says.
pub fn archives_among_plugins(site: &Site) -> Vec<Note> {
    site.observe().map_or_else(|_| Vec::new(), |observed| among_plugins(site, &observed.directories()))
}

/// Those of these names in a plugins directory.
pub(crate) fn among_plugins(site: &Site, names: &[OsString]) -> Vec<Note> {
    // Whether it is a directory itself: a link to one is none.
    let is_directory = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_dir());
    let archives = names.iter().filter(|name| is_called_archive(name)).map(|name| site.path().join(name));
    archives.filter(|path| !is_directory(path)).map(|path| passed_over(&path)).collect()
}

/// That it is passed over.
pub(crate) fn passed_over(path: &Path) -> Note {
    Note {
        warning: Warning::ArchiveNotLoaded,
        message: format!("`{}` is an archive, and no host loads one", escaped(path.as_os_str())),
        place: path.to_owned(),
        about: About::Place,
    }
}
