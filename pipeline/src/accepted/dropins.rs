//! Drop-ins as gate 5 judges them, and what has no signature by its kind: for whoever verifies signatures and asks no lock.

use aisoc_discovery::{Discovered, Failed, Source, archives_among_plugins};
use aisoc_manifests::fault::Result;
use aisoc_trust::{FileVerdict, PluginMode};

use super::here::{HereOptions, JudgedFiles, files};
use crate::discovered::{Noticed, SiteSources, discover_site};

/// A drop-in, and what the signature beside it is worth.
#[derive(Debug)]
pub struct JudgedDropin {
    /// As it was found.
    pub plugin: Discovered,
    /// What is said of it.
    pub verdict: FileVerdict,
}

/// All drop-ins that count here.
#[derive(Debug)]
pub struct VerifiedDropins {
    /// In the order of discovery.
    pub judged: Vec<JudgedDropin>,
    /// Those of which nobody can say anything, because they or their places could not be read.
    pub unread: Vec<Failed>,
    /// The names of entry points, which have no signature: the lock alone says which are accepted.
    pub entry_points: Vec<String>,
    /// What somebody should know of all of them.
    pub noticed: Noticed,
    /// Key files that are not used, `file: reason`.
    pub skipped_keys: Vec<String>,
}

/// Judges every drop-in that counts here by the bytes that were read.
///
/// # Errors
/// `interrupted`, and I/O reasons for a virtual environment that cannot be listed.
pub fn verify_dropins(options: &HereOptions, mode: PluginMode) -> Result<VerifiedDropins> {
    let HereOptions { sources, trust, limits, .. } = options;
    // What is in directories is read by whoever verifies it.
    let mut discovery = discover_site(&SiteSources { site: None, ..sources.clone() }, limits)?;
    let mut noticed = Noticed::of(&mut discovery);
    noticed.notes.extend(sources.site.iter().flat_map(archives_among_plugins));
    let is_entry_point = |plugin: &&Discovered| plugin.source == Source::EntryPoint;
    let entry_points = discovery.plugins.iter().filter(is_entry_point).map(|plugin| plugin.id.clone()).collect();
    let JudgedFiles { mut verdicts, skipped_keys } = files(&discovery, trust, mode);
    let is_unread = |failed: &Failed| failed.source == Source::Dropin && failed.fault.is_unread();
    let judged = |plugin: Discovered| Some(JudgedDropin { verdict: verdicts.remove(&plugin.place)?, plugin });
    Ok(VerifiedDropins {
        judged: discovery.plugins.into_iter().filter_map(judged).collect(),
        unread: discovery.failed.into_iter().filter(is_unread).collect(),
        entry_points,
        noticed,
        skipped_keys,
    })
}
