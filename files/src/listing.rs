//! The one way in which directories of ours are listed: an absent one is empty, an unreadable one is an
//! error, and one that somebody has filled ends the command instead of the memory.
#![expect(clippy::disallowed_methods, reason = "its room: the one bounded listing")]

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// A directory has more names than it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyNames {
    /// How many it may have.
    pub most: usize,
}

impl fmt::Display for TooManyNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it has more than {} entries", self.most)
    }
}

impl Error for TooManyNames {}

/// The names in `directory`, in no order; none when it does not exist.
///
/// # Errors
/// [`TooManyNames`] inside an error of kind `QuotaExceeded` for more than `most`, and those of listing.
pub fn names_in(directory: &Path, most: usize) -> io::Result<Vec<OsString>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        if names.len() == most {
            return Err(io::Error::new(ErrorKind::QuotaExceeded, TooManyNames { most }));
        }
        names.push(entry?.file_name());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_was_filled_is_refused_and_an_absent_one_is_empty() {
        let root = tempfile::tempdir().expect("directory");
        assert!(names_in(&root.path().join("absent"), 1).expect("none").is_empty());
        for name in ["a", "b", "c"] {
            fs::write(root.path().join(name), "").expect("written");
        }
        for (most, is_listed) in [(4, true), (3, true), (2, false)] {
            let listed = names_in(root.path(), most);
            assert_eq!(listed.as_ref().is_ok_and(|names| names.len() == 3), is_listed, "{most}");
            let refused = listed.err().and_then(|error| error.downcast::<TooManyNames>().ok());
            assert_eq!(refused, (!is_listed).then_some(TooManyNames { most }));
        }
        assert!(names_in(&root.path().join("a"), 4).is_err(), "a file is no empty directory");
    }
}
