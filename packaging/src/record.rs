//! Install records: what was installed from where, beside the plugins and never inside them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::ManifestFile;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::parallel::{self, Links};

/// The directory in a plugins directory that is ours.
pub(crate) const OWN_DIRECTORY: &str = ".aisoc";
const RECORDS: &str = "records";
const SCHEMA_VERSION: u32 = 1;
/// Largest record that is read; ours are below 2 KiB.
const MAX_RECORD_BYTES: u64 = 64 << 10;

/// What an install wrote down. A note for people and for "is this already installed": what is
/// trusted at load time is the tree and its signature, never the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallRecord {
    /// Always 1.
    pub schema_version: u32,
    /// The plugin.
    #[serde(deserialize_with = "plugin_id")]
    pub id: PluginId,
    /// The version that its manifest states.
    pub version: String,
    /// The reference that was asked for.
    pub reference: String,
    /// Digest of the artifact's manifest.
    pub digest: Digest,
    /// Digest over every installed file.
    pub tree_digest: Digest,
    /// The canonical digest that the signature covers, when it could be computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical_digest: Option<Digest>,
    /// `verified`, `unsigned`, `invalid` or `skipped`.
    pub signature_status: String,
    /// The key that verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key_id: Option<String>,
    /// How much of the tree the signature covers: `full`, `code` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<String>,
    /// When, as RFC 3339 text.
    pub installed_at: String,
}

impl InstallRecord {
    /// The schema version that this build writes.
    pub const SCHEMA_VERSION: u32 = SCHEMA_VERSION;

    /// The record of `id`, or `None` when there is none.
    ///
    /// # Errors
    /// `record_invalid`: a record that cannot be read is not the same as no record.
    pub fn read(plugins_dir: &Path, id: &PluginId) -> Result<Option<Self>> {
        let path = record_path(plugins_dir, id);
        let mut content = Vec::new();
        // Refuses links, and does not wait for a FIFO that somebody left there.
        match parallel::open(&path, Links::Refused) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Fault::io("read", &path, error)),
            Ok(file) => file
                .take(MAX_RECORD_BYTES)
                .read_to_end(&mut content)
                .map_err(|error| Fault::io("read", &path, error))?,
        };
        let record = Self::parse(&content).map_err(|fault| fault.about(path.display()))?;
        if record.id != *id {
            return Err(invalid().expected(id.to_string(), record.id.to_string()).about(path.display()));
        }
        Ok(Some(record))
    }

    /// The record that these bytes are.
    ///
    /// # Errors
    /// `record_invalid` for anything else: unknown keys, another schema version, a cut file.
    pub fn parse(content: &[u8]) -> Result<Self> {
        let record: Self = serde_json::from_slice(content).map_err(|error| invalid().caused_by(error))?;
        if record.schema_version != SCHEMA_VERSION {
            return Err(invalid().expected(SCHEMA_VERSION.to_string(), record.schema_version.to_string()));
        }
        Ok(record)
    }

    /// Writes the record into `staging`, which is swept when this process is killed;
    /// [`PreparedRecord::publish`] puts it at its place. Everybody who can read the plugin can read it.
    pub(crate) fn prepare(&self, staging: &Path, plugins_dir: &Path) -> Result<PreparedRecord> {
        let directory = plugins_dir.join(OWN_DIRECTORY).join(RECORDS);
        let failed = |error| Fault::io("write a record in", &directory, error);
        fs::create_dir_all(&directory).map_err(failed)?;
        let mut file = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o644))
            .tempfile_in(staging)
            .map_err(failed)?;
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| Fault::new(Reason::Internal, "a record cannot be written as JSON").caused_by(error))?;
        text.push(b'\n');
        file.write_all(&text).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        Ok(PreparedRecord { file, path: record_path(plugins_dir, &self.id) })
    }
}

fn invalid() -> Fault {
    Fault::new(Reason::RecordInvalid, "the install record cannot be read")
}

/// A record that is on disk under a temporary name, so that a full disk refuses the install before
/// anything of it is visible.
pub(crate) struct PreparedRecord {
    file: NamedTempFile,
    path: PathBuf,
}

impl PreparedRecord {
    pub(crate) fn publish(self) -> Result<()> {
        let path = self.path;
        self.file.persist(&path).map_err(|error| Fault::io("write", &path, error.error))?;
        sync_directory(path.parent().unwrap_or(Path::new(".")))
    }
}

/// Whether something stands where the record of `id` would be.
pub(crate) fn exists(plugins_dir: &Path, id: &PluginId) -> bool {
    record_path(plugins_dir, id).symlink_metadata().is_ok()
}

/// Removes the record of `id`, if there is one.
pub(crate) fn remove(plugins_dir: &Path, id: &PluginId) -> Result<()> {
    let path = record_path(plugins_dir, id);
    match fs::remove_file(&path) {
        Ok(()) => sync_directory(path.parent().unwrap_or(Path::new("."))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Fault::io("remove", &path, error)),
    }
}

/// Makes renames and removals in a directory survive a power cut.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    fs::File::open(path).and_then(|directory| directory.sync_all()).map_err(|error| Fault::io("sync", path, error))
}

fn record_path(plugins_dir: &Path, id: &PluginId) -> PathBuf {
    plugins_dir.join(OWN_DIRECTORY).join(RECORDS).join(format!("{id}.json"))
}

/// A directory that the host would take for a plugin.
#[derive(Debug)]
pub struct InstalledPlugin {
    /// The directory's name, which the host takes for the id unless the manifest says otherwise.
    pub directory: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest_file: ManifestFile,
    /// What its install wrote down: nothing when somebody else put it there.
    pub record: Result<Option<InstallRecord>>,
}

/// The plugins in a directory, sorted by name; none when it does not exist.
///
/// # Errors
/// I/O reasons when the directory cannot be listed.
pub fn installed(plugins_dir: &Path) -> Result<Vec<InstalledPlugin>> {
    let failed = |error| Fault::io("list", plugins_dir, error);
    let entries = match fs::read_dir(plugins_dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut plugins = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let directory = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if directory.starts_with(OWN_DIRECTORY) {
            continue;
        }
        if let Some(manifest_file) = ManifestFile::find(|name| path.join(name).is_file()) {
            let record = match directory.parse() {
                Ok(id) => InstallRecord::read(plugins_dir, &id),
                Err(_) => Ok(None),
            };
            plugins.push(InstalledPlugin { directory, path, manifest_file, record });
        }
    }
    plugins.sort_by(|a, b| a.directory.cmp(&b.directory));
    Ok(plugins)
}

fn plugin_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<PluginId, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom("not a plugin id"))
}
