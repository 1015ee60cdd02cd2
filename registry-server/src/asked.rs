//! `Asked`: what a request was for, in the words of logs and figures.

use hyper::http::request::Parts;

use crate::route::Route;

/// Where figures are had.
pub(crate) const METRICS: &str = "/metrics";

/// What a request was for. Everything in it is of a grammar of ours: a path that is none of ours is not repeated.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) route: &'static str,
    pub(crate) repository: Option<String>,
    /// The tag or the digest; never the id of an upload.
    pub(crate) reference: Option<String>,
}

impl Asked {
    pub(crate) fn of(head: &Parts) -> Self {
        let path = head.uri.path();
        let Ok(route) = Route::of(path) else {
            return Self { route: if path == METRICS { "metrics" } else { "other" }, ..Self::default() };
        };
        let (word, reference) = match &route {
            Route::Version => ("version", None),
            Route::Catalog => ("catalog", None),
            Route::Manifest { name, .. } => ("manifests", Some(name.to_string())),
            Route::Blob { digest, .. } => ("blobs", Some(digest.to_string())),
            Route::BeginUpload { .. } | Route::Upload { .. } => ("uploads", None),
            Route::Tags { .. } => ("tags", None),
            Route::Referrers { digest, .. } => ("referrers", Some(digest.to_string())),
        };
        Self { route: word, repository: route.repository().map(str::to_owned), reference }
    }
}
