//! Removing a plugin.

use std::path::PathBuf;

use aisoc_installation::{Access, Site};
use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;

/// Removes the plugin `id`, its record and its previous versions; gives what could not be removed.
///
/// When a killed uninstall of this plugin was begun, finishing it is what was asked for. When there is
/// nothing to uninstall, what killed processes have left is finished all the same.
///
/// # Errors
/// `plugin_not_found`, `locked`, `directory_insecure`, `lock_unsupported`, `exchange_unsupported`, and
/// I/O reasons; each leaves the plugin as it was, or says that it is uninstalled.
pub fn uninstall(site: &Site, id: &PluginId, access: &Access) -> Result<Vec<PathBuf>> {
    // Without a plugin and without an interrupted change there is nothing to lock for.
    if !site.can_be_uninstalled(id)? && !site.is_interrupted()? {
        return Err(site.not_installed(id));
    }
    site.session(access, |session| session.uninstall(id))
}
