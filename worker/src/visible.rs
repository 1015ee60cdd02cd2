//! `Visible`: directories that a child is to read and that may stand where it cannot go.
//!
//! When the caller is root the child is nobody, and root's own directories lead to what everybody may read and through
//! what nobody may enter: a virtual environment below `/root`, a work directory of mode 0700. So the child is handed the
//! directory itself, open, and reads in it by `/proc/self/fd/N`, which asks nothing of what leads there. What is closed
//! to others in the directory stays closed. Where the directory itself is, the child gets a copy.

use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use rustix::fs::{Mode, OFlags};
use rustix::io::FdFlags;

use crate::error::Error;
use crate::lowered::Lowered;
use crate::nobody::is_root;
use crate::private_copy::Room;

/// Others may list it and go through it.
const OPEN_TO_OTHERS: u32 = 0o005;

/// A directory that a child finds, as long as this lives.
pub(crate) struct Visible {
    /// As everybody else calls it.
    path: PathBuf,
    place: Place,
}

/// Where a child finds a directory.
enum Place {
    /// Where it is.
    Itself,
    /// Open, in a descriptor that the child inherits.
    Open {
        /// Says nothing but which directory it is.
        _directory: OwnedFd,
        /// As the child finds it.
        path: PathBuf,
    },
    /// A copy that the child may read.
    Copied(Lowered),
}

impl Visible {
    /// Makes one directory visible to a child that [`Lowered::without_directory`] makes.
    ///
    /// # Errors
    /// [`Error::Io`], and for a copy [`Error::TooMuch`] and [`Error::Stopped`].
    pub(crate) fn make(directory: &Path, room: &Room, stop: &AtomicBool) -> Result<Self, Error> {
        let whole = fs::canonicalize(directory).map_err(Error::io("find", directory))?;
        let place = if is_root() { Place::beside(&whole, room, stop)? } else { Place::Itself };
        Ok(Self { path: whole, place })
    }

    /// As the child finds it.
    pub(crate) fn path(&self) -> &Path {
        match &self.place {
            Place::Itself => &self.path,
            Place::Open { path, .. } => path,
            Place::Copied(lowered) => lowered.plugin().expect("root's is a copy"),
        }
    }

    /// What a child says, by the names that everybody else has.
    pub(crate) fn in_our_words(&self, words: &str) -> String {
        words.replace(&format!("{}/", self.path().display()), &format!("{}/", self.path.display()))
    }
}

impl Place {
    fn beside(whole: &Path, room: &Room, stop: &AtomicBool) -> Result<Self, Error> {
        let failed = Error::io("find", whole);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = rustix::fs::open(whole, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        let mode = rustix::fs::fstat(&open).map_err(|error| failed(error.into()))?.st_mode;
        if mode & OPEN_TO_OTHERS != OPEN_TO_OTHERS {
            return Lowered::of(whole, room, stop).map(Self::Copied);
        }
        rustix::io::fcntl_setfd(&open, FdFlags::empty()).map_err(|error| failed(error.into()))?;
        let path = format!("/proc/self/fd/{}", open.as_raw_fd()).into();
        Ok(Self::Open { _directory: open, path })
    }
}
