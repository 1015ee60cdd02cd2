//! What a directory or an artifact says about itself. Claims, all of it, and named so.

use std::path::Path;

use aisoc_manifests::digest::{ArtifactDigest, CanonicalDigest, LayerDigest};
use aisoc_manifests::fault::Result;
use aisoc_manifests::file_map::FileMap;
use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{InstalledDir, Limits, Staging, default_threads};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Claim, Coverage, TreeFinding};

use crate::events::Reporter;
use crate::fetch::{Fetched, fetch};
use crate::referring::Referring;

/// A look at a plugin, unverified.
#[derive(Debug)]
pub struct Inspection {
    /// What the manifest claims, or why it cannot be read.
    pub claimed_manifest: Result<Manifest>,
    /// The canonical digest that a signature would cover, or why there is none.
    pub canonical_digest: Result<CanonicalDigest>,
    /// The signature files, by name.
    pub signature_files: Vec<String>,
    /// What a signature would cover, were it valid, and what differs.
    pub claimed_tree: Result<(TreeFinding, Coverage)>,
    /// Every file.
    pub files: FileMap,
    /// Digest and layers, when it is an artifact.
    pub artifact: Option<ArtifactSummary>,
}

/// What the OCI manifest says.
#[derive(Debug)]
pub struct ArtifactSummary {
    /// Digest of the manifest.
    pub digest: ArtifactDigest,
    /// The index that the reference names, when it names one that this was taken of.
    pub index: Option<ArtifactDigest>,
    /// The platform by which it was taken of an index of several, or that somebody has named.
    pub platform: Option<PlatformName>,
    /// What the index has for each platform, where it says so of all that it has.
    pub platforms: Vec<(PlatformName, ArtifactDigest)>,
    /// Kind of artifact that it claims to be.
    pub claimed_artifact_type: Option<String>,
    /// The layers that become files.
    pub layers: Vec<LayerSummary>,
    /// What refers to it and to its index, where that was asked for.
    pub referring: Option<Referring>,
}

/// One layer.
#[derive(Debug)]
pub struct LayerSummary {
    /// Media type.
    pub media_type: String,
    /// Digest.
    pub digest: LayerDigest,
    /// Size in bytes.
    pub size: u64,
}

/// Looks at a directory.
///
/// # Errors
/// I/O reasons, `manifest_missing`, `forbidden_entry`.
pub fn inspect_directory(directory: &Path, limits: &Limits) -> Result<Inspection> {
    let present = InstalledDir::read_with(directory, default_threads(), limits)?;
    Ok(look(&present.claim(), present.files().clone(), None))
}

/// Looks at an artifact in one pass over its bytes, writing nothing.
///
/// # Errors
/// Every refusal of fetching and staging.
pub async fn inspect_artifact(
    reference: &Reference,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<Inspection> {
    let fetched = fetch(reference, None, options, reporter).await?;
    inspect_fetched(&fetched, reporter).await
}

/// The same, and at what refers to it.
///
/// # Errors
/// As [`inspect_artifact`].
pub async fn inspect_with_referrers(
    reference: &Reference,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<Inspection> {
    let fetched = fetch(reference, None, options, reporter).await?;
    let mut inspection = inspect_fetched(&fetched, reporter).await?;
    let subjects: Vec<_> = std::iter::once(fetched.artifact.digest()).chain(fetched.index).collect();
    let referring = Referring::to(&fetched.target, &subjects).await?;
    if let Some(artifact) = &mut inspection.artifact {
        artifact.referring = Some(referring);
    }
    Ok(inspection)
}

async fn inspect_fetched(fetched: &Fetched, reporter: &dyn Reporter) -> Result<Inspection> {
    let staged = fetched.stage(Staging::hash_only(Limits::default()), reporter).await?;
    let layers = fetched.artifact.layers().iter().map(|layer| LayerSummary {
        media_type: layer.descriptor.media_type.clone(),
        digest: layer.descriptor.layer_digest(),
        size: layer.descriptor.size,
    });
    let summary = ArtifactSummary {
        digest: fetched.artifact.digest(),
        index: fetched.index,
        platform: fetched.platform.clone(),
        platforms: fetched.platforms.clone(),
        claimed_artifact_type: fetched.artifact.manifest().artifact_type.clone(),
        layers: layers.collect(),
        referring: None,
    };
    Ok(look(&fetched.claim(&staged)?, staged.files().clone(), Some(summary)))
}

fn look(claim: &Claim, files: FileMap, artifact: Option<ArtifactSummary>) -> Inspection {
    Inspection {
        claimed_manifest: claim.document().and_then(Manifest::from_document),
        canonical_digest: claim.statement().map(|statement| statement.digest()),
        signature_files: claim.tree().signature_files.keys().cloned().collect(),
        claimed_tree: claim.document().and_then(|document| claim.compare_tree(document)).map(|finding| {
            let coverage = claim.coverage_if_signed(&finding);
            (finding, coverage)
        }),
        files,
        artifact,
    }
}
