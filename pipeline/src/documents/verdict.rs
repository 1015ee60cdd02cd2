//! What `verify` says of a directory or an artifact.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Explanation, Objection};

/// A verdict on what somebody named.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SourceVerdict {
    /// What was verified, as it was named.
    pub source: String,
    /// The id that the manifest states, when it can be read.
    pub id: Option<String>,
    /// What the signature is worth.
    pub signature_status: &'static str,
    /// The key that verified it, by the name under which this site trusts it.
    pub signing_key_id: Option<String>,
    /// That key's fingerprint.
    pub signing_key_fingerprint: Option<String>,
    /// Every key that verified a signature.
    pub signers: Vec<Signer>,
    /// How much the signature covers; `shipped` is every file but those in `excluded`.
    pub coverage: &'static str,
    /// The keys from which no more is accepted by a note of this site (`coverage: code`), where the signature covers
    /// the manifest and `*.py` alone.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub coverage_accepted_from: Vec<String>,
    /// What was left out of what was judged, because it would not be shipped.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub excluded: Vec<String>,
    /// What a signature covers, as one digest.
    pub canonical_digest: Option<String>,
    /// Digest of the artifact's manifest, when it was one.
    pub artifact_digest: Option<String>,
    /// Digest of the index that the reference names, when it names one that this was taken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_digest: Option<String>,
    /// The platform by which it was taken of an index of several, or that was named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub platform: Option<String>,
    /// The proofs beyond a key that were required and are there.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub proofs: Vec<DocumentedProof>,
    /// Why it is refused, or what strict mode would have refused it for.
    pub objection: Option<Objection>,
    /// How the verdict came about.
    pub explanation: Explanation,
}

/// A proof beyond a key that shows what was required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DocumentedProof {
    /// What was required: `sigstore`, `provenance` or `sbom`.
    pub kind: &'static str,
    /// Where the bundle was: a file, or the digest of the manifest that refers to the artifact.
    pub place: String,
    /// Who signed it: the name in the certificate. Null where a key did.
    pub identity: Option<String>,
    /// Who vouched for that name.
    pub issuer: Option<String>,
    /// The key that signed it, by its fingerprint. Null where a certificate did.
    pub key_fingerprint: Option<String>,
    /// What its statement is of; null where the artifact itself is signed.
    pub predicate_type: Option<String>,
    /// The earliest time by which it was signed, of those that a log or a timestamp authority vouches for; null where none
    /// does.
    pub signed_at: Option<String>,
}

/// A key that verified a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Signer {
    /// The name under which this site trusts the key. Its publisher does not know what others call it.
    pub signing_key_id: Option<String>,
    /// Its fingerprint.
    pub signing_key_fingerprint: String,
}
