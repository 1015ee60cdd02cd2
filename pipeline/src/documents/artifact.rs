//! What is packed, pushed and pulled.

use schemars::JsonSchema;
use serde::Serialize;

use super::Signer;

/// A packed plugin.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PackedArtifact {
    /// The plugin.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The layout or archive that holds it.
    pub path: String,
    /// The tag that names it there.
    pub tag: Option<String>,
    /// Digest of the artifact's manifest.
    pub artifact_digest: String,
    /// Digest of its layer.
    pub layer_digest: String,
    /// Compressed size of the layer.
    pub layer_bytes: u64,
    /// How many files it holds.
    pub file_count: usize,
    /// Their size.
    pub unpacked_bytes: u64,
    /// Whether there is a signature, whatever it is worth.
    pub signed: bool,
    /// `verified`, `present`, `unsigned`; of what is only compared also `malformed` and `other_tree`.
    pub signature_status: &'static str,
    /// What was left out.
    pub excluded: Vec<String>,
    /// What looks like a secret and is in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_secrets: Vec<AllowedSecret>,
}

/// A pushed artifact.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PushedArtifact {
    /// The reference, pinned to the digest where there is one.
    pub reference: String,
    /// The plugin, unless what was copied unread does not say.
    pub id: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Digest of the artifact's manifest. None in a dry run that would make the key: another key would sign the artifact.
    pub artifact_digest: Option<String>,
    /// The tag that names it now.
    pub tag: Option<String>,
    /// `verified`, `present`, `unsigned` or `not_read`.
    pub signature_status: &'static str,
    /// How many blobs were sent.
    pub uploaded_blob_count: usize,
    /// Their size.
    pub uploaded_bytes: u64,
    /// How many the registry took over from another repository of its own.
    pub mounted_blob_count: usize,
    /// How many were there before.
    pub present_blob_count: usize,
    /// What looks like a secret and was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_secrets: Vec<AllowedSecret>,
}

/// What was copied, as it is, from one place to another.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CopiedArtifacts {
    /// Each artifact where it is now.
    pub artifacts: Vec<CopiedArtifact>,
    /// How many manifests were copied or found there, indexes among them.
    pub manifest_count: usize,
    /// How many of them came because they refer to another one.
    pub referrer_count: usize,
    /// How many blobs were sent.
    pub uploaded_blob_count: usize,
    /// Their size.
    pub uploaded_bytes: u64,
    /// How many the registry took over from another repository of its own.
    pub mounted_blob_count: usize,
    /// How many were there before.
    pub present_blob_count: usize,
}

/// A copied artifact.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CopiedArtifact {
    /// The reference, pinned to the digest.
    pub reference: String,
    /// Digest of the artifact's manifest or index: the same in both places.
    pub artifact_digest: String,
    /// The tag that names it there.
    pub tag: Option<String>,
}

/// A bundle: plugins that were verified, in one file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BundledPlugins {
    /// The file.
    pub path: String,
    /// Digest of the artifact that lists what is in it, which binds all of it. None in a dry run.
    pub artifact_digest: Option<String>,
    /// What is in it, by their ids.
    pub plugins: Vec<PluginInBundle>,
    /// How many manifests are in it beside its list, indexes among them. Nothing in a dry run.
    pub manifest_count: usize,
    /// How many of them are in it because they refer to another one.
    pub referrer_count: usize,
}

/// A plugin in a bundle.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PluginInBundle {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Digest of the artifact's manifest, or of the index that was named.
    pub artifact_digest: String,
    /// Where it was fetched from; none for what was on this machine.
    pub reference: Option<String>,
    /// The trusted keys that have signed it.
    pub signers: Vec<Signer>,
}

/// A pulled artifact: unpacked to look at, and not verified.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PulledArtifact {
    /// The reference, pinned to the digest.
    pub reference: String,
    /// Digest of the artifact's manifest.
    pub artifact_digest: String,
    /// Digest of the index that the reference names, when it names one whose only artifact this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_digest: Option<String>,
    /// Where the files are.
    pub directory: String,
    /// How many there are.
    pub file_count: usize,
    /// `skipped`: nothing was verified.
    pub signature_status: &'static str,
}

/// A file that is published although it looks like a secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AllowedSecret {
    /// The file.
    pub path: String,
    /// What it looks like.
    pub kind: &'static str,
    /// Where in the file.
    pub place: Option<String>,
    /// Why it is meant to be public.
    pub reason: String,
}
