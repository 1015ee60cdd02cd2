//! What is installed is known until the lock is released, and no longer.
use aisoc_installation::{Access, Site};
use aisoc_manifests::id::PluginId;

fn shortcut(site: &Site, id: &PluginId) {
    let mut kept = None;
    let _ = site.session(&Access::default(), |session| {
        kept = Some(session.present(id)?);
        Ok(())
    });
}

fn main() {}
