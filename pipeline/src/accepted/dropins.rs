//! Drop-ins alone, as gate 5 judges them: for whoever verifies signatures and asks no lock.

use aisoc_discovery::{Discovered, Failed};
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
    /// What somebody should know of them.
    pub noticed: Noticed,
    /// Key files that are not used, `file: reason`.
    pub skipped_keys: Vec<String>,
}

/// Judges every drop-in that counts here by the bytes that were read.
///
/// # Errors
/// `interrupted`.
pub fn verify_dropins(options: &HereOptions, mode: PluginMode) -> Result<VerifiedDropins> {
    let HereOptions { sources, trust, limits, .. } = options;
    let (data_dir, user_plugins) = (sources.data_dir.clone(), sources.user_plugins);
    let mut discovery = discover_site(&SiteSources { data_dir, user_plugins, ..SiteSources::default() }, limits)?;
    let noticed = Noticed::of(&mut discovery);
    let JudgedFiles { mut verdicts, skipped_keys } = files(&discovery, trust, mode);
    let judged = |plugin: Discovered| Some(JudgedDropin { verdict: verdicts.remove(&plugin.place)?, plugin });
    Ok(VerifiedDropins {
        judged: discovery.plugins.into_iter().filter_map(judged).collect(),
        unread: discovery.failed.into_iter().filter(|failed| failed.fault.is_unread()).collect(),
        noticed,
        skipped_keys,
    })
}
