//! Collecting: removes what nobody needs any more, and says what that was.

use std::path::{Path, PathBuf};

use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;

use crate::census::{Census, list};
use crate::change::Transaction;
use crate::floor_change::FloorChange;
use crate::layout::{Layout, Slot, json_name};
use crate::previous::{self, tree_bytes};
use crate::secure::look_at;
use crate::staging::abandoned;

/// What was removed.
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

/// Kinds of things that nobody needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbage {
    /// A previous version beyond the number that is to be kept.
    PreviousVersion,
    /// A staging directory whose process is gone.
    Staging,
    /// Something among the kept versions that is none.
    Orphan,
    /// The record of a plugin that is not there.
    Record,
}

impl Garbage {
    /// The kind in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreviousVersion => "kept version",
            Self::Staging => "abandoned staging",
            Self::Orphan => "orphan",
            Self::Record => "record without plugin",
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

/// Removes what nobody needs, in a session that has finished what killed processes began.
pub(crate) fn collect(mut transaction: Transaction, census: &Census, keep: u8) -> Result<Collected> {
    let mut collected = Collected::default();
    let layout = transaction.plugins.layout.clone();
    for name in names(&transaction.plugins.versions.path)? {
        // A name that we would not give is not ours, and stays.
        if let Ok(id) = name.parse::<PluginId>() {
            collect_versions(&mut transaction, &layout, &id, keep, &mut collected)?;
        }
    }
    collect_records(&transaction, &layout, census, &mut collected)?;
    let unfinished = transaction.unfinished().iter();
    collected.unfinished = unfinished.map(|(id, fault)| format!("{id}: {}: {fault}", fault.reason())).collect();
    collected.finished = transaction.finished.drain(..).map(|finished| finished.id).collect();
    collected.leftovers.extend(transaction.end());
    Ok(collected)
}

/// Removes staging directories whose processes are gone, which no lock guards: each is locked by itself.
///
/// # Errors
/// I/O reasons.
pub(crate) fn collect_staging(layout: &Layout) -> Result<Collected> {
    let mut collected = Collected::default();
    for abandoned in abandoned(layout.plugins())? {
        let (path, bytes) = (abandoned.path().to_owned(), tree_bytes(abandoned.path()));
        match abandoned.remove() {
            Ok(()) => collected.add(Garbage::Staging, layout, &path, bytes),
            Err(_) => collected.leftovers.push(path),
        }
    }
    Ok(collected)
}

fn collect_versions(
    transaction: &mut Transaction,
    layout: &Layout,
    id: &PluginId,
    keep: u8,
    collected: &mut Collected,
) -> Result<()> {
    if transaction.unfinished().iter().any(|(unfinished, _)| unfinished == id) {
        return Ok(());
    }
    for name in names(&layout.versions(id))? {
        let Some(slot) = Slot::of_name(&name) else { continue };
        if previous::read(layout, id, slot)?.is_none() {
            orphan(transaction, layout, &format!("{id}/{name}"), collected);
        }
    }
    let bytes = |slot: Slot| (slot, tree_bytes(&layout.version_tree(id, slot)));
    let sizes: Vec<_> = previous::stored(layout, id)?.into_iter().map(|version| bytes(version.slot)).collect();
    for slot in transaction.prune(id, keep, None)? {
        let bytes = sizes.iter().find(|(sized, _)| *sized == slot).map_or(0, |(_, bytes)| *bytes);
        collected.add(Garbage::PreviousVersion, layout, &layout.version(id, slot), bytes);
    }
    Ok(())
}

fn orphan(transaction: &mut Transaction, layout: &Layout, name: &str, collected: &mut Collected) {
    let path = transaction.plugins.versions.path.join(name);
    let bytes = tree_bytes(&path);
    if transaction.discard_version(name) {
        collected.add(Garbage::Orphan, layout, &path, bytes);
    }
}

fn collect_records(
    transaction: &Transaction,
    layout: &Layout,
    census: &Census,
    collected: &mut Collected,
) -> Result<()> {
    let plugins = &transaction.plugins;
    for id in &census.recorded {
        let is_there = look_at(&layout.plugin(id))?.is_some();
        if is_there || transaction.unfinished().iter().any(|(unfinished, _)| unfinished == id) {
            continue;
        }
        let path = layout.record(id);
        let bytes = path.symlink_metadata().map_or(0, |found| found.len());
        // What the record said of the plugin outlives it, as it does an uninstall.
        let taken_over =
            FloorChange::by_removing(layout, census, id).and_then(|floor| floor.publish(plugins, &transaction.staging));
        match taken_over.and_then(|_| plugins.records.unlink(&json_name(id))) {
            Ok(()) => collected.add(Garbage::Record, layout, &path, bytes),
            Err(_) => collected.leftovers.push(path),
        }
    }
    Ok(())
}

impl Collected {
    fn add(&mut self, kind: Garbage, layout: &Layout, path: &Path, bytes: u64) {
        let path = path.strip_prefix(layout.plugins()).unwrap_or(path).to_owned();
        self.removed.push(Removed { kind, path, bytes });
    }
}

/// The names in one of our directories, sorted. One that is not UTF-8 is not ours and stays.
fn names(directory: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = list(directory)?.into_iter().filter_map(|name| name.into_string().ok()).collect();
    names.sort();
    Ok(names)
}
