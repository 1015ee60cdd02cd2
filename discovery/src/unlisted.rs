//! Why a directory cannot be listed, as every source says it.

use std::io;
use std::path::Path;

use aisoc_files::TooManyNames;
use aisoc_installation::escaped;
use aisoc_manifests::fault::{Fault, Reason};
use rustix::io::Errno;

/// Of what cannot be opened as a directory: something else in its place, or an error.
pub(crate) fn unopened(path: &Path, error: io::Error) -> Fault {
    match Errno::from_io_error(&error) {
        Some(Errno::NOTDIR | Errno::LOOP) => Fault::no_directory(path),
        _ => Fault::io("open", path, error),
    }
}

/// Of what cannot be listed with at most so many names: more of them, or an error.
pub(crate) fn unlisted(path: &Path, most: usize, error: io::Error) -> Fault {
    match TooManyNames::is_why(&error) {
        true => Fault::new(Reason::ForbiddenEntry, format!("`{}` has too many entries", escaped(path.as_os_str())))
            .expected(format!("at most {most}"), "more")
            .hint("find out what fills the directory, and remove it"),
        false => Fault::io("list", path, error),
    }
}
