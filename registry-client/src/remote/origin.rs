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

/// Scheme, host and port, for messages about two that differ.
pub(super) fn shown(url: &Url) -> String {
    format!("{}://{}", url.scheme(), authority(url))
}

/// Scheme, host and port (RFC 6454, 4): what credentials belong to. The scheme counts, because plain HTTP
/// at the same host and port may be anybody in between.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host_str() == b.host_str() && a.port_or_known_default() == b.port_or_known_default()
}
