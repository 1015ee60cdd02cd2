//! `TreeInPlace`: a tree that was hashed without a lock, and the means to tell under the lock whether it is
//! still the one that stands there. Nobody has to wait while a gigabyte is read.

use aisoc_files::shell_word;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::FileMap;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::path::RelPath;
use aisoc_packaging::{InstalledDir, Limits, default_threads};
use aisoc_signing::{Claim, WITHOUT_BYTECODE, is_bytecode_of_source};

use crate::guarded::require_guarded;
use crate::in_place::TreeStamp;
use crate::layout::{Layout, Slot};
use crate::previous::{self, PreviousVersion, previous_versions};
use crate::record::InstallRecord;
use crate::secure::is_directory;

/// A tree, read whole from the directory that stood at its path.
#[derive(Debug)]
pub struct TreeInPlace {
    path: PathBuf,
    stamp: Option<TreeStamp>,
    tree: InstalledDir,
    record: InstallRecord,
}

impl TreeInPlace {
    /// Reads the tree at `path`, of which `record` was written down.
    ///
    /// # Errors
    /// As [`InstalledDir::read`].
    pub fn read(path: &Path, record: &InstallRecord, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        // Before it is read: what is exchanged or changed from here on is another one at the end.
        let stamp = TreeStamp::of(path);
        let tree = InstalledDir::read_with(path, threads, limits)?;
        Ok(Self { path: path.to_owned(), stamp, tree, record: record.clone() })
    }

    /// What was written down when it was installed.
    pub fn record(&self) -> &InstallRecord {
        &self.record
    }

    /// The identity of the tree.
    pub fn subject(&self) -> TreeDigest {
        self.tree.subject()
    }

    /// Whether it is as it was installed, but for bytecode of its own sources that was added.
    pub fn has_bytecode_added(&self) -> bool {
        let files = self.tree.files();
        let is_there = |path: &str| RelPath::parse(path).is_ok_and(|path| files.get(&path).is_some());
        let rest = files.iter().filter(|(path, _)| !is_bytecode_of_source(path.as_str(), is_there));
        let installed: FileMap = rest.map(|(path, entry)| (path.clone(), *entry)).collect();
        self.subject() != self.record.tree_digest && installed.tree_digest() == self.record.tree_digest
    }

    /// What the tree says about itself, rebuilt from the bytes that were read.
    pub fn claim(&self) -> Claim {
        self.tree.claim()
    }

    /// Where it stood.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the tree that was read is the one that stands there, every entry of it, and `record` what is
    /// written down of it. It stays so under the lock only.
    pub(crate) fn stands(&self, record: Option<&InstallRecord>) -> bool {
        record == Some(&self.record) && self.stamp.is_some() && self.stamp == TreeStamp::of(&self.path)
    }
}

/// A previous version on its way back, read whole: every byte is as its record says.
#[derive(Debug)]
pub struct PreviousTree {
    pub(crate) tree: TreeInPlace,
    pub(crate) id: PluginId,
    pub(crate) slot: Slot,
    /// What it was chosen by.
    pub(crate) wanted: Option<String>,
    /// What becomes of the version that it takes the place of.
    pub(crate) leaving: Leaving,
}

/// What becomes of a version that a previous one takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leaving {
    /// It becomes a previous version itself.
    #[default]
    IsKept,
    /// It goes: it was tried, and is no good.
    Goes,
}

impl PreviousTree {
    /// Says what becomes of the version that it takes the place of.
    #[must_use]
    pub fn leaving(self, leaving: Leaving) -> Self {
        Self { leaving, ..self }
    }

    /// As [`crate::Site::previous_tree`].
    pub(crate) fn read(layout: &Layout, id: &PluginId, wanted: Option<&str>, limits: &Limits) -> Result<Self> {
        if !is_known(layout, id)? {
            let shown = layout.plugins().display();
            let message = format!("no plugin `{id}` in `{shown}`, and no version of it is kept");
            return Err(Fault::new(Reason::PluginNotFound, message)
                .hint("install it from its reference: `aisoc plugin install REF`"));
        }
        let version = previous::choose(previous_versions(layout, id)?, id, wanted)?;
        let PreviousVersion { record, path, slot, .. } = version;
        let again = format!("install it again: `aisoc plugin install {}`", shell_word(&record.reference));
        let modified = |found: String| {
            let message = format!("the kept version {} of `{id}` was changed since it was installed", record.version);
            Fault::new(Reason::TreeModified, message).expected(record.tree_digest.to_string(), found).hint(&again)
        };
        let tree = TreeInPlace::read(&path, &record, default_threads(), limits);
        let tree = tree.map_err(|fault| match fault.reason() {
            Reason::ForbiddenEntry | Reason::ManifestMissing => modified(fault.to_string()),
            _ => fault,
        })?;
        if tree.has_bytecode_added() {
            let message = format!("bytecode was added to the kept version {} of `{id}`", record.version);
            return Err(Fault::new(Reason::TreeModified, message)
                .expected(record.tree_digest.to_string(), tree.subject().to_string())
                .hint(format!("{again}; {WITHOUT_BYTECODE}")));
        }
        if tree.subject() != record.tree_digest {
            return Err(modified(tree.subject().to_string()));
        }
        // Whoever could write it while it was in place may have it open still.
        require_guarded(&path)?;
        Ok(Self { tree, id: id.clone(), slot, wanted: wanted.map(str::to_owned), leaving: Leaving::default() })
    }

    /// What was written down when it was installed.
    pub fn record(&self) -> &InstallRecord {
        self.tree.record()
    }

    /// What the tree says about itself.
    pub fn claim(&self) -> Claim {
        self.tree.claim()
    }
}

/// Whether anything of `id` is there that could be rolled back to.
fn is_known(layout: &Layout, id: &PluginId) -> Result<bool> {
    Ok(is_directory(&layout.plugin(id))? || is_directory(&layout.versions(id))?)
}
