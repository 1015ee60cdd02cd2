//! What the registry knows: the script, the login, the tokens that it gave, and who asked what.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aisoc_registry_server as server;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderName};

use super::login::{Login, Token};
use super::script::Rule;

/// A request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// What follows the `?`.
    pub query: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `Content-Range` header.
    pub content_range: Option<String>,
    /// The `Content-Length` header.
    pub content_length: Option<String>,
}

/// What the threads of a registry share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) registry: server::Registry,
    pub(super) state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) rules: Vec<Rule>,
    pub(super) login: Login,
    pub(super) tokens: Vec<Token>,
    pub(super) seen: Vec<Seen>,
    pub(super) seen_elsewhere: Vec<Seen>,
    pub(super) address: String,
    pub(super) elsewhere: String,
}

impl Seen {
    pub(super) fn of(request: &Request<Incoming>) -> Self {
        let header = |name: HeaderName| {
            request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            authorization: header(AUTHORIZATION),
            range: header(hyper::header::RANGE),
            content_range: header(hyper::header::CONTENT_RANGE),
            content_length: header(hyper::header::CONTENT_LENGTH),
        }
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
