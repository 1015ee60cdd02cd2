//! `Ground`: the directories that a store is made of. Whoever may change one of them says what is written
//! where, with the rights of whoever serves it. So the way to the store is judged when it is opened, and
//! everything in it, step by step, at each request: no link is followed, and nothing is entered that
//! another user owns or may write.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_files::{Arrival, Insecure, Links, Walk};
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use aisoc_registry_client::layout::BLOBS;

/// What keeps the layout of a repository apart from the repositories below it.
const LAYOUT: &str = "_layout";
/// Narrowed by the umask.
const MODE: u32 = 0o755;
/// To look at and to go on from. A link is no directory.
const PASS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The directory of a store, held to the rule.
#[derive(Debug, Clone)]
pub(crate) struct Ground(Arc<Step>);

/// A directory that was judged, and where it is.
#[derive(Debug)]
struct Step {
    directory: OwnedFd,
    path: PathBuf,
}

impl Ground {
    /// The directory at `root`, made if it is not there and nobody else can change the way to it.
    ///
    /// # Errors
    /// `directory_insecure`, also for a link or a file; `io_` reasons.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let failed = |error| Fault::io("create", root, error);
        let mut walk = Walk::default();
        let arrival = walk.make(root, Links::Refused, MODE).map_err(failed)?;
        walk.finish().map_err(changeable)?;
        match arrival {
            Arrival::Directory(place) => {
                let directory = place.open().map_err(|error| Fault::io("open", root, error))?;
                Ok(Self(Arc::new(Step { directory, path: place.path().to_owned() })))
            }
            Arrival::Missing(_) => Err(failed(ErrorKind::NotFound.into())),
            Arrival::Other(..) | Arrival::NoWay => Err(no_directory(root)),
        }
    }

    /// Where it is, with no link on the way.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Where the layout of a repository is, if there is one.
    ///
    /// # Errors
    /// `directory_insecure`, `io_` reasons.
    pub(crate) fn find(&self, repository: &str) -> Result<Option<PathBuf>> {
        let mut here = Arc::clone(&self.0);
        for name in repository.split('/') {
            let Some(next) = here.find(name)? else { return Ok(None) };
            here = Arc::new(next);
        }
        here.layout()
    }

    /// Where the layout of a repository is or is to be. The directories above it are made.
    ///
    /// # Errors
    /// `directory_insecure`, `io_` reasons.
    pub(crate) fn make(&self, repository: &str) -> Result<PathBuf> {
        let mut here = Arc::clone(&self.0);
        for name in repository.split('/') {
            here = Arc::new(here.make(name)?);
        }
        Ok(here.layout()?.unwrap_or_else(|| here.path.join(LAYOUT)))
    }
}

impl Step {
    fn find(&self, name: &str) -> Result<Option<Self>> {
        let path = self.path.join(name);
        let directory = match rustix::fs::openat(&self.directory, name, PASS, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(no_directory(&path)),
            opened => opened.map_err(|error| Fault::io("open", &path, error.into()))?,
        };
        let mut walk = Walk::default();
        walk.judge_open(&directory, &path).map_err(|error| Fault::io("look at", &path, error))?;
        walk.finish().map_err(changeable)?;
        Ok(Some(Self { directory, path }))
    }

    fn make(&self, name: &str) -> Result<Self> {
        if let Some(found) = self.find(name)? {
            return Ok(found);
        }
        let failed = |error| Fault::io("create", &self.path.join(name), error);
        match rustix::fs::mkdirat(&self.directory, name, Mode::from_raw_mode(MODE)) {
            // Another request may have been quicker.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error.into())),
        }
        self.find(name)?.ok_or_else(|| failed(ErrorKind::NotFound.into()))
    }

    /// The layout in it, if there is one, with the directories that it has so far held to the rule, too.
    fn layout(&self) -> Result<Option<PathBuf>> {
        let Some(layout) = self.find(LAYOUT)? else { return Ok(None) };
        let path = layout.path.clone();
        let mut here = layout;
        for name in BLOBS.split('/') {
            let Some(next) = here.find(name)? else { break };
            here = next;
        }
        Ok(Some(path))
    }
}

fn changeable(insecure: Insecure) -> Fault {
    let message = format!("others can change what is served: {insecure}");
    Fault::insecure(message, insecure.expected(), insecure.found(), insecure.remedy())
}

fn no_directory(path: &Path) -> Fault {
    let message = format!("`{}` is a link or a file, where a directory is needed", path.display());
    Fault::new(Reason::DirectoryInsecure, message)
}
