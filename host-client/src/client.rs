//! `HostClient`: one request to a host, within its bounds and its time.

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use aisoc_manifests::address::LOCALHOST;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_client::{Certificates, client_tls, is_of_tls, no_tls};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Response, Url};
use serde_json::Value;

use crate::answer::{no_host, read};
use crate::events::{Events, HostEvent};
use crate::place::HostPlace;
use crate::token::Token;

/// How long a connection may take to be there.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long a host may say nothing to whoever watches: it says something every fifteen seconds.
const SILENCE: Duration = Duration::from_secs(60);
/// In which a client says what it has seen.
const LAST: &str = "Last-Event-ID";
/// Most bytes of an answer: 10,000 plugins take a quarter of it.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// Most header fields of an answer.
const MAX_HEADERS: usize = 100;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// `GET`
    Look,
    /// `POST`
    Do,
    /// `DELETE`
    Remove,
}

/// One request.
#[derive(Debug)]
pub struct Request<'a> {
    /// What is asked for.
    pub act: Act,
    /// Of what: each segment of the path as it is meant, not as a URL writes it.
    pub path: &'a [&'a str],
    /// Which of it.
    pub query: &'a [(&'a str, &'a str)],
    /// What comes with it.
    pub body: Option<Value>,
}

impl<'a> Request<'a> {
    /// One that nothing comes with.
    pub fn plain(act: Act, path: &'a [&'a str]) -> Self {
        Self { act, path, query: &[], body: None }
    }
}

/// Who asks a host.
#[derive(Debug)]
pub struct HostClient {
    place: HostPlace,
    token: Option<Token>,
    patience: Duration,
    http: Client,
}

impl HostClient {
    /// Whoever shows `token`, if one is given, to the host at `place`, and waits for an answer as long as `patience`.
    ///
    /// # Errors
    /// Those of certificates that somebody has named and that cannot be used.
    pub fn new(
        place: HostPlace,
        token: Option<Token>,
        certificates: &Certificates,
        patience: Duration,
    ) -> Result<Self> {
        // Whoever names certificates is told when they cannot be used, also where nobody asks for them.
        let tls =
            if place.speaks_tls() || certificates.added.is_some() { client_tls(certificates)? } else { no_tls()? };
        let here = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
        let builder = Client::builder()
            .user_agent(concat!("aisoc/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_PATIENCE)
            .http1_only()
            .http1_max_headers(MAX_HEADERS)
            // Nothing is left to the library that would show the token to somebody else, or send anything twice.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            // Whatever a resolver makes of it.
            .resolve_to_addrs(LOCALHOST, &here)
            .tls_backend_preconfigured(tls);
        let builder = match place.socket() {
            Some(socket) => builder.unix_socket(socket),
            None => builder,
        };
        let failed = |error| Fault::new(Reason::Internal, "cannot set up HTTP").caused_by(without_url(error));
        Ok(Self { http: builder.build().map_err(failed)?, place, token, patience })
    }

    /// Where it asks.
    pub fn place(&self) -> &HostPlace {
        &self.place
    }

    /// What the host answers; `null` when it has done what was asked and has nothing to say.
    ///
    /// # Errors
    /// Whatever the host refuses, by its own reason and in its own words. `host_unavailable` when it is not there, or
    /// does not answer in time; `host_protocol` when somebody else is.
    pub async fn ask(&self, request: Request<'_>) -> Result<Value> {
        let is_change = request.act != Act::Look;
        match tokio::time::timeout(self.patience, self.exchange(request)).await {
            Ok(answered) => answered,
            Err(_) => Err(self.too_late(is_change)),
        }
    }

    /// Begins to watch what happens, behind the event `after` where one is named.
    ///
    /// # Errors
    /// As [`HostClient::ask`].
    pub async fn watch(&self, after: Option<&str>) -> Result<Watching<'_>> {
        let request = Request::plain(Act::Look, &["api", "v1", "events"]);
        let asked = tokio::time::timeout(self.patience, self.send(request, after)).await;
        let response = asked.map_err(|_| self.too_late(false))??;
        let status = response.status();
        if !status.is_success() {
            read(&self.place, status, &self.body(response).await?)?;
            return Err(no_host(&self.place, &format!("answers with {status}")));
        }
        Ok(Watching { client: self, response, events: Events::default() })
    }

    /// How long an answer is waited for.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    async fn exchange(&self, request: Request<'_>) -> Result<Value> {
        let response = self.send(request, None).await?;
        let status = response.status();
        let body = self.body(response).await?;
        read(&self.place, status, &body)
    }

    async fn send(&self, request: Request<'_>, after: Option<&str>) -> Result<Response> {
        let Request { act, path, query, body } = request;
        let mut asked = self.http.request(method(act), url(self.place.url(), path, query));
        if let Some(token) = &self.token {
            asked = asked.header(AUTHORIZATION, bearer(token)?);
        }
        if let Some(after) = after {
            asked = asked.header(LAST, after);
        }
        if let Some(body) = body {
            asked = asked.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        asked.send().await.map_err(|error| self.broken(error))
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(error))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                let what = format!("answers with more than {MAX_ANSWER_BYTES} bytes");
                return Err(no_host(&self.place, &what));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn broken(&self, error: reqwest::Error) -> Fault {
        let (reason, what) = match error.is_connect() {
            _ if is_of_tls(&error) => (Reason::HostTls, "is not taken for a host over TLS"),
            true => (Reason::HostUnavailable, "cannot be reached"),
            false => (Reason::HostUnavailable, "does not answer"),
        };
        Fault::new(reason, format!("`{}` {what}", self.place)).caused_by(without_url(error))
    }

    fn too_late(&self, is_change: bool) -> Fault {
        let seconds = self.patience.as_secs();
        let fault = Fault::new(Reason::HostUnavailable, format!("`{}` did not answer in {seconds} s", self.place));
        match is_change {
            true => fault.hint("it may be done all the same: see with `aisoc api list` before it is repeated"),
            false => fault,
        }
    }
}

/// A host that is watched.
#[derive(Debug)]
pub struct Watching<'a> {
    client: &'a HostClient,
    response: Response,
    events: Events,
}

impl Watching<'_> {
    /// What has come next; nothing where the host says no more than that it is there.
    ///
    /// # Errors
    /// `host_unavailable` once the host says nothing any more, `host_protocol` for what is no event.
    pub async fn next(&mut self) -> Result<Vec<HostEvent>> {
        let place = &self.client.place;
        let silent = || Fault::new(Reason::HostUnavailable, format!("`{place}` says nothing any more"));
        let chunk = tokio::time::timeout(SILENCE, self.response.chunk()).await.map_err(|_| silent())?;
        match chunk.map_err(|error| self.client.broken(error))? {
            Some(chunk) => self.events.take(place, &chunk),
            None => Err(silent()),
        }
    }
}

fn method(act: Act) -> Method {
    match act {
        Act::Look => Method::GET,
        Act::Do => Method::POST,
        Act::Remove => Method::DELETE,
    }
}

fn url(base: &Url, path: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().extend(path);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

/// Marked, so that the library shows it in none of its own messages.
fn bearer(token: &Token) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()))
        .map_err(|_| Fault::new(Reason::NotAuthenticated, "the token cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The place is in the message already.
fn without_url(error: reqwest::Error) -> Box<dyn Error + Send + Sync> {
    Box::new(error.without_url())
}
