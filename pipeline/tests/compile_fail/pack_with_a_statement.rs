//! What a signature would be over is no evidence that there is one: packing takes a judged value.
use aisoc_manifests::id::PluginId;
use aisoc_packaging::{PackOptions, PluginDir, pack};
use aisoc_signing::Statement;

fn shortcut(plugin: &PluginDir, statement: &Statement, id: &PluginId, options: &PackOptions) {
    let _ = pack(plugin, statement, id, options, Vec::new());
}

fn main() {}
