//! `Target`: a place that holds artifacts, and the four small things one can ask of it.
//!
//! A target is bound to one reference: a repository of a registry or a layout on disk, and the tag
//! or digest written beside it. The traits are what the two kinds have in common, and what a test
//! may put in their place.

use std::future::Future;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::{Reference, Tag};
use bytes::Bytes;

use crate::blob::{BlobSource, BlobStream};
use crate::layout::Layout;
use crate::options::ClientOptions;
use crate::remote::{Access, Remote};

/// A place that holds artifacts. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Target {
    /// A repository of a registry, over HTTP.
    Remote(Remote),
    /// An OCI image layout on disk.
    Layout(Layout),
}

/// A manifest's bytes and what they are said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    media_type: String,
    digest: ArtifactDigest,
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
}

/// Reads and moves tags.
pub trait Tagging {
    /// Points the tag at the manifest, replacing what it named.
    fn tag(&self, tag: &Tag, manifest: &Manifest) -> impl Future<Output = Result<Pushed>> + Send;

    /// The digest of the manifest that the tag names, if the tag exists. Hashed from the manifest's
    /// bytes, not taken from a header.
    fn tag_digest(&self, tag: &Tag) -> impl Future<Output = Result<Option<ArtifactDigest>>> + Send;

    /// All tags, sorted.
    fn tags(&self) -> impl Future<Output = Result<Vec<Tag>>> + Send;
}

impl Target {
    /// A place to read from. No request is made yet; a layout must exist.
    ///
    /// # Errors
    /// `layout_invalid` or an `io_` reason for a layout that cannot be read.
    pub fn open(reference: &Reference, options: &ClientOptions) -> Result<Self> {
        match reference {
            Reference::Registry(registry) => Remote::new(registry, options, Access::Pull).map(Self::Remote),
            Reference::Layout(layout) => Layout::open(layout).map(Self::Layout),
        }
    }

    /// A place to write to (and read from). A layout is made when it does not exist.
    ///
    /// # Errors
    /// `layout_invalid` when something else stands at the layout's path, `io_` reasons.
    pub fn create(reference: &Reference, options: &ClientOptions) -> Result<Self> {
        match reference {
            Reference::Registry(registry) => Remote::new(registry, options, Access::PullPush).map(Self::Remote),
            Reference::Layout(layout) => Layout::create_until(layout, &options.cancellation).map(Self::Layout),
        }
    }

    /// The reference that the target was opened with.
    pub fn reference(&self) -> Reference {
        match self {
            Self::Remote(remote) => Reference::Registry(remote.reference().clone()),
            Self::Layout(layout) => Reference::Layout(layout.reference().clone()),
        }
    }

    /// Makes what was pushed durable and visible: a layout archive is written only now. The
    /// functions of [`crate::copy`] call it; a registry and a layout directory have nothing to do.
    ///
    /// # Errors
    /// `io_` reasons.
    pub async fn finish(&self) -> Result<()> {
        match self {
            Self::Remote(_) => Ok(()),
            Self::Layout(layout) => layout.finish().await,
        }
    }
}

impl Manifest {
    /// The manifest that those bytes are.
    pub fn new(media_type: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { digest: ArtifactDigest::of(&bytes), bytes, media_type: media_type.into() }
    }

    /// The bytes, exactly as they are stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, exactly as they are stored.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What the place says the bytes are.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> ArtifactDigest {
        self.digest
    }

    /// Type, digest and size.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(&self.media_type, &self.bytes)
    }
}

/// Writes the delegation of one trait: every method goes to the kind of target at hand.
macro_rules! delegate {
    ($trait:ident { $(fn $method:ident($($argument:ident: $type:ty),*) -> $output:ty;)* }) => {
        impl $trait for Target {
            $(async fn $method(&self, $($argument: $type),*) -> Result<$output> {
                match self {
                    Self::Remote(remote) => remote.$method($($argument),*).await,
                    Self::Layout(layout) => layout.$method($($argument),*).await,
                }
            })*
        }
    };
}

delegate! { Resolve { fn resolve() -> Descriptor; } }
delegate! { Fetch {
    fn fetch_manifest(digest: Option<ArtifactDigest>) -> Manifest;
    fn fetch_blob(descriptor: &Descriptor) -> BlobStream;
} }
delegate! { Push {
    fn has_blob(descriptor: &Descriptor) -> bool;
    fn push_blob(descriptor: &Descriptor, source: &BlobSource) -> Pushed;
    fn push_manifest(manifest: &Manifest) -> Pushed;
} }
delegate! { Tagging {
    fn tag(tag: &Tag, manifest: &Manifest) -> Pushed;
    fn tag_digest(tag: &Tag) -> Option<ArtifactDigest>;
    fn tags() -> Vec<Tag>;
} }
