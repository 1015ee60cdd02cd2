//! The script: rules, and the ways to misbehave that they name.

use std::io;
use std::time::Duration;

use aisoc_registry_server::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::{Reply, Shared};

/// A rule: what to do with requests of that method and path.
#[derive(Debug, Clone)]
pub struct Rule {
    method: Option<Method>,
    path: String,
    times: usize,
    act: Act,
}

/// One way to misbehave.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers that status with an OCI error body.
    Status(u16),
    /// Answers that status with those headers and that body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Answers 200 with a web page.
    Html,
    /// Sends other bytes of the same length.
    OtherBytes,
    /// Announces the whole body and breaks off after so many bytes.
    CutAfter(usize),
    /// Sends so many bytes, then nothing, without hanging up.
    StallAfter(usize),
    /// Sends one byte per pause.
    Drip(Duration),
    /// Sends the body and never stops.
    Endless,
    /// Answers a `Range` with the whole.
    IgnoreRange,
    /// Answers a `Range` with another one.
    WrongRange,
    /// Sends that header instead of, or besides, the right one; an empty value removes it.
    Header(&'static str, String),
    /// Redirects to the other listener, which has the same content.
    RedirectElsewhere,
    /// Redirects to that URL.
    RedirectTo(String),
    /// Opens upload sessions at the other listener.
    UploadElsewhere,
    /// Opens upload sessions at an absolute URL of its own, with a query, as other registries do.
    UploadAbsolute,
    /// Never answers.
    Silence,
}

impl Rule {
    /// Applies to every request whose path contains `path`.
    pub fn on(path: &str, act: Act) -> Self {
        Self { method: None, path: path.to_owned(), times: usize::MAX, act }
    }

    /// Applies to this method only.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.parse().expect("a method")), ..self }
    }

    /// Applies so many times.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

impl Shared {
    /// What the script says about the request, if anything.
    pub(super) fn act(&self, method: &Method, path: &str) -> Option<Act> {
        let mut state = self.state();
        let rule = state.rules.iter_mut().find(|rule| {
            rule.times > 0 && path.contains(&rule.path) && rule.method.as_ref().is_none_or(|only| only == method)
        })?;
        rule.times -= 1;
        Some(rule.act.clone())
    }

    pub(super) async fn perform(&self, act: Option<Act>, mut request: Request<Incoming>) -> Reply {
        let elsewhere = format!("http://{}/elsewhere", self.state().elsewhere);
        let path = request.uri().path().to_owned();
        match act {
            None => Ok(self.registry.answer(request).await),
            Some(Act::Status(status)) => Ok(drained(request, answer(status, &[], oci_error("TOOBAD"))).await),
            Some(Act::Answer(status, headers, body)) => Ok(drained(request, answer(status, &headers, body)).await),
            Some(Act::Html) => {
                let headers = [("content-type", "text/html; charset=utf-8".to_owned())];
                let page = b"<!doctype html><title>Log in</title>".to_vec();
                Ok(drained(request, answer(200, &headers, page)).await)
            }
            Some(Act::RedirectElsewhere) => Ok(answer(307, &[("location", format!("{elsewhere}{path}"))], vec![])),
            Some(Act::RedirectTo(location)) => Ok(answer(307, &[("location", location)], vec![])),
            Some(Act::Silence) => std::future::pending().await,
            Some(Act::IgnoreRange) => {
                request.headers_mut().remove(hyper::header::RANGE);
                Ok(self.registry.answer(request).await)
            }
            Some(act) => Ok(self.distort(act, self.registry.answer(request).await, &elsewhere).await),
        }
    }

    /// Changes a right answer into a wrong one.
    async fn distort(&self, act: Act, response: Response<Body>, elsewhere: &str) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let cut = |after: usize| bytes.slice(..after.min(bytes.len()));
        let length = HeaderValue::from(bytes.len());
        let body = match act {
            Act::OtherBytes => full(bytes.iter().map(|byte| byte ^ 1).collect()),
            Act::CutAfter(after) => {
                head.headers.insert("content-length", length);
                chunks(vec![Ok(cut(after)), Err(io::Error::other("cut"))])
            }
            Act::StallAfter(after) => {
                head.headers.insert("content-length", length);
                let stalled = stream::iter([Ok(cut(after))]).chain(stream::pending());
                StreamBody::new(stalled.map(|chunk: io::Result<Bytes>| chunk.map(Frame::data))).boxed_unsync()
            }
            Act::Drip(pause) => {
                head.headers.insert("content-length", length);
                drip(bytes, pause)
            }
            Act::Endless => {
                head.headers.remove("content-length");
                let more =
                    stream::iter([Ok(bytes)]).chain(stream::repeat_with(|| Ok(Bytes::from_static(&[0; 65_536]))));
                StreamBody::new(more.map(|chunk: io::Result<Bytes>| chunk.map(Frame::data))).boxed_unsync()
            }
            Act::WrongRange => {
                head.headers.insert("content-range", HeaderValue::from_static("bytes 1-2/3"));
                full(bytes.to_vec())
            }
            Act::Header(name, value) => {
                set(&mut head.headers, name, &value);
                full(bytes.to_vec())
            }
            Act::UploadElsewhere | Act::UploadAbsolute => {
                let own = format!("http://{}", self.state().address);
                let host = if matches!(act, Act::UploadElsewhere) { elsewhere } else { &own };
                if let Some(path) = head.headers.get("location").and_then(|path| path.to_str().ok()) {
                    let location = format!("{host}{path}?_state=a%2Bb");
                    set(&mut head.headers, "location", &location);
                }
                full(bytes.to_vec())
            }
            _ => full(bytes.to_vec()),
        };
        Response::from_parts(head, body)
    }
}

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

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.remove(name);
    if !value.is_empty() {
        headers.insert(name, value.parse().expect("a header value"));
    }
}

pub(super) fn oci_error(code: &str) -> Vec<u8> {
    format!(r#"{{"errors":[{{"code":"{code}","message":"as the script\u001b[31m says"}}]}}"#).into_bytes()
}

fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

fn chunks(chunks: Vec<io::Result<Bytes>>) -> Body {
    // The pause lets the bytes before a cut arrive before the cut does.
    let spaced = stream::iter(chunks).then(|chunk| async {
        if chunk.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        chunk.map(Frame::data)
    });
    StreamBody::new(spaced).boxed_unsync()
}

fn drip(bytes: Bytes, pause: Duration) -> Body {
    let single = stream::iter(0..bytes.len()).then(move |at| {
        let byte = bytes.slice(at..=at);
        async move {
            tokio::time::sleep(pause).await;
            Ok(Frame::data(byte))
        }
    });
    StreamBody::new(single).boxed_unsync()
}
