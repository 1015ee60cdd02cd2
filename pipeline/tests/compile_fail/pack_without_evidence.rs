//! A directory is not packed as it stands: somebody has to have found its signature to fit.
use aisoc_manifests::plugin::Manifest;
use aisoc_packaging::{PackOptions, PluginDir, assemble};

fn shortcut(plugin: &PluginDir, manifest: &Manifest, options: &PackOptions) {
    let _ = assemble(plugin, manifest, options, Vec::new());
}

fn main() {}
