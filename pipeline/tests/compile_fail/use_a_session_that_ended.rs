//! Whoever has changed something reads again before the next change.
use aisoc_installation::{Access, Site};
use aisoc_manifests::id::PluginId;

fn shortcut(site: &Site, id: &PluginId) {
    let _ = site.session(&Access::default(), |session| {
        session.uninstall(id)?;
        session.present(id).map(drop)
    });
}

fn main() {}
