//! `Home`: the private directory beside the installed plugins in which an artifact is staged.
//!
//! It is a sibling of what it becomes, so that publishing is one rename on one file system. It is
//! mode 0700, so that nobody else can look at or change what is not verified yet. Its owner holds a
//! lock on it for as long as it lives: a directory that can be locked was left by a killed process,
//! and is removed by the next install.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use crate::access::OPEN_DIRECTORY;

/// How every staging directory's name begins. The host and `installed` pass over such names.
const PREFIX: &str = ".aisoc-staging-";
/// The staged tree's name inside.
pub(crate) const TREE: &str = "tree";
/// How often a fresh directory may be swept away by another process between its creation and its lock.
const ATTEMPTS: usize = 16;

/// Removed with all it holds when it is dropped. Fields are dropped in this order.
#[derive(Debug)]
pub(crate) struct Home {
    directory: TempDir,
    /// Open and locked.
    held: File,
    plugins: PathBuf,
    made: MadeDirectories,
}

impl Home {
    /// Creates a staging directory in `plugins`, which is made when it is missing and removed again
    /// unless [`Home::keep_plugins_directory`] is called. Removes what killed processes left.
    pub(crate) fn create(plugins: &Path) -> Result<Self> {
        let made = MadeDirectories::create(plugins)?;
        for abandoned in Abandoned::find(plugins)? {
            // What cannot be removed is left for the next run.
            let _ = abandoned.remove();
        }
        for _ in 0..ATTEMPTS {
            let directory = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir_in(plugins)
                .map_err(|error| Fault::io("create a staging directory in", plugins, error))?;
            if let Some(held) = lock_directory(directory.path()) {
                return Ok(Self { directory, held, plugins: plugins.to_owned(), made });
            }
        }
        Err(Fault::new(Reason::IoError, format!("cannot keep a staging directory in `{}`", plugins.display())))
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory, opened when it was made.
    pub(crate) fn held(&self) -> &File {
        &self.held
    }

    /// The directory of installed plugins.
    pub(crate) fn plugins(&self) -> &Path {
        &self.plugins
    }

    /// Writes a file of ours under a name that nobody sees. [`Home::sync`] puts it on disk.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let failed = |error| Fault::io("write", &self.path().join(name), error);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.held, name, flags, Mode::from_raw_mode(0o644));
        let mut file = File::from(opened.map_err(|error| failed(error.into()))?);
        file.write_all(content).map_err(failed)?;
        file.set_permissions(fs::Permissions::from_mode(0o644)).map_err(failed)
    }

    /// One `syncfs` for all that is here: an `fsync` per file would take milliseconds each.
    pub(crate) fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(&self.held).map_err(|error| Fault::io("sync", self.path(), error.into()))
    }

    /// Leaves the plugins directory in place although it was missing before.
    pub(crate) fn keep_plugins_directory(&mut self) {
        self.made.0.clear();
    }

    /// Removes the staging directory now; the path of what could not be removed.
    pub(crate) fn remove(self) -> Option<PathBuf> {
        let path = self.directory.path().to_owned();
        // std removes relative to open directories, so a swapped parent cannot lead it elsewhere.
        self.directory.close().err().map(|_| path)
    }
}

/// Directories that did not exist before; removed again, innermost first, when they are still empty.
#[derive(Debug)]
struct MadeDirectories(Vec<PathBuf>);

impl MadeDirectories {
    fn create(path: &Path) -> Result<Self> {
        let missing: Vec<&Path> =
            path.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
        let mut made = Self(Vec::new());
        for directory in missing.into_iter().rev() {
            match fs::DirBuilder::new().mode(0o755).create(directory) {
                Ok(()) => {
                    made.0.push(directory.to_owned());
                    // The host reads here, whatever the umask of whoever installs.
                    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
                        .map_err(|error| Fault::io("set the mode of", directory, error))?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Fault::io("create the directory", directory, error)),
            }
        }
        Ok(made)
    }
}

impl Drop for MadeDirectories {
    fn drop(&mut self) {
        for directory in self.0.iter().rev() {
            // Fails when somebody else has put something there meanwhile, which is then theirs.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Opens and locks a staging directory, if nobody else has and it still stands at its path.
fn lock_directory(path: &Path) -> Option<File> {
    let directory = File::from(rustix::fs::open(path, OPEN_DIRECTORY, Mode::empty()).ok()?);
    match directory.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
    }
    let (held, found) = (directory.metadata().ok()?, fs::symlink_metadata(path).ok()?);
    (held.dev() == found.dev() && held.ino() == found.ino()).then_some(directory)
}

/// A staging directory whose owner is gone, locked so that nobody else removes it.
pub(crate) struct Abandoned {
    pub(crate) path: PathBuf,
    _lock: File,
}

impl Abandoned {
    /// Every one in `plugins`. Those of living processes are locked by them, and a link is none.
    pub(crate) fn find(plugins: &Path) -> Result<Vec<Self>> {
        let failed = |error| Fault::io("list", plugins, error);
        let entries = match fs::read_dir(plugins) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut abandoned = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                let path = entry.path();
                abandoned.extend(lock_directory(&path).map(|lock| Self { path, _lock: lock }));
            }
        }
        Ok(abandoned)
    }

    /// Removes it. One that is gone is removed: its maker, who saw it locked before its own lock, has
    /// given it up.
    pub(crate) fn remove(self) -> Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|error| Fault::io("remove", &self.path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staging_that_its_maker_has_given_up_is_no_leftover() {
        let plugins = tempfile::tempdir().expect("a directory");
        let path = plugins.path().join(format!("{PREFIX}fresh"));
        fs::create_dir(&path).expect("made");
        let mut abandoned = Abandoned::find(plugins.path()).expect("listed");
        assert_eq!(abandoned.len(), 1);
        fs::remove_dir(&path).expect("given up");
        abandoned.remove(0).remove().expect("gone is removed");
    }
}
