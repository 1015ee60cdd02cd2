//! Manifests: fetched by tag or digest (`end-3`), stored when everything they name is there (`end-7`), deleted
//! (`end-9`).
//!
//! A manifest is the one thing that a registry must understand: what is stored under a tag is what every
//! client acts on, so it is read here as strictly as by the strictest of them.

use std::io::{Read as _, Seek as _};

use aisoc_manifests::digest::{Algorithm, ArtifactDigest};
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::oci::{Descriptor, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, MAX_MANIFEST_BYTES};
use aisoc_manifests::reference::Tag;
use aisoc_registry_client::layout::{Catalog, Change, Directory, StoredBlob};
use aisoc_registry_client::storage::{Manifest, ManifestName};
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use tempfile::SpooledTempFile;

use crate::arriving::{Arriving, RequestBody};
use crate::code::Code;
use crate::problem::Problem;
use crate::query::parameters;
use crate::registry::Registry;
use crate::response::{Answered, empty, part, with_headers};
use crate::store::Store;

/// The document types that can be stored; another one could not be checked for missing blobs.
const ACCEPTED: [&str; 4] = [
    MANIFEST_MEDIA_TYPE,
    INDEX_MEDIA_TYPE,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// Most tags that one push may ask for ("Pushing Manifests" asks for 10): each is an entry of the index.
const MAX_TAGS: usize = 100;

/// What of a manifest the registry must understand. What makes an image and what makes an index are both
/// here, so that a document that is both at once is seen to be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
}

/// What a manifest is stored under.
struct Names {
    /// What stands in the path.
    name: ManifestName,
    /// The tags that are pointed at it, that of the path among them.
    tags: Vec<Tag>,
}

impl Names {
    /// The name of the path, and the tags that a push by digest asks for beside it (`end-7b`). Beside a tag the
    /// specification has none, and the answer names none.
    fn of(name: ManifestName, query: &str) -> Result<Self, Problem> {
        let asked = match &name {
            ManifestName::Tag(tag) => return Ok(Self { tags: vec![tag.clone()], name }),
            ManifestName::Digest(_) => parameters(query, "tag"),
        };
        if asked.len() > MAX_TAGS {
            let message = format!("a manifest is pushed with at most {MAX_TAGS} tags at once");
            return Err(Problem::new(StatusCode::URI_TOO_LONG, Code::Unsupported, message));
        }
        let mut tags = Vec::new();
        for tag in asked {
            let tag = tag.parse::<Tag>().map_err(|fault| Problem::bad_manifest(fault.message()))?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(Self { name, tags })
    }

    /// The tags of the query, as the answer says that they were taken.
    fn listed(&self) -> Option<String> {
        let is_asked = matches!(self.name, ManifestName::Digest(_)) && !self.tags.is_empty();
        is_asked.then(|| self.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(", "))
    }

    /// By which algorithm it is known: that of its name, and the usual one under a tag.
    fn algorithm(&self) -> Algorithm {
        match self.name {
            ManifestName::Tag(_) => Algorithm::Sha256,
            ManifestName::Digest(digest) => digest.algorithm(),
        }
    }
}

impl Registry {
    pub(crate) async fn manifest<B: RequestBody>(
        &self,
        head: &Parts,
        repository: &str,
        name: ManifestName,
        body: Arriving<B>,
    ) -> Answered {
        match head.method {
            Method::GET | Method::HEAD => self.get_manifest(repository, name).await,
            Method::PUT => {
                let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
                let kind = kind.split(';').next().unwrap_or(kind).trim().to_owned();
                let names = Names::of(name, head.uri.query().unwrap_or_default())?;
                // 4 MiB, which every registry is expected to take ("Pushing Manifests").
                let body = body.collect(MAX_MANIFEST_BYTES, self.store.scratch()).await?;
                self.put_manifest(repository, names, kind, body).await
            }
            Method::DELETE => self.delete_manifest(repository, name).await,
            _ => Err(Problem::method("GET, HEAD, PUT, DELETE")),
        }
    }

    /// By a tag or by a digest, in the index only: the index is what makes a file among the blobs a manifest.
    async fn get_manifest(&self, repository: &str, name: ManifestName) -> Answered {
        let (store, repository, asked) = (self.store.clone(), repository.to_owned(), name.clone());
        let find = move || Ok(find(&store, &repository, &asked));
        let (descriptor, blob) = self.on_documents(find).await??;
        let size = blob.size;
        let headers = [
            (CONTENT_TYPE.as_str(), descriptor.media_type),
            ("docker-content-digest", descriptor.digest.to_string()),
            // Said aloud because the answer to HEAD has no body to count.
            ("content-length", size.to_string()),
        ];
        // From the file: clients that do not read must not fill the memory. It was hashed a moment ago and is
        // never changed in place, so what is sent is what was hashed.
        Ok(with_headers(StatusCode::OK, &headers, part(blob, 0, size)))
    }

    /// Stores it and says where it is. `OCI-Subject` tells the client that referrers are listed here, so that
    /// it need not keep a tag with a list of its own ("Pushing Manifests with Subject").
    async fn put_manifest(&self, repository: &str, names: Names, kind: String, body: SpooledTempFile) -> Answered {
        let (store, owner) = (self.store.clone(), repository.to_owned());
        let location = format!("/v2/{repository}/manifests/{}", names.name);
        let accepted = names.listed();
        let stored = self.on_documents(move || Ok(store_manifest(&store, &owner, &names, kind, body)));
        let (digest, subject) = stored.await??;
        let mut headers = vec![(LOCATION.as_str(), location), ("docker-content-digest", digest.to_string())];
        headers.extend(subject.map(|subject| ("oci-subject", subject.to_string())));
        headers.extend(accepted.map(|tags| ("oci-tag", tags)));
        Ok(with_headers(StatusCode::CREATED, &headers, empty()))
    }

    /// A tag alone is taken away; a digest takes the manifest with all its tags. The blobs stay: other
    /// manifests may name them, which a collection of garbage finds out.
    async fn delete_manifest(&self, repository: &str, name: ManifestName) -> Answered {
        let (store, owner, asked) = (self.store.clone(), repository.to_owned(), name.clone());
        let removed = self.on_documents(move || {
            let Some(repository) = store.indexed(&owner)? else {
                return Ok(None);
            };
            let removed = repository.change(|catalog| {
                let (is_there, change) = match &asked {
                    ManifestName::Tag(tag) => (catalog.has_name(tag.as_str()), Change::Untag { tag: tag.to_string() }),
                    ManifestName::Digest(digest) => {
                        (catalog.manifest(*digest).is_some(), Change::Remove { digest: *digest })
                    }
                };
                let changes = if is_there { vec![change] } else { vec![] };
                renew_untagged(repository.layout(), catalog, &changes)?;
                Ok::<_, Fault>((changes, is_there))
            })?;
            Ok(Some(removed))
        });
        match removed.await? {
            Some(true) => Ok(with_headers(StatusCode::ACCEPTED, &[], empty())),
            Some(false) => Err(Problem::unknown_manifest(&name)),
            None => Err(Problem::unknown_repository(repository)),
        }
    }
}

/// Stores a manifest whose blobs are there. Says its digest, and what it is about.
fn store_manifest(
    store: &Store,
    repository: &str,
    names: &Names,
    kind: String,
    mut body: SpooledTempFile,
) -> Result<(ArtifactDigest, Option<ArtifactDigest>), Problem> {
    // Into memory only now, in this document's turn: until here it waited in a file.
    let mut bytes = Vec::new();
    body.rewind()
        .and_then(|()| body.read_to_end(&mut bytes))
        .map_err(|error| Fault::io("read in", &store.scratch(), error))?;
    let manifest = Manifest::named_by(names.algorithm(), kind, bytes);
    let digest = manifest.digest();
    // Before it is parsed: what is not what it is called is not looked at.
    if matches!(names.name, ManifestName::Digest(expected) if expected != digest) {
        return Err(Problem::bad_digest(format!("the body's digest is {digest}")));
    }
    let document = read(&manifest)?;
    let repository = match store.indexed(repository)? {
        Some(found) => found,
        // Only now: what is refused makes no repository.
        None => {
            check_named(None, &document)?;
            store.create_indexed(repository)?
        }
    };
    let layout = repository.layout();
    // All of it while nobody else changes the index: what it names, and what it is, is not removed meanwhile.
    repository.change(|catalog| {
        check_named(Some(layout), &document)?;
        // Among the uploads: a directory of its own for each would be made and removed.
        layout.keep_manifest_by(&manifest, |algorithm| store.ingest(algorithm))?;
        let changes = changes(catalog, &manifest.descriptor(), &names.tags);
        renew_untagged(layout, catalog, &changes)?;
        Ok::<_, Problem>((changes, ()))
    })?;
    Ok((digest, document.subject.map(|subject| subject.artifact_digest())))
}

/// What loses a tag has no other date than this: how long it was without one is counted from now on.
fn renew_untagged(layout: &Directory, catalog: &Catalog, changes: &[Change]) -> Result<()> {
    for change in changes {
        let (Change::Put { tag: Some(tag), .. } | Change::Untag { tag }) = change else { continue };
        for digest in catalog.named_by(tag) {
            layout.renew(digest)?;
        }
    }
    Ok(())
}

/// What the index gets: nothing, where it says so already.
fn changes(catalog: &Catalog, manifest: &Descriptor, tags: &[Tag]) -> Vec<Change> {
    let put = |tag| Change::Put { manifest: manifest.clone(), tag };
    if tags.is_empty() {
        let is_listed = catalog.manifest(manifest.artifact_digest()).is_some();
        return if is_listed { vec![] } else { vec![put(None)] };
    }
    let is_new = |tag: &&Tag| !matches!(catalog.tagged(tag), Ok(Some(found)) if found == *manifest);
    tags.iter().filter(is_new).map(|tag| put(Some(tag.to_string()))).collect()
}

/// The manifest's descriptor and its file, whose bytes have that digest.
fn find(store: &Store, called: &str, name: &ManifestName) -> Result<(Descriptor, StoredBlob), Problem> {
    let repository = store.indexed(called)?.ok_or_else(|| Problem::unknown_repository(called))?;
    let descriptor = repository.look(|catalog| match name {
        ManifestName::Tag(tag) => catalog.tagged(tag),
        // Only what is in the index is a manifest; a config document is not served as one.
        ManifestName::Digest(digest) => Ok(catalog.manifest(*digest)),
    })?;
    let (layout, descriptor) = (repository.layout(), descriptor.ok_or_else(|| Problem::unknown_manifest(name))?);
    let blob = match name {
        ManifestName::Tag(_) => layout.blob(descriptor.digest)?,
        // Whoever has it pinned has no tag: that somebody asks for it is all that says so.
        ManifestName::Digest(_) => store.wanted(layout, descriptor.digest)?,
    };
    let blob = blob.ok_or_else(|| Problem::unknown_manifest(name))?;
    // Hashed for every reader, unlike blobs: it is small, and a damaged one is found here and not by each.
    blob.read(descriptor.digest, MAX_MANIFEST_BYTES)?;
    Ok((descriptor, blob))
}

/// The document, when it is one thing and says so.
fn read(manifest: &Manifest) -> Result<Document, Problem> {
    let kind = manifest.media_type();
    if !ACCEPTED.contains(&kind) {
        return Err(Problem::bad_manifest("the media type is not one of a manifest or an index"));
    }
    let document: Document = serde_json::from_slice(manifest.bytes())
        .map_err(|error| Problem::bad_manifest(format!("the manifest cannot be read: {error}")))?;
    // By what it has and not by what it says: the same bytes under another type are another document.
    let is_image = document.config.is_some() && document.layers.is_some();
    let is_index = document.manifests.is_some();
    // CVE-2021-41190: one digest, two documents.
    let consistent = document.schema_version == 2
        && document.media_type.as_deref().is_none_or(|own| own == kind)
        && is_image != is_index
        && is_index == (kind == INDEX_MEDIA_TYPE || kind == ACCEPTED[3]);
    if consistent { Ok(document) } else { Err(Problem::bad_manifest("the manifest is not what its media type says")) }
}

/// Refuses a document that names what is not here, or names it with another size. Every reader stops at the
/// size of a descriptor and hashes what it has by then, so such a manifest can be pushed and never be pulled.
fn check_named(layout: Option<&Directory>, document: &Document) -> Result<(), Problem> {
    let named = document.config.iter().chain(document.layers.iter().flatten());
    for descriptor in named.chain(document.manifests.iter().flatten()) {
        if !check_size(layout, descriptor)? && !is_elsewhere(descriptor) {
            let message = format!("the manifest names {}, which is not here", descriptor.digest);
            return Err(Problem::new(StatusCode::BAD_REQUEST, Code::ManifestBlobUnknown, message));
        }
    }
    // A subject may be missing: signatures are pushed before what they sign ("Pushing Manifests with Subject").
    document.subject.iter().try_for_each(|subject| check_size(layout, subject).map(drop))
}

/// Whether what the descriptor names is here. What is here has one size (`code-10`).
fn check_size(layout: Option<&Directory>, descriptor: &Descriptor) -> Result<bool, Problem> {
    let found = layout.map(|layout| layout.blob(descriptor.digest)).transpose()?.flatten();
    let Some(blob) = found else { return Ok(false) };
    if blob.size == descriptor.size {
        return Ok(true);
    }
    let Descriptor { digest, size, .. } = descriptor;
    let message = format!("the manifest names {digest} with {size} bytes, and it has {}", blob.size);
    Err(Problem::new(StatusCode::BAD_REQUEST, Code::SizeInvalid, message))
}

/// Layers that may not be distributed are elsewhere by their nature (image specification, layers).
fn is_elsewhere(descriptor: &Descriptor) -> bool {
    descriptor.media_type.contains("nondistributable") || descriptor.media_type.contains("foreign")
}
