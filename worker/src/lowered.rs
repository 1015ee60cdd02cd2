//! Running a plugin as nobody, when the caller is root.
//!
//! To root nothing is closed: neither this process's memory nor any file. So the child is another user, and
//! because that one may not go where root's directories are, it gets a copy that it can read and not change.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::error::Error;
use crate::nobody::is_root;
use crate::private_copy::{PrivateCopy, Room};

/// Who a child is, and on what it runs.
pub(crate) enum Lowered {
    /// The caller, on the caller's files.
    No,
    /// Nobody, on a copy of a plugin's directory.
    Copied(PrivateCopy),
}

impl Lowered {
    /// Makes a copy of a directory, when this process is root's.
    ///
    /// # Errors
    /// As [`PrivateCopy::of`].
    pub(crate) fn of(directory: &Path, room: &Room, stop: &AtomicBool) -> Result<Self, Error> {
        match is_root() {
            true => {
                let copy = PrivateCopy::of(directory, room, stop)?;
                copy.let_reader_in()?;
                Ok(Self::Copied(copy))
            }
            false => Ok(Self::No),
        }
    }

    /// Where the copy is.
    pub(crate) fn plugin(&self) -> Option<&Path> {
        match self {
            Self::Copied(copy) => Some(copy.path()),
            Self::No => None,
        }
    }
}
