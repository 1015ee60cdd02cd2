//! What was said of a published artifact.

use schemars::JsonSchema;
use serde::Serialize;

/// An artifact that cosign finds signed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CosignedArtifact {
    /// The artifact, pinned to the digest that was signed.
    pub reference: String,
    /// Digest of the artifact's manifest.
    pub artifact_digest: String,
    /// Digest of the manifest that refers to the artifact: a bundle, which cosign 3 looks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer_digest: Option<String>,
    /// The tag under which older versions of cosign look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_tag: Option<String>,
    /// Digest of the manifest that this tag names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_digest: Option<String>,
    /// The key: of an Ed25519 key its 32 bytes' digest, of another its SubjectPublicKeyInfo's.
    pub signing_key_fingerprint: String,
    /// Whether the same signature was there before, in each form that was asked for.
    pub already_signed: bool,
    /// How many blobs were sent.
    pub uploaded_blob_count: usize,
    /// Their size.
    pub uploaded_bytes: u64,
    /// How many were there before.
    pub present_blob_count: usize,
}

/// An artifact that has an attestation beside it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AttestedArtifact {
    /// The artifact, pinned to the digest that was attested.
    pub reference: String,
    /// Digest of the artifact's manifest.
    pub artifact_digest: String,
    /// The attestation, pinned to its digest.
    pub attestation_reference: String,
    /// Digest of the manifest that refers to the artifact.
    pub referrer_digest: String,
    /// The type of the predicate.
    pub predicate_type: String,
    /// Whose word it is, where a key has signed it. What operators will call the key, its publisher does not know.
    pub signing_key_fingerprint: Option<String>,
    /// Whose word it is, where nobody keeps the key: the name in the certificate.
    pub certificate_identity: Option<String>,
    /// Who vouched for that name.
    pub certificate_oidc_issuer: Option<String>,
    /// Whether the same attestation was there before.
    pub already_attested: bool,
    /// How many blobs were sent.
    pub uploaded_blob_count: usize,
    /// Their size.
    pub uploaded_bytes: u64,
    /// How many were there before.
    pub present_blob_count: usize,
}
