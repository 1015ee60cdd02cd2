//! What an author makes: a plugin, a key pair, a digest, a signature.

use schemars::JsonSchema;
use serde::Serialize;

use super::{AllowedSecret, CosignedArtifact};

/// A new plugin's directory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewPlugin {
    /// The plugin.
    pub id: String,
    /// What kind of plugin.
    pub plugin_type: String,
    /// Where it is.
    pub directory: String,
    /// Its files, by their paths in the directory, the manifest first.
    pub paths: Vec<String>,
}

/// A new key pair.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyPair {
    /// The file of the private key.
    pub private_key_path: String,
    /// The file of the public key.
    pub public_key_path: String,
    /// The public key's fingerprint; none when none was made.
    pub signing_key_fingerprint: Option<String>,
}

/// What a signature of a directory covers, as one digest.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CanonicalDigest {
    /// SHA-256 of the canonical JSON.
    pub canonical_digest: String,
    /// How many Python files it covers.
    pub python_file_count: usize,
    /// The canonical JSON itself, when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_json: Option<String>,
}

/// What was signed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum SigningResult {
    /// A directory, or one file.
    Plugin(SignedPlugin),
    /// An artifact, for cosign.
    Artifact(CosignedArtifact),
}

/// A signed directory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SignedPlugin {
    /// The file of the new signature.
    pub signature_path: String,
    /// The signature, in hexadecimal digits.
    pub signature: String,
    /// What it covers, as one digest.
    pub canonical_digest: String,
    /// The fingerprint of the key that signed. Under which name a site trusts it, only the site knows.
    pub signing_key_fingerprint: String,
    /// How much it covers: `full` or `code`.
    pub coverage: &'static str,
    /// When it was made, as the timestamp beside it states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<String>,
    /// What looks like a secret and is signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_secrets: Vec<AllowedSecret>,
}
