//! `aisoc plugins lock push|pull` and `aisoc plugins sync`: one accepted set for many hosts.

pub(super) mod bring;
pub(super) mod pull;
pub(super) mod push;
pub(super) mod sync;

use aisoc_pipeline::documents::ChangedEntry;
use aisoc_trust::lockfile::EntryChange;

use crate::output::printable;

/// What became of an entry, as documents have it.
fn changed(change: &EntryChange) -> ChangedEntry {
    let version =
        |entry: &Option<_>| entry.as_ref().map(|entry: &aisoc_trust::lockfile::LockEntry| entry.version.clone());
    ChangedEntry {
        id: change.id.clone(),
        change: match (&change.before, &change.after) {
            (None, _) => "accepted",
            (Some(_), Some(_)) => "changed",
            (Some(_), None) => "revoked",
        },
        previous_version: version(&change.before),
        version: version(&change.after),
        hash: change.after.as_ref().map(|entry| entry.distribution_hash.clone()),
    }
}

/// One line about an entry: what became of it, the plugin, and its version.
fn change_line(change: &ChangedEntry) -> String {
    let version = change.version.as_ref().or(change.previous_version.as_ref());
    format!("{} {} {}\n", change.change, printable(&change.id), printable(version.map_or("-", String::as_str)))
}
