//! Plain HTTP at a port that speaks TLS. Registries on this machine are spoken to without TLS, so this is what
//! meets one that speaks it. Nothing is tried again over TLS by itself: what a command does is decided
//! before anything answers, in this direction as in the other.

use aisoc_manifests::fault::{Fault, Reason};
use reqwest::{StatusCode, Url};

use crate::remote::call::Call;
use crate::remote::origin::{authority, is_loopback};

/// The flag by which a registry on this machine is spoken to over TLS.
const HOW: &str = "repeat the command with `--plain-http=false`";

/// The fault of an answer by which servers say that their port speaks TLS: Go's `net/http` and nginx in words of
/// their own, both with 400.
pub(in crate::remote) fn wanted(call: &Call<'_>, url: &Url, status: StatusCode, body: &[u8]) -> Option<Fault> {
    const WORDS: [&[u8]; 2] = [b"HTTP request to an HTTPS server", b"HTTP request was sent to HTTPS port"];
    let is_told = |words: &[u8]| body.windows(words.len()).any(|part| part.eq_ignore_ascii_case(words));
    let is_meant = url.scheme() == "http" && status == StatusCode::BAD_REQUEST && WORDS.into_iter().any(is_told);
    let message = || format!("`{}` speaks TLS, and was asked {call} without", authority(url));
    is_meant.then(|| hinted(Fault::new(Reason::RegistryTls, message()), url))
}

/// The fault, with what to do if TLS is spoken there. Only of this machine: elsewhere plain HTTP was asked
/// for, and whoever asked for it knows how not to.
pub(in crate::remote) fn hinted(fault: Fault, url: &Url) -> Fault {
    match fault.reason() {
        Reason::RegistryTls if is_loopback(url) => fault.hint(HOW),
        Reason::RegistryUnavailable if url.scheme() == "http" && is_loopback(url) => {
            fault.hint(format!("try again; if the registry speaks TLS, {HOW}"))
        }
        _ => fault,
    }
}
