//! The part of `aisoc plugin list --versions` that says what can be rolled back to.

use std::fmt::Write as _;
use std::path::Path;

use aisoc_installation::{InstallRecord, Site};
use aisoc_manifests::fault::Result;
use aisoc_pipeline::{PluginVersion, documents};

use super::columns::short;
use crate::output::printable;

/// The installed version and the previous ones, the most recently replaced first.
pub(crate) fn of_plugin(
    site: &Site,
    path: &Path,
    record: Option<&InstallRecord>,
    directory: &str,
) -> Result<Vec<documents::PluginVersion>> {
    let row = |PluginVersion { record, bytes, current }: PluginVersion| documents::PluginVersion {
        version: record.version,
        artifact_digest: record.digest.to_string(),
        installed_at: record.installed_at,
        signature_status: record.signature_status,
        disk_bytes: bytes,
        current,
    };
    Ok(aisoc_pipeline::versions(site, directory, path, record)?.into_iter().map(row).collect())
}

/// A size that has room beside the rest of the line. JSON has the bytes.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1_048_576)),
    }
}

/// Lines below the plugin's own.
pub(crate) fn write(text: &mut String, versions: &[documents::PluginVersion]) {
    for version in versions {
        let _ = writeln!(
            text,
            "  {:<7}  {:<10}  {}  {}  {:<8}  {}",
            if version.current { "current" } else { "kept" },
            printable(&version.version),
            short(&version.artifact_digest),
            printable(&version.installed_at),
            printable(&version.signature_status),
            size(version.disk_bytes),
        );
    }
}
