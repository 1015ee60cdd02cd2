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
    at_most(MAX_NAMES, directory)
}

fn at_most(most: usize, directory: &Path) -> Result<Vec<OsString>> {
    let failed = |error| Fault::io("list", directory, error);
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        if names.len() == most {
            return Err(Fault::new(Reason::ForbiddenEntry, format!("`{}` has too many entries", directory.display()))
                .expected(format!("at most {most}"), "more")
                .hint("find out what fills the directory, and remove it"));
        }
        names.push(entry.map_err(failed)?.file_name());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_was_filled_is_refused_and_an_absent_one_is_empty() {
        let root = tempfile::tempdir().expect("directory");
        assert!(names_in(&root.path().join("absent")).expect("none").is_empty());
        for name in ["a", "b", "c"] {
            std::fs::write(root.path().join(name), "").expect("written");
        }
        for (most, is_listed) in [(4, true), (3, true), (2, false)] {
            let listed = at_most(most, root.path());
            assert_eq!(listed.as_ref().is_ok_and(|names| names.len() == 3), is_listed, "{most}");
            if !is_listed {
                assert_eq!(listed.expect_err("too many").reason(), Reason::ForbiddenEntry);
            }
        }
    }
}
