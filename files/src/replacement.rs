//! `Replacement`: a file that somebody else keeps as well, changed whole: mode, owner and group stay.

use std::fs::Metadata;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{AtFlags, Gid, Mode, RenameFlags, Uid};

use crate::existing::Existing;
use crate::replace::create_new;

/// What is to come into the place of a file, written and synced under a second name, for whoever holds the directory's
/// lock. Dropped, it is removed, and the file is as it was.
#[derive(Debug)]
pub struct Replacement {
    directory: OwnedFd,
    name: String,
    existing: Existing,
    is_placed: bool,
}

impl Replacement {
    /// The second name of what is to be `name`.
    pub fn draft_of(name: &str) -> String {
        format!("{name}.new")
    }

    /// Writes what is to be the file `name`. Mode, owner and group are those of the file that was there `before`, as
    /// far as this user may give them; where there was none, the mode is `new_mode`, and none may be there when it is
    /// published. A draft that a killed process has left is removed.
    ///
    /// # Errors
    /// Those of writing and syncing.
    pub fn write(
        directory: impl AsFd,
        name: &str,
        content: &[u8],
        before: Option<&Metadata>,
        new_mode: u32,
    ) -> io::Result<Self> {
        let directory = directory.as_fd().try_clone_to_owned()?;
        let mut file = create_new(&directory, &Self::draft_of(name), Mode::from_raw_mode(0o600))?;
        let existing = if before.is_some() { Existing::Replace } else { Existing::Keep };
        let replacement = Self { directory, name: name.to_owned(), existing, is_placed: false };
        if let Some(before) = before {
            let (uid, gid) = (Uid::from_raw(before.uid()), Gid::from_raw(before.gid()));
            // Who may not give a file away leaves it the group, and who may not do that keeps it.
            if rustix::fs::fchown(&file, Some(uid), Some(gid)).is_err() {
                let _ = rustix::fs::fchown(&file, None, Some(gid));
            }
        }
        let mode = before.map_or(new_mode, |before| before.mode() & 0o7777);
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        file.write_all(content)?;
        file.sync_all()?;
        Ok(replacement)
    }

    /// Gives it its name, and syncs the directory.
    ///
    /// # Errors
    /// `AlreadyExists` where there was no file before and there is one now, and those of renaming and syncing.
    pub fn publish(mut self) -> io::Result<()> {
        let flags = match self.existing {
            Existing::Keep => RenameFlags::NOREPLACE,
            Existing::Replace => RenameFlags::empty(),
        };
        let (directory, draft) = (self.directory.as_fd(), Self::draft_of(&self.name));
        rustix::fs::renameat_with(directory, &draft, directory, self.name.as_str(), flags)?;
        self.is_placed = true;
        Ok(rustix::fs::fsync(&self.directory)?)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.is_placed {
            // What stays is the next writer's to remove.
            let _ = rustix::fs::unlinkat(&self.directory, Self::draft_of(&self.name), AtFlags::empty());
        }
    }
}
