//! What is packed, pushed and pulled.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::platform::PlatformName;
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
    /// Digest of the artifact's manifest; of a plugin for several platforms that of the index.
    pub artifact_digest: String,
    /// Digest of its layer; none of an index, whose artifacts have one each.
    pub layer_digest: Option<String>,
    /// Compressed size of the layer; of an index of all of them.
    pub layer_bytes: u64,
    /// How many files it holds; an index in all its artifacts.
    pub file_count: usize,
    /// Their size.
    pub unpacked_bytes: u64,
    /// Whether there is a signature, whatever it is worth; of an index whether each artifact has one.
    pub signed: bool,
    /// `verified`, `present`, `unsigned`; of what is only compared also `malformed` and `other_tree`. Of an index what is
    /// known of all its artifacts.
    pub signature_status: &'static str,
    /// What was left out.
    pub excluded: Vec<String>,
    /// What looks like a secret and is in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_secrets: Vec<AllowedSecret>,
    /// The artifact for each platform, where it is an index of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub platforms: Vec<PackedPlatform>,
}

/// What was packed for one platform.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PackedPlatform {
    /// `OS/ARCHITECTURE[/VARIANT]`.
    pub platform: String,
    /// Digest of the artifact's manifest.
    pub artifact_digest: String,
    /// Digest of its layer; of several the first.
    pub layer_digest: Option<String>,
    /// Compressed size of its layers.
    pub layer_bytes: u64,
    /// How many files it holds.
    pub file_count: usize,
    /// Their size.
    pub unpacked_bytes: u64,
    /// As of the whole.
    pub signature_status: &'static str,
    /// What was left out.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub excluded: Vec<String>,
}

/// What is installed on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlatformArtifact {
    /// `OS/ARCHITECTURE[/VARIANT]`.
    pub platform: String,
    /// Digest of the artifact's manifest.
    pub artifact_digest: String,
}

impl From<(PlatformName, ArtifactDigest)> for PlatformArtifact {
    fn from((platform, digest): (PlatformName, ArtifactDigest)) -> Self {
        Self { platform: platform.to_string(), artifact_digest: digest.to_string() }
    }
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
    /// Digest of the artifact's manifest; of a plugin for several platforms that of the index. None in a dry run that would
    /// make the key: another key would sign the artifact.
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
    /// The artifact for each platform, where it is an index of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub platforms: Vec<PlatformArtifact>,
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
    /// Digest of the index that the reference names, when it names one that this was taken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_digest: Option<String>,
    /// The platform by which it was taken of an index of several, or that was named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub platform: Option<String>,
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
