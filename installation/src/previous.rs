//! Previous versions: trees that were replaced, with their records, for a rollback.
//!
//! `<plugins-dir>/.aisoc/versions/<id>/<number>/` holds `tree` and, once it is a kept version,
//! `kept.json`. A number without that file is the place of a change that is being made.
#![expect(clippy::disallowed_methods, reason = "sizes are counted for a listing, and decide nothing")]

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use serde::{Deserialize, Serialize};

use crate::census::list;
use crate::layout::{Layout, PREVIOUS_NOTE, Slot};
use crate::pending::{PendingChange, Side};
use crate::record::InstallRecord;
use crate::sealed;
use crate::secure::is_directory;

/// The most versions of a plugin that can be kept.
pub const MAX_PREVIOUS_VERSIONS: u8 = 32;
/// How many are kept when nothing is said.
pub const DEFAULT_PREVIOUS_VERSIONS: u8 = 1;

const SCHEMA_VERSION: u32 = 1;

/// A version that was replaced and can be rolled back to.
#[derive(Debug, Clone)]
pub struct PreviousVersion {
    /// What its install wrote down.
    pub record: InstallRecord,
    /// Where its tree is.
    pub path: PathBuf,
    pub(crate) slot: Slot,
    /// Counts replacements of this plugin: the larger, the later.
    pub(crate) sequence: u64,
}

/// The content of `kept.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema_version: u32,
    sequence: u64,
    record: InstallRecord,
}

/// The kept versions of `id`, the most recently replaced first. What cannot be understood is not among them.
///
/// # Errors
/// I/O reasons: kept versions are private to the user who installed them.
pub(crate) fn previous_versions(layout: &Layout, id: &PluginId) -> Result<Vec<PreviousVersion>> {
    // A rollback that was begun and not finished has put another tree where a kept version was.
    let unfinished = sealed::understood(PendingChange::read(layout, id))?;
    let side = unfinished.as_ref().map(|change| change.side(layout)).transpose()?;
    let mut kept = stored(layout, id)?;
    if let Some(change) = unfinished.filter(|_| side == Some(Side::After)) {
        let (slot, sequence) = (change.slot, next_sequence(&kept));
        kept.retain(|version| version.slot != slot);
        let previous = change.before.clone().filter(|_| change.keeps_previous());
        kept.extend(previous.map(|record| PreviousVersion {
            record,
            path: layout.version_tree(id, slot),
            slot,
            sequence,
        }));
    }
    kept.sort_by_key(|version| Reverse((version.sequence, version.slot)));
    Ok(kept)
}

/// The kept versions of `id` as they are written down, whatever change is being made.
pub(crate) fn stored(layout: &Layout, id: &PluginId) -> Result<Vec<PreviousVersion>> {
    let mut kept = Vec::new();
    for slot in slots(layout, id)? {
        kept.extend(read(layout, id, slot)?);
    }
    kept.sort_by_key(|version| Reverse((version.sequence, version.slot)));
    Ok(kept)
}

/// The bytes of all files below a directory, links not followed. What cannot be read counts nothing.
pub fn tree_bytes(directory: &Path) -> u64 {
    let mut bytes = 0;
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(found) if found.is_dir() => directories.push(entry.path()),
                Ok(found) if found.is_file() => bytes += found.len(),
                _ => {}
            }
        }
    }
    bytes
}

/// Refuses the beginning of a digest that several artifacts have: nobody can say which was meant.
///
/// # Errors
/// `usage`, naming two of them.
pub fn require_one_digest<'a>(records: impl IntoIterator<Item = &'a InstallRecord>, wanted: &str) -> Result<()> {
    let mut named = records.into_iter().filter(|record| record.has_digest(wanted));
    let Some(first) = named.next() else { return Ok(()) };
    match named.find(|record| record.digest != first.digest) {
        None => Ok(()),
        Some(other) => {
            let both = format!("{} ({}) and {} ({})", first.digest, first.version, other.digest, other.version);
            Err(Fault::new(Reason::Usage, format!("`{wanted}` is the beginning of more than one digest"))
                .expected("the beginning of one digest", both)
                .hint("add digits until it is one of them, or name the version"))
        }
    }
}

/// The version that `wanted` names by version or digest; the most recently replaced when nothing is wanted.
pub(crate) fn choose(kept: Vec<PreviousVersion>, id: &PluginId, wanted: Option<&str>) -> Result<PreviousVersion> {
    let names: Vec<String> = kept.iter().map(|version| version.record.version.clone()).collect();
    let is_version = |wanted: &str| kept.iter().any(|version| version.record.version == wanted);
    if let Some(wanted) = wanted.filter(|wanted| !is_version(wanted)) {
        require_one_digest(kept.iter().map(|version| &version.record), wanted)?;
    }
    let is_wanted = |version: &PreviousVersion| wanted.is_none_or(|wanted| version.record.is_named(wanted));
    kept.into_iter().find(is_wanted).ok_or_else(|| match (wanted, names.as_slice()) {
        (_, []) => Fault::new(Reason::VersionNotFound, format!("no version of `{id}` is kept")),
        (wanted, names) => Fault::new(Reason::VersionNotFound, format!("that version of `{id}` is not kept"))
            .expected(names.join(", "), wanted.unwrap_or_default()),
    })
}

/// Those of `kept` that are too many: beyond the newest `keep`, and second copies of an artifact that is
/// installed or kept anyway.
pub(crate) fn superfluous(kept: &[PreviousVersion], current: Option<&InstallRecord>, keep: u8) -> Vec<Slot> {
    let mut digests: Vec<_> = current.map(|record| record.digest).into_iter().collect();
    let installed = digests.len();
    let mut surplus = Vec::new();
    for version in kept {
        if digests.contains(&version.record.digest) || digests.len() - installed >= usize::from(keep) {
            surplus.push(version.slot);
        } else {
            digests.push(version.record.digest);
        }
    }
    surplus
}

/// A number that no slot of `id` has.
pub(crate) fn next_slot(layout: &Layout, id: &PluginId) -> Result<Slot> {
    Ok(Slot::after(slots(layout, id)?.into_iter().max()))
}

/// The number of the next replacement.
pub(crate) fn next_sequence(kept: &[PreviousVersion]) -> u64 {
    kept.iter().map(|version| version.sequence).max().map_or(1, |last| last.saturating_add(1))
}

/// The text of `kept.json`.
pub(crate) fn to_text(record: &InstallRecord, sequence: u64) -> Result<Vec<u8>> {
    sealed::to_text(&Kept { schema_version: SCHEMA_VERSION, sequence, record: record.clone() })
}

/// The kept version in a slot, if it is whole.
///
/// # Errors
/// I/O reasons: a version that cannot be read now is not one that is gone.
pub(crate) fn read(layout: &Layout, id: &PluginId, slot: Slot) -> Result<Option<PreviousVersion>> {
    let Some(text) = sealed::understood(sealed::read(&layout.version(id, slot).join(PREVIOUS_NOTE)))? else {
        return Ok(None);
    };
    let kept = sealed::understood(sealed::parse("the note of a kept version", &text).map(Some))?;
    let Some(Kept { schema_version, sequence, record }) = kept else { return Ok(None) };
    let path = layout.version_tree(id, slot);
    let known = schema_version == SCHEMA_VERSION && record.schema_version == InstallRecord::SCHEMA_VERSION;
    let whole = known && record.id == *id && is_directory(&path)?;
    Ok(whole.then_some(PreviousVersion { record, path, slot, sequence }))
}

pub(crate) fn slots(layout: &Layout, id: &PluginId) -> Result<Vec<Slot>> {
    let names = list(&layout.versions(id))?;
    Ok(names.iter().filter_map(|name| name.to_str().and_then(Slot::of_name)).collect())
}
