//! Answers and bodies, right ones and those that come slowly or break off.

use std::io;
use std::time::Duration;

use aisoc_registry_server::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};

/// A body whose sender is heard out first: hanging up on it would hide the answer.
pub(super) async fn drained(request: Request<Incoming>, response: Response<Body>) -> Response<Body> {
    drop(request.into_body().collect().await);
    response
}

/// The same body, which ends in an error after so many bytes.
pub(super) fn broken(body: Incoming, after: usize) -> Body {
    let pieces = stream::try_unfold((body, after), |(mut body, left)| async move {
        let cut = || io::Error::other("cut");
        let frame = body.frame().await.filter(|_| left > 0).ok_or_else(cut)?.map_err(|_| cut())?;
        let mut bytes = frame.into_data().map_err(|_| cut())?;
        bytes.truncate(left);
        let left = left - bytes.len();
        Ok(Some((Frame::data(bytes), (body, left))))
    });
    StreamBody::new(pieces).boxed_unsync()
}

/// How long the body of a request is said to be.
pub(super) fn length<B>(request: &Request<B>) -> u64 {
    let length = request.headers().get("content-length").and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

pub(super) fn answer(status: u16, headers: &[(&'static str, String)], body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        set(response.headers_mut(), name, value);
    }
    response
}

pub(super) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.remove(name);
    if !value.is_empty() {
        headers.insert(name, value.parse().expect("a header value"));
    }
}

pub(super) fn oci_error(code: &str) -> Vec<u8> {
    format!(r#"{{"errors":[{{"code":"{code}","message":"as the script\u001b[31m says"}}]}}"#).into_bytes()
}

pub(super) fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn chunks(chunks: Vec<io::Result<Bytes>>) -> Body {
    // The pause lets the bytes before a cut arrive before the cut does.
    let spaced = stream::iter(chunks).then(|chunk| async {
        if chunk.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        chunk.map(Frame::data)
    });
    StreamBody::new(spaced).boxed_unsync()
}

pub(super) fn drip(bytes: Bytes, pause: Duration) -> Body {
    let single = stream::iter(0..bytes.len()).then(move |at| {
        let byte = bytes.slice(at..=at);
        async move {
            tokio::time::sleep(pause).await;
            Ok(Frame::data(byte))
        }
    });
    StreamBody::new(single).boxed_unsync()
}
