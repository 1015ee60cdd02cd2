//! `Store`: one OCI layout per repository, below one directory.
//!
//! `DIR/team/plugin/_layout` is a layout that every other tool can read. The last component keeps
//! the repository `team/plugin/blobs` apart from the blobs of `team/plugin`; no repository name has
//! a component that begins with `_`. Repositories share blobs by hard link.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};

use super::route::is_repository;
use crate::layout::{Directory, Ingest};

/// Where uploads wait for their digest.
const UPLOADS: &str = "_uploads";
/// Uploads that a crash left behind are removed when they are older.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// A directory of repositories.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store at `root`, made if it is not there.
    ///
    /// # Errors
    /// `io_` reasons.
    pub fn open(root: &Path) -> Result<Self> {
        let uploads = root.join(UPLOADS);
        fs::create_dir_all(&uploads).map_err(|error| Fault::io("create", &uploads, error))?;
        remove_stale(&uploads).map_err(|error| Fault::io("clean", &uploads, error))?;
        Ok(Self { root: root.to_owned() })
    }

    /// The layout of a repository, if there is one.
    ///
    /// # Errors
    /// `layout_invalid`, `io_` reasons.
    pub fn repository(&self, name: &str) -> Result<Option<Directory>> {
        match self.path(name) {
            Some(path) if path.exists() => Directory::open(&path).map(Some),
            _ => Ok(None),
        }
    }

    /// The layout of a repository, made if it is not there.
    pub(super) fn create(&self, name: &str) -> Result<Directory> {
        let path = self.path(name).unwrap_or_else(|| self.root.join(UPLOADS));
        Directory::create(&path)
    }

    /// Where files without a name may be written.
    pub(super) fn scratch(&self) -> PathBuf {
        self.root.join(UPLOADS)
    }

    /// A blob on its way in.
    pub(super) fn ingest(&self) -> Result<Ingest> {
        Ingest::new_in(&self.root.join(UPLOADS))
    }

    /// Gives `to` the blob that `from` has. Says whether `from` had it.
    pub(super) fn mount(&self, from: &str, to: &str, digest: Digest) -> Result<bool> {
        let Some(source) = self.repository(from)? else {
            return Ok(false);
        };
        if source.blob(digest)?.is_none() {
            return Ok(false);
        }
        let target = self.create(to)?.blob_path(digest);
        match fs::hard_link(source.blob_path(digest), &target) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(true),
            // A file system without links: not mounted, so the client sends it.
            Err(_) => Ok(false),
        }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        is_repository(name).then(|| self.root.join(name).join("_layout"))
    }
}

fn remove_stale(uploads: &Path) -> std::io::Result<()> {
    let limit = SystemTime::now() - STALE;
    for entry in fs::read_dir(uploads)? {
        let entry = entry?;
        if entry.metadata()?.modified()? < limit {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
