//! `Remote`: one repository of a registry, over HTTP.
//!
//! Every request goes through `send`, which authenticates and retries; every answer goes through
//! `answer`, which bounds it and turns refusals into faults. Nothing a registry says about a digest
//! is believed: what counts is the hash of the bytes. Source: distribution specification 1.1.

mod answer;
mod auth;
mod challenge;
mod credentials;
mod download;
mod reach;
mod redirect;
mod send;
mod upload;
mod wire;

use std::sync::Arc;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Annotations, Descriptor, MANIFEST_MEDIA_TYPE, MAX_MANIFEST_BYTES};
use aisoc_manifests::reference::{RegistryReference, Tag};
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use crate::limits::MAX_PAGES;
use crate::options::{ClientOptions, PlainHttp};
use crate::storage::{BlobSource, BlobStream, Fetch, Manifest, Push, Pushed, Resolve, Tagging};

use answer::Answer;
use auth::Auth;
use send::{Call, Outgoing};
use wire::Wire;

/// A repository of a registry. Cheap to clone; clones share connections and the token.
#[derive(Debug, Clone)]
pub struct Remote(Arc<Shared>);

/// What a token is asked for. Never more than the task needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    PullPush,
}

#[derive(Debug)]
struct Shared {
    reference: RegistryReference,
    base: Url,
    options: ClientOptions,
    wire: Wire,
    auth: Auth,
}

/// Manifest types that we ask for. Without the list, old registries convert to schema 1.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

impl Remote {
    /// The repository of that reference. Makes no request.
    ///
    /// # Errors
    /// `invalid_ref` when the reference makes no URL.
    pub fn new(reference: &RegistryReference, options: &ClientOptions, access: Access) -> Result<Self> {
        let plain = reference.is_loopback() || options.plain_http == PlainHttp::Always;
        let host = reference.registry();
        // Docker Hub's name in references is not the name of its registry.
        let authority = if host == "docker.io" { "registry-1.docker.io" } else { &host };
        let scheme = if plain { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{authority}/")).map_err(|source| {
            Fault::new(Reason::InvalidReference, format!("`{host}` is not a host")).caused_by(source)
        })?;
        Ok(Self(Arc::new(Shared {
            reference: reference.clone(),
            wire: Wire::new(&base, options),
            auth: Auth::new(reference, &base, options, access),
            options: options.clone(),
            base,
        })))
    }

    /// The reference that the target was opened with.
    pub fn reference(&self) -> &RegistryReference {
        &self.0.reference
    }

    /// The URL of `/v2/<repository>/<kind>/<name>`. All parts were validated by their types, so none
    /// can hold a `/`, `?` or `%` of its own.
    fn url(&self, kind: &str, name: &str) -> Url {
        let mut url = self.0.base.clone();
        url.set_path(&format!("/v2/{}/{kind}/{name}", self.0.reference.repository()));
        url
    }

    fn manifest_call(&self, method: Method, name: &str) -> Call<'static> {
        let what = if name.contains(':') { format!("manifest {name}") } else { format!("tag `{name}`") };
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(ACCEPTED))]);
        Call { method, url: self.url("manifests", name), headers, body: Outgoing::Nothing, what }
    }

    fn blob_call(&self, method: Method, digest: Digest) -> Call<'static> {
        let url = self.url("blobs", &digest.to_string());
        Call { method, url, headers: HeaderMap::new(), body: Outgoing::Nothing, what: format!("blob {digest}") }
    }

    /// What the reference names: the digest decides, a tag beside it is a comment.
    fn name(&self) -> Result<String> {
        let reference = &self.0.reference;
        match (reference.digest(), reference.tag()) {
            (Some(digest), _) => Ok(digest.to_string()),
            (None, Some(tag)) => Ok(tag.to_string()),
            (None, None) => {
                Err(Fault::new(Reason::InvalidReference, format!("`{reference}` names neither a tag nor a digest"))
                    .hint(format!("add a tag: `{reference}:TAG`; `latest` is not assumed")))
            }
        }
    }

    async fn get_manifest(&self, name: &str, expected: Option<Digest>) -> Result<Manifest> {
        let call = self.manifest_call(Method::GET, name);
        let answer = self.send(&call).await?.success(&call).await?;
        let media_type = answer.media_type().unwrap_or_else(|| MANIFEST_MEDIA_TYPE.to_owned());
        let bytes = answer.bytes(MAX_MANIFEST_BYTES).await?;
        let manifest = Manifest::new(media_type, bytes);
        match expected {
            // GHSA-qv35-3gw6-8q4j: the header repeats the digest that was asked for; the body decides.
            Some(expected) if expected != manifest.digest() => Err(Fault::new(
                Reason::PullFailed,
                format!("`{}` sent another manifest than the digest names", self.0.reference.registry()),
            )
            .expected(expected.to_string(), manifest.digest().to_string())),
            _ => answer::one_type(&call, manifest),
        }
    }

    async fn put_manifest(&self, manifest: &Manifest, name: &str) -> Result<Pushed> {
        let mut call = self.manifest_call(Method::PUT, name);
        let media_type = HeaderValue::from_str(manifest.media_type())
            .map_err(|source| Fault::new(Reason::Internal, "a media type is no header value").caused_by(source))?;
        call.headers = HeaderMap::from_iter([(CONTENT_TYPE, media_type)]);
        call.body = Outgoing::Bytes(Bytes::copy_from_slice(manifest.bytes()));
        self.send(&call).await?.success(&call).await?;
        Ok(Pushed::Uploaded)
    }

    /// Whether something is there, asked without fetching it.
    async fn exists(&self, call: &Call<'_>) -> Result<Option<Answer>> {
        let answer = self.send(call).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => answer.success(call).await.map(Some),
        }
    }
}

impl Resolve for Remote {
    async fn resolve(&self) -> Result<Descriptor> {
        if let Some(digest) = self.0.reference.digest() {
            // No request: the digest is the answer. Its size is learnt when it is fetched.
            return Ok(Descriptor { digest, size: 0, ..Descriptor::of(MANIFEST_MEDIA_TYPE, b"") });
        }
        let name = self.name()?;
        let call = self.manifest_call(Method::HEAD, &name);
        let answer = self.send(&call).await?;
        if answer.status() != StatusCode::METHOD_NOT_ALLOWED {
            let answer = answer.success(&call).await?;
            if let (Some(digest), Some(size), Some(media_type)) =
                (answer.digest(), answer.length(), answer.media_type())
            {
                return Ok(Descriptor {
                    media_type,
                    digest,
                    size,
                    annotations: Annotations::new(),
                    artifact_type: None,
                });
            }
        }
        Ok(self.get_manifest(&name, None).await?.descriptor())
    }
}

impl Fetch for Remote {
    async fn fetch_manifest(&self, digest: Option<Digest>) -> Result<Manifest> {
        match digest.or(self.0.reference.digest()) {
            Some(digest) => self.get_manifest(&digest.to_string(), Some(digest)).await,
            None => self.get_manifest(&self.name()?, None).await,
        }
    }

    async fn fetch_blob(&self, descriptor: &Descriptor) -> Result<BlobStream> {
        Ok(BlobStream::new(descriptor, download::begin(self.clone(), descriptor).await?))
    }
}

impl Push for Remote {
    async fn has_blob(&self, descriptor: &Descriptor) -> Result<bool> {
        let call = self.blob_call(Method::HEAD, descriptor.digest);
        let mut answer = self.send(&call).await?;
        if answer.status().is_redirection() {
            answer = self.follow(&call, answer).await?;
        }
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(false),
            _ => answer.success(&call).await.map(|_| true),
        }
    }

    async fn push_blob(&self, descriptor: &Descriptor, source: &BlobSource) -> Result<Pushed> {
        upload::push_blob(self, descriptor, source).await
    }

    async fn push_manifest(&self, manifest: &Manifest) -> Result<Pushed> {
        let name = manifest.digest().to_string();
        if self.exists(&self.manifest_call(Method::HEAD, &name)).await?.is_some() {
            return Ok(Pushed::Present);
        }
        self.put_manifest(manifest, &name).await
    }
}

impl Tagging for Remote {
    async fn tag(&self, tag: &Tag, manifest: &Manifest) -> Result<Pushed> {
        if self.tag_digest(tag).await? == Some(manifest.digest()) {
            return Ok(Pushed::Present);
        }
        self.put_manifest(manifest, tag.as_str()).await
    }

    async fn tag_digest(&self, tag: &Tag) -> Result<Option<Digest>> {
        match self.get_manifest(tag.as_str(), None).await {
            Ok(manifest) => Ok(Some(manifest.digest())),
            Err(fault) if fault.reason() == Reason::ReferenceNotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn tags(&self) -> Result<Vec<Tag>> {
        let mut url = self.url("tags", "list");
        url.set_query(Some("n=1000"));
        let mut tags = Vec::new();
        for _ in 0..MAX_PAGES {
            let call = Call {
                method: Method::GET,
                url,
                headers: HeaderMap::new(),
                body: Outgoing::Nothing,
                what: "repository".to_owned(),
            };
            let answer = self.send(&call).await?.success(&call).await?;
            let next = answer.next_page(&call)?;
            tags.extend(answer::tags(&call, &answer.bytes(MAX_MANIFEST_BYTES).await?)?);
            let Some(next) = next else {
                tags.sort();
                tags.dedup();
                return Ok(tags);
            };
            url = next;
        }
        Err(Fault::new(Reason::RegistryProtocol, "the list of tags does not end"))
    }
}
