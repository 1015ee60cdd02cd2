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
