//! `Problem`: a refusal as the specification words it ("Error codes").
//!
//! Clients act on the status and, some of them, on the code; the message is for a person who reads a log. It
//! may repeat what was asked, and never where anything is on the disk.

use aisoc_manifests::fault::{Fault, Reason};
use hyper::StatusCode;

/// A refusal: status, code, words.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The methods that there are, when it is the method that is refused.
    pub(crate) allowed: Option<&'static str>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), allowed: None }
    }

    /// 405, which names the methods that there are (RFC 9110, 15.5.6).
    pub(crate) fn method(allowed: &'static str) -> Self {
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "the operation is not supported");
        Self { allowed: Some(allowed), ..problem }
    }

    /// 429, for which the specification has a code (`code-14`); clients wait and come back.
    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "too many documents at a time: try again")
    }

    pub(crate) fn unknown_repository(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", format!("there is no repository `{name}`"))
    }

    pub(crate) fn unknown_manifest(name: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", format!("there is no manifest `{name}`"))
    }

    pub(crate) fn unknown_blob(digest: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", format!("there is no blob {digest}"))
    }

    pub(crate) fn unknown_upload() -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "there is no such upload")
    }

    pub(crate) fn bad_digest(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message)
    }

    pub(crate) fn bad_name(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "NAME_INVALID", message)
    }

    pub(crate) fn bad_manifest(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", message)
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
            Reason::IoNoSpace => Self::new(StatusCode::INSUFFICIENT_STORAGE, "UNKNOWN", "the store is full"),
            // The reason's code is for whoever runs the registry; the fault's message would name a path.
            reason => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", format!("the store cannot be used ({reason})"))
            }
        }
    }
}
