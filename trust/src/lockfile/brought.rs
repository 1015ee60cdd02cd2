//! `Brought`: what a set makes of the lock of a site. Pure: the lock that is here, the one that is wanted, and what was
//! written here before.
//!
//! A lock that nobody has touched since a set was applied becomes the text that was signed. One that somebody here has
//! written in, or made, keeps its comments and its order: entries come, change and go where they stand.

use std::collections::HashMap;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_manifests::version_order::compare;

use super::entry::LockEntry;
use super::read::Lockfile;

/// Most entries that are taken out where they stand, each of which is a reading of the text; beyond, the lock becomes the
/// text that was signed.
const MAX_REMOVALS_IN_PLACE: usize = 200;
/// Longest id or version that a message repeats.
const MAX_SHOWN: usize = 60;

/// What becomes of the lock.
#[derive(Debug, Clone)]
pub struct Brought {
    /// The lock then.
    pub lock: Lockfile,
    /// What becomes of each entry that is not what it was: in the order of the set, and behind it those that go.
    pub changes: Vec<EntryChange>,
}

/// What becomes of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryChange {
    /// The plugin.
    pub id: String,
    /// What was accepted of it.
    pub before: Option<LockEntry>,
    /// What is accepted of it then.
    pub after: Option<LockEntry>,
}

impl Brought {
    /// What the lock `wanted` makes of the one that is `here`. `is_untouched` says that nobody has written in that since
    /// a set was applied.
    ///
    /// # Errors
    /// `version_downgrade` for a version below the floor that this site has written down of the plugin: whoever signs a
    /// set does not bring back what this site has left behind.
    pub fn of(here: Option<&Lockfile>, wanted: &Lockfile, is_untouched: bool) -> Result<Self> {
        let known = by_id(here);
        let held = |entry: &LockEntry| match known.get(entry.id.as_str()) {
            Some(before) => with_floor(entry, before),
            None => Ok(entry.clone()),
        };
        let entries = wanted.entries().iter().map(held).collect::<Result<Vec<LockEntry>>>()?;
        Self::to(here, wanted, &entries, is_untouched)
    }

    /// What going back to the lock `wanted` makes of the one that is `here`: all of it, floors and all.
    ///
    /// # Errors
    /// `internal` for what cannot be compared.
    pub fn back(here: Option<&Lockfile>, wanted: &Lockfile) -> Result<Self> {
        Self::to(here, wanted, wanted.entries(), true)
    }

    fn to(here: Option<&Lockfile>, wanted: &Lockfile, entries: &[LockEntry], is_untouched: bool) -> Result<Self> {
        let changes = changes(here, entries);
        let (come, gone): (Vec<&EntryChange>, Vec<_>) = changes.iter().partition(|change| change.after.is_some());
        let lock = match here {
            Some(here) if !is_untouched && gone.len() <= MAX_REMOVALS_IN_PLACE => {
                let rest = gone.iter().try_fold(here.clone(), |lock, change| without(&lock, &change.id))?;
                let new: Vec<LockEntry> = come.iter().filter_map(|change| change.after.clone()).collect();
                rest.with_all(&new)?
            }
            // The floors of this site, where they are higher than the set's.
            _ => {
                let others = entries.iter().zip(wanted.entries()).filter(|(held, entry)| held != entry);
                let others: Vec<LockEntry> = others.map(|(held, _)| held.clone()).collect();
                wanted.with_all(&others)?
            }
        };
        Ok(Self { lock, changes })
    }
}

fn without(lock: &Lockfile, id: &str) -> Result<Lockfile> {
    Ok(lock.without(id)?.unwrap_or_else(|| lock.clone()))
}

fn by_id(lock: Option<&Lockfile>) -> HashMap<&str, &LockEntry> {
    lock.into_iter().flat_map(Lockfile::entries).map(|entry| (entry.id.as_str(), entry)).collect()
}

fn changes(here: Option<&Lockfile>, entries: &[LockEntry]) -> Vec<EntryChange> {
    let mut known = by_id(here);
    let mut changes = Vec::new();
    for entry in entries {
        let before = known.remove(entry.id.as_str());
        if before != Some(entry) {
            changes.push(EntryChange { id: entry.id.clone(), before: before.cloned(), after: Some(entry.clone()) });
        }
    }
    let gone = here.into_iter().flat_map(Lockfile::entries).filter(|entry| known.contains_key(entry.id.as_str()));
    changes.extend(gone.map(|entry| EntryChange { id: entry.id.clone(), before: Some(entry.clone()), after: None }));
    changes
}

/// The entry with the higher floor of the two.
fn with_floor(entry: &LockEntry, before: &LockEntry) -> Result<LockEntry> {
    let Some(floor) = before.provenance.version_floor.as_deref() else { return Ok(entry.clone()) };
    if compare(&entry.version, floor) == Some(std::cmp::Ordering::Less) {
        return Err(below_floor(entry, floor));
    }
    let mut held = entry.clone();
    let is_lower = |own: &str| compare(own, floor) == Some(std::cmp::Ordering::Less);
    if entry.provenance.version_floor.as_deref().is_none_or(is_lower) {
        held.provenance.version_floor = Some(floor.to_owned());
    }
    Ok(held)
}

/// The refusal of a version that is older than the oldest that is accepted again.
fn below_floor(entry: &LockEntry, floor: &str) -> Fault {
    let id = shown(&entry.id, MAX_SHOWN);
    Fault::new(
        Reason::VersionDowngrade,
        format!("{id}: the set accepts a version that is older than its `version_floor`"),
    )
    .expected(format!("{} or newer", shown(floor, MAX_SHOWN)), shown(&entry.version, MAX_SHOWN))
    .hint("ask who signs the set for one with a newer version of it; a floor is lowered by hand, in the lock itself")
}
