//! `PrivateDirectory`: where everything begins that is to appear whole, and the only thing that is ever
//! removed because its process is gone.
//!
//! A name proves nothing: anybody can call a directory `.aisoc-key-photos`. A directory is ours when its
//! name has the exact form, nobody but this user owns it or can list or change it, it is neither a link nor a
//! mount, and a file in it says so. One that was made a moment ago does not say so yet, or not to the end;
//! it is known by a mode that nobody gives a directory by hand, and removed only while it holds nothing
//! else. It is abandoned when nobody holds its lock.
#![expect(
    clippy::disallowed_methods,
    reason = "its room: private directories, found by their names and proved by what is in them"
)]

use std::ffi::{CStr, OsStr};
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::remove::{OPEN_DIRECTORY, empty_held, is_empty, is_mounted};
use crate::small::read_open;

/// The file that says whose the directory is.
pub const MARKER: &str = "aisoc-draft";
const MARKER_NAME: &CStr = c"aisoc-draft";
/// What the file says.
pub const MARKER_TEXT: &str =
    "aisoc is making something here, and holds a lock on this directory. When nobody does, aisoc removes it.\n";
/// The directory in it that is going to be one in its own place.
pub(crate) const CONTENT: &str = "content";
/// How many letters and digits follow the prefix of a name.
const RANDOM: usize = 6;
/// Its owner's alone, and sticky, which means nothing where nobody else can write.
const MODE: u32 = 0o1700;
/// How often a fresh directory may be swept away by another process between its creation and its lock.
const ATTEMPTS: usize = 16;

/// A directory that nobody else can enter, locked as long as its process lives, removed with all it
/// holds when it is dropped.
#[derive(Debug)]
pub struct PrivateDirectory {
    path: PathBuf,
    /// Open and locked.
    held: File,
    /// The number of the next file in it.
    next: AtomicU64,
}

impl PrivateDirectory {
    /// A new directory in `parent` whose name is `prefix` and six letters or digits.
    ///
    /// # Errors
    /// Those of creating, locking and writing.
    pub fn create(parent: &Path, prefix: &str) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let mut builder = tempfile::Builder::new();
            let made = builder.prefix(prefix).rand_bytes(RANDOM).permissions(Permissions::from_mode(MODE));
            let made = made.tempdir_in(parent)?;
            let held = match rustix::fs::open(made.path(), OPEN_DIRECTORY, Mode::empty()) {
                Err(Errno::NOENT) => continue,
                Err(error) => {
                    // Removing by listing takes a descriptor, and there may be none left.
                    let _ = fs::remove_dir(made.path());
                    return Err(error.into());
                }
                Ok(held) => File::from(held),
            };
            if hold(&held)? {
                let private = Self { path: made.keep(), held, next: AtomicU64::new(1) };
                create_file(&private.held, MARKER, 0o600)?.write_all(MARKER_TEXT.as_bytes())?;
                return Ok(private);
            }
        }
        Err(io::Error::other("another process keeps removing what is being made"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, opened when it was made.
    pub fn held(&self) -> &File {
        &self.held
    }

    /// A new file in it, and its name; `mode` is narrowed by the umask.
    pub(crate) fn file(&self, mode: u32) -> io::Result<(File, String)> {
        let name = format!("file-{}", self.next.fetch_add(1, Ordering::Relaxed));
        Ok((create_file(&self.held, &name, mode)?, name))
    }

    /// Lets a group reach what is in it, by names that they know. They cannot list it, or change anything in it.
    ///
    /// # Errors
    /// Those of changing its group and its mode.
    pub fn let_group_through(&self, group: u32) -> io::Result<()> {
        fchown(&self.held, None, Some(group))?;
        self.held.set_permissions(Permissions::from_mode(MODE | 0o010))
    }

    /// Removes it now, with all it holds.
    ///
    /// # Errors
    /// Those of removing.
    pub fn remove(self) -> io::Result<()> {
        self.remove_all()
    }

    fn remove_all(&self) -> io::Result<()> {
        remove_held(&self.held).or_else(|error| match Errno::from_io_error(&error) {
            Some(Errno::MFILE | Errno::NFILE) => self.remove_known().map_err(|_| error),
            // The marker stays with what cannot be removed, so that a later sweep knows it as ours.
            _ => Err(error),
        })?;
        // What stands there now may be somebody else's.
        let (held, found) = (self.held.metadata()?, fs::symlink_metadata(&self.path)?);
        match (held.dev(), held.ino()) == (found.dev(), found.ino()) {
            true => fs::remove_dir(&self.path),
            false => Ok(()),
        }
    }
}

impl PrivateDirectory {
    /// What this process has put there itself, by name: without the descriptor that a listing takes. Of a
    /// file that cannot be removed the marker stays, for the next sweep.
    fn remove_known(&self) -> io::Result<()> {
        let files = (1..self.next.load(Ordering::Relaxed)).map(|number| format!("file-{number}"));
        let content = std::iter::once((CONTENT.to_owned(), AtFlags::REMOVEDIR));
        let named = files.chain([MARKER.to_owned()]).map(|name| (name, AtFlags::empty()));
        for (name, flags) in content.chain(named) {
            match rustix::fs::unlinkat(&self.held, name.as_str(), flags) {
                Err(error) if error != Errno::NOENT => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        // What is left is swept by the next one. After `remove` it is gone already.
        let _ = self.remove_all();
    }
}

/// A private directory of this user whose process is gone, locked so that nobody else removes it.
#[derive(Debug)]
pub struct Abandoned {
    path: PathBuf,
    parent: OwnedFd,
    held: File,
    state: State,
}

/// How far its process got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A file in it says that it is ours, with all it holds.
    Marked,
    /// Made, and nothing in it but the beginning of what would say so.
    Fresh,
}

impl Abandoned {
    /// Every one in `parent` whose name begins with `prefix`; those of living processes are locked by them.
    ///
    /// # Errors
    /// Those of listing `parent`; an absent one holds none.
    pub fn find(parent: &Path, prefix: &str) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut abandoned = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            if has_form(&name, prefix) {
                // What cannot be looked at proves nothing, and stays.
                abandoned.extend(Self::claim(parent, &name).ok().flatten());
            }
        }
        Ok(abandoned)
    }

    fn claim(parent: &Path, name: &OsStr) -> io::Result<Option<Self>> {
        let above = rustix::fs::open(parent, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let held = File::from(rustix::fs::openat(&above, name, OPEN_DIRECTORY, Mode::empty())?);
        if !is_private(&held)? || is_mounted(&held)? || held.try_lock().is_err() {
            return Ok(None);
        }
        let Some(state) = State::of(&held)? else { return Ok(None) };
        // Held from here on: whoever made it is gone, or has seen that this is no longer its own.
        let (found, stands) = (held.metadata()?, rustix::fs::statat(&above, name, AtFlags::SYMLINK_NOFOLLOW)?);
        let is_there = (found.dev(), found.ino()) == (stands.st_dev, stands.st_ino);
        Ok(is_there.then(|| Self { path: parent.join(name), parent: above, held, state }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with all it holds. One that is gone is removed.
    ///
    /// # Errors
    /// Those of removing.
    pub fn remove(self) -> io::Result<()> {
        match self.state {
            State::Marked => remove_held(&self.held)?,
            State::Fresh => remove_marker(&self.held)?,
        }
        let name = self.path.file_name().unwrap_or_default();
        match rustix::fs::unlinkat(&self.parent, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }
}

impl State {
    fn of(held: &File) -> io::Result<Option<Self>> {
        let said = marker(held)?;
        if said.as_deref() == Some(MARKER_TEXT.as_bytes()) {
            return Ok(Some(Self::Marked));
        }
        // Its parent may hand its group down, and a group may have been let through before it was emptied.
        let has_our_mode = held.metadata()?.mode() & 0o5767 == MODE;
        let holds_nothing_else = match said {
            None => is_empty(held, None)?,
            Some(said) => MARKER_TEXT.as_bytes().starts_with(&said) && is_empty(held, Some(MARKER_NAME))?,
        };
        Ok((has_our_mode && holds_nothing_else).then_some(Self::Fresh))
    }
}

/// Locks a fresh directory. Says whether it is still there, because a sweeper may have come in between.
fn hold(directory: &File) -> io::Result<bool> {
    match directory.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(false),
        // A file system without locks: nobody else can lock it either, so nobody sweeps.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(directory.metadata()?.nlink() > 0),
    }
}

/// Removes private directories of this user in `directory` that begin with `prefix` and whose process is
/// gone. What cannot be removed is left for the next time.
pub fn sweep(directory: &Path, prefix: &str) {
    // A failure is no reason not to do the work at hand.
    for abandoned in Abandoned::find(directory, prefix).unwrap_or_default() {
        let _ = abandoned.remove();
    }
}

/// Removes what is in it; the marker last, so that what a kill leaves of it is still known as ours.
fn remove_held(held: &File) -> io::Result<()> {
    empty_held(held, Some(MARKER_NAME))?;
    remove_marker(held)
}

fn remove_marker(held: &File) -> io::Result<()> {
    match rustix::fs::unlinkat(held, MARKER_NAME, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        removed => Ok(removed?),
    }
}

fn has_form(name: &OsStr, prefix: &str) -> bool {
    let random = name.as_bytes().strip_prefix(prefix.as_bytes());
    random.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric))
}

/// Whether this user owns it and nobody else can list or change it.
fn is_private(directory: &File) -> io::Result<bool> {
    let found = directory.metadata()?;
    Ok(found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o066 == 0)
}

/// What the file in it says, if this user wrote one; more than it should say is nothing.
fn marker(directory: &File) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let marker = match rustix::fs::openat(directory, MARKER_NAME, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        marker => File::from(marker?),
    };
    let found = marker.metadata()?;
    let is_ours = found.is_file() && found.uid() == rustix::process::geteuid().as_raw() && found.nlink() == 1;
    let read = read_open(marker, MARKER_TEXT.len() as u64);
    Ok(read.ok().filter(|_| is_ours).map(|read| read.content))
}

fn create_file(directory: impl AsFd, name: &str, mode: u32) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(mode))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kill between the marker's end and its own leaves it empty, whoever it was open to.
    #[test]
    fn what_a_kill_leaves_of_one_that_was_emptied_is_swept() {
        let place = tempfile::tempdir().expect("a directory");
        for (name, mode, goes) in
            [("draft-aaaaaa", MODE, true), ("draft-bbbbbb", MODE | 0o010, true), ("draft-cccccc", 0o755, false)]
        {
            let directory = place.path().join(name);
            fs::create_dir(&directory).expect("made");
            fs::set_permissions(&directory, Permissions::from_mode(mode)).expect("set");
            sweep(place.path(), "draft-");
            assert_eq!(!directory.exists(), goes, "{name}");
        }
    }
}
