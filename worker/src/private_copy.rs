//! `PrivateCopy`: a plugin's directory as it is at one moment, which nobody changes after that.
//!
//! Whoever judges the copy has judged what the plugin reads: what becomes of the directory itself is nothing to it. Where
//! the caller is root, its child is nobody, who may not go where root's directories are, and reads here what it cannot
//! change; nobody else reads it.
#![expect(clippy::disallowed_methods, reason = "its room: the directory that a child may read")]

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use aisoc_files::{
    Entry, Links, PrivateDirectory, TooManyNames, entries_of, open_directory, open_directory_in, open_file_in, sweep,
};
use rustix::fs::{FileType, readlinkat};

use crate::error::Error;
use crate::nobody::{NOBODY, is_root};
use crate::sandbox::Scratch;
use crate::waiting::go_on;

/// How the directories begin in which copies are.
const PREFIX: &str = "aisoc-plugin-";
/// In those, where a plugin may be called as it likes.
const INSIDE: &str = "copy";
/// How deep directories may lie in each other in what is copied: as many are open at a time, here and in whoever removes them.
const MAX_DEPTH: usize = 64;
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
    home: PrivateDirectory,
}

impl PrivateCopy {
    /// Copies regular files, directories, and links as they are: nothing else is part of a plugin. Of the modes of files it
    /// is kept whether their owner may execute them. Nobody else can reach it, before [`PrivateCopy::let_reader_in`].
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::TooMuch`], [`Error::Stopped`]; then nothing of it is left.
    pub fn of(directory: &Path, room: &Room, stop: &AtomicBool) -> Result<Self, Error> {
        let temporary = tempfile::env::temp_dir();
        let failed = Error::io("copy the plugin to", &temporary);
        let home = PrivateDirectory::create(&temporary, PREFIX).map_err(&failed)?;
        let inside = home.path().join(INSIDE);
        // Modules are named after the directory.
        let path = inside.join(directory.file_name().unwrap_or("plugin".as_ref()));
        let mut copy = Copy { room: room.clone(), stop, reader: is_root().then_some(NOBODY) };
        copy.make_directory(&inside).map_err(&failed)?;
        // What is opened is what is copied, whatever is put in its place meanwhile.
        let open = open_directory(directory, Links::Refused).map_err(Error::io("copy", directory))?;
        copy.directory(&open, directory, &path, 0)?;
        Ok(Self { path, home })
    }

    /// Lets whoever the plugin runs as reach it: nobody, where the caller is root. For whoever has judged what is in it.
    ///
    /// # Errors
    /// [`Error::Io`], also where nobody may go where it is.
    pub fn let_reader_in(&self) -> Result<(), Error> {
        if !is_root() {
            return Ok(());
        }
        let home = self.home.path();
        for above in home.ancestors().skip(1).filter(|above| *above != Path::new("")) {
            let failed = Error::io("let the plugin into", above);
            let found = fs::metadata(above).map_err(&failed)?;
            let may_pass = if found.gid() == NOBODY { 0o010 } else { 0o001 };
            if found.mode() & may_pass == 0 {
                return Err(failed(io::ErrorKind::PermissionDenied.into()));
            }
        }
        self.home.let_group_through(NOBODY).map_err(Error::io("let the plugin into", home))
    }

    /// Where it is. Its last part is that of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes this user's copies whose process is gone, and what their plugins wrote.
    pub fn sweep() {
        sweep(&tempfile::env::temp_dir(), PREFIX);
        Scratch::sweep();
    }
}

/// A copy under way, and how much it may still be.
struct Copy<'a> {
    room: Room,
    stop: &'a AtomicBool,
    /// The group that may read it.
    reader: Option<u32>,
}

impl Copy<'_> {
    /// A directory that is open, which is called `from`.
    fn directory(&mut self, open: &OwnedFd, from: &Path, to: &Path, depth: usize) -> Result<(), Error> {
        let failed = Error::io("copy", from);
        if depth > MAX_DEPTH {
            return Err(too_much(from));
        }
        self.make_directory(to).map_err(&failed)?;
        let entries = entries_of(open, self.room.entries).map_err(|error| match TooManyNames::is_why(&error) {
            true => too_much(from),
            false => failed(error),
        })?;
        for Entry { name, kind } in entries {
            let (path, target) = (from.join(&name), to.join(&name));
            go_on(self.stop)?;
            self.room.entries = self.room.entries.checked_sub(1).ok_or_else(|| too_much(from))?;
            match kind {
                FileType::Directory => {
                    let open = open_directory_in(open, &name).map_err(Error::io("copy", &path))?;
                    self.directory(&open, &path, &target, depth + 1)?;
                }
                FileType::Symlink => {
                    let leads_to = readlinkat(open, &name, Vec::new()).map_err(|error| failed(error.into()))?;
                    symlink(OsStr::from_bytes(leads_to.as_bytes()), &target).map_err(&failed)?;
                }
                FileType::RegularFile => self.file(open, &name, &path, &target)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn make_directory(&self, to: &Path) -> io::Result<()> {
        fs::create_dir(to)?;
        self.close(&File::open(to)?, 0o700)
    }

    /// Takes that many bytes from what may still come.
    fn take(&mut self, bytes: u64, from: &Path) -> Result<(), Error> {
        let left = self.room.total_bytes.checked_sub(bytes).filter(|_| bytes <= self.room.file_bytes);
        self.room.total_bytes = left.ok_or_else(|| too_much(from))?;
        Ok(())
    }

    fn file(&mut self, open: &OwnedFd, name: &OsStr, from: &Path, to: &Path) -> Result<(), Error> {
        let failed = Error::io("copy", from);
        let source = open_file_in(open, name).map_err(|error| failed(error.into()))?;
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
        let mode = if found.permissions().mode() & 0o100 == 0 { 0o400 } else { 0o500 };
        self.close(&target, mode).map_err(&failed)
    }

    /// Closes what was made to everybody but its owner, and whoever is to read it.
    fn close(&self, made: &File, mode: u32) -> io::Result<()> {
        let read_too = match self.reader {
            Some(group) => {
                fchown(made, None, Some(group))?;
                (mode & 0o500) >> 3
            }
            None => 0,
        };
        made.set_permissions(Permissions::from_mode(mode | read_too))
    }
}

fn too_much(path: &Path) -> Error {
    Error::TooMuch { path: path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { entries: 1000, file_bytes: 1 << 20, total_bytes: 1 << 20 };

    fn copy(directory: &Path) -> Result<PrivateCopy, Error> {
        PrivateCopy::of(directory, &ROOM, &AtomicBool::new(false))
    }

    #[test]
    fn a_copy_is_closed_until_it_was_judged_and_to_everybody_but_its_reader_then() {
        let place = tempfile::tempdir().expect("a directory");
        // As our own marker is called.
        let plugin = place.path().join(aisoc_files::MARKER);
        fs::create_dir_all(plugin.join("data")).expect("made");
        fs::write(plugin.join("data/open"), "x").expect("written");
        symlink("/etc", plugin.join("link")).expect("linked");
        let copied = copy(&plugin).expect("copied");
        assert_eq!(copied.home.held().metadata().expect("there").mode() & 0o077, 0);
        assert_eq!(fs::read_to_string(copied.path().join("data/open")).expect("read"), "x");
        assert_eq!(fs::read_link(copied.path().join("link")).expect("a link"), Path::new("/etc"));
        copied.let_reader_in().expect("let in");
        for inside in ["", "data", "data/open"] {
            let found = fs::metadata(copied.path().join(inside)).expect("there");
            assert_eq!(found.mode() & 0o027, 0, "{inside}");
            assert_eq!(found.mode() & 0o040 != 0, is_root(), "{inside}");
        }
        let home = copied.home.path().to_owned();
        drop(copied);
        assert!(!home.exists());
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let place = tempfile::tempdir().expect("a directory");
        symlink("/etc", place.path().join("plugin")).expect("linked");
        assert!(matches!(copy(&place.path().join("plugin")), Err(Error::Io { .. })));
    }

    #[test]
    fn a_copy_is_as_deep_as_may_be_and_goes_again() {
        let place = tempfile::tempdir().expect("a directory");
        for (depth, is_copied) in [(MAX_DEPTH, true), (MAX_DEPTH + 1, false), (900, false)] {
            let plugin = place.path().join(depth.to_string());
            fs::create_dir_all(plugin.join(vec!["d"; depth].join("/"))).expect("made");
            match copy(&plugin) {
                Ok(copied) => {
                    let home = copied.home.path().to_owned();
                    drop(copied);
                    assert!(is_copied && !home.exists(), "{depth}");
                }
                Err(error) => assert!(!is_copied && matches!(error, Error::TooMuch { .. }), "{depth}: {error}"),
            }
        }
    }
}
