//! The script performed: each way to misbehave, done to the right answer.

use std::io;

use aisoc_registry_server::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, StatusCode};

use super::answers::{answer, broken, chunks, drained, drip, full, length, oci_error, set};
use super::script::{Act, Side};
use super::state::{Seen, Shared};

/// No answer at all: the connection is closed.
pub(super) type Reply = Result<Response<Body>, io::Error>;

impl Shared {
    /// What the script says about the request, if anything.
    pub(super) fn act(&self, side: Side, method: &Method, path: &str) -> Option<Act> {
        let mut state = self.state();
        let rule = state.rules.iter_mut().find(|rule| {
            let is_meant = rule.method.as_ref().is_none_or(|only| only == method) && path.contains(&rule.path);
            rule.times > 0 && rule.side == side && is_meant
        })?;
        rule.times -= 1;
        Some(rule.act.clone())
    }

    /// The rule of the token service alone: those for the registry's requests do not mean it.
    pub(super) fn token_act(&self, seen: &Seen) -> Option<Act> {
        let is_ruled = self.state().rules.iter().any(|rule| rule.path == seen.path && rule.times > 0);
        let method = seen.method.parse().expect("a method");
        is_ruled.then(|| self.act(Side::Home, &method, &seen.path)).flatten()
    }

    /// The status for whoever shows no login, if the script hides that path.
    pub(super) fn hidden(&self, path: &str) -> Option<u16> {
        self.state().rules.iter().find_map(|rule| match rule.act {
            Act::HiddenFromNobody(status) if path.contains(&rule.path) => Some(status),
            _ => None,
        })
    }

    pub(super) async fn perform(&self, act: Option<Act>, mut request: Request<Incoming>) -> Reply {
        let elsewhere = format!("http://{}/elsewhere", self.state().elsewhere);
        match act {
            None | Some(Act::HiddenFromNobody(_)) => Ok(self.registry.answer(request).await),
            Some(Act::Status(status)) => Ok(drained(request, answer(status, &[], oci_error("TOOBAD"))).await),
            Some(Act::Answer(status, headers, body)) => Ok(drained(request, answer(status, &headers, body)).await),
            Some(Act::Html) => {
                let headers = [("content-type", "text/html; charset=utf-8".to_owned())];
                let page = b"<!doctype html><title>Log in</title>".to_vec();
                Ok(drained(request, answer(200, &headers, page)).await)
            }
            Some(Act::RedirectElsewhere) => Ok(redirected(request, 307, &elsewhere).await),
            Some(Act::RedirectElsewhereWith(status)) => Ok(redirected(request, status, &elsewhere).await),
            Some(Act::RedirectHome) => Ok(redirected(request, 307, "").await),
            Some(Act::RedirectTo(location)) => {
                Ok(drained(request, answer(307, &[("location", location)], vec![])).await)
            }
            Some(Act::HangUp) => Err(io::Error::other("hung up")),
            Some(Act::Silence) => std::future::pending().await,
            Some(Act::IgnoreRange) => {
                request.headers_mut().remove(hyper::header::RANGE);
                Ok(self.registry.answer(request).await)
            }
            Some(Act::BreakBody(after)) => {
                // The answer to the part is nobody's: what was taken of it stays, as behind a broken line.
                drop(self.registry.answer(request.map(|body| broken(body, after))).await);
                Err(io::Error::other("broke off"))
            }
            Some(Act::LimitBody(most)) if length(&request) > most => {
                Ok(drained(request, answer(413, &[], oci_error("SIZE_INVALID"))).await)
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
            Act::Relabel(status) => {
                head.status = StatusCode::from_u16(status).expect("a status");
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

/// Sends a request on to the same path below `base`.
async fn redirected(request: Request<Incoming>, status: u16, base: &str) -> Response<Body> {
    let location = format!("{base}{}", request.uri());
    drained(request, answer(status, &[("location", location)], vec![])).await
}
