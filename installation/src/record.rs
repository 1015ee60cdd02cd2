//! Install records: what was installed from where, beside the plugins and never inside them.

use std::collections::BTreeSet;

use aisoc_manifests::digest::{ArtifactDigest, CanonicalDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_trust::{KnownSigner, SignedBy};
use serde::{Deserialize, Serialize};

use crate::sealed;

const SCHEMA_VERSION: u32 = 1;

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
    pub digest: ArtifactDigest,
    /// Digest of the image index that the reference named, where it named one. Absent in records of versions that did not
    /// write it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_digest: Option<ArtifactDigest>,
    /// The platform by which the artifact was taken of an index of several, or that somebody has named:
    /// `OS/ARCHITECTURE[/VARIANT]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Digest over every installed file.
    pub tree_digest: TreeDigest,
    /// The canonical digest that the signature covers, when it could be computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical_digest: Option<CanonicalDigest>,
    /// `verified`, `unsigned`, `invalid` or `skipped`.
    pub signature_status: String,
    /// The key that verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key_id: Option<String>,
    /// The keys that were seen to have signed it. Absent in records of versions that did not write them down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<RecordedSigner>,
    /// How much of the tree the signature covers: `full`, `code` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<String>,
    /// What of the host it was accepted to ask for. Absent in records of versions that did not write it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<BTreeSet<String>>,
    /// When, as RFC 3339 text.
    pub installed_at: String,
    /// When a rollback put it back in place, as RFC 3339 text; nothing when an install did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_at: Option<String>,
    /// The version that was in place before that rollback, when its record said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_from: Option<String>,
}

/// Fewest digits of a digest that name a version: as many as listings print.
pub const SHORT_DIGEST_DIGITS: usize = 12;

/// A key that was seen to have signed what is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedSigner {
    /// The name under which it was trusted then.
    pub signing_key_id: String,
    /// The key by content: `SHA256:` and 64 digits.
    pub signing_key_fingerprint: String,
}

impl From<&KnownSigner> for RecordedSigner {
    fn from(signer: &KnownSigner) -> Self {
        let (signing_key_id, signing_key_fingerprint) = (signer.key_id.clone(), signer.fingerprint.to_string());
        Self { signing_key_id, signing_key_fingerprint }
    }
}

impl InstallRecord {
    /// Who has signed it, as it is written down. A fingerprint in a form that nobody writes is nobody's.
    pub fn signed_by(&self) -> SignedBy {
        let signer = |recorded: &RecordedSigner| {
            let fingerprint = recorded.signing_key_fingerprint.parse().ok()?;
            Some(KnownSigner { key_id: recorded.signing_key_id.clone(), fingerprint })
        };
        SignedBy::recorded(self.signers.iter().filter_map(signer).collect(), self.signing_key_id.clone())
    }

    /// The schema version that this build writes.
    pub const SCHEMA_VERSION: u32 = SCHEMA_VERSION;

    /// The record that these bytes are.
    ///
    /// # Errors
    /// `record_invalid` for every text that [`InstallRecord::to_text`] does not write, to the byte:
    /// another checksum, unknown members, another schema version, a cut file.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let record: Self = sealed::parse("the install record", text)?;
        match record.schema_version {
            SCHEMA_VERSION => Ok(record),
            version => Err(invalid().expected(SCHEMA_VERSION.to_string(), version.to_string())),
        }
    }

    /// Whether `wanted` names this artifact by its digest: whole, or its first [`SHORT_DIGEST_DIGITS`] or more, with
    /// or without `sha256:`.
    pub fn has_digest(&self, wanted: &str) -> bool {
        let digits = wanted.strip_prefix("sha256:").unwrap_or(wanted).to_ascii_lowercase();
        digits.len() >= SHORT_DIGEST_DIGITS && self.digest.hex().starts_with(&digits)
    }

    /// Whether `wanted` names this version or this artifact.
    pub fn is_named(&self, wanted: &str) -> bool {
        self.version == wanted || self.has_digest(wanted)
    }

    /// The text of its file, with the checksum.
    ///
    /// # Errors
    /// `record_invalid` for a record that would be too large.
    pub fn to_text(&self) -> Result<Vec<u8>> {
        sealed::to_text(self)
    }
}

pub(crate) fn invalid() -> Fault {
    Fault::new(Reason::RecordInvalid, "the install record cannot be read")
}

/// Reads an id that is held to the grammar of one, so that it can be a file's name.
pub(crate) fn plugin_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<PluginId, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom("not a plugin id"))
}
