//! `LockPlace`: the directory and the name of a lock file, and how its text is read.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use aisoc_files::{Arrival, Links, SmallFileError, Walk, open_file_in, parent, read_open};
use aisoc_manifests::fault::{Fault, Reason, Result};

use super::read::{KnownLock, Lockfile};
use crate::state_directory::{changeable, require_secure};

/// Largest lock that is read: more than as many entries as there may be fill.
pub const MAX_LOCK_BYTES: u64 = 16 << 20;

/// A directory that is open, and the name of a lock in it. What is read and written there is in that directory,
/// wherever its path leads a moment later.
#[derive(Debug)]
pub struct LockPlace {
    directory: OwnedFd,
    name: String,
    path: PathBuf,
}

/// What stands in a place.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) lock: Lockfile,
    pub(super) metadata: Metadata,
}

impl LockPlace {
    /// Opens the directory of the lock at `path`, which need not be there; nothing where the directory is not. Nobody
    /// but this user, root and the owner's group may change the directory or what leads to it: they would decide what
    /// is accepted.
    ///
    /// # Errors
    /// `usage` for a path that names no file, `directory_insecure`, and I/O reasons.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{}` is no name of a lock file", path.display()))
                .hint("name the file itself, for example `--plugins-lock plugins.lock`")
        })?;
        let (directory, mut walk) = (parent(path), Walk::default());
        let failed = |error| Fault::io("open", directory, error);
        let arrival = walk.to(directory, Links::Followed).map_err(failed)?;
        walk.finish().map_err(changeable)?;
        match arrival {
            Arrival::Directory(place) => {
                let (directory, name) = (place.open().map_err(failed)?, name.to_owned());
                Ok(Some(Self { directory, name, path: path.to_owned() }))
            }
            Arrival::Missing(_) => Ok(None),
            Arrival::Other(..) | Arrival::NoWay => Err(Fault::no_directory(directory)),
        }
    }

    /// The lock's path, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lock's name in its directory.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands there; nothing when no file does.
    ///
    /// # Errors
    /// `lock_invalid` and `lock_schema_unsupported` as [`Lockfile::parse`], also for a link, for what is no file and
    /// for what is larger than any lock; `directory_insecure` for a file that others can change; and I/O reasons.
    pub fn read(&self) -> Result<Option<Lockfile>> {
        self.read_beside(&KnownLock::default())
    }

    /// As [`LockPlace::read`], for whoever has read it before.
    ///
    /// # Errors
    /// As [`LockPlace::read`].
    pub fn read_beside(&self, known: &KnownLock) -> Result<Option<Lockfile>> {
        Ok(self.stored(known)?.map(|stored| stored.lock))
    }

    pub(super) fn stored(&self, known: &KnownLock) -> Result<Option<Stored>> {
        let Some((content, metadata)) = self.content()? else { return Ok(None) };
        Ok(Some(Stored { lock: known.parse(content, &self.path)?, metadata }))
    }

    pub(super) fn content(&self) -> Result<Option<(Vec<u8>, Metadata)>> {
        let file = match open_file_in(&self.directory, &self.name) {
            Err(error) if error.is_absent() => return Ok(None),
            opened => opened.map_err(|error| self.no_lock(error))?,
        };
        require_secure(&file, &self.path)?;
        let read = read_open(file, MAX_LOCK_BYTES).map_err(|error| self.no_lock(error))?;
        Ok(Some((read.content, read.metadata)))
    }

    /// The content of a file of ours beside the lock; nothing where there is none.
    ///
    /// # Errors
    /// `directory_insecure` for one that others can change, `record_invalid` for what is no file of its size, and I/O
    /// reasons.
    pub(super) fn beside(&self, ending: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        let path = self.path_beside(ending);
        let unreadable = |error: SmallFileError| match error {
            SmallFileError::Io(error) => Fault::io("read", &path, error),
            error => Fault::new(Reason::RecordInvalid, format!("`{}` is no file of its kind", path.display()))
                .caused_by(error),
        };
        let file = match open_file_in(&self.directory, format!("{}{ending}", self.name)) {
            Err(error) if error.is_absent() => return Ok(None),
            opened => opened.map_err(unreadable)?,
        };
        require_secure(&file, &path)?;
        Ok(Some(read_open(file, max_bytes).map_err(unreadable)?.content))
    }

    /// Where that is.
    pub(super) fn path_beside(&self, ending: &str) -> PathBuf {
        self.path.with_file_name(format!("{}{ending}", self.name))
    }

    fn no_lock(&self, error: SmallFileError) -> Fault {
        let invalid = |what: &str| Fault::new(Reason::LockInvalid, format!("`{}` is {what}", self.path.display()));
        match error {
            SmallFileError::Io(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                invalid("a link, and a lock is read and written where it stands")
                    .expected("a regular file", "a link")
                    .hint("name the file that it leads to with `--plugins-lock`, or put the file itself there")
            }
            SmallFileError::Io(error) => Fault::io("read", &self.path, error),
            SmallFileError::NotAFile => invalid("no regular file").expected("a regular file", "something else"),
            SmallFileError::TooLarge { bytes, .. } => invalid("larger than any lock").expected(
                format!("at most {MAX_LOCK_BYTES} bytes"),
                bytes.map_or_else(|| "more".to_owned(), |bytes| format!("{bytes} bytes")),
            ),
        }
    }

    /// Nothing of a lock can be written where there is no directory.
    pub fn missing_directory(path: &Path) -> Fault {
        Fault::io("write", path, ErrorKind::NotFound.into()).hint("make its directory, or name another lock")
    }
}

impl AsFd for LockPlace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}
