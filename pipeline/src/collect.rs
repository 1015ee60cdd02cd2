//! Collecting what nobody needs.

use aisoc_installation::{Access, Collected, Site};
use aisoc_manifests::fault::Result;

/// Finishes what killed processes began, and removes previous versions beyond the newest `keep` of each
/// plugin, staging of dead processes, and what belongs to nothing.
///
/// # Errors
/// `io_not_found` when there is no such directory, `locked`, `directory_insecure`, `lock_unsupported`, and
/// I/O reasons.
pub fn collect_garbage(site: &Site, keep: u8, access: &Access) -> Result<Collected> {
    site.collect_garbage(keep, access)
}
