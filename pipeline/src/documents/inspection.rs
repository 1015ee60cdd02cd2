//! What a directory or an artifact says about itself.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::FileEntry;
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::Manifest;
use aisoc_signing::{SIGNATURE_FILE, TreeDifference, TreeFinding};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Objection, PlatformArtifact};
use crate::inspect::{ArtifactSummary, Inspection, LayerSummary};
use crate::referring::{Referrer, ReferrerKind, Referring};

/// A look at a plugin. Claims, all of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InspectedPlugin {
    /// What was looked at, as it was named.
    pub source: String,
    /// `false`: nothing was verified.
    pub verified: bool,
    /// The artifact, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<InspectedArtifact>,
    /// What the manifest claims.
    pub claimed: Option<ClaimedManifest>,
    /// Why the manifest cannot be read.
    pub manifest_objection: Option<Objection>,
    /// The digest that a signature would cover.
    pub canonical_digest: Option<String>,
    /// Why there is none.
    pub canonical_digest_objection: Option<Objection>,
    /// Whether the first signer's file is there.
    pub has_signature: bool,
    /// The signature files.
    pub signature_paths: Vec<String>,
    /// What a signature would cover, were it valid.
    pub claimed_coverage: Option<&'static str>,
    /// What differs from what the manifest states, or why that cannot be said.
    pub coverage_objection: Option<Objection>,
    /// Digest of all files.
    pub tree_digest: String,
    /// How many files there are.
    pub file_count: usize,
    /// Their size.
    pub unpacked_bytes: u64,
    /// Every file.
    pub files: Vec<InspectedFile>,
}

/// What an OCI manifest says.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InspectedArtifact {
    /// Digest of the manifest.
    pub artifact_digest: String,
    /// Digest of the index that the reference names, when it names one that this was taken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_digest: Option<String>,
    /// The platform by which it was taken of an index of several, or that was named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub platform: Option<String>,
    /// What the index has for each platform, where it says so of all that it has.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub platforms: Vec<PlatformArtifact>,
    /// Kind of artifact that it claims to be.
    pub claimed_artifact_type: Option<String>,
    /// The layers that become files.
    pub layers: Vec<InspectedLayer>,
    /// What refers to it, or to its index: signatures, attestations, bills of materials. None is verified.
    pub referrers: Vec<InspectedReferrer>,
    /// How many more refer to it, which were not looked at.
    pub unlisted_referrer_count: usize,
    /// Why nobody knows whether that is all.
    pub referrers_objection: Option<Objection>,
}

/// Something that says of itself that it is about the artifact.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InspectedReferrer {
    /// Digest of its manifest.
    pub referrer_digest: String,
    /// Digest of what it is about: the artifact's manifest, or its index.
    pub subject_digest: String,
    /// The tag that it was found by, where only that says what it is about.
    pub tag: Option<String>,
    /// `sigstore_bundle`, `cosign_signature`, `cosign_attestation`, `notation_signature` or `other`.
    pub kind: &'static str,
    /// `false`: of a kind that aisoc cannot verify.
    pub supported: bool,
    /// Kind of artifact that it claims to be.
    pub claimed_artifact_type: Option<String>,
    /// The type of the predicate that it claims to hold.
    pub claimed_predicate_type: Option<String>,
    /// What it says of the key that has signed it: of those that aisoc makes, the fingerprint.
    pub claimed_signed_by: Option<String>,
    /// Why it is none of what it says, or could not be looked at.
    pub objection: Option<Objection>,
}

/// One layer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InspectedLayer {
    /// Media type.
    pub media_type: String,
    /// Digest.
    pub layer_digest: String,
    /// Compressed size.
    pub layer_bytes: u64,
}

/// What a plugin's manifest claims.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClaimedManifest {
    /// The plugin.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What kind of plugin.
    pub plugin_type: String,
    /// What it does.
    pub description: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Its licence.
    pub license: Option<String>,
    /// What it asks for.
    pub capabilities: Vec<String>,
}

/// One file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InspectedFile {
    /// Its path in the plugin.
    pub path: String,
    /// Its size.
    pub content_bytes: u64,
    /// Digest of its content.
    pub content_digest: String,
    /// Whether it can be run.
    pub executable: bool,
}

impl InspectedPlugin {
    /// The document of a look at what `source` names.
    pub fn of(source: String, inspection: Inspection) -> Self {
        let (claimed, manifest_objection) = split(inspection.claimed_manifest.map(ClaimedManifest::from));
        let digest = inspection.canonical_digest.map(|digest| format!("sha256:{}", digest.hex()));
        let (canonical_digest, canonical_digest_objection) = split(digest);
        let (claimed_coverage, coverage_objection) = match inspection.claimed_tree {
            Ok((TreeFinding::Differs(difference), coverage)) => {
                (Some(coverage.as_str()), Some(Objection::from(&differing(&difference))))
            }
            Ok((_, coverage)) => (Some(coverage.as_str()), None),
            Err(fault) => (None, Some(Objection::from(&fault))),
        };
        Self {
            source,
            verified: false,
            artifact: inspection.artifact.map(InspectedArtifact::from),
            claimed,
            manifest_objection,
            canonical_digest,
            canonical_digest_objection,
            has_signature: inspection.signature_files.iter().any(|name| name == SIGNATURE_FILE),
            signature_paths: inspection.signature_files,
            claimed_coverage,
            coverage_objection,
            tree_digest: inspection.files.tree_digest().to_string(),
            file_count: inspection.files.len(),
            unpacked_bytes: inspection.files.total_bytes(),
            files: inspection.files.iter().map(InspectedFile::from).collect(),
        }
    }
}

/// What there is, or why there is none.
fn split<T>(result: Result<T>) -> (Option<T>, Option<Objection>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(fault) => (None, Some(Objection::from(&fault))),
    }
}

impl From<Manifest> for ClaimedManifest {
    fn from(manifest: Manifest) -> Self {
        Self {
            id: manifest.id.to_string(),
            name: manifest.name,
            version: manifest.version,
            plugin_type: manifest.plugin_type.to_string(),
            description: manifest.description,
            author: manifest.author,
            license: manifest.license,
            capabilities: manifest.capabilities,
        }
    }
}

/// What a verification would say: the two digests, or what stands beside the files when these are as stated.
fn differing(difference: &TreeDifference) -> Fault {
    let (stated, found) = (difference.stated.hex(), difference.found.hex());
    let message = match difference.extra.first() {
        Some(extra) if stated == found => format!("the files are as the manifest states, and there is `{extra}` too"),
        _ => format!("the manifest states the tree {stated}, the files are {found}"),
    };
    Fault::new(Reason::CoverageMismatch, message)
}

impl From<ArtifactSummary> for InspectedArtifact {
    fn from(artifact: ArtifactSummary) -> Self {
        let Referring { referrers, left_out, objection } = artifact.referring.unwrap_or_default();
        Self {
            artifact_digest: artifact.digest.to_string(),
            index_digest: artifact.index.map(|digest| digest.to_string()),
            platform: artifact.platform.map(|platform| platform.to_string()),
            platforms: artifact.platforms.into_iter().map(PlatformArtifact::from).collect(),
            claimed_artifact_type: artifact.claimed_artifact_type,
            layers: artifact.layers.into_iter().map(InspectedLayer::from).collect(),
            referrers: referrers.into_iter().map(InspectedReferrer::from).collect(),
            unlisted_referrer_count: left_out,
            referrers_objection: objection.as_ref().map(Objection::from),
        }
    }
}

impl From<Referrer> for InspectedReferrer {
    fn from(referrer: Referrer) -> Self {
        Self {
            referrer_digest: referrer.digest.to_string(),
            subject_digest: referrer.subject.to_string(),
            tag: referrer.tag.map(|tag| tag.to_string()),
            kind: referrer.kind.as_str(),
            supported: referrer.kind != ReferrerKind::NotationSignature,
            claimed_artifact_type: referrer.claimed_artifact_type,
            claimed_predicate_type: referrer.claimed_predicate_type,
            claimed_signed_by: referrer.claimed_signed_by,
            objection: referrer.objection.as_ref().map(Objection::from),
        }
    }
}

impl From<LayerSummary> for InspectedLayer {
    fn from(layer: LayerSummary) -> Self {
        Self { media_type: layer.media_type, layer_digest: layer.digest.to_string(), layer_bytes: layer.size }
    }
}

impl From<(&RelPath, &FileEntry)> for InspectedFile {
    fn from((path, entry): (&RelPath, &FileEntry)) -> Self {
        Self {
            path: path.to_string(),
            content_bytes: entry.size,
            content_digest: format!("sha256:{}", entry.digest.hex()),
            executable: entry.executable,
        }
    }
}
