//! What an author makes: a plugin, a key pair, a digest, a signature.

use serde::Serialize;

use super::AllowedSecret;

/// A new plugin's directory.
#[derive(Debug, Serialize)]
pub struct NewPlugin {
    /// The plugin.
    pub id: String,
    /// What kind of plugin.
    #[serde(rename = "type")]
    pub plugin_type: String,
    /// Where it is.
    pub directory: String,
    /// Its files, the manifest first.
    pub files: Vec<String>,
}

/// A new key pair.
#[derive(Debug, Serialize)]
pub struct KeyPair {
    /// The file of the private key.
    pub private_key: String,
    /// The file of the public key.
    pub public_key: String,
    /// The public key's fingerprint.
    pub fingerprint: String,
}

/// What a signature of a directory covers, as one digest.
#[derive(Debug, Serialize)]
pub struct CanonicalDigest {
    /// SHA-256 of the canonical JSON, in hexadecimal digits.
    pub digest: String,
    /// How many Python files it covers.
    pub python_files: usize,
    /// The canonical JSON itself, when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
}

/// A signed directory.
#[derive(Debug, Serialize)]
pub struct SignedPlugin {
    /// The file of the new signature.
    pub signature_file: String,
    /// The signature, in hexadecimal digits.
    pub signature: String,
    /// What it covers, as one digest.
    pub digest: String,
    /// The signer's fingerprint.
    pub signer: String,
    /// How much it covers: `full` or `code`.
    pub coverage: &'static str,
    /// What looks like a secret and is signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_secrets: Vec<AllowedSecret>,
}
