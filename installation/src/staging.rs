//! `StagingDirectory`: the private directory beside the installed plugins in which an artifact is staged.
//!
//! It is a sibling of what it becomes, so that publishing is one rename on one file system. It is
//! mode 0700, so that nobody else can look at or change what is not verified yet. Its owner holds a
//! lock on it for as long as it lives: one that says that it is ours and can be locked was left by a
//! killed process, and is removed by the next install.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aisoc_files::{Abandoned, PrivateDirectory};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_packaging::{Staged, StagingPlace};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::layout::STAGING_PREFIX;
use crate::secure::sync_directory;

/// Removed with all it holds when it is dropped. Fields are dropped in this order.
#[derive(Debug)]
pub struct StagingDirectory {
    directory: PrivateDirectory,
    plugins: PathBuf,
    made: MadeDirectories,
}

impl StagingDirectory {
    /// Creates a staging directory in `plugins`, which is made when it is missing and removed again
    /// unless what is staged is published. Removes what killed processes left.
    ///
    /// # Errors
    /// `io_denied` and other I/O reasons.
    pub fn create(plugins: &Path) -> Result<Self> {
        Self::create_beside(plugins, None)
    }

    /// As [`StagingDirectory::create`], while this process has another one, which stays even where the file
    /// system has refused to lock it.
    ///
    /// # Errors
    /// As [`StagingDirectory::create`].
    pub(crate) fn create_beside(plugins: &Path, ours: Option<&Path>) -> Result<Self> {
        let made = MadeDirectories::create(plugins)?;
        // By its name, because one directory has many paths.
        let is_ours = |left: &Abandoned| ours.is_some_and(|ours| left.path().file_name() == ours.file_name());
        for left in abandoned(plugins)?.into_iter().filter(|left| !is_ours(left)) {
            // What cannot be removed is left for the next run.
            let _ = left.remove();
        }
        let directory = PrivateDirectory::create(plugins, STAGING_PREFIX)
            .map_err(|error| Fault::io("create a staging directory in", plugins, error))?;
        Ok(Self { directory, plugins: plugins.to_owned(), made })
    }

    /// The directory, opened when it was made.
    pub(crate) fn held(&self) -> &File {
        self.directory.held()
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of installed plugins.
    pub fn plugins(&self) -> &Path {
        &self.plugins
    }

    /// Writes a file of ours under a name that nobody sees. [`StagingDirectory::sync`] puts it on disk.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let failed = |error| Fault::io("write", &self.path().join(name), error);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(self.held(), name, flags, Mode::from_raw_mode(0o644));
        let mut file = File::from(opened.map_err(|error| failed(error.into()))?);
        file.write_all(content).map_err(failed)?;
        file.set_permissions(fs::Permissions::from_mode(0o644)).map_err(failed)
    }

    /// One `syncfs` for all that is here: an `fsync` per file would take milliseconds each.
    pub(crate) fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(self.held()).map_err(|error| Fault::io("sync", self.path(), error.into()))
    }

    /// Leaves the plugins directory in place although it was missing before.
    pub(crate) fn keep_plugins_directory(&mut self) {
        self.made.0.clear();
    }

    /// Removes the staging directory now; the path of what could not be removed.
    pub(crate) fn remove(self) -> Option<PathBuf> {
        let path = self.directory.path().to_owned();
        self.directory.remove().err().map(|_| path)
    }
}

impl StagingPlace for StagingDirectory {
    fn held(&self) -> &File {
        Self::held(self)
    }

    fn path(&self) -> &Path {
        Self::path(self)
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

/// The staging directories in `plugins` whose processes are gone.
///
/// # Errors
/// I/O reasons when the directory cannot be listed.
pub(crate) fn abandoned(plugins: &Path) -> Result<Vec<Abandoned>> {
    Abandoned::find(plugins, STAGING_PREFIX).map_err(|error| Fault::io("list", plugins, error))
}

/// Moves a staged tree to `out`, which is missing or an empty directory, for `pull`. No host looks there:
/// nothing becomes active, so nothing has to be admitted.
///
/// # Errors
/// `already_exists` when there is something at `out`, and I/O reasons.
pub fn release_unverified(staged: Staged<StagingDirectory>, out: &Path) -> Result<()> {
    let (mut staging, source) = staged.into_place();
    staging.sync()?;
    rustix::fs::renameat(staging.held(), source, CWD, out).map_err(|error| match error {
        Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR => {
            Fault::new(Reason::AlreadyExists, format!("`{}` exists and is not an empty directory", out.display()))
        }
        error => Fault::io("write", out, error.into()),
    })?;
    staging.keep_plugins_directory();
    sync_directory(staging.plugins())
}
