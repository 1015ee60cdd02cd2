//! Responses: the few forms of them, and the bodies that are sent.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::fault::Fault;
use aisoc_manifests::text::printable_json;
use aisoc_registry_client::layout::StoredBlob;
use aisoc_registry_client::storage::file_stream;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::json;
use tempfile::tempfile_in;

use crate::options::IN_MEMORY_BYTES;
use crate::problem::Problem;

/// The body of a response.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The outcome of a request.
pub(crate) type Answered = Result<Response<Body>, Problem>;

impl Problem {
    /// The error body of the specification. What a client sent is in the message, so it is escaped: it ends
    /// up in the terminal of whoever ran the client.
    pub(crate) fn response(&self) -> Response<Body> {
        let body = json!({ "errors": [{ "code": self.code.as_str(), "message": self.message }] }).to_string();
        let mut response = json(self.status, printable_json(&body).into_owned().into_bytes());
        if let Some(allowed) = self.allowed {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        }
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A JSON response.
pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    typed(status, "application/json", body)
}

/// A response with a body of that type.
pub(crate) fn typed(status: StatusCode, media_type: &str, body: Vec<u8>) -> Response<Body> {
    with_headers(status, &[(CONTENT_TYPE.as_str(), media_type.to_owned())], full(body))
}

/// A response with those headers. Values that are none are left out: ours are made of digests,
/// validated names and numbers, and a stored media type was a header once.
pub(crate) fn with_headers(status: StatusCode, headers: &[(&'static str, String)], body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}

/// A body of known bytes.
pub(crate) fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

/// A document on its way out. A large one waits in a file without a name, however long its reader takes.
pub(crate) fn document(bytes: Vec<u8>, scratch: &Path) -> Result<Body, Fault> {
    if bytes.len() <= IN_MEMORY_BYTES {
        return Ok(full(bytes));
    }
    let written = tempfile_in(scratch).and_then(|mut file| file.write_all(&bytes).map(|()| file));
    let file = Arc::new(written.map_err(|error| Fault::io("write in", scratch, error))?);
    let size = bytes.len() as u64;
    Ok(part(StoredBlob { file, offset: 0, size }, 0, size))
}

/// No body.
pub(crate) fn empty() -> Body {
    full(Vec::new())
}

/// `length` bytes of a blob from `start` on, read as the client takes them. A file that became shorter ends
/// the body early, which breaks the connection: the client sees that it was cut.
pub(crate) fn part(blob: StoredBlob, start: u64, length: u64) -> Body {
    let chunks = file_stream(blob.file, blob.offset + start, length);
    StreamBody::new(chunks.map_ok(Frame::data).map(|frame| frame.map_err(io::Error::other))).boxed_unsync()
}
