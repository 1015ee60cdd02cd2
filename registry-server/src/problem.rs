//! `Problem`: a refusal as the specification words it, and the few forms of response.

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::printable_json;
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};
use serde_json::json;

use super::body::{Body, full};

/// The outcome of a request.
pub(super) type Answered = Result<Response<Body>, Problem>;

/// A refusal: status, code, words.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "the operation is not supported")
    }

    pub(super) fn busy() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "too many documents at a time: try again")
    }

    pub(super) fn unknown_repository(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", format!("there is no repository `{name}`"))
    }

    pub(super) fn unknown_manifest(name: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", format!("there is no manifest `{name}`"))
    }

    pub(super) fn unknown_blob(digest: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", format!("there is no blob {digest}"))
    }

    pub(super) fn unknown_upload() -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "there is no such upload")
    }

    pub(super) fn bad_digest(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message)
    }

    pub(super) fn bad_manifest(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", message)
    }

    pub(super) fn response(&self) -> Response<Body> {
        let body = json!({ "errors": [{ "code": self.code, "message": self.message }] }).to_string();
        json(self.status, printable_json(&body).into_owned().into_bytes())
    }
}

impl From<Fault> for Problem {
    /// What went wrong on our side. Paths stay here: a client has no business with them.
    fn from(fault: Fault) -> Self {
        match fault.reason() {
            Reason::PullFailed => Self::bad_digest(fault.message()),
            Reason::IoNoSpace => Self::new(StatusCode::INSUFFICIENT_STORAGE, "UNKNOWN", "the store is full"),
            reason => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", format!("the store cannot be used ({reason})"))
            }
        }
    }
}

/// A JSON response.
pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    typed(status, "application/json", body)
}

/// A response with a body of that type.
pub(super) fn typed(status: StatusCode, media_type: &str, body: Vec<u8>) -> Response<Body> {
    with_headers(status, &[(CONTENT_TYPE.as_str(), media_type.to_owned())], full(body))
}

/// A response with those headers. Values that are none are left out: ours are made of digests,
/// validated names and numbers, and a stored media type was a header once.
pub(super) fn with_headers(status: StatusCode, headers: &[(&'static str, String)], body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}
