//! Moving an artifact into a target: leaves first, the manifest after them, the tag last.
//!
//! At no moment does the destination hold a manifest whose blobs are missing, or a tag whose
//! manifest was not read back. A push that is cut short leaves unnamed blobs, and the next one
//! finds them there.

use std::collections::BTreeSet;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Descriptor, EMPTY_DOCUMENT, ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes};
use aisoc_manifests::reference::Tag;
use bytes::Bytes;

use crate::side_by_side::{push_blobs, push_manifest};
use crate::storage::{BlobSource, Fetch, Manifest, Push, ReplaceTag, Tagging};
use crate::target::Target;

pub use crate::step::{Progress, Step};

/// What is to be stored: a manifest, the blobs it names, and the tag it gets.
#[derive(Debug)]
pub struct Shipment<'a> {
    /// The root.
    pub manifest: &'a Manifest,
    /// Config and layers, each with where its bytes are.
    pub blobs: &'a [(Descriptor, BlobSource)],
    /// The tag, when the artifact gets one.
    pub tag: Option<&'a Tag>,
    /// Whether the tag may be taken from another artifact.
    pub replace: ReplaceTag,
}

/// Stores a shipment: blobs, manifest by digest, read-back by digest, tag. Sends nothing that the
/// destination has.
///
/// # Errors
/// `push_verification` when the read-back gives other bytes; what the destination refuses.
pub async fn push(destination: &Target, shipment: &Shipment<'_>, progress: Progress<'_>) -> Result<Descriptor> {
    store(destination, shipment.manifest, shipment.blobs, false, progress).await?;
    if let Some(tag) = shipment.tag {
        progress(Step::Tagged(tag, destination.tag(tag, shipment.manifest, shipment.replace).await?));
    }
    destination.finish().await?;
    Ok(shipment.manifest.descriptor())
}

/// Stores an artifact that is one document, and names it.
///
/// # Errors
/// As [`push`].
pub async fn push_document(
    destination: &Target,
    artifact_type: &str,
    (media_type, content): (&str, Bytes),
    tag: Option<&Tag>,
    replace: ReplaceTag,
) -> Result<ArtifactDigest> {
    let document = ImageManifest::of_document(artifact_type, Descriptor::of(media_type, &content));
    let manifest = Manifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&document));
    let blobs = [
        (document.config, BlobSource::Bytes(Bytes::from_static(EMPTY_DOCUMENT))),
        (document.layers[0].clone(), BlobSource::Bytes(content)),
    ];
    let shipment = Shipment { manifest: &manifest, blobs: &blobs, tag, replace };
    push(destination, &shipment, &|_| {}).await?;
    Ok(manifest.digest())
}

/// Stores blobs and manifest, without a tag, and reads the manifest back. Says how many bytes of blobs were sent.
pub(crate) async fn store(
    destination: &Target,
    manifest: &Manifest,
    blobs: &[(Descriptor, BlobSource)],
    is_part: bool,
    progress: Progress<'_>,
) -> Result<u64> {
    let root = manifest.descriptor();
    let mut seen = BTreeSet::new();
    let blobs: Vec<_> = blobs.iter().filter(|(descriptor, _)| seen.insert(descriptor.digest)).collect();
    let sent = push_blobs(destination, &blobs, progress).await?;
    let (stored, more) = push_manifest(destination, manifest, is_part, &blobs, progress).await?;
    progress(Step::Manifest(&root, stored));
    read_back(destination, manifest).await?;
    progress(Step::ReadBack(&root));
    Ok(sent.saturating_add(more))
}

/// Copies the artifact `root` with config and layers, and gives it `tag` at the destination.
///
/// # Errors
/// `tag_exists`; `not_a_plugin_artifact` when the root is an index; what either side refuses.
pub async fn copy(
    source: &Target,
    destination: &Target,
    root: ArtifactDigest,
    tag: Option<&Tag>,
    replace: ReplaceTag,
    progress: Progress<'_>,
) -> Result<Descriptor> {
    let manifest = source.fetch_manifest(Some(root)).await?;
    let document = ImageManifest::read(manifest.bytes())?;
    let blobs: Vec<_> = std::iter::once(document.config)
        .chain(document.layers)
        .map(|descriptor| (descriptor, BlobSource::from(source.clone())))
        .collect();
    push(destination, &Shipment { manifest: &manifest, blobs: &blobs, tag, replace }, progress).await
}

/// A registry that accepted a manifest may still have lost it, or serve an older one from a cache
/// (CVE-2026-35172); the author must not learn that from the first operator.
async fn read_back(destination: &Target, manifest: &Manifest) -> Result<()> {
    let refuse = |fault: Fault| match fault.reason() {
        Reason::PullFailed | Reason::ReferenceNotFound => Fault::new(
            Reason::PushVerification,
            format!("the manifest {} was accepted but cannot be read back", manifest.digest()),
        )
        .caused_by(fault),
        _ => fault,
    };
    let found = destination.read_back(manifest.digest()).await.map_err(refuse)?;
    if found.bytes() == manifest.bytes() {
        return Ok(());
    }
    Err(Fault::new(Reason::PushVerification, "the destination gave back another manifest")
        .expected(manifest.digest().to_string(), found.digest().to_string()))
}
