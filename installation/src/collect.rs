//! `collect_garbage`: removes what nobody needs any more, and says what that was.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::id::PluginId;

use crate::access::{Access, look_at};
use crate::floor;
use crate::kept::{self, Slot, tree_bytes};
use crate::listing::names_in;
use crate::record;
use crate::staging::{StagingDirectory, abandoned};
use crate::transaction::Transaction;

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
    /// A kept version beyond the number that is to be kept.
    KeptVersion,
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
            Self::KeptVersion => "kept version",
            Self::Staging => "abandoned staging",
            Self::Orphan => "orphan",
            Self::Record => "record without plugin",
        }
    }
}

impl Collected {
    /// The bytes of everything that was removed.
    pub fn bytes(&self) -> u64 {
        self.removed.iter().map(|removed| removed.bytes).sum()
    }
}

/// Finishes what killed processes began, and removes kept versions beyond the newest `keep` of each
/// plugin, staging of dead processes, and what belongs to nothing.
///
/// # Errors
/// `io_not_found` when there is no such directory, `locked`, `directory_insecure`, `lock_unsupported`, and I/O reasons.
pub fn collect_garbage(plugins_dir: &Path, keep: u8, access: &Access) -> Result<Collected> {
    if look_at(plugins_dir)?.is_none() {
        return Err(Fault::io("open", plugins_dir, ErrorKind::NotFound.into()));
    }
    access.check(plugins_dir)?;
    let mut collected = Collected::default();
    for abandoned in abandoned(plugins_dir)? {
        let (path, bytes) = (abandoned.path().to_owned(), tree_bytes(abandoned.path()));
        match abandoned.remove() {
            Ok(()) => collected.add(Garbage::Staging, plugins_dir, &path, bytes),
            Err(_) => collected.leftovers.push(path),
        }
    }
    let mut transaction = Transaction::begin(StagingDirectory::create(plugins_dir)?, access)?;
    for name in names(&transaction.plugins.versions.path)? {
        // A name that we would not give is not ours, and stays.
        if let Ok(id) = name.parse::<PluginId>() {
            collect_versions(&mut transaction, &id, keep, &mut collected)?;
        }
    }
    collect_records(&transaction, &mut collected)?;
    let unfinished = transaction.unfinished().iter();
    collected.unfinished = unfinished.map(|(id, fault)| format!("{id}: {}: {fault}", fault.reason())).collect();
    collected.finished = transaction.finished.drain(..).map(|finished| finished.id).collect();
    collected.leftovers.extend(transaction.end());
    Ok(collected)
}

fn collect_versions(transaction: &mut Transaction, id: &PluginId, keep: u8, collected: &mut Collected) -> Result<()> {
    if transaction.unfinished().iter().any(|(unfinished, _)| unfinished == id) {
        return Ok(());
    }
    let plugins = transaction.plugins.path.clone();
    for name in names(&kept::directory(&plugins, id))? {
        let Some(slot) = Slot::of_name(&name) else { continue };
        if kept::read(&plugins, id, slot)?.is_none() {
            orphan(transaction, &format!("{id}/{name}"), collected);
        }
    }
    let bytes = |slot: Slot| (slot, tree_bytes(&kept::tree(&plugins, id, slot)));
    let sizes: Vec<_> = kept::stored(&plugins, id)?.into_iter().map(|version| bytes(version.slot)).collect();
    for slot in transaction.prune(id, keep, None)? {
        let bytes = sizes.iter().find(|(sized, _)| *sized == slot).map_or(0, |(_, bytes)| *bytes);
        collected.add(Garbage::KeptVersion, &plugins, &kept::directory(&plugins, id).join(slot.to_string()), bytes);
    }
    Ok(())
}

fn orphan(transaction: &mut Transaction, name: &str, collected: &mut Collected) {
    let path = transaction.plugins.versions.path.join(name);
    let bytes = tree_bytes(&path);
    if transaction.discard_version(name) {
        collected.add(Garbage::Orphan, &transaction.plugins.path, &path, bytes);
    }
}

fn collect_records(transaction: &Transaction, collected: &mut Collected) -> Result<()> {
    let plugins = &transaction.plugins;
    for name in names(&plugins.records.path)? {
        let Some(id) = name.strip_suffix(".json").and_then(|id| id.parse::<PluginId>().ok()) else { continue };
        let is_there = look_at(&plugins.target(&id))?.is_some();
        if is_there || transaction.unfinished().iter().any(|(unfinished, _)| *unfinished == id) {
            continue;
        }
        let path = record::path(&plugins.path, &id);
        let bytes = path.symlink_metadata().map_or(0, |found| found.len());
        // What the record said of the plugin outlives it, as it does an uninstall.
        let taken_over =
            floor::judge_removal(&plugins.path, &id).and_then(|floor| floor.publish(plugins, &transaction.staging));
        match taken_over.and_then(|_| plugins.records.unlink(&name)) {
            Ok(()) => collected.add(Garbage::Record, &plugins.path, &path, bytes),
            Err(_) => collected.leftovers.push(path),
        }
    }
    Ok(())
}

impl Collected {
    fn add(&mut self, kind: Garbage, plugins_dir: &Path, path: &Path, bytes: u64) {
        let path = path.strip_prefix(plugins_dir).unwrap_or(path).to_owned();
        self.removed.push(Removed { kind, path, bytes });
    }
}

/// The names in one of our directories, sorted. One that is not UTF-8 is not ours and stays.
fn names(directory: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = names_in(directory)?.into_iter().filter_map(|name| name.into_string().ok()).collect();
    names.sort();
    Ok(names)
}
