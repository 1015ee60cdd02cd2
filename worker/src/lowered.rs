//! Running a plugin as nobody, when the caller is root.
//!
//! To root nothing is closed: neither this process's memory nor any file. So the child is another user, and
//! because that one may not go where root's directories are, it gets a copy that it can read and not change.
#![expect(clippy::disallowed_methods, reason = "its room: the directory that a child may read")]

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use aisoc_files::{Links, open_file};
use tempfile::TempDir;

use crate::error::Error;
use crate::waiting::go_on;

/// The user and the group that own nothing.
pub(crate) const NOBODY: u32 = 65534;

/// How much a plugin may hold that is copied: what a plugin of that size could not be installed for.
#[derive(Debug, Clone)]
pub struct Room {
    /// Files, directories and links.
    pub entries: usize,
    /// Of one file.
    pub file_bytes: u64,
    /// Of all files.
    pub total_bytes: u64,
}

/// Who a child is, and on what it runs.
pub(crate) enum Lowered {
    /// The caller, on the caller's files.
    No,
    /// Nobody, on whatever everybody may read.
    Nobody,
    /// Nobody, on a copy of a plugin's directory.
    Copied {
        /// Removed with everything in it.
        _place: TempDir,
        /// The copy.
        plugin: PathBuf,
    },
}

/// Whether a child is to be somebody else.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl Lowered {
    /// Makes a copy of a directory, when this process is root's.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::TooMuch`], [`Error::Stopped`].
    pub(crate) fn of(directory: &Path, room: &Room, stop: &AtomicBool) -> Result<Self, Error> {
        if !is_root() {
            return Ok(Self::No);
        }
        let temporary = tempfile::env::temp_dir();
        let failed = Error::io("copy the plugin to", &temporary);
        let place = tempfile::Builder::new().prefix("aisoc-load-").tempdir().map_err(&failed)?;
        chown(place.path(), None, Some(NOBODY)).map_err(&failed)?;
        fs::set_permissions(place.path(), Permissions::from_mode(0o750)).map_err(&failed)?;
        // Modules are named after the directory.
        let plugin = place.path().join(directory.file_name().unwrap_or("plugin".as_ref()));
        Copy { room: room.clone(), stop }.directory(directory, &plugin)?;
        Ok(Self::Copied { _place: place, plugin })
    }

    /// Without a directory of its own: what it reads was made visible to it.
    pub(crate) fn without_directory() -> Self {
        if is_root() { Self::Nobody } else { Self::No }
    }

    /// Where the copy is.
    pub(crate) fn plugin(&self) -> Option<&Path> {
        match self {
            Self::Copied { plugin, .. } => Some(plugin),
            Self::No | Self::Nobody => None,
        }
    }

    /// The home of a child that is nobody.
    pub(crate) fn home(&self) -> Option<&Path> {
        match self {
            Self::No => None,
            Self::Nobody => Some(Path::new("/nonexistent")),
            Self::Copied { plugin, .. } => Some(plugin),
        }
    }
}

/// A copy under way, and how much it may still be.
struct Copy<'a> {
    room: Room,
    stop: &'a AtomicBool,
}

impl Copy<'_> {
    /// Regular files, directories, and links as they are; nothing else can be imported.
    fn directory(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        let failed = Error::io("copy", from);
        fs::create_dir(to).map_err(&failed)?;
        fs::set_permissions(to, Permissions::from_mode(0o755)).map_err(&failed)?;
        for entry in fs::read_dir(from).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            let (kind, target) = (entry.file_type().map_err(&failed)?, to.join(entry.file_name()));
            go_on(self.stop)?;
            self.room.entries = self.room.entries.checked_sub(1).ok_or_else(|| too_much(from))?;
            if kind.is_dir() {
                self.directory(&entry.path(), &target)?;
            } else if kind.is_symlink() {
                fs::read_link(entry.path()).and_then(|leads_to| symlink(leads_to, &target)).map_err(&failed)?;
            } else if kind.is_file() {
                self.file(&entry.path(), &target)?;
            }
        }
        Ok(())
    }

    /// Takes that many bytes from what may still come.
    fn take(&mut self, bytes: u64, from: &Path) -> Result<(), Error> {
        let left = self.room.total_bytes.checked_sub(bytes).filter(|_| bytes <= self.room.file_bytes);
        self.room.total_bytes = left.ok_or_else(|| too_much(from))?;
        Ok(())
    }

    fn file(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        let failed = Error::io("copy", from);
        let source = open_file(from, Links::Refused).map_err(|error| failed(error.into()))?;
        let stated = source.metadata().map_err(&failed)?.len();
        // By what it is said to have, before the first byte: holes would become bytes.
        self.take(stated, from)?;
        let mut target = File::create_new(to).map_err(&failed)?;
        let mut rest = source.take(stated);
        loop {
            go_on(self.stop)?;
            if io::copy(&mut rest.by_ref().take(PIECE_BYTES), &mut target).map_err(&failed)? == 0 {
                break;
            }
        }
        target.set_permissions(Permissions::from_mode(0o644)).map_err(&failed)
    }
}

/// So much is copied between two looks at whether to stop.
const PIECE_BYTES: u64 = 1 << 20;

fn too_much(path: &Path) -> Error {
    Error::TooMuch { path: path.to_owned() }
}
