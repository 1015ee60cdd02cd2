//! A registry's no, as a fault: what was asked, what it answered, and its own words made safe.

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::shown;
use reqwest::StatusCode;
use serde::Deserialize;

use super::call::{Asked, Call};
use super::connection::Connection;
use super::origin::authority;
use super::status::is_transient;

/// Most characters of a registry's own words that are shown.
const MAX_SHOWN: usize = 300;
/// The repository is not known (distribution specification, error codes, `code-7`).
const NAME_UNKNOWN: &str = "NAME_UNKNOWN";

/// A fault for an answer that no registry gives.
pub(super) fn protocol(call: &Call<'_>, what: &str) -> Fault {
    Fault::new(Reason::RegistryProtocol, format!("`{}` {what} to {call}", authority(&call.url)))
}

/// The fault that an answer of that status is, with what its body says.
pub(super) fn refusal(connection: &Connection, call: &Call<'_>, status: StatusCode, body: &[u8]) -> Fault {
    let told = told(body);
    let registry = authority(&call.url);
    let suffix = told.as_ref().map(|told| format!(": {}", told.text)).unwrap_or_default();
    match status {
        // 403 is a login that does not reach so far; some registries answer it where there is none at all.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            connection.auth.denial(format!("`{registry}` answered {status} to {call}{suffix}"))
        }
        StatusCode::NOT_FOUND => missing(connection, call, told.is_some_and(|told| told.code == NAME_UNKNOWN)),
        status if is_transient(status) => {
            Fault::new(Reason::RegistryUnavailable, format!("`{registry}` answered {status} to {call}{suffix}"))
        }
        status => protocol(call, &format!("answered {status}{suffix}")),
    }
}

/// The fault of what is not there. Whether it is the whole repository decides what the reader looks for:
/// a typing error in the name, or an artifact that was never pushed.
fn missing(connection: &Connection, call: &Call<'_>, is_whole_repository: bool) -> Fault {
    let (registry, repository) = (authority(&call.url), connection.reference.repository());
    let message = if is_whole_repository || call.asked == Asked::Repository {
        format!("`{registry}` has no repository `{repository}` (404 to {call})")
    } else {
        format!("`{registry}` has no {} in `{repository}` (404 to {call})", call.asked)
    };
    Fault::new(Reason::ReferenceNotFound, message)
}

/// What a registry said about its refusal.
struct Told {
    code: String,
    text: String,
}

/// The first error of an OCI error body, made safe for a terminal: control characters and the
/// characters that reorder text are escaped (Trojan Source, CVE-2021-42574), and it is cut.
fn told(body: &[u8]) -> Option<Told> {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        code: String,
        #[serde(default)]
        message: Option<String>,
    }
    // A body that is none of ours is not quoted: it may be a page of a proxy, with whatever it says.
    let first = serde_json::from_slice::<Errors>(body).ok()?.errors.into_iter().next()?;
    let whole = match first.message.filter(|message| !message.is_empty()) {
        Some(message) => format!("{}: {message}", first.code),
        None => first.code.clone(),
    };
    Some(Told { code: first.code, text: shown(&whole, MAX_SHOWN) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_words_cannot_move_the_cursor() {
        let body = br#"{"errors":[{"code":"DENIED","message":"no\u001b[2J\u202e\nway, it's \"me\""}]}"#;
        assert_eq!(told(body).expect("read").text, "DENIED: no\\u{1b}[2J\\u{202e}\\u{a}way, it's \"me\"");
        let long = format!(r#"{{"errors":[{{"code":"{}"}}]}}"#, "x".repeat(10_000));
        assert_eq!(told(long.as_bytes()).expect("read").text.chars().count(), MAX_SHOWN + 1);
        assert!(told(b"<html>").is_none());
    }
}
