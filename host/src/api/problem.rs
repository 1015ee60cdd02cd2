//! `Problem`: what is answered to a request that is not served.

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_pipeline::documents::RefusedRequest;
use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::places::NoPlace;
use crate::asker::RequestId;
use crate::found::reason_of;
use crate::refusal::Refusal;

/// When whoever found the host busy may ask again, in seconds: most of what it is busy with is over then.
const SOON: HeaderValue = HeaderValue::from_static("1");

/// A status, and why.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    reason: Reason,
    detail: String,
}

impl Problem {
    /// About the request itself.
    pub(super) fn of_request(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, reason: Reason::Usage, detail: detail.into() }
    }

    /// As somebody else says it.
    pub(super) fn of(status: StatusCode, reason: Reason, detail: String) -> Self {
        Self { status, reason, detail }
    }

    /// That the host has no room for it now.
    pub(super) fn busy() -> Self {
        let detail = "as many requests are served as may be at a time".to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, reason: Reason::HostBusy, detail }
    }

    /// That a plugin is called, or that somebody calls, as often as may be at a time.
    fn shared_out(whose: &str) -> Self {
        let detail = format!("as many calls {whose} wait as may at a time, or for as long as they may");
        Self { detail, ..Self::busy() }
    }

    /// That what was answered should never be.
    pub(super) fn bug() -> Self {
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, Reason::Internal, "the host has a bug".to_owned())
    }

    /// What keeps the host from doing something, whoever asks for it.
    pub(super) fn of_host(fault: &Fault) -> Self {
        Self { status: status_of_host(fault), ..Self::of_fault(fault) }
    }

    /// Of whoever looks at a plugin, switches it or lets it go.
    pub(super) fn of_plugin(id: &str, refusal: &Refusal) -> Self {
        let (status, detail) = match refusal {
            Refusal::Unknown => (StatusCode::NOT_FOUND, format!("Plugin '{id}' not found")),
            Refusal::Denied(_) => (StatusCode::FORBIDDEN, said(id, refusal)),
            Refusal::NotNow(state) => (StatusCode::CONFLICT, format!("Plugin '{id}' is {state}")),
            Refusal::OtherType { .. } | Refusal::Plugin(_) | Refusal::Unasked { .. } => {
                (StatusCode::BAD_REQUEST, said(id, refusal))
            }
            Refusal::Host(_) => (StatusCode::INTERNAL_SERVER_ERROR, said(id, refusal)),
        };
        Self { status, reason: refusal.reason(), detail }
    }

    /// Of a reload, which is refused in one way.
    pub(super) fn of_reload(id: &str, refusal: &Refusal) -> Self {
        let status = match refusal {
            Refusal::Host(fault) => status_of_host(fault),
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, reason: refusal.reason(), detail: said(id, refusal) }
    }

    /// Of what a policy denies.
    pub(super) fn of_denial(fault: &Fault) -> Self {
        Self { status: StatusCode::FORBIDDEN, ..Self::of_fault(fault) }
    }

    /// Of what is refused, whoever says it.
    pub(super) fn of_fault(fault: &Fault) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason: fault.reason(), detail: reason_of(fault) }
    }

    /// Of a change of what is on the disk, which is refused in one way.
    pub(super) fn of_change(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Denied(fault) | Refusal::Plugin(fault) | Refusal::Unasked { fault, .. } => Self::of_fault(fault),
            Refusal::Host(fault) => Self::of_host(fault),
            Refusal::Unknown | Refusal::NotNow(_) | Refusal::OtherType { .. } => {
                Self { status: StatusCode::BAD_REQUEST, reason: refusal.reason(), detail: refusal.words() }
            }
        }
    }

    /// Of a hook that is fired: there is none of that name, it is fired otherwise than it is, or a handler ends it.
    pub(super) fn of_firing(fault: &Fault) -> Self {
        let status = match fault.reason() {
            Reason::HookNotFound => StatusCode::NOT_FOUND,
            Reason::ExecutionFailed => StatusCode::UNPROCESSABLE_ENTITY,
            Reason::HostBusy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, ..Self::of_fault(fault) }
    }

    /// Of a call, whatever is wrong with the plugin.
    pub(super) fn of_call(id: &str, refusal: &Refusal) -> Self {
        let status = match refusal {
            Refusal::Denied(_) => StatusCode::FORBIDDEN,
            Refusal::Host(_) => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self { status, reason: refusal.reason(), detail: said(id, refusal) }
    }
}

/// Whether the host has no room for it now, or cannot.
fn status_of_host(fault: &Fault) -> StatusCode {
    match fault.reason() {
        Reason::HostBusy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// As hosts say it: the plugin, then what is wrong.
fn said(id: &str, refusal: &Refusal) -> String {
    format!("[{id}] {}", refusal.words())
}

impl Problem {
    /// The answer to the request of that id.
    pub(super) fn response(self, id: Option<&RequestId>) -> Response {
        let Self { status, reason, detail } = self;
        let request_id = id.map(|id| id.as_str().to_owned());
        let said = RefusedRequest { detail, reason_code: reason.as_str(), request_id };
        let mut response = (status, Json(said)).into_response();
        if reason == Reason::HostBusy {
            response.headers_mut().insert(RETRY_AFTER, SOON);
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<NoPlace> for Problem {
    fn from(none: NoPlace) -> Self {
        match none {
            NoPlace::All => Self::busy(),
            NoPlace::OfOne(one) => Self::shared_out(one),
            NoPlace::OfToken => Self::shared_out("by this token"),
        }
    }
}

/// Written down where the id of the request is known: see `guard`.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
