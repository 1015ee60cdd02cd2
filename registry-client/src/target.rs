//! `Target`: a place that holds artifacts, chosen by a reference.
//!
//! A target is bound to one reference: a repository of a registry or a layout on disk, and the tag
//! or digest written beside it. This is the one file that knows both kinds.

use std::sync::Arc;

use aisoc_manifests::digest::{Algorithm, ArtifactDigest};
use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::{LayoutReference, Reference, RegistryReference, Tag};
use futures_util::future::BoxFuture;

use crate::layout::Layout;
use crate::options::ClientOptions;
use crate::remote::{Remote, Scope};
use crate::storage::{
    BlobOrigin, BlobSource, BlobStream, Delete, Fetch, Manifest, ManifestName, Push, Pushed, Referrers, ReplaceTag,
    Resolve, Tagging,
};

/// A place that holds artifacts. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Target {
    /// A repository of a registry, over HTTP.
    Remote(Remote),
    /// An OCI image layout on disk.
    Layout(Layout),
}

impl Target {
    /// A place to read from. No request is made yet; a layout must exist.
    ///
    /// # Errors
    /// `layout_invalid` or an `io_` reason for a layout that cannot be read.
    pub fn open(reference: &Reference, options: &ClientOptions) -> Result<Self> {
        match reference {
            Reference::Registry(registry) => Remote::new(registry, options, Scope::Pull).map(Self::Remote),
            Reference::Layout(layout) => Layout::open(layout).map(Self::Layout),
        }
    }

    /// A place to write to (and read from). A layout is made when it does not exist.
    ///
    /// # Errors
    /// `layout_invalid` when something else stands at the layout's path, `io_` reasons.
    pub fn create(reference: &Reference, options: &ClientOptions) -> Result<Self> {
        match reference {
            Reference::Registry(registry) => Remote::new(registry, options, Scope::PullPush).map(Self::Remote),
            Reference::Layout(layout) => Layout::create_until(layout, &options.cancellation).map(Self::Layout),
        }
    }

    /// A place to take something away from (and read from).
    ///
    /// # Errors
    /// `usage` for a layout archive; `layout_invalid` or an `io_` reason for a layout that cannot be read.
    pub fn open_to_delete(reference: &Reference, options: &ClientOptions) -> Result<Self> {
        match reference {
            Reference::Registry(registry) => Remote::new(registry, options, Scope::PullDelete).map(Self::Remote),
            Reference::Layout(layout) => Layout::open_to_delete(layout, &options.cancellation).map(Self::Layout),
        }
    }

    /// A new archive to write to (and read from), which is never put in the place of another file.
    ///
    /// # Errors
    /// `io_` reasons; `already_exists` when it is finished and a file of that name has come meanwhile.
    pub fn create_new(archive: &LayoutReference, options: &ClientOptions) -> Result<Self> {
        Layout::create_new(archive, &options.cancellation).map(Self::Layout)
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

impl BlobOrigin for Target {
    // Boxed, because a source can be a target, whose requests can have a source.
    fn open_blob<'a>(&'a self, descriptor: &'a Descriptor) -> BoxFuture<'a, Result<BlobStream>> {
        Box::pin(self.fetch_blob(descriptor))
    }

    fn repository(&self) -> Option<&RegistryReference> {
        match self {
            Self::Remote(remote) => Some(remote.reference()),
            Self::Layout(_) => None,
        }
    }
}

impl From<Target> for BlobSource {
    fn from(target: Target) -> Self {
        Self::Place(Arc::new(target))
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
delegate! { Referrers { fn referrers(subject: ArtifactDigest) -> Vec<Descriptor>; } }
delegate! { Push {
    fn has_blob(descriptor: &Descriptor) -> bool;
    fn push_blob(descriptor: &Descriptor, source: &BlobSource) -> Pushed;
    fn push_manifest(manifest: &Manifest) -> Pushed;
    fn push_part(manifest: &Manifest) -> Pushed;
    fn read_back(digest: ArtifactDigest) -> Manifest;
} }
delegate! { Tagging {
    fn tag(tag: &Tag, manifest: &Manifest, replace: ReplaceTag) -> Pushed;
    fn tag_digest(tag: &Tag, by: Algorithm) -> Option<ArtifactDigest>;
    fn tags() -> Vec<Tag>;
} }
delegate! { Delete {
    fn tags_of(digest: ArtifactDigest) -> Vec<Tag>;
    fn delete(name: &ManifestName, digest: ArtifactDigest) -> ();
} }
