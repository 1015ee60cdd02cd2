//! `Remote`: a repository as a place that holds artifacts. Which request answers which question, and
//! nothing about how it is made.

use std::sync::Arc;

use aisoc_manifests::digest::{Algorithm, ArtifactDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Descriptor, MANIFEST_MEDIA_TYPE};
use aisoc_manifests::reference::{RegistryReference, Tag};

use super::connection::Connection;
use super::mirrors::Mirrors;
use super::scope::Scope;
use super::tries::Tries;
use super::{blobs, deletion, manifests, referrers, uploads};
use crate::options::ClientOptions;
use crate::storage::{
    BlobSource, BlobStream, Delete, Fetch, Manifest, ManifestName, Push, Pushed, Referrers, ReplaceTag, Resolve,
    Tagging,
};

/// A repository of a registry. Cheap to clone; clones share connections and the token.
#[derive(Debug, Clone)]
pub struct Remote {
    connection: Arc<Connection>,
    mirrors: Arc<Mirrors>,
    reference: RegistryReference,
}

impl Remote {
    /// The repository of that reference. Makes no request.
    ///
    /// # Errors
    /// `invalid_ref` when the reference makes no URL.
    pub fn new(reference: &RegistryReference, options: &ClientOptions, scope: Scope) -> Result<Self> {
        let connection = Connection::new(reference.into(), reference.repository(), options, scope)?;
        let mirrors = Mirrors::of(reference, options, scope);
        Ok(Self { connection: Arc::new(connection), mirrors: Arc::new(mirrors), reference: reference.clone() })
    }

    /// The reference that the target was opened with.
    pub fn reference(&self) -> &RegistryReference {
        &self.reference
    }

    /// The tag of the reference, when it has no digest, which would decide. `latest` is not assumed: what
    /// is installed must not depend on a name that nobody wrote.
    fn tag_alone(&self) -> Result<Tag> {
        let reference = &self.reference;
        reference.tag().cloned().ok_or_else(|| {
            Fault::new(Reason::InvalidReference, format!("`{reference}` names neither a tag nor a digest"))
                .hint(format!("add a tag: `{reference}:TAG`; `latest` is not assumed"))
        })
    }
}

impl Resolve for Remote {
    async fn resolve(&self) -> Result<Descriptor> {
        match self.reference.digest() {
            // No request: the digest is the answer. Its size is learnt when it is fetched.
            Some(digest) => {
                Ok(Descriptor { digest: digest.blob(), size: 0, ..Descriptor::of(MANIFEST_MEDIA_TYPE, b"") })
            }
            None => self.mirrors.resolve(&self.connection, self.tag_alone()?).await,
        }
    }
}

impl Fetch for Remote {
    // A digest decides, whether it was given now or stands in the reference; a tag beside it is a comment.
    async fn fetch_manifest(&self, digest: Option<ArtifactDigest>) -> Result<Manifest> {
        let name = match digest.or(self.reference.digest()) {
            Some(digest) => ManifestName::Digest(digest),
            None => ManifestName::Tag(self.tag_alone()?),
        };
        self.mirrors.manifest(&self.connection, name).await
    }

    async fn fetch_blob(&self, descriptor: &Descriptor) -> Result<BlobStream> {
        self.mirrors.blob(&self.connection, descriptor).await
    }
}

impl Referrers for Remote {
    async fn referrers(&self, subject: ArtifactDigest) -> Result<Vec<Descriptor>> {
        referrers::list(&self.connection, subject).await
    }
}

impl Push for Remote {
    async fn has_blob(&self, descriptor: &Descriptor) -> Result<bool> {
        blobs::exists(&self.connection, descriptor, &mut Tries::new(&self.connection)).await
    }

    async fn push_blob(&self, descriptor: &Descriptor, source: &BlobSource) -> Result<Pushed> {
        uploads::push(&self.connection, descriptor, source).await
    }

    async fn push_manifest(&self, manifest: &Manifest) -> Result<Pushed> {
        // Under its digest and without a tag: nobody finds it before everything that it names is there.
        let digest = manifest.digest();
        let (stored, noted) = match manifests::exists(&self.connection, digest).await? {
            true => (Pushed::Present, None),
            false => (Pushed::Uploaded, manifests::put(&self.connection, manifest, digest).await?),
        };
        referrers::note(&self.connection, manifest, noted).await?;
        Ok(stored)
    }

    async fn push_part(&self, manifest: &Manifest) -> Result<Pushed> {
        self.push_manifest(manifest).await
    }

    async fn read_back(&self, digest: ArtifactDigest) -> Result<Manifest> {
        manifests::get_stored(&self.connection, &ManifestName::Digest(digest), digest).await
    }
}

impl Tagging for Remote {
    async fn tag(&self, tag: &Tag, manifest: &Manifest, replace: ReplaceTag) -> Result<Pushed> {
        // Asked first, because some registries make tags immutable and refuse to store what is there; and asked
        // again after whatever was asked before the push: somebody may have been quicker, and a registry that
        // hides what it holds shows it to who has logged in since.
        manifests::tag(&self.connection, manifest, tag, replace).await
    }

    // The manifest is fetched and hashed: the header of a HEAD is what the registry says, and whether a tag
    // may be moved is decided by this.
    async fn tag_digest(&self, tag: &Tag, by: Algorithm) -> Result<Option<ArtifactDigest>> {
        let name = ManifestName::Tag(tag.clone());
        manifests::present(manifests::get_by(&self.connection, name, by).await)
    }

    async fn tags(&self) -> Result<Vec<Tag>> {
        self.mirrors.tags(&self.connection).await
    }
}

impl Delete for Remote {
    async fn tags_of(&self, digest: ArtifactDigest) -> Result<Vec<Tag>> {
        deletion::tags_of(&self.connection, digest).await
    }

    async fn delete(&self, name: &ManifestName, digest: ArtifactDigest) -> Result<()> {
        deletion::delete(&self.connection, name, digest).await
    }
}
