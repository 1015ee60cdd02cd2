//! The one way in which directories of ours are listed: an absent one is empty, an unreadable one is an
//! error, and one that somebody has filled ends the command instead of the memory.
#![expect(clippy::disallowed_methods, reason = "its room: the one bounded listing")]

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{CWD, Dir, DirEntry, FileType, Mode, OFlags};

use crate::small::Links;

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

impl TooManyNames {
    /// Whether listing has failed for that. The system has errors of the same kind, of a quota that is used up, and those
    /// say nothing about the directory.
    pub fn is_why(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

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

/// Opens a directory, so that what is listed and what is read in it is in one and the same.
///
/// # Errors
/// `ENOTDIR` or `ELOOP` for a link that is not to be followed, and those of opening.
pub fn open_directory(path: &Path, links: Links) -> io::Result<OwnedFd> {
    let no_follow = if links == Links::Refused { OFlags::NOFOLLOW } else { OFlags::empty() };
    Ok(rustix::fs::openat(CWD, path, OPEN | no_follow, Mode::empty())?)
}

/// As [`open_directory`], for the directory `name` in one that is open. A link is refused.
///
/// # Errors
/// As [`open_directory`].
pub fn open_directory_in(parent: impl AsFd, name: impl AsRef<OsStr>) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(parent, name.as_ref(), OPEN | OFlags::NOFOLLOW, Mode::empty())?)
}

const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A name in a directory that is open, and what has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// What it is; a link is one, wherever it leads.
    pub kind: FileType,
}

/// What is in a directory that is open, in order of the names.
///
/// # Errors
/// As [`names_in`].
pub fn entries_of(directory: impl AsFd, most: usize) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in EachEntry(Dir::read_from(directory)?) {
        if entries.len() == most {
            return Err(io::Error::new(ErrorKind::QuotaExceeded, TooManyNames { most }));
        }
        entries.push(entry?);
    }
    entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

/// What is in a directory, one after the other in no order, for whoever bounds all of several. It is let go of at the end.
#[derive(Debug)]
pub struct EachEntry(Dir);

impl EachEntry {
    /// Of a directory that is open.
    ///
    /// # Errors
    /// Those of listing.
    pub fn of(directory: OwnedFd) -> io::Result<Self> {
        Ok(Self(Dir::new(directory)?))
    }

    fn entry(&self, entry: &DirEntry) -> io::Result<Entry> {
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        let kind = match entry.file_type() {
            // A file system that does not say it while it lists.
            FileType::Unknown => {
                let found = rustix::fs::statat(self.0.fd()?, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(found.st_mode)
            }
            kind => kind,
        };
        Ok(Entry { name: name.to_owned(), kind })
    }
}

impl Iterator for EachEntry {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.0.next()? {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                Ok(entry) => return Some(self.entry(&entry)),
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_directory_is_listed_in_order_with_a_bound_and_no_link_is_one() {
        let root = tempfile::tempdir().expect("directory");
        fs::create_dir(root.path().join("b")).expect("made");
        fs::write(root.path().join("a"), "").expect("written");
        std::os::unix::fs::symlink("b", root.path().join("c")).expect("linked");
        let opened = open_directory(root.path(), Links::Refused).expect("opened");
        let entries = entries_of(&opened, 3).expect("listed");
        let kinds = [FileType::RegularFile, FileType::Directory, FileType::Symlink];
        let expected = ["a", "b", "c"].into_iter().zip(kinds).map(|(name, kind)| Entry { name: name.into(), kind });
        assert_eq!(entries, expected.collect::<Vec<_>>());
        let refused = entries_of(&opened, 2).expect_err("too many");
        assert_eq!(refused.downcast::<TooManyNames>().expect("a bound"), TooManyNames { most: 2 });
        assert!(open_directory_in(&opened, "b").is_ok());
        for (name, followed) in [("a", false), ("c", true)] {
            assert!(open_directory_in(&opened, name).is_err(), "{name}");
            assert!(open_directory(&root.path().join(name), Links::Refused).is_err(), "{name}");
            assert_eq!(open_directory(&root.path().join(name), Links::Followed).is_ok(), followed, "{name}");
        }
    }

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
            let quota = rustix::io::Errno::DQUOT.into();
            assert!(!TooManyNames::is_why(&quota) && quota.kind() == ErrorKind::QuotaExceeded);
        }
        assert!(names_in(&root.path().join("a"), 4).is_err(), "a file is no empty directory");
    }
}
