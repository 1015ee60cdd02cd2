//! `Ground`: the directories that a store is made of. Whoever may change one of them says what is written
//! where, with the rights of whoever serves it. So the way to the store is judged when it is opened, and
//! everything in it, step by step, at each request: no link is followed, and nothing is entered that
//! another user owns or may write.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_files::{Arrival, Insecure, Links, Walk};
use aisoc_manifests::digest::Algorithm;
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use aisoc_registry_client::layout::blob_directory;

use crate::route::is_repository;

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

/// What stands under one name.
enum Entry {
    Directory(Step),
    Absent,
    /// A file, a device, a socket: no directory, and no link either.
    Other,
}

/// What stands where the layout of a repository would be.
#[derive(Debug)]
pub(crate) enum Found {
    /// A layout, or what should be one.
    Layout(PathBuf),
    /// No repository of that name; there may be one.
    Nothing,
    /// Something that is no directory, on the way: there can be no repository of that name.
    Obstacle,
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
        Self::at(arrival, root)
    }

    /// The directory at `root`, which is there. Nothing is made.
    ///
    /// # Errors
    /// As [`Ground::open`], and `io_not_found`.
    pub(crate) fn find(root: &Path) -> Result<Self> {
        let mut walk = Walk::default();
        let arrival = walk.to(root, Links::Refused).map_err(|error| Fault::io("open", root, error))?;
        walk.finish().map_err(changeable)?;
        Self::at(arrival, root)
    }

    fn at(arrival: Arrival, root: &Path) -> Result<Self> {
        match arrival {
            Arrival::Directory(place) => {
                let directory = place.open().map_err(|error| Fault::io("open", root, error))?;
                Ok(Self(Arc::new(Step { directory, path: place.path().to_owned() })))
            }
            Arrival::Missing(_) => Err(Fault::io("open", root, ErrorKind::NotFound.into())),
            Arrival::Other(..) | Arrival::NoWay => Err(Fault::no_directory(root)),
        }
    }

    /// Where it is, with no link on the way.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// What stands where the layout of a repository would be. Nothing is made.
    ///
    /// # Errors
    /// `directory_insecure`, `io_` reasons.
    pub(crate) fn look(&self, repository: &str) -> Result<Found> {
        let mut here = Arc::clone(&self.0);
        for name in repository.split('/') {
            match here.look(name)? {
                Entry::Directory(next) => here = Arc::new(next),
                Entry::Absent => return Ok(Found::Nothing),
                Entry::Other => return Ok(Found::Obstacle),
            }
        }
        Ok(here.layout()?.map_or(Found::Nothing, Found::Layout))
    }

    /// The names of all repositories, in no order; nothing when more than so many directories would have to be looked at.
    /// What would not be served, because others can change it or it is a link, is none.
    ///
    /// # Errors
    /// `io_` reasons.
    pub(crate) fn names(&self, most: usize) -> Result<Option<Vec<String>>> {
        let (mut found, mut open, mut looked) = (Vec::new(), vec![String::new()], 0);
        // By name and not by descriptor: a tree is as wide as its writers like.
        while let Some(above) = open.pop() {
            looked += 1;
            if looked > most {
                return Ok(None);
            }
            let Ok(Some(here)) = self.step(&above) else { continue };
            for name in here.names()? {
                if name == LAYOUT {
                    found.extend(matches!(self.look(&above), Ok(Found::Layout(_))).then(|| above.clone()));
                    continue;
                }
                let name = if above.is_empty() { name } else { format!("{above}/{name}") };
                open.extend(is_repository(&name).then_some(name));
            }
        }
        Ok(Some(found))
    }

    /// The directory of that name; the store itself has none.
    fn step(&self, name: &str) -> Result<Option<Arc<Step>>> {
        let mut here = Arc::clone(&self.0);
        for part in name.split('/').filter(|part| !part.is_empty()) {
            let Some(next) = here.find(part)? else { return Ok(None) };
            here = Arc::new(next);
        }
        Ok(Some(here))
    }

    /// Where the layout of a repository is or is to be. The directories above it are made.
    ///
    /// # Errors
    /// `invalid_ref` when no repository of that name can be here, `directory_insecure`, `io_` reasons.
    pub(crate) fn make(&self, repository: &str) -> Result<PathBuf> {
        let mut here = Arc::clone(&self.0);
        for name in repository.split('/') {
            here = Arc::new(here.make(name)?.ok_or_else(|| obstructed(repository))?);
        }
        Ok(here.layout()?.unwrap_or_else(|| here.path.join(LAYOUT)))
    }
}

/// The refusal of a name that something else has. It is said to clients, so it names no path.
pub(crate) fn obstructed(repository: &str) -> Fault {
    let message = format!("no repository can be called `{repository}` here: something else stands in its place");
    Fault::new(Reason::InvalidReference, message)
}

impl Step {
    fn look(&self, name: &str) -> Result<Entry> {
        let path = self.path.join(name);
        let directory = match rustix::fs::openat(&self.directory, name, PASS, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(Entry::Absent),
            Err(Errno::LOOP | Errno::NOTDIR) => return self.no_directory(name, &path),
            opened => opened.map_err(|error| Fault::io("open", &path, error.into()))?,
        };
        let mut walk = Walk::default();
        walk.judge_open(&directory, &path).map_err(|error| Fault::io("look at", &path, error))?;
        walk.finish().map_err(changeable)?;
        Ok(Entry::Directory(Self { directory, path }))
    }

    /// The names in it that are text; no repository has another one.
    fn names(&self) -> Result<Vec<String>> {
        let failed = |error: Errno| Fault::io("list", &self.path, error.into());
        let listed = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.directory, ".", listed, Mode::empty()).map_err(failed)?;
        let entries = rustix::fs::Dir::new(opened).map_err(failed)?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_str().map(str::to_owned).ok()));
        let names: Vec<_> = names.collect::<std::result::Result<_, _>>().map_err(failed)?;
        Ok(names.into_iter().flatten().filter(|name| !matches!(name.as_str(), "." | "..")).collect())
    }

    /// A link is somebody's doing and an error of the store; a file or the like is only in the way.
    fn no_directory(&self, name: &str, path: &Path) -> Result<Entry> {
        let found = rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW);
        let found = found.map_err(|error| Fault::io("look at", path, error.into()))?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink => Err(Fault::no_directory(path)),
            _ => Ok(Entry::Other),
        }
    }

    /// The directory of that name, if there is one. Nothing else may stand there.
    fn find(&self, name: &str) -> Result<Option<Self>> {
        match self.look(name)? {
            Entry::Directory(step) => Ok(Some(step)),
            Entry::Absent => Ok(None),
            Entry::Other => Err(Fault::no_directory(&self.path.join(name))),
        }
    }

    /// The directory of that name, made if there is nothing; `None` when something else stands there.
    fn make(&self, name: &str) -> Result<Option<Self>> {
        match self.look(name)? {
            Entry::Directory(step) => return Ok(Some(step)),
            Entry::Other => return Ok(None),
            Entry::Absent => {}
        }
        let failed = |error| Fault::io("create", &self.path.join(name), error);
        match rustix::fs::mkdirat(&self.directory, name, Mode::from_raw_mode(MODE)) {
            // Another request may have been quicker.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error.into())),
        }
        self.find(name)?.map(Some).ok_or_else(|| failed(ErrorKind::NotFound.into()))
    }

    /// The layout in it, if there is one, with the directories that it has so far held to the rule, too.
    fn layout(&self) -> Result<Option<PathBuf>> {
        let Some(layout) = self.find(LAYOUT)? else { return Ok(None) };
        let path = layout.path.clone();
        for algorithm in Algorithm::ALL {
            layout.judge(blob_directory(algorithm))?;
        }
        Ok(Some(path))
    }

    /// Holds the directories on the way to `path` to the rule, as far as they are there.
    fn judge(&self, path: &str) -> Result<()> {
        let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        match (self.find(name)?, rest) {
            (Some(next), Some(rest)) => next.judge(rest),
            _ => Ok(()),
        }
    }
}

fn changeable(insecure: Insecure) -> Fault {
    let message = format!("others can change what is served: {insecure}");
    Fault::insecure(message, insecure.expected(), insecure.found(), insecure.remedy())
}
