//! What of a URL decides who is spoken to: host, port and scheme, compared and written in one way.

use std::net::IpAddr;

use aisoc_manifests::address::is_this_machine;
use reqwest::Url;

/// The address that the URL spells out, if its host is one. `Url` has read numeric forms already
/// (`127.1`, `0x7f000001`), so no other spelling of an address is left.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether the URL leads to this machine by itself. A name that merely resolves to it does not count:
/// resolvers answer what others tell them.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_this_machine)
}

/// `host[:port]` for messages. A URL may hold a signature or a token in its query, and a password before
/// its host: no other part of it is ever shown but the path of our own requests.
pub(super) fn authority(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or("?").to_owned(),
    }
}

/// The path of a URL as far as we made it: that of the API, without what names an upload's session. What a registry
/// puts elsewhere into a path may be a token, as what it puts into a query.
pub(super) fn shown_path(url: &Url) -> String {
    const SESSIONS: &str = "/blobs/uploads/";
    match (url.path(), url.path().find(SESSIONS)) {
        (path, Some(at)) if path.starts_with("/v2/") && path.len() > at + SESSIONS.len() => {
            format!("{}…", &path[..at + SESSIONS.len()])
        }
        (path, _) if path.starts_with("/v2/") || path == "/token" => path.to_owned(),
        _ => "a path of its own".to_owned(),
    }
}

/// Scheme, host and port, for messages about two that differ.
pub(super) fn shown(url: &Url) -> String {
    format!("{}://{}", url.scheme(), authority(url))
}

/// Scheme, host and port (RFC 6454, 4): what credentials belong to. The scheme counts, because plain HTTP
/// at the same host and port may be anybody in between.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host_str() == b.host_str() && a.port_or_known_default() == b.port_or_known_default()
}

/// The URL with the scheme and port of `own`, when it is the same host without TLS: a registry behind a proxy that
/// ends TLS does not know how it is reached, and writes `http` into what it names. TLS to the host that was asked
/// for is what was meant, and nothing leaves without it.
pub(super) fn with_tls_of(own: &Url, mut url: Url) -> Url {
    let is_same_host =
        url.host_str() == own.host_str() && (url.port().is_none() || url.port() == own.port_or_known_default());
    if own.scheme() == "https" && url.scheme() == "http" && is_same_host && url.set_scheme("https").is_ok() {
        // Cannot fail: a URL with a host has a port.
        let _ = url.set_port(own.port());
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_path_only_what_we_made_is_shown() {
        for (path, shown) in [
            ("/v2/team/demo/manifests/1", "/v2/team/demo/manifests/1"),
            ("/v2/team/demo/blobs/uploads/", "/v2/team/demo/blobs/uploads/"),
            ("/v2/team/demo/blobs/uploads/session", "/v2/team/demo/blobs/uploads/…"),
            ("/_storage_proxy/token/x", "a path of its own"),
            ("/up/session", "a path of its own"),
            ("/token", "/token"),
        ] {
            let url = Url::parse(&format!("https://r.test{path}?secret")).expect(path);
            assert_eq!(shown_path(&url), shown);
        }
    }

    #[test]
    fn a_registry_that_does_not_know_of_its_tls_is_reached_with_it() {
        let url = |text: &str| Url::parse(text).expect(text);
        for (own, named, meant) in [
            ("https://r.test/v2/", "http://r.test/u/1?a=b", "https://r.test/u/1?a=b"),
            ("https://r.test:5000/v2/", "http://r.test:5000/u", "https://r.test:5000/u"),
            ("https://r.test:5000/v2/", "http://r.test/u", "https://r.test:5000/u"),
            ("https://r.test/v2/", "http://r.test:443/u", "https://r.test/u"),
            ("https://r.test/v2/", "http://r.test:8080/u", "http://r.test:8080/u"),
            ("https://r.test/v2/", "http://other.test/u", "http://other.test/u"),
            ("http://r.test/v2/", "http://r.test/u", "http://r.test/u"),
            ("http://r.test/v2/", "https://r.test/u", "https://r.test/u"),
        ] {
            assert_eq!(with_tls_of(&url(own), url(named)), url(meant), "{named} at {own}");
        }
    }
}
