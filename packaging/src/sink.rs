//! Where staged files go: into a private directory, or nowhere.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::tar::Mode;
use rustix::fs::{Mode as Bits, OFlags};
use rustix::io::Errno;

/// Takes files one after the other.
pub(crate) trait Sink: Send {
    /// Begins a file.
    fn file(&mut self, path: &RelPath, mode: Mode) -> Result<()>;
    /// Continues it.
    fn content(&mut self, bytes: &[u8]) -> Result<()>;
    /// Completes it.
    fn end(&mut self) -> Result<()>;
}

/// Writes nothing: for `verify` and `inspect`, which take the same walk as an install.
pub(crate) struct Nowhere;

impl Sink for Nowhere {
    fn file(&mut self, _: &RelPath, _: Mode) -> Result<()> {
        Ok(())
    }

    fn content(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Creates files below a held directory.
///
/// Every step from the held directory down is one component opened without following links, and
/// every file is created exclusively: nothing that stands there before, or is put there meanwhile,
/// can lead a write out of the tree (CVE-2026-50162).
pub(crate) struct Directory {
    root: OwnedFd,
    /// For messages only.
    shown: PathBuf,
    modes: Modes,
    parent: Option<(RelPath, OwnedFd)>,
    file: Option<(File, RelPath)>,
}

/// Whether the process's umask leaves the modes of new files as we ask for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Modes {
    Kept,
    Masked,
}

const OPEN_DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const CREATE_FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const DIRECTORY_BITS: u32 = 0o755;

impl Directory {
    /// Creates the directory `name` in `parent`, which is `shown` in messages, and holds it.
    pub(crate) fn create(parent: impl AsFd, shown: &Path, name: &str) -> Result<Self> {
        let failed = |error: Errno| Fault::io("create", &shown.join(name), error.into());
        rustix::fs::mkdirat(&parent, name, Bits::from_raw_mode(DIRECTORY_BITS)).map_err(failed)?;
        let root = rustix::fs::openat(&parent, name, OPEN_DIRECTORY, Bits::empty()).map_err(failed)?;
        let made = rustix::fs::fstat(&root).map_err(failed)?.st_mode & 0o777;
        let modes = if made == DIRECTORY_BITS { Modes::Kept } else { Modes::Masked };
        let directory = Self { root, shown: shown.join(name), modes, parent: None, file: None };
        directory.set_mode(&directory.root, DIRECTORY_BITS).map_err(failed)?;
        Ok(directory)
    }

    /// The directory that holds `path`, made where it is missing. Archives list a directory's files
    /// together, so the last one is kept open.
    fn parent_of(&mut self, path: &RelPath) -> std::result::Result<Option<&OwnedFd>, Errno> {
        let Some(wanted) = path.parent() else { return Ok(None) };
        if self.parent.as_ref().is_none_or(|(held, _)| *held != wanted) {
            let mut current: Option<OwnedFd> = None;
            for component in wanted.components() {
                current = Some(self.enter(current.as_ref().unwrap_or(&self.root), component)?);
            }
            self.parent = current.map(|held| (wanted, held));
        }
        Ok(self.parent.as_ref().map(|(_, held)| held))
    }

    fn enter(&self, directory: &OwnedFd, name: &str) -> std::result::Result<OwnedFd, Errno> {
        match rustix::fs::openat(directory, name, OPEN_DIRECTORY, Bits::empty()) {
            Err(Errno::NOENT) => {
                rustix::fs::mkdirat(directory, name, Bits::from_raw_mode(DIRECTORY_BITS))?;
                let made = rustix::fs::openat(directory, name, OPEN_DIRECTORY, Bits::empty())?;
                self.set_mode(&made, DIRECTORY_BITS)?;
                Ok(made)
            }
            opened => opened,
        }
    }

    fn set_mode(&self, fd: &OwnedFd, bits: u32) -> std::result::Result<(), Errno> {
        match self.modes {
            Modes::Kept => Ok(()),
            Modes::Masked => rustix::fs::fchmod(fd, Bits::from_raw_mode(bits)),
        }
    }

    fn open(&mut self, path: &RelPath, mode: Mode) -> std::result::Result<OwnedFd, Errno> {
        self.parent_of(path)?;
        let parent = self.parent.as_ref().filter(|_| path.parent().is_some()).map_or(&self.root, |(_, held)| held);
        let file = rustix::fs::openat(parent, path.file_name(), CREATE_FILE, Bits::from_raw_mode(mode.bits()))?;
        self.set_mode(&file, mode.bits())?;
        Ok(file)
    }
}

impl Sink for Directory {
    fn file(&mut self, path: &RelPath, mode: Mode) -> Result<()> {
        let file =
            self.open(path, mode).map_err(|error| Fault::io("create", &path.under(&self.shown), error.into()))?;
        self.file = Some((File::from(file), path.clone()));
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.file {
            Some((file, path)) => {
                file.write_all(bytes).map_err(|error| Fault::io("write", &path.under(&self.shown), error))
            }
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<()> {
        self.file = None;
        Ok(())
    }
}
