//! What every request has: an id, and somebody who asks.

use std::convert::Infallible;
use std::sync::Arc;

use aisoc_context::Caller;
use aisoc_manifests::stated_reason::StatedReason;
use axum::Extension;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::listening::Way;
use super::login::Admitted;
use super::metrics::Metrics;
use super::names::{refuse_pages, require_ours};
use super::problem::Problem;
use crate::asker::{Actor, Asker, RequestId};

/// By which a client names its request, and is told which one it was.
const ID: HeaderName = HeaderName::from_static("x-request-id");
/// In which a client says why it asks for a change.
const REASON: HeaderName = HeaderName::from_static("x-reason");

/// Before anything of a request is looked at but its head; and behind it, where what went wrong is written down.
pub(super) async fn guard(
    State(metrics): State<Arc<Metrics>>,
    Extension(way): Extension<Way>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    let id = given(&head.headers);
    let (method, path) = (head.method.clone(), head.extensions.get::<MatchedPath>().cloned());
    let asked = require_ours(&head, &way).and_then(|()| refuse_pages(&head.headers));
    let (id, asked) = match id.map_or_else(RequestId::generate, Ok) {
        Ok(id) => (Some(id), asked),
        Err(fault) => {
            (None, asked.and(Err(Problem::of(StatusCode::SERVICE_UNAVAILABLE, fault.reason(), fault.to_string()))))
        }
    };
    head.extensions.insert(id.clone());
    let mut response = match asked {
        Ok(()) => next.run(Request::from_parts(head, body)).await,
        Err(problem) => problem.response(id.as_ref()),
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.response(id.as_ref());
    }
    metrics.answered(&method, path.as_ref(), response.status());
    if let Some(value) = id.and_then(|id| HeaderValue::from_str(id.as_str()).ok()) {
        response.headers_mut().insert(ID, value);
    }
    response
}

/// The id that a client has chosen, once; any other is none, and it is told which one it got.
fn given(headers: &HeaderMap) -> Option<RequestId> {
    let mut given = headers.get_all(ID).iter();
    let (Some(first), None) = (given.next(), given.next()) else { return None };
    first.to_str().ok()?.parse().ok()
}

/// Who asks, for a handler.
pub(super) struct Asking(pub(super) Asker);

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(Asker {
            // Where there is a login, nobody comes here without one: `Needs` has put it there.
            actor: head.extensions.get().cloned().unwrap_or(Actor::Development),
            request_id: head.extensions.get().cloned().flatten(),
            reason: reason(&head.headers)?,
        }))
    }
}

/// Who calls a plugin.
pub(super) struct Calling(pub(super) Caller);

impl<S: Sync> FromRequestParts<S> for Calling {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let actor: Actor = head.extensions.get().cloned().unwrap_or(Actor::Development);
        let tenant = head.extensions.get().and_then(|Admitted(tenant)| tenant.clone());
        let request_id: Option<RequestId> = head.extensions.get().cloned().flatten();
        let request_id = request_id.map(|id| id.as_str().to_owned());
        Ok(Self(Caller { kind: actor.kind(), name: actor.as_str().to_owned(), tenant, request_id }))
    }
}

fn reason(headers: &HeaderMap) -> Result<Option<StatedReason>, Problem> {
    let refused = |why: String| Problem::of_request(StatusCode::BAD_REQUEST, why);
    let mut given = headers.get_all(REASON).iter();
    let (first, second) = (given.next(), given.next());
    if second.is_some() {
        return Err(refused("a request has one reason".to_owned()));
    }
    let Some(first) = first else { return Ok(None) };
    let text = std::str::from_utf8(first.as_bytes()).map_err(|_| refused("the reason is no UTF-8".to_owned()))?;
    text.parse().map(Some).map_err(|fault: aisoc_manifests::fault::Fault| refused(fault.message().to_owned()))
}
