//! A plugin beside the plugins directory: a drop-in, or one that Python finds.

use aisoc_discovery::{Discovered, Failed, Source};
use aisoc_manifests::fault::Result;
use aisoc_trust::lockfile::{LockPath, Lockfile};
use aisoc_trust::{PluginMode, Traces};

use crate::accepted::{ContractCheck, HereOptions, Listed, list};
use crate::documents::InspectedFile;

/// The plugin of that id, judged as a listing judges it; nothing where none has it.
///
/// # Errors
/// As [`list`]; why it is none, for what should be a plugin of that id.
pub fn listed(
    id: &str,
    options: &HereOptions,
    mode: PluginMode,
    lock: (&LockPath, Option<&Lockfile>),
    check: &ContractCheck<'_>,
) -> Result<Option<Listed>> {
    let listing = list(options, mode, lock, check, Traces::Kept)?;
    if let Some(found) = listing.plugins.into_iter().find(|listed| listed.plugin.id == id) {
        return Ok(Some(found));
    }
    match listing.failed.into_iter().find(|failed| failed.name == id) {
        Some(Failed { fault, .. }) => Err(fault.about(id)),
        None => Ok(None),
    }
}

/// The one file that a drop-in is; nothing of what is more than that.
pub(super) fn file_of(plugin: &Discovered) -> Option<InspectedFile> {
    if plugin.source != Source::Dropin {
        return None;
    }
    let found = plugin.place.symlink_metadata().ok()?;
    Some(InspectedFile {
        path: plugin.place.file_name()?.to_string_lossy().into_owned(),
        content_bytes: found.len(),
        content_digest: plugin.hash.clone(),
        executable: false,
    })
}
