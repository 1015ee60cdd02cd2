//! `KeyFiles`: the files of a trusted keys directory. Whoever may change one of them, or a directory on
//! the way to one, says who is trusted.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use aisoc_files::{Arrival, Links, Place, SmallFileError, Walk, read_open};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::value::Text;

/// Largest file that is read. A public key takes 113 bytes; certificates with notes a few thousand.
pub(crate) const MAX_FILE_BYTES: u64 = 64 << 10;
/// Most files of a key directory. Beyond, it is not a directory of keys.
const MAX_FILES: usize = 10_000;

/// An open directory of keys. What was read counts when [`KeyFiles::finish`] has said so.
pub(crate) struct KeyFiles {
    walk: Walk,
    place: Place,
    shown: PathBuf,
}

impl KeyFiles {
    /// Opens the directory, or `None` when there is none.
    ///
    /// # Errors
    /// I/O reasons, also for what is no directory.
    pub(crate) fn open(directory: &Path) -> Result<Option<Self>> {
        let mut walk = Walk::default();
        let failed = |error| unlisted(directory, error);
        match walk.to(directory, Links::Followed).map_err(failed)? {
            Arrival::Directory(place) => Ok(Some(Self { walk, place, shown: directory.to_owned() })),
            Arrival::Missing(_) => Ok(None),
            Arrival::Other(..) | Arrival::NoWay => Err(failed(io::ErrorKind::NotADirectory.into())),
        }
    }

    /// The names, in code point order.
    ///
    /// # Errors
    /// I/O reasons, also for more names than a directory of keys has.
    pub(crate) fn names(&self) -> Result<Vec<OsString>> {
        let failed = |error| unlisted(&self.shown, error);
        let names: io::Result<Vec<OsString>> = self.place.names().map_err(failed)?.take(MAX_FILES + 1).collect();
        let mut names = names.map_err(failed)?;
        if names.len() > MAX_FILES {
            let message = format!("`{}` is not a directory of keys", self.shown.display());
            return Err(Fault::new(Reason::IoError, message).expected(format!("at most {MAX_FILES} files"), "more"));
        }
        names.sort_by_cached_key(|name| Text::from_os_bytes(name.as_bytes()));
        Ok(names)
    }

    /// Reads a file whole. Links are followed: clusters mount keys that way.
    ///
    /// # Errors
    /// What cannot be opened, is no regular file, or is larger than a key.
    pub(crate) fn read(&mut self, name: &OsStr) -> Result<Vec<u8>, SmallFileError> {
        let file = self.walk.open_file(&self.place, name)?;
        Ok(read_open(file, MAX_FILE_BYTES)?.content)
    }

    /// How a file begins that may decide nothing but that it does not belong here. So it may be large, and
    /// its owner and mode do not matter.
    ///
    /// # Errors
    /// What cannot be opened or is no regular file.
    pub(crate) fn beginning(&self, name: &OsStr) -> Result<Vec<u8>, SmallFileError> {
        let file = Walk::default().open_file(&self.place, name)?;
        Ok(BufReader::with_capacity(MAX_FILE_BYTES as usize, file).fill_buf()?.to_vec())
    }

    /// The path of a file as the user would write it.
    pub(crate) fn path(&self, name: &OsStr) -> PathBuf {
        self.shown.join(name)
    }

    /// # Errors
    /// `directory_insecure`, naming everything that was read or stepped on and that others may change.
    pub(crate) fn finish(self) -> Result<()> {
        self.walk.finish().map_err(|insecure| {
            let message = format!("others can change who is trusted: {insecure}");
            Fault::insecure(message, insecure.expected(), insecure.found(), insecure.remedy())
        })
    }
}

fn unlisted(directory: &Path, error: io::Error) -> Fault {
    Fault::io("list the trusted keys directory", directory, error)
}
