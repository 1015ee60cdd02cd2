//! The part of `aisoc plugin list --versions` that says what can be rolled back to.

use std::fmt::Write as _;
use std::path::Path;

use aisoc_manifests::fault::Result;
use aisoc_packaging::{InstallRecord, kept_versions, tree_bytes};
use aisoc_pipeline::documents::PluginVersion;

use crate::output::printable;

/// The installed version and the kept ones, the most recently replaced first.
pub(crate) fn of_plugin(
    plugins_dir: &Path,
    path: &Path,
    record: Option<&InstallRecord>,
    id: &str,
) -> Result<Vec<PluginVersion>> {
    let row = |record: &InstallRecord, path: &Path, current| PluginVersion {
        version: record.version.clone(),
        digest: record.digest.to_string(),
        installed_at: record.installed_at.clone(),
        signature_status: record.signature_status.clone(),
        bytes: tree_bytes(path),
        current,
    };
    let mut versions: Vec<PluginVersion> = record.map(|record| row(record, path, true)).into_iter().collect();
    // A directory that is no id was installed by nobody, and has no kept versions.
    if let Ok(id) = id.parse() {
        versions.extend(kept_versions(plugins_dir, &id)?.iter().map(|kept| row(&kept.record, &kept.path, false)));
    }
    Ok(versions)
}

/// Lines below the plugin's own.
pub(crate) fn write(text: &mut String, versions: &[PluginVersion]) {
    for version in versions {
        let _ = writeln!(
            text,
            "  {:<7}  {:<10}  {}  {}  {:<10}  {} bytes",
            if version.current { "current" } else { "kept" },
            printable(&version.version),
            &version.digest[..19],
            printable(&version.installed_at),
            printable(&version.signature_status),
            version.bytes,
        );
    }
}
