//! A registry's no, as a fault: what was asked, what it answered, and its own words made safe.

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::shown;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::call::{Asked, Call};
use super::connection::Connection;
use super::origin::authority;
use super::status::{Place, Standing};
use super::tls;

/// Most characters of a registry's own words that are shown.
const MAX_SHOWN: usize = 300;
/// The repository is not known (distribution specification, error codes, `code-7`).
const NAME_UNKNOWN: &str = "NAME_UNKNOWN";

/// A fault for an answer that no registry gives.
pub(super) fn protocol(call: &Call<'_>, what: &str) -> Fault {
    Fault::new(Reason::RegistryProtocol, format!("`{}` {what} to {call}", authority(&call.url)))
}

/// A fault for a place that the registry led to, and that is not gone to.
pub(super) fn not_followed(call: &Call<'_>, what: &str) -> Fault {
    Fault::new(Reason::RedirectRefused, format!("`{}` {what} in answer to {call}", authority(&call.url)))
}

/// An answer that is no yes.
#[derive(Debug)]
pub(super) struct Refused<'a> {
    pub(super) status: StatusCode,
    pub(super) place: Place,
    /// Where it comes from.
    pub(super) url: &'a Url,
    pub(super) body: &'a [u8],
}

impl Refused<'_> {
    /// The fault that it is, with what its body says, and the error code that the body names.
    pub(super) fn fault(&self, connection: &Connection, call: &Call<'_>) -> (Fault, Option<String>) {
        let told = told(self.body);
        let fault = tls::wanted(call, self.url, self.status, self.body);
        (fault.unwrap_or_else(|| self.told(connection, call, told.as_ref())), told.map(|told| told.code))
    }

    fn told(&self, connection: &Connection, call: &Call<'_>, told: Option<&Told>) -> Fault {
        let standing = Standing::of(self.status);
        let suffix = told.map(|told| format!(": {}", told.text)).unwrap_or_default();
        let message = format!("{} answered {} to {call}{suffix}", self.who(connection), self.status);
        match (standing, self.place) {
            // 403 is a login that does not reach so far; some registries answer it where there is none at all.
            (Standing::Denied, Place::Registry) => connection.auth.denial(message),
            // What was sent is not missing; what it needs is, and the registry says what that is.
            (Standing::Absent, Place::Registry)
                if !call.is_safe() && told.is_some_and(|told| told.code != NAME_UNKNOWN) =>
            {
                Fault::new(Reason::ReferenceNotFound, message)
            }
            (Standing::Absent, _) => self.missing(connection, call, told.is_some_and(|told| told.code == NAME_UNKNOWN)),
            (Standing::Denied | Standing::Never, Place::Elsewhere) => Fault::new(standing.reason(self.place), message)
                .hint(format!(
                    "tell the operator of `{}`: the place that it leads to refuses the URL that it gives; check \
                     that the clocks of both agree, and who may read there",
                    authority(&connection.base)
                )),
            _ => Fault::new(standing.reason(self.place), message),
        }
    }

    /// Who refused. A login at the registry mends nothing at the store that it leads to, so both are named.
    fn who(&self, connection: &Connection) -> String {
        let registry = authority(&connection.base);
        match self.place {
            Place::Registry => format!("`{registry}`"),
            Place::Elsewhere => format!("`{}`, where `{registry}` leads,", authority(self.url)),
        }
    }

    /// The fault of what is not there. Whether it is the whole repository decides what the reader looks for:
    /// a typing error in the name, or an artifact that was never pushed.
    fn missing(&self, connection: &Connection, call: &Call<'_>, is_whole_repository: bool) -> Fault {
        if call.asked == Asked::Registry && self.place == Place::Registry {
            let message = format!(
                "`{}` is no registry, or hides it ({} to {call})",
                authority(&connection.base),
                self.status.as_u16()
            );
            return Fault::new(Reason::RegistryProtocol, message);
        }
        let (who, status, repository) = (self.who(connection), self.status.as_u16(), &connection.repository);
        let message = if is_whole_repository || call.asked == Asked::Repository {
            format!("{who} has no repository `{repository}` ({status} to {call})")
        } else {
            format!("{who} has no {} in `{repository}` ({status} to {call})", call.asked)
        };
        let fault = Fault::new(Standing::Absent.reason(self.place), message);
        match call.asked {
            // Its manifest is there, so nothing is misspelled: this is what a repository is that was half collected.
            Asked::Blob(_) if call.is_safe() => {
                let place = shell_word(format!("{}/{repository}", authority(&connection.base)));
                fault.hint(format!(
                    "the registry has lost what the manifest names: have the publisher push the artifact again, or \
                     take another version: `aisoc registry tags {place}`"
                ))
            }
            _ => fault,
        }
    }
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
