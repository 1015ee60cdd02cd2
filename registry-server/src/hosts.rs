//! `Hosts`: under which names the registry answers.
//!
//! A web page can give its own name the address of this machine (DNS rebinding) and is then, to the
//! browser, the registry's own page. The name stays in the `Host` header, so that is what is asked.

use std::net::SocketAddr;
use std::sync::Arc;

use aisoc_connections::ServerTls;
use aisoc_manifests::address::names_itself;
use hyper::header::{HOST, ORIGIN};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{HeaderMap, StatusCode};

use crate::code::Code;
use crate::problem::Problem;

/// The names besides the addresses: `NAME` under any port, or `NAME:PORT`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts {
    allowed: Vec<String>,
    /// With which certificate it answers; to the names of it, too.
    tls: Option<Arc<ServerTls>>,
}

impl Hosts {
    pub(crate) fn new(allowed: &[String], tls: Option<Arc<ServerTls>>) -> Self {
        Self { allowed: allowed.iter().map(|name| name.to_ascii_lowercase()).collect(), tls }
    }

    /// Lets a request pass that names this registry, as it came in at the address `local`.
    pub(crate) fn admit(&self, head: &Parts, local: SocketAddr) -> Result<(), Problem> {
        let mut named = head.headers.get_all(HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, Code::Unsupported, "a request names one host"));
        };
        let host = host.to_str().unwrap_or_default();
        // A request for a whole URL names the host there too, and that counts (RFC 9112, 3.2.2).
        let both = std::iter::once(host).chain(head.uri.authority().map(Authority::as_str));
        if both.into_iter().all(|host| self.is_ours(host, local)) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            Code::Denied,
            "this registry has another name; whoever runs it can add one with `--allow-host`",
        ))
    }

    fn is_ours(&self, host: &str, local: SocketAddr) -> bool {
        let host = host.to_ascii_lowercase();
        let Ok(authority) = host.parse::<Authority>() else { return false };
        // A browser asks nothing of a name that is not in the certificate, so no page can borrow one that is.
        let is_certified = |tls: &Arc<ServerTls>| tls.is_for(authority.host());
        if self.allowed.iter().any(|name| *name == host || *name == authority.host())
            || self.tls.as_ref().is_some_and(is_certified)
        {
            return !host.contains('@');
        }
        // What an address without a port means.
        let usual = if self.tls.is_some() { 443 } else { 80 };
        let has_our_port = match authority.port() {
            Some(port) => port.as_str() == local.port().to_string(),
            None => host == authority.host() && local.port() == usual,
        };
        has_our_port && !host.contains('@') && names_itself(authority.host(), local.ip())
    }
}

/// Refuses what browsers send for a page: they name its origin, or how it relates to us, and no other
/// client does. Only what somebody typed into the address bar relates to nothing.
pub(crate) fn refuse_pages(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site");
    if headers.contains_key(ORIGIN) || site.is_some_and(|site| site != "none") {
        return Err(Problem::new(StatusCode::FORBIDDEN, Code::Denied, "this registry does not serve web pages"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_its_addresses_and_to_the_names_that_it_was_given() {
        let hosts = Hosts::new(&["Registry.example".to_owned(), "other.example:8443".to_owned()], None);
        let here: SocketAddr = "127.0.0.1:5000".parse().expect("an address");
        let lan: SocketAddr = "192.168.7.7:5000".parse().expect("an address");
        let web: SocketAddr = "[::1]:80".parse().expect("an address");
        for (host, local, expected) in [
            ("localhost:5000", here, true),
            ("LocalHost:5000", here, true),
            ("127.0.0.1:5000", here, true),
            ("[::1]:5000", here, true),
            ("127.0.0.1:5000", lan, true),
            ("192.168.7.7:5000", lan, true),
            ("192.168.7.7:5000", here, false),
            ("localhost", web, true),
            ("[::1]", web, true),
            ("localhost", here, false),
            ("localhost:", here, false),
            ("localhost:5001", here, false),
            ("localhost:05000", here, false),
            ("localhost.:5000", here, false),
            ("evil.example:5000", here, false),
            ("localhost.evil.example:5000", here, false),
            ("127.0.0.1.evil.example:5000", here, false),
            ("evil@127.0.0.1:5000", here, false),
            ("evil@registry.example", here, false),
            ("2130706433:5000", here, false),
            ("10.0.0.1:5000", here, false),
            ("", here, false),
            ("registry.example", here, true),
            ("registry.example:443", here, true),
            ("other.example:8443", here, true),
            ("other.example", here, false),
            ("x.registry.example", here, false),
        ] {
            assert_eq!(hosts.is_ours(host, local), expected, "{host} at {local}");
        }
    }
}
