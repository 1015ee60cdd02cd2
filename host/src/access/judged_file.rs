//! A file by which somebody is let in: who could change it could let himself in, so it is judged as keys are. Nobody but this
//! user, root and the owner's group may change it, or a directory on the way to it.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::Path;

use aisoc_files::{Arrival, Links, Place, SmallFileError, Walk};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_trust::changeable;

/// What was read, and where it is.
pub(super) struct Opened {
    pub(super) place: Place,
    /// Nothing where there is no file.
    pub(super) content: Option<(Vec<u8>, Metadata)>,
}

/// The name of a file in its directory.
///
/// # Errors
/// `usage` for a path that names none.
pub(super) fn name(path: &Path) -> Result<&str> {
    let name = path.file_name().and_then(OsStr::to_str);
    name.ok_or_else(|| Fault::new(Reason::Usage, format!("`{}` names no file", path.display())))
}

/// Reads a file where it is: what was judged and what is read is the open file.
///
/// # Errors
/// `directory_insecure` where others could have written it, what `unread` makes of what cannot be read, and I/O reasons.
pub(super) fn open(path: &Path, at_most: u64, unread: impl Fn(SmallFileError) -> Fault) -> Result<Opened> {
    let (name, parent) = (name(path)?, aisoc_files::parent(path));
    let mut walk = Walk::default();
    let failed = |error: std::io::Error| Fault::io("read", path, error);
    let place = match walk.to(parent, Links::Followed).map_err(failed)? {
        Arrival::Directory(place) => place,
        Arrival::Missing(_) => return Err(failed(std::io::ErrorKind::NotFound.into())),
        Arrival::Other(..) | Arrival::NoWay => return Err(Fault::no_directory(parent)),
    };
    let content = match walk.open_file(&place, OsStr::new(name)) {
        Ok(file) => {
            let metadata = file.metadata().map_err(failed)?;
            let read = aisoc_files::read_open(file, at_most).map_err(&unread)?;
            Some((read.content, metadata))
        }
        Err(error) if error.is_absent() => None,
        Err(error) => return Err(unread(error)),
    };
    walk.finish().map_err(changeable)?;
    Ok(Opened { place, content })
}
