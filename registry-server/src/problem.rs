//! `Problem`: a refusal as the specification words it ("Error codes").
//!
//! Clients act on the status and, some of them, on the code; the message is for a person who reads a log. It
//! may repeat what was asked, and never where anything is on the disk.

use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason};
use hyper::StatusCode;

use crate::code::Code;

/// How clients log in: a name and a password, or a token in its place (RFC 7617, 2 and 2.1).
const CHALLENGE: &str = "Basic realm=\"aisoc-registry\", charset=\"UTF-8\"";

/// A refusal: status, code, words.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: Code,
    pub(crate) message: String,
    /// The methods that there are, when it is the method that is refused.
    pub(crate) allowed: Option<&'static str>,
    /// What would be let in, when nothing was shown that is (RFC 9110, 11.6.1).
    pub(crate) challenge: Option<&'static str>,
    /// When to come back, in seconds (RFC 9110, 10.2.3).
    pub(crate) retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), allowed: None, challenge: None, retry_after: None }
    }

    /// 405, which names the methods that there are (RFC 9110, 15.5.6).
    pub(crate) fn method(allowed: &'static str) -> Self {
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, "the operation is not supported");
        Self { allowed: Some(allowed), ..problem }
    }

    /// 405 for a write to a registry that takes none.
    pub(crate) fn read_only() -> Self {
        let problem = Self::method("GET, HEAD");
        Self { message: "this registry is read-only: it takes nothing".to_owned(), ..problem }
    }

    /// 429, for which the specification has a code (`code-14`); clients wait and come back.
    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests, "too many documents at a time: try again")
    }

    /// 429 for whoever was wrong about who they are too often, with when the next attempt is looked at.
    pub(crate) fn wait(until: Duration) -> Self {
        let message = "too many attempts to log in from there: wait, and show the right password";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests, message);
        Self { retry_after: Some(until.as_secs() + 1), ..problem }
    }

    /// 401 for whoever has shown nothing, or nothing that proves who they are: which of the two, and whether there is
    /// somebody of that name, is not said.
    pub(crate) fn unauthorized() -> Self {
        let message = "log in with a user's password or with a token of this registry";
        Self { challenge: Some(CHALLENGE), ..Self::new(StatusCode::UNAUTHORIZED, Code::Unauthorized, message) }
    }

    /// 403 for whoever is known and may not do that.
    pub(crate) fn denied(action: &str, repository: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, Code::Denied, format!("you may not {action} in `{repository}`"))
    }

    /// 404 for a path that is none of this registry's.
    pub(crate) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::Unsupported, "this registry has no such path")
    }

    pub(crate) fn unknown_repository(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::NameUnknown, format!("there is no repository `{name}`"))
    }

    pub(crate) fn unknown_manifest(name: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::ManifestUnknown, format!("there is no manifest `{name}`"))
    }

    pub(crate) fn unknown_blob(digest: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::BlobUnknown, format!("there is no blob {digest}"))
    }

    pub(crate) fn unknown_upload() -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::BlobUploadUnknown, "there is no such upload")
    }

    pub(crate) fn bad_digest(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::DigestInvalid, message)
    }

    pub(crate) fn bad_name(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::NameInvalid, message)
    }

    pub(crate) fn bad_manifest(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::ManifestInvalid, message)
    }
}

impl From<Fault> for Problem {
    /// What went wrong on our side. Paths stay here: a client has no business with them.
    fn from(fault: Fault) -> Self {
        match fault.reason() {
            // What was sent is not what its digest says.
            Reason::PullFailed => Self::bad_digest(fault.message()),
            Reason::InvalidReference => Self::bad_name(fault.message()),
            // 507 and not 500: trying again is no use, and no bug is to be looked for.
            Reason::IoNoSpace => Self::new(StatusCode::INSUFFICIENT_STORAGE, Code::Unsupported, "the store is full"),
            // The reason's code is for whoever runs the registry; the fault's message would name a path.
            reason => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                Code::Unsupported,
                format!("the store cannot be used ({reason})"),
            ),
        }
    }
}
