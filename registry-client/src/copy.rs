//! Moving an artifact into a target: leaves first, the manifest after them, the tag last.
//!
//! At no moment does the destination hold a manifest whose blobs are missing, or a tag whose
//! manifest was not read back. A push that is cut short leaves unnamed blobs, and the next one
//! finds them there.

use std::collections::BTreeSet;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Descriptor, ImageManifest};
use aisoc_manifests::reference::Tag;

use crate::storage::{BlobSource, Fetch, Manifest, Push, Pushed, ReplaceTag, Tagging};
use crate::target::Target;

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

/// A fact about a push, for whoever shows progress.
#[derive(Debug)]
pub enum Step<'a> {
    /// A blob is about to be stored, unless it is there.
    Pushing(&'a Descriptor),
    /// A blob is stored.
    Blob(&'a Descriptor, Pushed),
    /// The manifest is stored under its digest.
    Manifest(&'a Descriptor, Pushed),
    /// The manifest was read back and is the same.
    ReadBack(&'a Descriptor),
    /// The tag names the manifest.
    Tagged(&'a Tag, Pushed),
}

/// Receives the steps of a push.
pub type Progress<'a> = &'a (dyn Fn(Step<'_>) + Send + Sync);

/// Stores a shipment: blobs, manifest by digest, read-back by digest, tag. Sends nothing that the
/// destination has.
///
/// # Errors
/// `push_verification` when the read-back gives other bytes; what the destination refuses.
pub async fn push(destination: &Target, shipment: &Shipment<'_>, progress: Progress<'_>) -> Result<Descriptor> {
    let root = shipment.manifest.descriptor();
    let mut done = BTreeSet::new();
    for (descriptor, source) in shipment.blobs {
        if done.insert(descriptor.digest) {
            progress(Step::Pushing(descriptor));
            progress(Step::Blob(descriptor, destination.push_blob(descriptor, source).await?));
        }
    }
    progress(Step::Manifest(&root, destination.push_manifest(shipment.manifest).await?));
    read_back(destination, shipment.manifest).await?;
    progress(Step::ReadBack(&root));
    if let Some(tag) = shipment.tag {
        progress(Step::Tagged(tag, destination.tag(tag, shipment.manifest, shipment.replace).await?));
    }
    destination.finish().await?;
    Ok(root)
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
