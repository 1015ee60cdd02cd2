//! `Plugins`: a plugins directory that is checked, locked and open. Every change is made relative to
//! these descriptors, so that a parent that somebody swaps meanwhile leads it nowhere.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_trust::StateLock;
use jiff::Timestamp;
use rustix::fs::{AtFlags, Mode, RenameFlags};
use rustix::io::Errno;

use crate::access::Access;
use crate::layout::{FLOORS, Layout, OWN_DIRECTORY, PENDING, RECORDS, VERSIONS};
use crate::lock;
use crate::secure::{OPEN_DIRECTORY, own_directory};

/// Readable by the host.
pub(crate) const OPEN_TO_READERS: u32 = 0o755;
/// Of no concern to anybody else.
const PRIVATE: u32 = 0o700;

/// The plugins directory and what is ours in it, until it is dropped.
#[derive(Debug)]
pub(crate) struct Plugins {
    pub(crate) layout: Layout,
    pub(crate) top: OwnedFd,
    pub(crate) records: Place,
    pub(crate) pending: Place,
    pub(crate) versions: Place,
    pub(crate) floors: Place,
    /// The directory that holds these.
    pub(crate) own: Place,
    /// What the clock says, of whoever has the lock.
    pub(crate) at: Timestamp,
    _lock: StateLock,
}

impl Plugins {
    /// Checks the directory, waits for its lock, and makes our directories in it.
    pub(crate) fn lock(layout: &Layout, access: &Access) -> Result<Self> {
        let path = layout.plugins();
        let top = access.open(path)?;
        let own = own_directory(&top, path, OWN_DIRECTORY, OPEN_TO_READERS)?;
        let lock = lock::acquire(&own, &top, path, access)?;
        let shown = layout.own();
        let place = |name: &str, bits| -> Result<Place> {
            let directory = own_directory(&own, &shown, name, bits)?;
            Ok(Place { directory, path: shown.join(name) })
        };
        Ok(Self {
            layout: layout.clone(),
            top,
            records: place(RECORDS, OPEN_TO_READERS)?,
            pending: place(PENDING, OPEN_TO_READERS)?,
            versions: place(VERSIONS, PRIVATE)?,
            floors: place(FLOORS, OPEN_TO_READERS)?,
            own: Place { directory: own, path: shown },
            at: access.at,
            _lock: lock,
        })
    }

    /// Makes renames in the plugins directory itself survive a power cut.
    pub(crate) fn sync(&self) -> Result<()> {
        rustix::fs::fsync(&self.top).map_err(|error| Fault::io("sync", self.layout.plugins(), error.into()))
    }
}

/// One of our directories, open.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) directory: OwnedFd,
    pub(crate) path: PathBuf,
}

impl Place {
    /// Moves a file of ours here, over the one that is there, and syncs the directory that it is in.
    pub(crate) fn take(&self, from: impl AsFd, name: &str, to: &str) -> Result<()> {
        rustix::fs::renameat(from, name, &self.directory, to)
            .map_err(|error| Fault::io("write", &self.path.join(to), error.into()))?;
        self.sync_parent_of(to)
    }

    /// Removes a file, if it is there.
    pub(crate) fn unlink(&self, name: &str) -> Result<()> {
        match rustix::fs::unlinkat(&self.directory, name, AtFlags::empty()) {
            Ok(()) => self.sync_parent_of(name),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Fault::io("remove", &self.path.join(name), error.into())),
        }
    }

    /// Makes a directory with mode 0700, if it is not there.
    pub(crate) fn make(&self, name: &str) -> Result<()> {
        own_directory(&self.directory, &self.path, name, PRIVATE).map(drop)
    }

    /// Moves what is at `name` to a name that nothing has.
    pub(crate) fn give(&self, name: &str, to: impl AsFd, new_name: &str) -> std::result::Result<(), Errno> {
        rename_without_replacing(&self.directory, name, to, new_name)
    }

    /// Syncs the directory that holds `name`: this one, or the one below that `name` goes through.
    pub(crate) fn sync_parent_of(&self, name: &str) -> Result<()> {
        let failed = |error: Errno| Fault::io("sync", &self.path, error.into());
        match name.rsplit_once('/') {
            None => rustix::fs::fsync(&self.directory).map_err(failed),
            Some((parent, _)) => rustix::fs::openat(&self.directory, parent, OPEN_DIRECTORY, Mode::empty())
                .and_then(rustix::fs::fsync)
                .map_err(failed),
        }
    }
}

/// Renames unless something has the new name. Where the file system knows no such rename, the lock
/// keeps everybody out who could make one in between.
pub(crate) fn rename_without_replacing(
    from: impl AsFd,
    name: &str,
    to: impl AsFd,
    new_name: &str,
) -> std::result::Result<(), Errno> {
    match rustix::fs::renameat_with(&from, name, &to, new_name, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => match rustix::fs::statat(&to, new_name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => rustix::fs::renameat(from, name, to, new_name),
            Ok(_) => Err(Errno::EXIST),
            Err(error) => Err(error),
        },
        renamed => renamed,
    }
}
