//! What a host answers: a value, or why not in its own words.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::place::HostPlace;

/// Most characters of what a host says that are shown.
const MAX_SHOWN: usize = 2_000;

/// What a host does not do.
#[derive(Debug, Deserialize)]
struct Refused {
    detail: String,
    reason_code: String,
}

/// What was answered with that status and body.
pub(crate) fn read(place: &HostPlace, status: StatusCode, body: &[u8]) -> Result<Value> {
    if status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    if status.is_success() {
        return serde_json::from_slice(body).map_err(|error| no_host(place, "answers with no JSON").caused_by(error));
    }
    // A status of its own says what a code does that this version does not know.
    let refused: Option<Refused> = serde_json::from_slice(body).ok();
    let Some(Refused { detail, reason_code }) = refused else {
        return Err(no_host(place, &format!("answers {status}, and not as a host does")));
    };
    let reason = Reason::from_code(&reason_code).unwrap_or_else(|| of_status(status));
    Err(Fault::new(reason, shown(&detail, MAX_SHOWN)))
}

fn of_status(status: StatusCode) -> Reason {
    match status {
        StatusCode::UNAUTHORIZED => Reason::NotAuthenticated,
        StatusCode::FORBIDDEN => Reason::PermissionMissing,
        StatusCode::NOT_FOUND => Reason::PluginNotFound,
        status if status.is_server_error() => Reason::HostUnavailable,
        _ => Reason::HostProtocol,
    }
}

/// Somebody else is there.
pub(crate) fn no_host(place: &HostPlace, what: &str) -> Fault {
    Fault::new(Reason::HostProtocol, format!("`{place}` {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Result<Value> {
        let place = "http://127.0.0.1:1".parse().expect("a place");
        read(&place, StatusCode::from_u16(status).expect("a status"), body.as_bytes())
    }

    #[test]
    fn a_refusal_is_the_hosts_own_and_what_is_none_is_nobodys() {
        assert_eq!(answered(200, "[1]").expect("a value"), serde_json::json!([1]));
        assert_eq!(answered(204, "").expect("nothing"), Value::Null);
        let said = |code: &str| format!(r#"{{"detail": "why", "reason_code": "{code}"}}"#);
        for (status, body, reason) in [
            (404, said("plugin_not_found"), Reason::PluginNotFound),
            (400, said("unsigned"), Reason::Unsigned),
            (401, said("of_a_newer_host"), Reason::NotAuthenticated),
            (403, said("of_a_newer_host"), Reason::PermissionMissing),
            (404, said("of_a_newer_host"), Reason::PluginNotFound),
            (503, said("of_a_newer_host"), Reason::HostUnavailable),
            (418, said("of_a_newer_host"), Reason::HostProtocol),
            (404, "<html>".to_owned(), Reason::HostProtocol),
            (302, String::new(), Reason::HostProtocol),
            (500, "{}".to_owned(), Reason::HostProtocol),
            (200, "<html>".to_owned(), Reason::HostProtocol),
            (200, String::new(), Reason::HostProtocol),
        ] {
            let fault = answered(status, &body).expect_err(&body);
            assert_eq!(fault.reason(), reason, "{status} {body}");
        }
        let long = format!(r#"{{"detail": "{}", "reason_code": "usage"}}"#, "x".repeat(9_999));
        assert!(answered(400, &long).expect_err("refused").message().len() < MAX_SHOWN + 50);
    }
}
