//! `Home`: the private directory beside the installed plugins in which an artifact is staged.
//!
//! It is a sibling of what it becomes, so that publishing is one rename on one file system. It is
//! mode 0700, so that nobody else can look at or change what is not verified yet. Its owner holds a
//! lock on it for as long as it lives: a directory that can be locked was left by a killed process,
//! and is removed by the next install.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use tempfile::TempDir;

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
        sweep(plugins);
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
            match fs::create_dir(directory) {
                Ok(()) => made.0.push(directory.to_owned()),
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
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::NOFOLLOW;
    let opened = rustix::fs::open(path, flags | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty()).ok()?;
    let directory = File::from(opened);
    match directory.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
    }
    let (held, found) = (directory.metadata().ok()?, fs::symlink_metadata(path).ok()?);
    (held.dev() == found.dev() && held.ino() == found.ino()).then_some(directory)
}

/// Removes staging directories whose owner is gone. What cannot be removed is left for the next run.
fn sweep(plugins: &Path) {
    let Ok(entries) = fs::read_dir(plugins) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            && let Some(_lock) = lock_directory(&entry.path())
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
