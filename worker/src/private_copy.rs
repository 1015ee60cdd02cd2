//! `PrivateCopy`: a plugin's directory as it is at one moment, which nobody changes after that.
//!
//! Whoever judges the copy has judged what the plugin reads: what becomes of the directory itself is nothing to it. Where
//! the caller is root, its child is nobody, who may not go where root's directories are, and reads here what it cannot
//! change.
#![expect(clippy::disallowed_methods, reason = "its room: the directory that a child may read")]

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use aisoc_files::{Links, PrivateDirectory, open_file, sweep};

use crate::error::Error;
use crate::nobody::is_root;
use crate::waiting::go_on;

/// How the directories begin in which copies are.
const PREFIX: &str = "aisoc-plugin-";
/// So much is copied between two looks at whether to stop.
const PIECE_BYTES: u64 = 1 << 20;

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

/// A copy of a plugin's directory, in the directory for temporary files. Removed when it is dropped; where its process is
/// killed, by [`PrivateCopy::sweep`].
#[derive(Debug)]
pub struct PrivateCopy {
    path: PathBuf,
    _home: PrivateDirectory,
}

impl PrivateCopy {
    /// Copies regular files, directories, and links as they are: nothing else is part of a plugin. Of the modes of files it
    /// is kept whether their owner may execute them.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::TooMuch`], [`Error::Stopped`]; then nothing of it is left.
    pub fn of(directory: &Path, room: &Room, stop: &AtomicBool) -> Result<Self, Error> {
        let temporary = tempfile::env::temp_dir();
        let failed = Error::io("copy the plugin to", &temporary);
        let home = PrivateDirectory::create(&temporary, PREFIX).map_err(&failed)?;
        // Modules are named after the directory.
        let path = home.path().join(directory.file_name().unwrap_or("plugin".as_ref()));
        Copy { room: room.clone(), stop }.directory(directory, &path)?;
        if is_root() {
            home.let_others_through().map_err(&failed)?;
        }
        Ok(Self { path, _home: home })
    }

    /// Where it is. Its last part is that of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes this user's copies whose process is gone.
    pub fn sweep() {
        sweep(&tempfile::env::temp_dir(), PREFIX);
    }
}

/// A copy under way, and how much it may still be.
struct Copy<'a> {
    room: Room,
    stop: &'a AtomicBool,
}

impl Copy<'_> {
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
        let found = source.metadata().map_err(&failed)?;
        // By what it is said to have, before the first byte: holes would become bytes.
        self.take(found.len(), from)?;
        let mut target = File::create_new(to).map_err(&failed)?;
        let mut rest = source.take(found.len());
        loop {
            go_on(self.stop)?;
            if io::copy(&mut rest.by_ref().take(PIECE_BYTES), &mut target).map_err(&failed)? == 0 {
                break;
            }
        }
        let mode = if found.permissions().mode() & 0o100 == 0 { 0o444 } else { 0o555 };
        target.set_permissions(Permissions::from_mode(mode)).map_err(&failed)
    }
}

fn too_much(path: &Path) -> Error {
    Error::TooMuch { path: path.to_owned() }
}
