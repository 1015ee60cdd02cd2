//! Install records: what was installed from where, beside the plugins and never inside them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use serde::{Deserialize, Serialize};

use crate::parallel::{self, Links};
use crate::pending::PendingChange;

/// The directory in a plugins directory that is ours.
pub(crate) const OWN_DIRECTORY: &str = ".aisoc";
pub(crate) const RECORDS: &str = "records";
const SCHEMA_VERSION: u32 = 1;
/// Largest record that is read; ours are below 2 KiB.
const MAX_RECORD_BYTES: u64 = 64 << 10;
/// How often a record that changes while it is read is read again.
const READ_ATTEMPTS: usize = 8;

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

    /// The record of the tree of `id` that is in place, or `None` when there is none.
    ///
    /// While a change is being made, or when one was killed, the tree's content says which record that
    /// is; nothing is written. Otherwise it is one small file.
    ///
    /// # Errors
    /// `record_invalid`: a record that cannot be read is not the same as no record.
    pub fn read(plugins_dir: &Path, id: &PluginId) -> Result<Option<Self>> {
        for _ in 0..READ_ATTEMPTS {
            let record = Self::read_file(plugins_dir, id);
            if let Some(change) = PendingChange::read(plugins_dir, id)? {
                return Ok(change.record_in_place(plugins_dir));
            }
            // A change that began and ended in between has replaced the record too.
            let again = Self::read_file(plugins_dir, id);
            if again.as_ref().ok() == record.as_ref().ok() {
                return again;
            }
        }
        Self::read_file(plugins_dir, id)
    }

    /// The record file of `id` as it is, whatever tree is in place.
    pub(crate) fn read_file(plugins_dir: &Path, id: &PluginId) -> Result<Option<Self>> {
        let path = path(plugins_dir, id);
        let Some(content) = read_bounded(&path)? else { return Ok(None) };
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
}

fn invalid() -> Fault {
    Fault::new(Reason::RecordInvalid, "the install record cannot be read")
}

/// Whether something stands where the record of `id` would be.
pub(crate) fn exists(plugins_dir: &Path, id: &PluginId) -> bool {
    path(plugins_dir, id).symlink_metadata().is_ok()
}

/// Where the record of `id` is.
pub(crate) fn path(plugins_dir: &Path, id: &PluginId) -> PathBuf {
    plugins_dir.join(OWN_DIRECTORY).join(RECORDS).join(format!("{id}.json"))
}

/// The content of one of our own small files, or `None` when there is none.
pub(crate) fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>> {
    let failed = |error| Fault::io("read", path, error);
    // Refuses links, and does not wait for a FIFO that somebody left there.
    let file = match parallel::open(path, Links::Refused) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut content = Vec::new();
    file.take(MAX_RECORD_BYTES).read_to_end(&mut content).map_err(failed)?;
    Ok(Some(content))
}

/// One of our own small files as text that people can read too.
pub(crate) fn to_json(content: &impl Serialize) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(content)
        .map_err(|error| Fault::new(Reason::Internal, "a record cannot be written as JSON").caused_by(error))?;
    text.push(b'\n');
    // What we could not read back must not be written.
    match text.len() as u64 > MAX_RECORD_BYTES {
        true => Err(Fault::new(Reason::RecordInvalid, "what would have to be written down is too large")
            .expected(format!("at most {MAX_RECORD_BYTES} bytes"), format!("{} bytes", text.len()))
            .hint("have the publisher shorten the version in the manifest")),
        false => Ok(text),
    }
}

/// Reads an id that is held to the grammar of one, so that it can be a file's name.
pub(crate) fn plugin_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<PluginId, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom("not a plugin id"))
}
