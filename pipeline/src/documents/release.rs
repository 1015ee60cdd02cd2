//! What is signed and pushed in one step.

use schemars::JsonSchema;
use serde::Serialize;

use super::{PushedArtifact, Signer};

/// A released plugin: signed and pushed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReleasedPlugin {
    /// What was pushed, and where.
    #[serde(flatten)]
    pub pushed: PushedArtifact,
    /// The first signer's fingerprint. What operators will call the key, its publisher does not know. None in a dry run
    /// that would make the key.
    pub signing_key_fingerprint: Option<String>,
    /// All signers, the first signer first; none that a dry run would make.
    pub signers: Vec<Signer>,
    /// How much the signatures cover.
    pub coverage: &'static str,
    /// What is said of it by the first signer and stands beside it: its SBOM, and its provenance.
    pub attestations: Vec<AttestationOfRelease>,
    /// The key pair that was made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<KeyFiles>,
}

/// What a release says of itself.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AttestationOfRelease {
    /// The type of the predicate.
    pub predicate_type: String,
    /// Digest of the manifest that refers to the artifact. None in a dry run that would make the key.
    pub referrer_digest: Option<String>,
    /// Whether the same attestation was there before.
    pub already_attested: bool,
}

/// Where a key pair is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyFiles {
    /// The file of the private key.
    pub private_key_path: String,
    /// The file of the public key.
    pub public_key_path: String,
}
