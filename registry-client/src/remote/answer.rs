//! `Answer`: what a registry sent back, bounded in bytes and in time.

use std::sync::Arc;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use bytes::Bytes;
use reqwest::header::{AsHeaderName, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode, Url};
use tokio::time::{Instant, timeout_at};

use super::broken::BodyError;
use super::call::Call;
use super::connection::Connection;
use super::origin::authority;
use super::refusal::{Refused, protocol};
use super::status::{Place, Standing};
use crate::limits::MAX_ERROR_BYTES;

/// An answer whose body is still to come.
#[derive(Debug)]
pub(super) struct Answer {
    response: Response,
    connection: Arc<Connection>,
    /// When the last byte must be here, if it is a document.
    ends: Instant,
    /// Who sent it.
    place: Place,
}

impl Answer {
    pub(super) fn new(response: Response, connection: Arc<Connection>, ends: Instant) -> Self {
        Self { response, connection, ends, place: Place::Registry }
    }

    /// With the end of the exchange that it is the answer to, which began before its first try.
    pub(super) fn ending(self, ends: Instant) -> Self {
        Self { ends, ..self }
    }

    /// As the answer of a place that the registry led to.
    pub(super) fn sent_from_elsewhere(self) -> Self {
        Self { place: Place::Elsewhere, ..self }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// What the status says.
    pub(super) fn standing(&self) -> Standing {
        Standing::of(self.status())
    }

    /// Who sent it: the registry, or a place that it led to.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Where it comes from. What is relative in it is relative to this.
    pub(super) fn url(&self) -> &Url {
        self.response.url()
    }

    /// A header as text; one that is no ASCII is none. Of several lines of one name the first counts.
    pub(super) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// `Content-Type` without its parameters, in lower case as types compare (RFC 9110, 8.3.1).
    pub(super) fn media_type(&self) -> Option<String> {
        let text = self.header(CONTENT_TYPE)?;
        let kind = text.split(';').next().unwrap_or(text).trim().to_ascii_lowercase();
        (!kind.is_empty()).then_some(kind)
    }

    /// The digest that the registry claims. Good for asking again by it, and for nothing that is decided.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.header("docker-content-digest")?.parse().ok()
    }

    /// The length that the registry claims; reqwest's own accessor answers 0 for HEAD. It is compared with
    /// what was promised, and what comes is counted all the same.
    pub(super) fn length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.parse().ok()
    }

    /// The answer if it is a 2xx; the refusal as a fault otherwise. What was asked is done by then, whatever
    /// type the answer says it has: some registries call an empty one a web page.
    pub(super) async fn success(self, call: &Call<'_>) -> Result<Self> {
        match self.standing() {
            Standing::Done => Ok(self),
            _ => Err(self.refusal(call).await),
        }
    }

    /// What a HEAD says: the answer if it is a yes, nothing if it says nothing, and the fault of a registry that
    /// serves nobody now, or not us. A HEAD only saves work: a store that signs its URLs for GET alone, or a
    /// registry without HEAD, has said nothing.
    pub(super) async fn known(self, call: &Call<'_>) -> Result<Option<Self>> {
        match (self.standing(), self.place()) {
            (Standing::Done, _) => Ok(Some(self)),
            (Standing::Denied | Standing::Later, Place::Registry) => Err(self.refusal(call).await),
            _ => Ok(None),
        }
    }

    /// The whole document that a 2xx holds, when it is at most `max_bytes`.
    pub(super) async fn document(self, call: &Call<'_>, max_bytes: u64) -> Result<Vec<u8>> {
        let answer = self.success(call).await?;
        // A proxy's login page comes with 200, too, and would be hashed and called a damaged manifest.
        if answer.is_web_page() {
            return Err(answer.no_registry(call));
        }
        if answer.is_compressed() {
            return Err(answer.compressed(call));
        }
        answer.bytes(max_bytes).await
    }

    pub(super) fn is_web_page(&self) -> bool {
        self.media_type().is_some_and(|kind| kind == "text/html")
    }

    /// CVE-2024-29903: a body that grows when it is decoded, under a digest of something else. We ask for
    /// `identity`, so a coding is what nobody asked for. `aws-chunked` is none: it is how the bytes once came
    /// to their store, which S3 repeats when they leave it.
    pub(super) fn is_compressed(&self) -> bool {
        let is_coding = |name: &str| !matches!(name, "" | "identity" | "aws-chunked");
        let codings = self.headers().get_all(CONTENT_ENCODING).iter();
        codings
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .any(|name| is_coding(name.trim()))
    }

    pub(super) fn compressed(&self, call: &Call<'_>) -> Fault {
        protocol(call, "compressed its answer, which was asked to be sent as it is")
    }

    pub(super) fn no_registry(&self, call: &Call<'_>) -> Fault {
        protocol(call, "answered with a web page")
            .hint("check the host: a login page, a proxy or another web server answers there, not a registry")
    }

    /// The fault of a success that is none of those that the request has.
    pub(super) fn unexpected(&self, call: &Call<'_>) -> Fault {
        if self.is_web_page() { self.no_registry(call) } else { protocol(call, &format!("answered {}", self.status())) }
    }

    /// The whole body, when it is at most `max_bytes`.
    async fn bytes(mut self, max_bytes: u64) -> Result<Vec<u8>> {
        let (body, cut) = self.read(max_bytes).await;
        match cut {
            None if body.len() as u64 > max_bytes => {
                let message = format!("`{}` sends more than any document needs", authority(self.url()));
                let fault = Fault::new(Reason::RegistryProtocol, message);
                Err(fault.expected(format!("at most {max_bytes} bytes"), "more"))
            }
            None => Ok(body),
            Some(error) => Err(self.unfinished(error)),
        }
    }

    /// The fault of a document that ended before its end.
    /// Never a shorter document: half a list of tags would be the answer that a tag is free.
    fn unfinished(&self, error: BodyError) -> Fault {
        let place = authority(self.url());
        match error {
            BodyError::Silent => {
                let message = format!("`{place}` did not send a whole answer");
                self.connection.wire.late(&message, self.connection.wire.longest_exchange())
            }
            BodyError::Overdue(fault) => fault,
            BodyError::Cut(source) => {
                let message = format!("`{place}` sent less than it announced");
                Fault::new(Reason::RegistryUnavailable, message).caused_by(source)
            }
        }
    }

    /// At most one chunk more than `max_bytes`, and why it stopped if that was not the end. Bounded
    /// in time too: a byte a second never falls silent.
    async fn read(&mut self, max_bytes: u64) -> (Vec<u8>, Option<BodyError>) {
        // Grown as bytes come: a `Content-Length` of gigabytes takes no memory for nothing.
        let mut body = Vec::new();
        while body.len() as u64 <= max_bytes {
            match timeout_at(self.ends, self.connection.wire.chunk(&mut self.response)).await {
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return (body, Some(error)),
                Err(_) => return (body, Some(BodyError::Silent)),
            }
        }
        (body, None)
    }

    /// The next bytes of a body that is no document: a blob, which has limits of its own.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.connection.wire.chunk(&mut self.response).await
    }

    /// The refusal as a fault, with the registry's own words.
    pub(super) async fn refusal(self, call: &Call<'_>) -> Fault {
        self.refused(call).await.0
    }

    /// The refusal as a fault, and its error code. A body that breaks off says what it said.
    pub(super) async fn refused(mut self, call: &Call<'_>) -> (Fault, Option<String>) {
        let (body, _) = self.read(MAX_ERROR_BYTES).await;
        let refused = Refused { status: self.status(), place: self.place, url: self.url(), body: &body };
        refused.fault(&self.connection, call)
    }
}
