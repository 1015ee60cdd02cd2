//! `Store`: one OCI layout per repository, below one directory.
//!
//! `DIR/team/plugin/_layout` is a layout that every other tool can read. The last component keeps
//! the repository `team/plugin/blobs` apart from the blobs of `team/plugin`; no repository name has
//! a component that begins with `_`. Repositories share blobs by hard link.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_files::{PrivateDirectory, sweep};
use aisoc_manifests::digest::{Algorithm, Digest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_registry_client::layout::{Directory, Ingest, StoredBlob};

use crate::ground::{Found, Ground, obstructed};
use crate::repositories::{Repositories, Repository, Which};
use crate::route::is_repository;

/// How the name of the private directory begins in which uploads wait for their digest. No repository
/// can be called that.
const UPLOADS: &str = ".aisoc-uploads-";

/// Most directories of a store that are looked at for who has a blob: who asks for a mount that cannot be made must
/// not keep the disk busy.
const MAX_SEARCHED: usize = 10_000;

/// A directory of repositories.
#[derive(Debug, Clone)]
pub struct Store {
    ground: Ground,
    /// This process's own: what another left is removed when nobody holds it any more. None where nothing is written.
    uploads: Option<Arc<PrivateDirectory>>,
    /// What the indexes say that were asked for last.
    repositories: Arc<Repositories>,
}

impl Store {
    /// The store at `root`, made if it is not there. What another user can change is not served.
    ///
    /// # Errors
    /// `directory_insecure`, also for a link; `io_` reasons.
    pub fn open(root: &Path) -> Result<Self> {
        let ground = Ground::open(root)?;
        sweep(ground.path(), UPLOADS);
        let uploads = PrivateDirectory::create(ground.path(), UPLOADS);
        let uploads = uploads.map_err(|error| Fault::io("write in", root, error))?;
        Ok(Self { ground, uploads: Some(Arc::new(uploads)), repositories: Arc::new(Repositories::new(true)) })
    }

    /// The store at `root`, which is there, to be read alone: nothing is made or removed in it, and it may be on a read-only
    /// mount.
    ///
    /// # Errors
    /// As [`Store::open`], and `io_not_found`.
    pub fn open_read_only(root: &Path) -> Result<Self> {
        Ok(Self { ground: Ground::find(root)?, uploads: None, repositories: Arc::new(Repositories::new(false)) })
    }

    /// The names of all repositories, in no order; nothing when more than so many directories would have to be looked at.
    pub(crate) fn names(&self, most: usize) -> Result<Option<Vec<String>>> {
        self.ground.names(most)
    }

    /// The layout of a repository, if there is one. What stands in the place of one and is no directory is
    /// none, and is not looked into.
    ///
    /// # Errors
    /// `directory_insecure`, also for a link on the way to it; `layout_invalid`, `io_` reasons.
    pub fn repository(&self, name: &str) -> Result<Option<Directory>> {
        if !is_repository(name) {
            return Ok(None);
        }
        match self.ground.look(name)? {
            Found::Layout(path) => {
                let layout = Directory::open(&path)?;
                Ok(Some(if self.uploads.is_some() { layout } else { layout.read_alone() }))
            }
            Found::Nothing | Found::Obstacle => Ok(None),
        }
    }

    /// A repository with its index, if there is one.
    ///
    /// # Errors
    /// As [`Store::repository`].
    pub(crate) fn indexed(&self, name: &str) -> Result<Option<Repository>> {
        Ok(self.repository(name)?.map(|layout| self.repositories.of(layout)))
    }

    /// As [`Store::indexed`], made if it is not there.
    pub(crate) fn create_indexed(&self, name: &str) -> Result<Repository> {
        Ok(self.repositories.of(self.create(name)?))
    }

    /// Writes the `index.json` of each repository that has changed since it was written last. Says which could not be
    /// written; they are tried again the next time.
    pub(crate) fn write_documents(&self) -> Vec<Fault> {
        self.repositories.write_documents(Which::Settled)
    }

    /// Refuses what the end of an upload would refuse: before anything is received, and without making
    /// anything. The end looks again, because much can happen in between.
    ///
    /// # Errors
    /// `invalid_ref` when no repository of that name can be here; otherwise as [`Store::repository`].
    pub(crate) fn admit(&self, name: &str) -> Result<()> {
        match self.ground.look(name)? {
            Found::Layout(path) => Directory::open(&path).map(drop),
            Found::Nothing => Ok(()),
            Found::Obstacle => Err(obstructed(name)),
        }
    }

    /// A repository that has the blob, among those that may be read; `first` is looked into before the others, for what
    /// is there need not be looked for. Nothing also where more directories than `MAX_SEARCHED` would have to be.
    pub(crate) fn holder(
        &self,
        digest: Digest,
        first: &str,
        may_read: &dyn Fn(&str) -> bool,
    ) -> Result<Option<String>> {
        // What would not be served has nothing to give, whatever is wrong with it.
        let has = |name: &str| matches!(self.repository(name), Ok(Some(layout)) if matches!(layout.blob(digest), Ok(Some(_))));
        if may_read(first) && has(first) {
            return Ok(Some(first.to_owned()));
        }
        let mut names = self.names(MAX_SEARCHED)?.unwrap_or_default();
        names.sort_unstable();
        Ok(names.into_iter().find(|name| may_read(name) && has(name)))
    }

    /// The blob of a repository, for whoever is about to name it: a collection of garbage leaves it alone meanwhile. In a
    /// store that is read alone there is nothing to be named.
    pub(crate) fn wanted(&self, layout: &Directory, digest: Digest) -> Result<Option<StoredBlob>> {
        if self.uploads.is_some() { layout.renew(digest) } else { layout.blob(digest) }
    }

    /// The layout of a repository, made if it is not there.
    pub(crate) fn create(&self, name: &str) -> Result<Directory> {
        match is_repository(name) && self.uploads.is_some() {
            true => Directory::create(&self.ground.make(name)?),
            false => Err(Fault::new(Reason::Internal, format!("`{}` names no repository", shown(name, 120)))),
        }
    }

    /// Where files without a name may be written.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.uploads.as_ref().map_or_else(tempfile::env::temp_dir, |uploads| uploads.path().to_owned())
    }

    /// A blob on its way in, whose digest will be of that algorithm as far as its sender has said.
    pub(crate) fn ingest(&self, algorithm: Algorithm) -> Result<Ingest> {
        let uploads = self.uploads.as_ref().ok_or_else(|| Fault::new(Reason::IoDenied, "the store is read alone"))?;
        Ingest::new_among(uploads, algorithm)
    }

    /// Gives `to` the blob that `from` has. Says whether `from` had it.
    pub(crate) fn mount(&self, from: &str, to: &str, digest: Digest) -> Result<bool> {
        let Some(source) = self.repository(from)? else {
            return Ok(false);
        };
        if source.renew(digest)?.is_none() {
            return Ok(false);
        }
        let layout = self.create(to)?;
        match fs::hard_link(source.blob_path(digest), layout.place_of(digest)?) {
            // Both names are of one file, whose time is now.
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(layout.renew(digest)?.is_some()),
            // A file system without links, or it has gone: not mounted, so the client sends it.
            Err(_) => Ok(false),
        }
    }
}
