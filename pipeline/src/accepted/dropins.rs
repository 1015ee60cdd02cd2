//! Drop-ins alone, as gate 5 judges them: for whoever verifies signatures and asks no lock.

use aisoc_discovery::Discovered;
use aisoc_manifests::fault::Result;
use aisoc_trust::{FileVerdict, PluginMode};

use super::here::{HereOptions, files};
use crate::discovered::{SiteSources, discover_site};

/// A drop-in, and what the signature beside it is worth.
#[derive(Debug)]
pub struct JudgedDropin {
    /// As it was found.
    pub plugin: Discovered,
    /// What is said of it.
    pub verdict: FileVerdict,
}

/// Judges every drop-in that counts here by the bytes that were read. One that cannot be read is none of them: it has
/// failed before anybody asks who has signed it, and every listing and every comparison with a lock says so.
///
/// # Errors
/// `interrupted`.
pub fn verify_dropins(options: &HereOptions, mode: PluginMode) -> Result<Vec<JudgedDropin>> {
    let HereOptions { sources, trust, limits, .. } = options;
    let (data_dir, user_plugins) = (sources.data_dir.clone(), sources.user_plugins);
    let discovery = discover_site(&SiteSources { data_dir, user_plugins, ..SiteSources::default() }, limits)?;
    let mut verdicts = files(&discovery, trust, mode);
    let judged = |plugin: Discovered| Some(JudgedDropin { verdict: verdicts.remove(&plugin.place)?, plugin });
    Ok(discovery.plugins.into_iter().filter_map(judged).collect())
}
