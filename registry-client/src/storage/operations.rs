//! The four small things that one can ask of a place that holds artifacts. They are what its kinds have in
//! common, and what a test may put in their place.

use std::future::Future;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::Tag;
use bytes::Bytes;

use super::manifest::Manifest;
use super::source::BlobSource;
use super::stream::BlobStream;

/// What to do about a tag that names another digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplaceTag {
    /// Refuse: somebody may have pinned what it names.
    No,
    /// Move it.
    Yes,
}

impl ReplaceTag {
    /// Refuses when the tag names something else and may not be moved.
    ///
    /// # Errors
    /// `tag_exists`.
    pub fn check(self, tag: &Tag, present: Option<ArtifactDigest>, wanted: ArtifactDigest) -> Result<()> {
        match present {
            Some(present) if present != wanted && self == Self::No => {
                Err(Fault::new(Reason::TagExists, format!("the tag `{tag}` names another artifact"))
                    .expected(wanted.to_string(), present.to_string()))
            }
            _ => Ok(()),
        }
    }
}

/// What became of a blob or a manifest that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// Its bytes were sent.
    Uploaded,
    /// It was there before; nothing was sent.
    Present,
    /// The registry took it over from another repository of its own; nothing was sent.
    Mounted,
}

/// Answers which manifest the reference names.
pub trait Resolve {
    /// The descriptor of the manifest that the reference names: what the place *says*, in one request
    /// at most. Only bytes fetched by this digest prove anything.
    fn resolve(&self) -> impl Future<Output = Result<Descriptor>> + Send;
}

/// Reads manifests and blobs.
pub trait Fetch {
    /// The manifest of that digest, or the one that the reference names when none is given. The
    /// bytes match the digest that was asked for.
    fn fetch_manifest(&self, digest: Option<ArtifactDigest>) -> impl Future<Output = Result<Manifest>> + Send;

    /// The bytes of a blob, as many as the descriptor says; not yet hashed, see [`BlobStream`].
    fn fetch_blob(&self, descriptor: &Descriptor) -> impl Future<Output = Result<BlobStream>> + Send;

    /// The verified bytes of a small blob, refusing sizes above `max_bytes` before asking for it.
    fn fetch_blob_bytes(&self, descriptor: &Descriptor, max_bytes: u64) -> impl Future<Output = Result<Bytes>> + Send
    where
        Self: Sync,
    {
        async move {
            if descriptor.size > max_bytes {
                return Err(Fault::new(
                    Reason::PullFailed,
                    format!("{} is too large for what it is", descriptor.digest),
                )
                .expected(format!("at most {max_bytes} bytes"), format!("{} bytes", descriptor.size)));
            }
            self.fetch_blob(descriptor).await?.verified().collect().await
        }
    }
}

/// Stores blobs and manifests.
pub trait Push {
    /// Whether the blob is there already.
    fn has_blob(&self, descriptor: &Descriptor) -> impl Future<Output = Result<bool>> + Send;

    /// Stores a blob unless it is there. The place hashes what it receives.
    fn push_blob(&self, descriptor: &Descriptor, source: &BlobSource) -> impl Future<Output = Result<Pushed>> + Send;

    /// Stores a manifest under its digest, without a tag, unless it is there.
    fn push_manifest(&self, manifest: &Manifest) -> impl Future<Output = Result<Pushed>> + Send;

    /// The manifest that was stored a moment ago, as a reader gets it. A place that shows it a moment later is
    /// waited for.
    fn read_back(&self, digest: ArtifactDigest) -> impl Future<Output = Result<Manifest>> + Send;
}

/// Reads and moves tags.
pub trait Tagging {
    /// Points the tag at the manifest. Whether it may be moved is judged here, as late as the place allows: what
    /// was asked before a long push is not what is there after it.
    fn tag(&self, tag: &Tag, manifest: &Manifest, replace: ReplaceTag) -> impl Future<Output = Result<Pushed>> + Send;

    /// The digest of the manifest that the tag names, if the tag exists. Hashed from the manifest's
    /// bytes, not taken from a header.
    fn tag_digest(&self, tag: &Tag) -> impl Future<Output = Result<Option<ArtifactDigest>>> + Send;

    /// All tags, sorted.
    fn tags(&self) -> impl Future<Output = Result<Vec<Tag>>> + Send;
}
