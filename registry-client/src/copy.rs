//! Moving an artifact into a target: leaves first, the manifest after them, the tag last.
//!
//! At no moment does the destination hold a manifest whose blobs are missing, or a tag whose
//! manifest was not read back. A push that is cut short leaves unnamed blobs, and the next one
//! finds them there.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Descriptor, ImageManifest};
use aisoc_manifests::reference::Tag;
use tokio::time::timeout;

use crate::storage::{BlobSource, Count, Fetch, Manifest, Push, Pushed, ReplaceTag, Tagging};
use crate::target::Target;

/// How often who watches a push is told how far it is.
const LOOK: Duration = Duration::from_millis(100);

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
    /// A blob is on its way, and `done` bytes of the `total` that are not known to be there were taken.
    Sent {
        /// Never less than before, never more than `total`.
        done: u64,
        /// Of all blobs. Less than before once one turns out to be there.
        total: u64,
    },
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
    store(destination, shipment.manifest, shipment.blobs, false, progress).await?;
    if let Some(tag) = shipment.tag {
        progress(Step::Tagged(tag, destination.tag(tag, shipment.manifest, shipment.replace).await?));
    }
    destination.finish().await?;
    Ok(shipment.manifest.descriptor())
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
    let mut total = blobs.iter().fold(0, |sum: u64, (descriptor, _)| sum.saturating_add(descriptor.size));
    let mut done = 0;
    for (descriptor, source) in blobs {
        let count = Count::default();
        let sent = || progress(Step::Sent { done: done + count.bytes().min(descriptor.size), total });
        let stored = watched(destination.push_blob(descriptor, &source.counted(&count)), &sent).await?;
        match stored {
            Pushed::Uploaded => done += descriptor.size,
            // Also what was sent in part and then found: it is neither to be sent nor sent.
            Pushed::Mounted | Pushed::Present => total = total.saturating_sub(descriptor.size).max(done),
        }
        progress(Step::Blob(descriptor, stored));
        progress(Step::Sent { done, total });
    }
    let stored = match is_part {
        true => destination.push_part(manifest).await?,
        false => destination.push_manifest(manifest).await?,
    };
    progress(Step::Manifest(&root, stored));
    read_back(destination, manifest).await?;
    progress(Step::ReadBack(&root));
    Ok(done)
}

/// Waits for the work, and looks at it often enough for whoever watches.
async fn watched<T>(work: impl Future<Output = T>, look: &(dyn Fn() + Sync)) -> T {
    let mut work = pin!(work);
    loop {
        match timeout(LOOK, &mut work).await {
            Ok(done) => return done,
            Err(_) => look(),
        }
    }
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
