//! `Call`: one request, as often as it takes, and what it asks for in words.

use std::fmt;

use aisoc_manifests::digest::Digest;
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};

use super::origin::shown_path;
use super::outgoing::Outgoing;
use crate::storage::ManifestName;

/// One request, as often as it takes.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Outgoing<'a>,
    pub(super) asked: Asked,
    /// Another repository of the registry that the call reads from.
    pub(super) also_reads: Option<String>,
}

/// What is asked for: what is missing when the answer is 404. The URL would say it too, but a path is read
/// in two ways as soon as a repository is called `blobs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// The registry as a whole: whether there is one, or what repositories it has.
    Registry,
    /// The repository itself: its list of tags, or a place for an upload.
    Repository,
    /// One of its manifests.
    Manifest(ManifestName),
    /// One of its blobs.
    Blob(Digest),
}

impl<'a> Call<'a> {
    /// A request without a body and without headers of its own.
    pub(super) fn new(method: Method, url: Url, asked: Asked) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Outgoing::Nothing, asked, also_reads: None }
    }

    /// The same request at another place.
    pub(super) fn at(&self, url: &Url) -> Self {
        Self { url: url.clone(), ..self.clone() }
    }

    /// Whether it only reads.
    pub(super) fn is_safe(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

impl fmt::Display for Call<'_> {
    /// Method and path, as far as it is ours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, shown_path(&self.url))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry => f.write_str("registry"),
            Self::Repository => f.write_str("repository"),
            Self::Manifest(ManifestName::Tag(tag)) => write!(f, "tag `{tag}`"),
            Self::Manifest(ManifestName::Digest(digest)) => write!(f, "manifest {digest}"),
            Self::Blob(digest) => write!(f, "blob {digest}"),
        }
    }
}
