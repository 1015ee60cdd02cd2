//! `SyncSettings`: which set a site follows, and how many have to have signed it. They are the site's own and come from
//! no artifact.

use std::num::NonZeroUsize;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use serde::{Deserialize, Serialize};

use super::super::plan::is_id;
use super::own_file;

/// The file in the keyring's own directory.
const SETTINGS: &str = "sync.json";
/// Larger than three short members.
pub const MAX_SETTINGS_BYTES: u64 = 16 << 10;

/// The content of the file. An admin writes it, or the tool that sets up machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncSettings {
    /// Always 1.
    pub schema_version: u32,
    /// Where the set is: a reference, or a file.
    pub from: String,
    /// Which set it is.
    pub name: String,
    /// How many distinct keys that may sign sets have to have signed it.
    pub required_signatures: NonZeroUsize,
}

impl SyncSettings {
    /// Those of a site.
    pub fn new(from: String, name: String, required_signatures: NonZeroUsize) -> Self {
        Self { schema_version: 1, from, name, required_signatures }
    }

    /// Those of the site of those keys, where it has some.
    ///
    /// # Errors
    /// `record_invalid` for what cannot be understood: nobody is followed by guessing. `directory_insecure`, and I/O
    /// reasons.
    pub fn read(keys: &Path) -> Result<Option<Self>> {
        let Some(content) = own_file::read(keys, SETTINGS, MAX_SETTINGS_BYTES)? else { return Ok(None) };
        let path = keys.join(aisoc_signing::OWN_DIRECTORY).join(SETTINGS);
        Self::parse(&content, &path, "keys sync", "\"A fleet\" in `aisoc help keys`").map(Some)
    }

    /// Reads the content of such a file, which `command` writes and `page` describes.
    ///
    /// # Errors
    /// `record_invalid`.
    pub fn parse(content: &[u8], path: &Path, command: &str, page: &str) -> Result<Self> {
        let invalid = || {
            Fault::new(Reason::RecordInvalid, format!("`{}` does not say which set is followed", path.display())).hint(
                format!("write it anew: `aisoc {command} REF --name NAME --required-signatures K --save`; see {page}"),
            )
        };
        let settings: Self = serde_json::from_slice(content).map_err(|error| invalid().caused_by(error))?;
        match (settings.schema_version, is_id(&settings.name)) {
            (1, true) => Ok(settings),
            (1, false) => Err(invalid().expected("the name of a set", "another text")),
            (other, _) => Err(invalid().expected("schema_version 1", other.to_string())),
        }
    }

    /// The content of the file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and numbers are JSON") + "\n"
    }
}
