//! Under which names a host answers, and to whom it does not.
//!
//! A web page can give its own name the address of this machine (DNS rebinding) and is then, to the browser, the host's own
//! page. The name stays in the `Host` header, so that is what is asked. Over TLS it is a name of the certificate, without which
//! no browser asks anything.

use aisoc_manifests::address::{LOCALHOST, names_itself};
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};

use super::listening::Way;
use super::problem::Problem;

/// Lets a request pass that names this host once, as it came in by `way`.
pub(super) fn require_ours(head: &Parts, way: &Way) -> Result<(), Problem> {
    let mut named = head.headers.get_all(HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else {
        return Err(Problem::of_request(StatusCode::BAD_REQUEST, "a request names one host"));
    };
    let host = host.to_str().unwrap_or_default();
    // A request for a whole URL names the host there too, and that counts (RFC 9112, 3.2.2).
    let both = std::iter::once(host).chain(head.uri.authority().map(Authority::as_str));
    match both.into_iter().all(|host| is_ours(host, way)) {
        true => Ok(()),
        false => Err(Problem::of_request(StatusCode::MISDIRECTED_REQUEST, "this host has another name")),
    }
}

/// Names have no case (RFC 9110, 4.2.3).
fn is_ours(host: &str, way: &Way) -> bool {
    let host = host.to_ascii_lowercase();
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let has_port = |ours: u16, usual: u16| match authority.port() {
        Some(port) => port.as_str() == ours.to_string(),
        None => host == authority.host() && ours == usual,
    };
    let is_this = match way {
        Way::Address(local) => has_port(local.port(), 80) && names_itself(authority.host(), local.ip()),
        // What stands in front of it may have another port.
        Way::Tls(tls) => tls.is_for(authority.host()),
        // No name leads there.
        Way::Socket => host == LOCALHOST,
    };
    is_this && !host.contains('@')
}

/// Refuses what browsers send for a page: they name its origin, or how it relates to us, and no other client does.
pub(super) fn refuse_pages(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site");
    match headers.contains_key(ORIGIN) || site.is_some_and(|site| site != "none") {
        true => Err(Problem::of_request(StatusCode::FORBIDDEN, "this host does not serve web pages")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn answers_to_its_own_addresses_alone() {
        let local: SocketAddr = "127.0.0.1:8080".parse().expect("an address");
        for (host, expected) in [
            ("localhost:8080", true),
            ("127.0.0.1:8080", true),
            ("LOCALHOST:8080", true),
            ("Localhost:8080", true),
            ("[::1]:8080", true),
            ("localhost", false),
            ("localhost:8081", false),
            ("localhost:08080", false),
            ("evil.example:8080", false),
            ("127.0.0.1.evil.example:8080", false),
            ("evil@127.0.0.1:8080", false),
            ("10.0.0.1:8080", false),
            ("2130706433:8080", false),
            ("", false),
        ] {
            assert_eq!(is_ours(host, &Way::Address(local)), expected, "{host}");
        }
    }

    #[test]
    fn behind_a_socket_it_has_one_name() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost", true),
            ("localhost:80", false),
            ("evil.example", false),
            ("x@localhost", false),
        ] {
            assert_eq!(is_ours(host, &Way::Socket), expected, "{host}");
        }
    }
}
