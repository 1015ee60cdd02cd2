//! `Collection`: what nobody needs any more, found before anything of it is removed. A dry run ends there.

use std::path::PathBuf;

use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;

use crate::census::{Census, list};
use crate::change::Transaction;
use crate::collect::{Collected, Garbage, Removed};
use crate::floor_change::FloorChange;
use crate::in_use::InUse;
use crate::kept_proofs;
use crate::layout::{Layout, PROOFS, Slot, VERSIONS, json_name};
use crate::means::Means;
use crate::previous::{PreviousVersion, tree_bytes};
use crate::remaining::Remaining;
use crate::secure::look_at;

/// What nobody needs, in the order in which it goes.
#[derive(Debug)]
pub(crate) struct Collection {
    /// The plugins that have a directory of versions.
    versioned: Vec<PluginId>,
    versions: Vec<(PluginId, Slot, Removed)>,
    records: Vec<Record>,
    /// The names of files of proofs.
    proofs: Vec<(String, Removed)>,
}

/// A record that is about nothing. What it said of its plugin outlives it, as it does an uninstall.
#[derive(Debug)]
struct Record {
    id: PluginId,
    path: PathBuf,
    removed: Removed,
    /// Nothing when nobody can tell: then it stays.
    floor: Option<FloorChange>,
}

impl Collection {
    /// Looks for it. What is of a plugin whose change could not be finished stays, and what finishing a change takes
    /// away is not garbage.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn find(layout: &Layout, census: &Census, keep: u8, means: &Means) -> Result<Self> {
        let is_left = |id: &PluginId| !means.is_unfinished(id) && !means.has_removed(id);
        let mut versioned = versioned(layout)?;
        versioned.retain(is_left);
        let (mut versions, mut records) = (Vec::new(), Vec::new());
        let in_use = InUse::read(layout)?;
        for id in &versioned {
            versions.extend(superfluous(layout, id, keep, &in_use)?.map(|(slot, removed)| (id.clone(), slot, removed)));
        }
        for id in census.recorded.iter().filter(|id| is_left(id)) {
            if look_at(&layout.plugin(id))?.is_none() {
                records.push(Record::of(layout, census, id));
            }
        }
        // What is of a change that could not be finished nobody can tell.
        let proofs = match means.recovered().1.is_empty() {
            true => kept_proofs::unneeded(layout, census, &versioned)?,
            false => Vec::new(),
        };
        Ok(Self { versioned, versions, records, proofs })
    }

    /// What would be removed.
    pub(crate) fn foresee(self) -> Collected {
        let mut collected = Collected::default();
        collected.removed.extend(self.versions.into_iter().map(|(_, _, removed)| removed));
        for Record { path, removed, floor, .. } in self.records {
            match floor {
                Some(_) => collected.removed.push(removed),
                None => collected.leftovers.push(path),
            }
        }
        collected.removed.extend(self.proofs.into_iter().map(|(_, removed)| removed));
        collected
    }

    /// Removes it.
    pub(crate) fn remove(self, layout: &Layout, mut transaction: Transaction) -> Collected {
        let mut collected = Collected::default();
        for (id, slot, removed) in self.versions {
            if transaction.discard_version(&slot.below(&id)) {
                collected.removed.push(removed);
            }
        }
        for id in &self.versioned {
            transaction.remove_if_empty(id);
        }
        for record in self.records {
            match record.remove(&transaction) {
                Ok(removed) => collected.removed.push(removed),
                Err(path) => collected.leftovers.push(path),
            }
        }
        for (name, removed) in self.proofs {
            match transaction.plugins.own.unlink(&format!("{PROOFS}/{name}")) {
                Ok(()) => collected.removed.push(removed),
                Err(_) => collected.leftovers.push(layout.ours(PROOFS).join(name)),
            }
        }
        collected.leftovers.extend(transaction.end());
        collected
    }
}

impl Record {
    fn of(layout: &Layout, census: &Census, id: &PluginId) -> Self {
        let path = layout.record(id);
        let bytes = path.symlink_metadata().map_or(0, |found| found.len());
        let removed = Removed::new(Garbage::Record, layout, &path, bytes);
        Self { id: id.clone(), floor: FloorChange::by_removing(layout, census, id).ok(), path, removed }
    }

    /// Writes down what it said, and removes it; its path where that fails.
    fn remove(self, transaction: &Transaction) -> std::result::Result<Removed, PathBuf> {
        let Self { id, path, removed, floor } = self;
        let plugins = &transaction.plugins;
        let is_taken_over = floor.is_some_and(|floor| floor.publish(plugins, &transaction.staging).is_ok());
        match is_taken_over && plugins.records.unlink(&json_name(&id)).is_ok() {
            true => Ok(removed),
            false => Err(path),
        }
    }
}

/// The plugins that have a directory of versions, sorted. A name that we would not give is not ours, and stays.
fn versioned(layout: &Layout) -> Result<Vec<PluginId>> {
    let names = list(&layout.ours(VERSIONS))?;
    let mut ids: Vec<PluginId> = names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect();
    ids.sort();
    Ok(ids)
}

/// The places of `id` that hold no version, and the versions that are too many and that no host runs.
fn superfluous(
    layout: &Layout,
    id: &PluginId,
    keep: u8,
    in_use: &InUse,
) -> Result<impl Iterator<Item = (Slot, Removed)>> {
    let remaining = Remaining::of(layout, id)?;
    let sized =
        |kind, slot, sized: PathBuf| (slot, Removed::new(kind, layout, &layout.version(id, slot), tree_bytes(&sized)));
    let orphan = |slot: &Slot| sized(Garbage::Orphan, *slot, layout.version(id, *slot));
    let mut found: Vec<_> = remaining.orphans.iter().map(orphan).collect();
    // What runs stays, and what nobody can tell of.
    let is_unused = |version: &&PreviousVersion| matches!(in_use.holds(&version.path), Ok(false));
    let surplus = remaining.surplus(keep).filter(is_unused);
    found.extend(surplus.map(|version| sized(Garbage::PreviousVersion, version.slot, version.path.clone())));
    Ok(found.into_iter())
}
