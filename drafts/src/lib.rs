#![doc = include_str!("../README.md")]

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tempfile::{NamedTempFile, TempDir};

mod access;
mod access_list;
mod nameless;
mod small;
mod walk;

pub use access::{Flaw, Insecure, Weakness};
pub use nameless::Nameless;
pub use small::{Links, SmallFile, SmallFileError, open_file, read_into, read_open, read_small, read_stream};
pub use walk::{Arrival, Place, Walk};

/// How often a fresh draft may be swept away by another process between its creation and its lock.
const ATTEMPTS: usize = 16;

/// A file on its way, removed when it is dropped.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
}

/// What to do about a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail with `AlreadyExists`.
    Keep,
    /// Put the draft in its place.
    Replace,
}

impl Draft {
    /// A new file in `directory` whose name begins with `prefix`; `mode` is narrowed by the umask.
    ///
    /// # Errors
    /// Those of creating a file.
    pub fn create(directory: &Path, prefix: &str, mode: u32) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let file = tempfile::Builder::new()
                .prefix(prefix)
                .permissions(Permissions::from_mode(mode))
                .tempfile_in(directory)?;
            if hold(file.as_file())? {
                return Ok(Self { file });
            }
        }
        Err(swept())
    }

    /// The file, to set its mode or sync it.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Its temporary name.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Syncs the content, gives the file its name, and syncs the directory.
    ///
    /// # Errors
    /// `AlreadyExists`, and those of syncing and renaming.
    pub fn publish(self, path: &Path, existing: Existing) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.place(path, existing)?;
        settle(path)
    }

    /// Gives the file its name, without any sync: what a power cut loses can be made again.
    ///
    /// # Errors
    /// `AlreadyExists`, and those of renaming.
    pub fn place(self, path: &Path, existing: Existing) -> io::Result<()> {
        let placed = match existing {
            Existing::Keep => self.file.persist_noclobber(path),
            Existing::Replace => self.file.persist(path),
        };
        placed.map(drop).map_err(|error| error.error)
    }
}

impl io::Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

/// A directory on its way, removed with all it holds when it is dropped.
#[derive(Debug)]
pub struct DraftDirectory {
    directory: TempDir,
    /// Open and locked.
    _held: File,
}

impl DraftDirectory {
    /// A new directory in `parent` whose name begins with `prefix`; `mode` is narrowed by the umask.
    /// What killed processes left there under that prefix is removed first.
    ///
    /// # Errors
    /// Those of creating a directory.
    pub fn create(parent: &Path, prefix: &str, mode: u32) -> io::Result<Self> {
        sweep(parent, prefix);
        for _ in 0..ATTEMPTS {
            let directory =
                tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(mode)).tempdir_in(parent)?;
            match File::open(directory.path()) {
                Ok(held) if hold(&held)? => return Ok(Self { directory, _held: held }),
                // Swept between its creation and its opening, or its lock.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Err(swept())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Leaves it where it is, for whoever has renamed it.
    pub fn keep(self) -> PathBuf {
        self.directory.keep()
    }
}

/// Removes files and directories in `directory` that begin with `prefix` and whose process is gone. What
/// cannot be removed is left for the next time.
pub fn sweep(directory: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
            // A failure is no reason not to do the work at hand.
            let _ = remove_abandoned(&entry.path());
        }
    }
}

/// Makes renames and removals in a directory survive a power cut.
///
/// # Errors
/// Those of opening and syncing.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes the name that `path` has just got survive a power cut.
///
/// # Errors
/// Those of [`sync_directory`], saying that `path` is in place all the same.
pub fn settle(path: &Path) -> io::Result<()> {
    sync_directory(parent(path)).map_err(|error| {
        let message = format!("`{}` is in place, but a power cut may still lose it: {error}", path.display());
        io::Error::new(error.kind(), message)
    })
}

/// The directory in which `path` is, `.` for a name alone.
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Locks a fresh draft. Says whether it is still there, because a sweeper may have come in between.
fn hold(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(false),
        // A file system without locks: nobody else can lock it either, so nobody sweeps.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    Ok(file.metadata()?.nlink() > 0)
}

fn remove_abandoned(path: &Path) -> io::Result<()> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let opened = File::options().read(true).custom_flags(flags).open(path)?;
    if opened.try_lock().is_err() {
        return Ok(());
    }
    // Held from here on: whoever made it has seen that it is gone, or is gone.
    let (held, found) = (opened.metadata()?, fs::symlink_metadata(path)?);
    if (held.dev(), held.ino()) != (found.dev(), found.ino()) {
        return Ok(());
    }
    if held.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn swept() -> io::Error {
    io::Error::other("another process keeps removing what is being made")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .expect("listed")
            .map(|entry| entry.expect("entry").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_appears_whole_and_replaces_only_when_told() {
        let root = tempfile::tempdir().expect("directory");
        let target = root.path().join("file");
        for (content, existing, expected) in [
            ("one", Existing::Keep, Ok(())),
            ("two", Existing::Keep, Err(io::ErrorKind::AlreadyExists)),
            ("three", Existing::Replace, Ok(())),
        ] {
            let mut draft = Draft::create(root.path(), ".draft-", 0o644).expect("created");
            draft.write_all(content.as_bytes()).expect("written");
            assert_eq!(draft.publish(&target, existing).map_err(|error| error.kind()), expected, "{content}");
        }
        assert_eq!(fs::read_to_string(&target).expect("read"), "three");
        assert_eq!(names(root.path()), ["file"]);
    }

    #[test]
    fn a_dropped_draft_leaves_nothing() {
        let root = tempfile::tempdir().expect("directory");
        drop(Draft::create(root.path(), ".draft-", 0o600).expect("created"));
        let directory = DraftDirectory::create(root.path(), ".drafts-", 0o700).expect("created");
        fs::write(directory.path().join("inside"), "x").expect("written");
        drop(directory);
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn sweeping_removes_what_nobody_holds_and_nothing_else() {
        let root = tempfile::tempdir().expect("directory");
        fs::write(root.path().join(".draft-abandoned"), "x").expect("written");
        fs::create_dir(root.path().join(".draft-directory")).expect("made");
        fs::write(root.path().join(".draft-directory/inside"), "x").expect("written");
        fs::write(root.path().join("kept"), "x").expect("written");
        std::os::unix::fs::symlink("kept", root.path().join(".draft-link")).expect("linked");
        let held = Draft::create(root.path(), ".draft-", 0o644).expect("created");
        let held_directory = DraftDirectory::create(root.path(), ".other-", 0o755).expect("created");
        sweep(root.path(), ".draft-");
        sweep(root.path(), ".other-");
        let mut expected = vec![".draft-link".to_owned(), "kept".to_owned()];
        for path in [held.path(), held_directory.path()] {
            expected.push(path.file_name().expect("name").to_str().expect("text").to_owned());
        }
        expected.sort();
        assert_eq!(names(root.path()), expected);
    }

    #[test]
    fn many_writers_and_sweepers_do_not_lose_a_file() {
        let root = tempfile::tempdir().expect("directory");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let root = root.path();
                scope.spawn(move || {
                    for round in 0..50 {
                        sweep(root, ".draft-");
                        let mut draft = Draft::create(root, ".draft-", 0o644).expect("created");
                        draft.write_all(b"whole").expect("written");
                        draft.place(&root.join(format!("{writer}-{round}")), Existing::Keep).expect("placed");
                    }
                });
            }
        });
        let found = names(root.path());
        assert_eq!(found.len(), 200);
        assert!(found.iter().all(|name| fs::read(root.path().join(name)).expect("read") == b"whole"));
    }
}
