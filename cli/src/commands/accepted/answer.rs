//! How a lock, its entries and its drift are shown.

use std::fmt::Write as _;
use std::path::Path;

use aisoc_pipeline::documents::{AcceptedPlugin, LockDrift, PluginsLock};
use aisoc_trust::drift::Drift;
use aisoc_trust::lockfile::{LockEntry, LockSchema};

use crate::output::{path_text, printable};

/// So many characters of a hash stand in a table.
const TABLE_DIGITS: usize = 12;
/// So many in the line of an acceptance, its algorithm included.
const LINE_CHARACTERS: usize = 30;

/// A lock file, as documents have it.
pub(in crate::commands) fn shown_lock(path: &Path, schema: LockSchema) -> PluginsLock {
    PluginsLock { path: path_text(path), lock_schema: schema.to_string() }
}

/// Drift, as documents have it.
pub(in crate::commands) fn drifts(drifts: &[Drift]) -> Vec<LockDrift> {
    let document = |drift: &Drift| LockDrift {
        id: drift.id.clone(),
        kind: drift.kind.as_str(),
        expected: drift.expected.clone(),
        actual: drift.actual.clone(),
        blocks: drift.kind.blocks(),
    };
    drifts.iter().map(document).collect()
}

/// The block of a listing that drift stands in; nothing without any.
pub(in crate::commands) fn drift_lines(drifts: &[String]) -> String {
    let mut text = String::new();
    if !drifts.is_empty() {
        text.push_str("\nDrift vs plugins.lock:\n");
    }
    for drift in drifts {
        let _ = writeln!(text, "  {}", printable(drift));
    }
    text
}

/// An entry, as documents have it.
pub(super) fn accepted(entry: &LockEntry) -> AcceptedPlugin {
    let LockEntry { id, package, version, entry_point, distribution_hash, .. } = entry.clone();
    AcceptedPlugin { id, package, version, entry_point, hash: distribution_hash }
}

/// `trusted: ID VERSION (HASH…)`, with the beginning of the hash.
pub(super) fn line(verb: &str, plugin: &AcceptedPlugin) -> String {
    let hash: String = plugin.hash.chars().take(LINE_CHARACTERS).collect();
    let [id, version, hash] = [&plugin.id, &plugin.version, &hash].map(|value| printable(value).into_owned());
    format!("{verb}: {id} {version} ({hash}…)\n")
}

/// Where lock and journal are.
pub(super) fn places(lock: &str, journal: &str) -> String {
    format!("  lock:    {}\n  journal: {}\n", printable(lock), printable(journal))
}

/// A hash as a table has it: its algorithm and its first digits.
pub(super) fn short_hash(hash: &str) -> String {
    let (algorithm, digest) = hash.split_once(':').unwrap_or(("", hash));
    let digits: String = digest.chars().take(TABLE_DIGITS).collect();
    format!("{algorithm}:{digits}…")
}
