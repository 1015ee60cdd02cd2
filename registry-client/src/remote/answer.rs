//! `Answer`: what a registry sent back, bounded, and its refusals as faults.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Tag;
use aisoc_manifests::text::shown;
use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LINK};
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::Remote;
use super::send::Call;
use super::wire::{BodyError, same_origin};
use crate::limits::MAX_ERROR_BYTES;
use crate::storage::Manifest;

/// Most characters of a registry's own words that are shown.
const MAX_SHOWN: usize = 300;

/// An answer whose body is still to come.
#[derive(Debug)]
pub(super) struct Answer {
    response: Response,
    remote: Remote,
    /// When the last byte must be here, if it is a document.
    ends: Instant,
}

impl Answer {
    pub(super) fn new(response: Response, remote: Remote, ends: Instant) -> Self {
        Self { response, remote, ends }
    }

    pub(super) fn ending(self, ends: Instant) -> Self {
        Self { ends, ..self }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub(super) fn url(&self) -> &Url {
        self.response.url()
    }

    pub(super) fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// `Content-Type` without its parameters.
    pub(super) fn media_type(&self) -> Option<String> {
        let text = self.header(CONTENT_TYPE)?;
        let kind = text.split(';').next().unwrap_or(text).trim().to_ascii_lowercase();
        (!kind.is_empty()).then_some(kind)
    }

    /// The digest that the registry claims.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.header("docker-content-digest")?.parse().ok()
    }

    /// The length that the registry claims; reqwest's own accessor answers 0 for HEAD.
    pub(super) fn length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.parse().ok()
    }

    /// The answer if it is a 2xx and no web page; the refusal as a fault otherwise.
    pub(super) async fn success(self, call: &Call<'_>) -> Result<Self> {
        if !self.status().is_success() {
            return Err(self.refusal(call).await);
        }
        if self.media_type().is_some_and(|kind| kind == "text/html") {
            return Err(protocol(call, "answered with a web page")
                .hint("check the host: a login page, a proxy or another web server answers there, not a registry"));
        }
        // CVE-2024-29903: a body that grows when it is decoded, under a digest of something else.
        if self.header(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(protocol(call, "compressed its answer, which was asked to be sent as it is"));
        }
        Ok(self)
    }

    /// The whole body, when it is at most `max_bytes`.
    pub(super) async fn bytes(mut self, max_bytes: u64) -> Result<Vec<u8>> {
        let (body, cut) = self.read(max_bytes).await;
        let shown = || format!("`{}`", super::wire::authority(self.url()));
        match cut {
            None if body.len() as u64 > max_bytes => {
                Err(Fault::new(Reason::RegistryProtocol, format!("{} sends more than any document needs", shown()))
                    .expected(format!("at most {max_bytes} bytes"), "more"))
            }
            None => Ok(body),
            Some(BodyError::Silent) => {
                let message = format!("{} did not send a whole answer", shown());
                Err(self.remote.0.wire.late(&message, self.remote.0.options.limits.exchange))
            }
            Some(BodyError::Overdue(fault)) => Err(fault),
            Some(BodyError::Cut(source)) => {
                Err(Fault::new(Reason::RegistryUnavailable, format!("{} sent less than it announced", shown()))
                    .caused_by(source))
            }
        }
    }

    /// At most one chunk more than `max_bytes`, and why it stopped if that was not the end. Bounded
    /// in time too: a byte a second never falls silent.
    async fn read(&mut self, max_bytes: u64) -> (Vec<u8>, Option<BodyError>) {
        let mut body = Vec::new();
        while body.len() as u64 <= max_bytes {
            match timeout_at(self.ends, self.remote.0.wire.chunk(&mut self.response)).await {
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return (body, Some(error)),
                Err(_) => return (body, Some(BodyError::Silent)),
            }
        }
        (body, None)
    }

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.remote.0.wire.chunk(&mut self.response).await
    }

    /// The refusal as a fault, with the registry's own words.
    pub(super) async fn refusal(mut self, call: &Call<'_>) -> Fault {
        let status = self.status();
        let (body, _) = self.read(MAX_ERROR_BYTES).await;
        let told = told(&body);
        let registry = super::wire::authority(&call.url);
        let asked = format!("{} {}", call.method, call.url.path());
        let suffix = told.as_ref().map(|told| format!(": {}", told.text)).unwrap_or_default();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                self.remote.0.auth.denial(format!("`{registry}` answered {status} to {asked}{suffix}"))
            }
            StatusCode::NOT_FOUND => {
                let unnamed = told.is_some_and(|told| told.code == "NAME_UNKNOWN");
                let repository = call.repository();
                let message = if unnamed || call.what == "repository" {
                    format!("`{registry}` has no repository `{repository}` (404 to {asked})")
                } else {
                    format!("`{registry}` has no {} in `{repository}` (404 to {asked})", call.what)
                };
                Fault::new(Reason::ReferenceNotFound, message)
            }
            status if super::send::is_transient(status) => {
                Fault::new(Reason::RegistryUnavailable, format!("`{registry}` answered {status} to {asked}{suffix}"))
            }
            status => protocol(call, &format!("answered {status}{suffix}")),
        }
    }

    /// The URL of the next page, which must be at the same origin.
    pub(super) fn next_page(&self, call: &Call<'_>) -> Result<Option<Url>> {
        let Some(link) = self.header(LINK) else {
            return Ok(None);
        };
        let target = link.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(target, _)| target);
        match target.and_then(|target| call.url.join(target).ok()) {
            Some(next) if same_origin(&next, &call.url) => Ok(Some(next)),
            _ => Err(protocol(call, "names a next page that is not its own")),
        }
    }
}

impl Call<'_> {
    fn repository(&self) -> &str {
        let path = self.url.path().strip_prefix("/v2/").unwrap_or_default();
        let end = ["/manifests/", "/blobs/", "/tags/"].iter().filter_map(|part| path.rfind(part)).max();
        &path[..end.unwrap_or(path.len())]
    }
}

/// A fault for an answer that no registry gives.
pub(super) fn protocol(call: &Call<'_>, what: &str) -> Fault {
    let registry = super::wire::authority(&call.url);
    Fault::new(Reason::RegistryProtocol, format!("`{registry}` {what} to {} {}", call.method, call.url.path()))
}

/// A manifest whose own `mediaType` and whose `Content-Type` differ is read as two things by two
/// clients (CVE-2021-41190).
pub(super) fn one_type(call: &Call<'_>, manifest: Manifest) -> Result<Manifest> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: Option<String>,
    }
    let own = serde_json::from_slice::<Typed>(manifest.bytes()).ok().and_then(|typed| typed.media_type);
    match own {
        Some(own) if manifest.media_type().starts_with("application/vnd.") && own != manifest.media_type() => {
            Err(protocol(call, "gives a manifest another type than it gives itself")
                .expected(shown(&own, 120), shown(manifest.media_type(), 120)))
        }
        _ => Ok(manifest),
    }
}

/// The tags of one page.
pub(super) fn tags(call: &Call<'_>, body: &[u8]) -> Result<Vec<Tag>> {
    #[derive(Deserialize)]
    struct Page {
        // Some registries write `null` for none.
        tags: Option<Vec<String>>,
    }
    let page: Page = serde_json::from_slice(body)
        .map_err(|source| protocol(call, "sent a list of tags that cannot be read").caused_by(source))?;
    page.tags.unwrap_or_default().iter().map(|tag| tag.parse()).collect()
}

/// What a registry said about its refusal.
struct Told {
    code: String,
    text: String,
}

/// The first error of an OCI error body, made safe for a terminal: control characters and the
/// characters that reorder text are escaped (Trojan Source, CVE-2021-42574), and it is cut.
fn told(body: &[u8]) -> Option<Told> {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        code: String,
        #[serde(default)]
        message: Option<String>,
    }
    let first = serde_json::from_slice::<Errors>(body).ok()?.errors.into_iter().next()?;
    let whole = match first.message.filter(|message| !message.is_empty()) {
        Some(message) => format!("{}: {message}", first.code),
        None => first.code.clone(),
    };
    Some(Told { code: first.code, text: shown(&whole, MAX_SHOWN) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_words_cannot_move_the_cursor() {
        let body = br#"{"errors":[{"code":"DENIED","message":"no\u001b[2J\u202e\nway, it's \"me\""}]}"#;
        assert_eq!(told(body).expect("read").text, "DENIED: no\\u{1b}[2J\\u{202e}\\u{a}way, it's \"me\"");
        let long = format!(r#"{{"errors":[{{"code":"{}"}}]}}"#, "x".repeat(10_000));
        assert_eq!(told(long.as_bytes()).expect("read").text.chars().count(), MAX_SHOWN + 1);
        assert!(told(b"<html>").is_none());
    }
}
