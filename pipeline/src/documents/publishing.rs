//! What publishers say of their plugins to whoever looks for one.

use schemars::JsonSchema;
use serde::Serialize;

use super::Signer;

/// A publishing index: plugins, each verified when the index was made. It is no signature: who installs one verifies it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PublishingIndex {
    /// By id, then by version, as texts are ordered.
    pub plugins: Vec<IndexedPlugin>,
}

/// One plugin of an index.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IndexedPlugin {
    /// The plugin.
    pub id: String,
    /// What it does.
    #[serde(rename = "type")]
    pub plugin_type: &'static str,
    /// Its name for people.
    pub name: String,
    /// One sentence or more.
    pub description: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Its version.
    pub version: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where to read more.
    pub url: Option<String>,
    /// The command that installs exactly this one; nothing of what is in no registry.
    pub install: Option<String>,
    /// Exactly this artifact; nothing of what is in no registry.
    pub reference: Option<String>,
    /// Digest of the artifact's manifest; nothing of a directory.
    pub artifact_digest: Option<String>,
    /// Digest of what is signed: manifest and code, and through the manifest every file that the signature covers.
    pub canonical_digest: String,
    /// How much the signature covers.
    pub coverage: &'static str,
    /// The key that verified it, by the name that it has where the index was made.
    pub signing_key_id: String,
    /// That key's fingerprint.
    pub signing_key_fingerprint: String,
    /// All keys that verified it.
    pub signers: Vec<Signer>,
    /// What it asks of the host.
    pub capabilities: Vec<String>,
}
