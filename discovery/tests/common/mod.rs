//! What a pass finds, in one line each.

use std::fs;
use std::path::Path;

use aisoc_discovery::{Discovered, Discovery, Failed, Sources, discover};
use aisoc_packaging::Limits;

pub(crate) fn found(sources: &Sources) -> Discovery {
    discover(sources, &Limits::default()).expect("not interrupted")
}

/// `source kind id version package entry_point`.
pub(crate) fn line(plugin: &Discovered) -> String {
    let Discovered { id, version, kind, source, package, entry_point, .. } = plugin;
    format!("{source} {kind} {id} {version} {package} {entry_point}")
}

pub(crate) fn lines(discovery: &Discovery) -> Vec<String> {
    discovery.plugins.iter().map(line).collect()
}

/// `source name reason`.
pub(crate) fn failures(discovery: &Discovery) -> Vec<String> {
    let line = |failed: &Failed| format!("{} {} {}", failed.source, failed.name, failed.fault.reason());
    discovery.failed.iter().map(line).collect()
}

/// Writes a file, and the directories above it.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, content).expect("written");
}
