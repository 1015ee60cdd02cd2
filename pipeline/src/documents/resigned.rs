//! What is published and was signed again.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Objection, Signer};

/// What came of each version that was to be signed again.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ResignedArtifacts {
    /// Those that have the signature now, in the order in which they were named.
    pub artifacts: Vec<ResignedArtifact>,
    /// Those that have not.
    pub failed: Vec<NotResigned>,
}

/// A published version that has the signature of the key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResignedArtifact {
    /// The reference, pinned to the digest.
    pub reference: String,
    /// The plugin.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Digest of the artifact's manifest.
    pub artifact_digest: String,
    /// The tag that names it now.
    pub tag: String,
    /// What was found, pinned to the digest.
    pub previous_reference: String,
    /// `added`, `replaced`, or `unchanged` where this key had signed it before and nothing else was to go.
    pub change: &'static str,
    /// Whose signature it has now. What operators will call the key, its publisher does not know.
    pub signing_key_fingerprint: String,
    /// The trusted keys that vouched for what was found; none where this key had signed it before.
    pub vouched_by: Vec<Signer>,
    /// Whose signatures it has no more, as the names of their files claim.
    pub removed_signers: Vec<Signer>,
    /// How much the signatures cover, which is what they covered before.
    pub coverage: &'static str,
    /// How many blobs were sent.
    pub uploaded_blob_count: usize,
    /// Their size.
    pub uploaded_bytes: u64,
    /// How many were there before.
    pub present_blob_count: usize,
}

/// A version that is as it was.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotResigned {
    /// The reference as it was given.
    pub source: String,
    /// Why.
    pub objection: Objection,
}
