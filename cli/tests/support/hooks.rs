//! Plugins of Stigmem: distributions whose entry points have handlers of hooks.

use std::fs;

use super::Bench;

/// What every module begins with.
pub(crate) const HEAD: &str = "from stigmem_node.plugins import *\n";

/// A distribution with one plugin: its module, whose `manifest` makes what is named in `hooks`, with `more` in it.
pub(crate) fn plugin(bench: &Bench, name: &str, functions: &str, hooks: &str, more: &str) {
    let manifest =
        format!("def manifest(): return PluginManifest(name='{name}', version='1.0.0', hooks={{{hooks}}}{more})\n");
    write(bench, name, &format!("{HEAD}{functions}\n{manifest}"));
}

/// Its module, and what says that it is one.
pub(crate) fn write(bench: &Bench, name: &str, code: &str) {
    let module = name.replace('-', "_");
    bench.write(format!("site/{module}.py").as_str(), code);
    let info = format!("site/{module}-1.0.dist-info");
    // Of another module it is another distribution.
    let metadata = format!("Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\nSummary: {}\n", code.len());
    bench.write(format!("{info}/METADATA").as_str(), metadata);
    let points = format!("[stigmem.plugins]\n{name} = {module}:manifest\n");
    bench.write(format!("{info}/entry_points.txt").as_str(), points);
    bench.write(format!("{info}/RECORD").as_str(), format!("{module}.py,,\n"));
    // Whoever is nobody imports it too.
    for place in ["", "site", info.as_str()] {
        fs::set_permissions(bench.path(place), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    }
}
