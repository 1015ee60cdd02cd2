//! `Layout`: an OCI image layout on disk, as a directory or as one tar archive.
//!
//! Everything below is synchronous; this is where it is moved off the async threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::{Algorithm, ArtifactDigest, Digest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::links::Links;
use aisoc_manifests::oci::{Descriptor, ImageIndex, MANIFEST_MEDIA_TYPE, MAX_MANIFEST_BYTES};
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Tag};

use serde::Deserialize;

use super::archive::Archive;
use super::directory::Directory;
use super::index;
use super::staged::StagedArchive;
use super::stored::StoredBlob;
use crate::storage::{
    BlobSource, BlobStream, Delete, Fetch, Manifest, ManifestName, Push, Pushed, Referrers, ReplaceTag, Resolve,
    Tagging, file_stream,
};
use crate::worker::blocking;

/// An OCI image layout on disk. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Layout {
    reference: LayoutReference,
    store: Arc<Store>,
    /// What refers to what, as it was when it was asked first.
    subjects: Arc<OnceLock<Subjects>>,
}

/// What refers to each manifest.
type Subjects = BTreeMap<Digest, Vec<Descriptor>>;

/// What a manifest says of another one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    subject: Option<Descriptor>,
    /// What kind of thing it is, which is no text where somebody has written something else.
    #[serde(default)]
    artifact_type: serde_json::Value,
}

/// The three states in which a layout is met.
#[derive(Debug)]
enum Store {
    Directory(Directory),
    Archive(Archive),
    /// An archive that is being written: a directory beside it until `finish`.
    Staged(StagedArchive),
}

impl Layout {
    /// An existing layout, to read from.
    ///
    /// # Errors
    /// `layout_invalid`, `io_` reasons.
    pub fn open(reference: &LayoutReference) -> Result<Self> {
        let store = match reference.form {
            LayoutForm::Directory => Directory::open(&reference.path).map(Store::Directory),
            LayoutForm::Archive => Archive::open(&reference.path).map(Store::Archive),
        };
        Ok(Self::of(reference, store.map_err(|fault| unless_missing(fault, reference))?))
    }

    /// A layout to write to: the one that is there, or a new one.
    ///
    /// # Errors
    /// `layout_invalid` when something else is there, `io_` reasons.
    pub fn create(reference: &LayoutReference) -> Result<Self> {
        Self::create_until(reference, &Cancellation::default())
    }

    /// As [`Layout::create`], with what ends its waiting and copying.
    ///
    /// # Errors
    /// As [`Layout::create`], and `interrupted`.
    pub fn create_until(reference: &LayoutReference, cancellation: &Cancellation) -> Result<Self> {
        let store = match reference.form {
            LayoutForm::Directory => Store::Directory(Directory::create(&reference.path)?.until(cancellation)),
            LayoutForm::Archive => Store::Staged(StagedArchive::create(&reference.path, cancellation)?),
        };
        Ok(Self::of(reference, store))
    }

    fn of(reference: &LayoutReference, store: Store) -> Self {
        Self { reference: reference.clone(), store: Arc::new(store), subjects: Arc::default() }
    }

    /// A layout directory to take something away from.
    ///
    /// # Errors
    /// `usage` for an archive, of which nothing is taken away; `layout_invalid`, `io_` reasons.
    pub fn open_to_delete(reference: &LayoutReference, cancellation: &Cancellation) -> Result<Self> {
        if reference.form == LayoutForm::Archive {
            let message = format!("`{}` is one file, and nothing is deleted in it", reference.path.display());
            return Err(Fault::new(Reason::Usage, message)
                .hint("copy what is to stay to another one: `aisoc copy SRC oci-archive:NEW.tar`"));
        }
        let directory = Directory::open(&reference.path).map_err(|fault| unless_missing(fault, reference))?;
        Ok(Self::of(reference, Store::Directory(directory.until(cancellation))))
    }

    /// A new archive to write to, that takes no other file's place.
    ///
    /// # Errors
    /// `io_` reasons.
    pub(crate) fn create_new(reference: &LayoutReference, cancellation: &Cancellation) -> Result<Self> {
        let store = Store::Staged(StagedArchive::create_new(&reference.path, cancellation)?);
        Ok(Self { reference: reference.clone(), store: Arc::new(store), subjects: Arc::default() })
    }

    /// The reference that the layout was opened with.
    pub fn reference(&self) -> &LayoutReference {
        &self.reference
    }

    /// Writes the archive, if it is one.
    pub(crate) async fn finish(&self) -> Result<()> {
        self.blocking(|store, _| match store {
            Store::Staged(staged) => staged.write(),
            Store::Directory(_) | Store::Archive(_) => Ok(()),
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store, &LayoutReference) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (store, reference) = (Arc::clone(&self.store), self.reference.clone());
        blocking(move || work(&store, &reference)).await
    }
}

/// What was looked for, and as what: the reference says which of the two it has to be.
fn unless_missing(fault: Fault, reference: &LayoutReference) -> Fault {
    if fault.reason() != Reason::IoNotFound {
        return fault;
    }
    let kind = match reference.form {
        LayoutForm::Directory => "directory of a layout",
        LayoutForm::Archive => "archive",
    };
    Fault::new(Reason::IoNotFound, format!("there is no {kind} `{}`", reference.path.display()))
}

impl Store {
    fn index(&self) -> Result<ImageIndex> {
        match self {
            Self::Directory(directory) => directory.index(),
            Self::Archive(archive) => archive.index(),
            Self::Staged(staged) => staged.directory().index(),
        }
    }

    fn blob(&self, digest: Digest) -> Result<Option<StoredBlob>> {
        match self {
            Self::Directory(directory) => directory.blob(digest),
            Self::Archive(archive) => Ok(archive.blob(digest)),
            Self::Staged(staged) => staged.directory().blob(digest),
        }
    }

    /// The blob, for whoever is about to name it: a collection of garbage leaves it alone meanwhile.
    fn wanted(&self, digest: Digest) -> Result<Option<StoredBlob>> {
        match self {
            Self::Directory(directory) => directory.renew(digest),
            Self::Archive(_) | Self::Staged(_) => self.blob(digest),
        }
    }

    fn writable(&self) -> Result<&Directory> {
        match self {
            Self::Directory(directory) => Ok(directory),
            Self::Staged(staged) => Ok(staged.directory()),
            Self::Archive(_) => {
                Err(Fault::new(Reason::Internal, "a layout archive that was opened for reading is written to"))
            }
        }
    }

    fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        let bytes = self.manifest_bytes(descriptor.digest)?;
        Ok(Manifest::named_by(descriptor.digest.algorithm(), &descriptor.media_type, bytes))
    }

    fn manifest_bytes(&self, digest: Digest) -> Result<Vec<u8>> {
        let missing = || Fault::new(Reason::ReferenceNotFound, format!("the layout has no manifest {digest}"));
        self.blob(digest)?.ok_or_else(missing)?.read(digest, MAX_MANIFEST_BYTES)
    }

    /// The manifest of that digest. One that only an index lists says itself what it is.
    fn manifest_of(&self, digest: ArtifactDigest) -> Result<Manifest> {
        if let Some(listed) = index::listed_as(&self.index()?, digest) {
            return self.manifest(&listed);
        }
        let bytes = self.manifest_bytes(digest.blob())?;
        let media_type = Links::read(&bytes).map_or_else(|_| MANIFEST_MEDIA_TYPE.to_owned(), |links| links.media_type);
        Ok(Manifest::named_by(digest.algorithm(), media_type, bytes))
    }

    /// What each manifest that the index lists says that it is about.
    fn subjects(&self) -> Result<Subjects> {
        let mut subjects = Subjects::new();
        let mut seen = BTreeSet::new();
        for mut descriptor in self.index()?.manifests {
            if !seen.insert(descriptor.digest) {
                continue;
            }
            // What is no object says nothing of another one; a layout may hold anything. What says it and is of no kind
            // that is copied is refused when it is.
            let bytes = self.manifest_bytes(descriptor.digest)?;
            let Ok(About { subject: Some(subject), artifact_type }) = serde_json::from_slice(&bytes) else { continue };
            // As a registry's list has it: the index of a layout seldom says it.
            if descriptor.artifact_type.is_none() {
                descriptor.artifact_type = artifact_type.as_str().map(str::to_owned);
            }
            subjects.entry(subject.digest).or_default().push(descriptor);
        }
        Ok(subjects)
    }
}

impl Resolve for Layout {
    async fn resolve(&self) -> Result<Descriptor> {
        self.blocking(|store, reference| index::find(&store.index()?, reference)).await
    }
}

impl Fetch for Layout {
    async fn fetch_manifest(&self, digest: Option<ArtifactDigest>) -> Result<Manifest> {
        self.blocking(move |store, reference| match digest {
            Some(digest) => store.manifest_of(digest),
            None => store.manifest(&index::find(&store.index()?, reference)?),
        })
        .await
    }

    async fn fetch_blob(&self, descriptor: &Descriptor) -> Result<BlobStream> {
        let digest = descriptor.digest;
        let blob = self.blocking(move |store, _| store.blob(digest)).await?;
        let blob = blob.ok_or_else(|| {
            Fault::new(Reason::LayoutInvalid, format!("`{}` has no blob {digest}", self.reference.path.display()))
        })?;
        // One byte more than promised is enough for the stream to see that there is more.
        let length = blob.size.min(descriptor.size.saturating_add(1));
        Ok(BlobStream::new(descriptor, file_stream(blob.file, blob.offset, length)))
    }
}

impl Referrers for Layout {
    // Read once: a copy asks of every manifest, and each question would read them all.
    async fn referrers(&self, subject: ArtifactDigest) -> Result<Vec<Descriptor>> {
        let subjects = match self.subjects.get() {
            Some(subjects) => subjects,
            None => {
                let read = self.blocking(|store, _| store.subjects()).await?;
                self.subjects.get_or_init(|| read)
            }
        };
        Ok(subjects.get(&subject.blob()).cloned().unwrap_or_default())
    }
}

impl Push for Layout {
    async fn has_blob(&self, descriptor: &Descriptor) -> Result<bool> {
        let (digest, size) = (descriptor.digest, descriptor.size);
        self.blocking(move |store, _| Ok(store.wanted(digest)?.is_some_and(|blob| blob.size == size))).await
    }

    async fn push_blob(&self, descriptor: &Descriptor, source: &BlobSource) -> Result<Pushed> {
        // Whole, not only there: a disk or a copy may have damaged it, and packaging again must mend that.
        let (digest, size) = (descriptor.digest, descriptor.size);
        let is_whole = move |blob: StoredBlob| blob.is(digest, size);
        if self.blocking(move |store, _| Ok(store.wanted(digest)?.is_some_and(is_whole))).await? {
            return Ok(Pushed::Present);
        }
        let mut stream = source.open(descriptor).await?;
        let mut ingest = self.blocking(move |store, _| store.writable()?.ingest_by(digest.algorithm())).await?;
        while let Some(chunk) = stream.next_chunk().await? {
            ingest = blocking(move || ingest.write(&chunk)).await?;
        }
        self.blocking(move |store, _| store.writable()?.keep(ingest, digest)).await?;
        Ok(Pushed::Uploaded)
    }

    async fn push_manifest(&self, manifest: &Manifest) -> Result<Pushed> {
        self.store_manifest(manifest, None, ReplaceTag::No).await
    }

    async fn push_part(&self, manifest: &Manifest) -> Result<Pushed> {
        let manifest = manifest.clone();
        self.blocking(move |store, _| store.writable()?.keep_part(&manifest)).await
    }

    async fn read_back(&self, digest: ArtifactDigest) -> Result<Manifest> {
        self.fetch_manifest(Some(digest)).await
    }
}

impl Layout {
    async fn store_manifest(&self, manifest: &Manifest, tag: Option<&Tag>, replace: ReplaceTag) -> Result<Pushed> {
        let (manifest, tag) = (manifest.clone(), tag.cloned());
        self.blocking(move |store, _| store.writable()?.put_manifest(&manifest, tag.as_slice(), replace)).await
    }
}

impl Tagging for Layout {
    async fn tag(&self, tag: &Tag, manifest: &Manifest, replace: ReplaceTag) -> Result<Pushed> {
        self.store_manifest(manifest, Some(tag), replace).await
    }

    async fn tag_digest(&self, tag: &Tag, by: Algorithm) -> Result<Option<ArtifactDigest>> {
        let tag = tag.clone();
        self.blocking(move |store, _| match index::tagged(&store.index()?, &tag)? {
            // What the index names by another algorithm is read, to be named by this one.
            Some(found) if found.digest.algorithm() != by => Ok(Some(store.manifest(&found)?.digest_by(by))),
            found => Ok(found.map(|found| found.artifact_digest())),
        })
        .await
    }

    async fn tags(&self) -> Result<Vec<Tag>> {
        self.blocking(|store, _| Ok(index::tags(&store.index()?))).await
    }
}

impl Delete for Layout {
    async fn tags_of(&self, digest: ArtifactDigest) -> Result<Vec<Tag>> {
        self.blocking(move |store, _| Ok(index::tags_of(&store.index()?, digest))).await
    }

    async fn delete(&self, name: &ManifestName, digest: ArtifactDigest) -> Result<()> {
        let name = name.clone();
        self.blocking(move |store, _| store.writable()?.delete(&name, digest)).await
    }
}
