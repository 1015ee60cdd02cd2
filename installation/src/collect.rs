//! `Collected`: what a collection of garbage has removed, and staging directories, which it removes first.

use std::path::{Path, PathBuf};

use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::id::PluginId;

use crate::layout::Layout;
use crate::previous::tree_bytes;
use crate::staging::abandoned;

/// What was removed, or would be.
#[derive(Debug, Default)]
pub struct Collected {
    /// Each thing by itself.
    pub removed: Vec<Removed>,
    /// Changes of killed processes that were finished, by plugin.
    pub finished: Vec<PluginId>,
    /// What could not be removed.
    pub leftovers: Vec<PathBuf>,
    /// Changes that could not be finished, with the reason.
    pub unfinished: Vec<String>,
}

/// One thing that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// What it was.
    pub kind: Garbage,
    /// Its path inside the plugins directory.
    pub path: PathBuf,
    /// The bytes of its files.
    pub bytes: u64,
}

impl Removed {
    pub(crate) fn new(kind: Garbage, layout: &Layout, path: &Path, bytes: u64) -> Self {
        Self { kind, path: path.strip_prefix(layout.plugins()).unwrap_or(path).to_owned(), bytes }
    }
}

/// Kinds of things that nobody needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbage {
    /// A previous version beyond the number that is to be kept.
    PreviousVersion,
    /// A staging directory whose process is gone.
    Staging,
    /// What is there of a download that ended before its end.
    Partial,
    /// Something among the kept versions that is none.
    Orphan,
    /// The record of a plugin that is not there.
    Record,
    /// Proofs of an artifact that nothing here came of.
    Proofs,
}

impl Garbage {
    /// The kind in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreviousVersion => "kept version",
            Self::Staging => "abandoned staging",
            Self::Partial => "interrupted download",
            Self::Orphan => "orphan",
            Self::Record => "record without plugin",
            Self::Proofs => "proofs without plugin",
        }
    }
}

impl Collected {
    /// Both, this one first.
    pub(crate) fn and(mut self, later: Self) -> Self {
        self.removed.extend(later.removed);
        self.finished.extend(later.finished);
        self.leftovers.extend(later.leftovers);
        self.unfinished.extend(later.unfinished);
        self
    }

    /// The bytes of everything that was removed.
    pub fn bytes(&self) -> u64 {
        self.removed.iter().map(|removed| removed.bytes).sum()
    }
}

/// Removes staging directories whose processes are gone, which no lock guards: each is locked by itself. A dry run
/// lets them stand, locked for as long as it takes to name them.
///
/// # Errors
/// I/O reasons.
pub(crate) fn collect_staging(layout: &Layout, dry_run: DryRun) -> Result<Collected> {
    let mut collected = Collected::default();
    for abandoned in abandoned(layout.plugins())? {
        let (path, bytes) = (abandoned.path().to_owned(), tree_bytes(abandoned.path()));
        match if dry_run.is_on() { Ok(()) } else { abandoned.remove() } {
            Ok(()) => collected.removed.push(Removed::new(Garbage::Staging, layout, &path, bytes)),
            Err(_) => collected.leftovers.push(path),
        }
    }
    Ok(collected)
}

/// Removes what downloads left that ended before their end; what is being fetched now is held by who fetches it.
///
/// # Errors
/// I/O reasons.
pub(crate) fn collect_partials(layout: &Layout, dry_run: DryRun) -> Result<Collected> {
    let partials = layout.partials();
    let mut collected = Collected::default();
    let found = partials.abandoned().map_err(|error| Fault::io("list", partials.path(), error))?;
    for partial in found {
        let (path, bytes) = (partial.path().to_owned(), partial.disk_bytes());
        match if dry_run.is_on() { Ok(()) } else { partial.remove() } {
            Ok(()) => collected.removed.push(Removed::new(Garbage::Partial, layout, &path, bytes)),
            Err(_) => collected.leftovers.push(path),
        }
    }
    Ok(collected)
}
