//! The one way in which our directories are listed: an absent one is empty, an unreadable one is an error,
//! and one that somebody has filled ends the command instead of the memory.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};

/// Most names in a directory of plugins, records or versions: a hundred times what a site has.
pub(crate) const MAX_NAMES: usize = 100_000;

/// The names in `directory`, in no order; none when it does not exist.
///
/// # Errors
/// `forbidden_entry` for more than [`MAX_NAMES`], and I/O reasons.
pub(crate) fn names_in(directory: &Path) -> Result<Vec<OsString>> {
    let failed = |error| Fault::io("list", directory, error);
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        if names.len() == MAX_NAMES {
            return Err(Fault::new(Reason::ForbiddenEntry, format!("`{}` has too many entries", directory.display()))
                .expected(format!("at most {MAX_NAMES}"), "more")
                .hint("find out what fills the directory, and remove it"));
        }
        names.push(entry.map_err(failed)?.file_name());
    }
    Ok(names)
}
