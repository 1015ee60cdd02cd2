//! What `verify` says of a directory or an artifact.

use serde::Serialize;

use super::Explanation;

/// A verdict on what somebody named.
#[derive(Debug, Serialize)]
pub struct SourceVerdict {
    /// What was verified, as it was named.
    pub source: String,
    /// The id that the manifest states, when it can be read.
    pub id: Option<String>,
    /// What the signature is worth.
    pub signature_status: &'static str,
    /// The key that verified it.
    pub signing_key_id: Option<String>,
    /// That key's fingerprint.
    pub fingerprint: Option<String>,
    /// Every key that verified a signature, by its id.
    pub signers: Vec<String>,
    /// How much the signature covers.
    pub coverage: &'static str,
    /// What a signature covers, as one digest.
    pub digest: Option<String>,
    /// Digest of the artifact, when it was one.
    pub artifact_digest: Option<String>,
    /// Digest of the index that the reference names, when it names one whose only artifact this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_digest: Option<String>,
    /// What strict mode would have refused it for.
    pub objection: Option<String>,
    /// How the verdict came about.
    pub explanation: Explanation,
}
