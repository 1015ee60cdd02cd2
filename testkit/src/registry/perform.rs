//! The script performed: each way to misbehave, done to the right answer.

use std::io;

use aisoc_registry_server::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response};

use super::answers::{answer, chunks, drained, drip, full, oci_error, set};
use super::script::Act;
use super::state::Shared;

/// No answer at all: the connection is closed.
pub(super) type Reply = Result<Response<Body>, io::Error>;

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
        match act {
            None => Ok(self.registry.answer(request).await),
            Some(Act::Status(status)) => Ok(drained(request, answer(status, &[], oci_error("TOOBAD"))).await),
            Some(Act::Answer(status, headers, body)) => Ok(drained(request, answer(status, &headers, body)).await),
            Some(Act::Html) => {
                let headers = [("content-type", "text/html; charset=utf-8".to_owned())];
                let page = b"<!doctype html><title>Log in</title>".to_vec();
                Ok(drained(request, answer(200, &headers, page)).await)
            }
            Some(Act::RedirectElsewhere) => {
                let location = format!("{elsewhere}{}", request.uri());
                Ok(drained(request, answer(307, &[("location", location)], vec![])).await)
            }
            Some(Act::RedirectTo(location)) => {
                Ok(drained(request, answer(307, &[("location", location)], vec![])).await)
            }
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
