//! `Listen`: where a registry listens, in the forms that people and other tools write.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use aisoc_manifests::address::{LOCALHOST, is_local_name};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;

/// The port that is meant where none is written.
const PORT: u16 = 5000;

/// `HOST:PORT`, `HOST` or `PORT`; the host is a name, an IPv4 address or an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listen {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

impl Listen {
    /// The addresses that are meant, all with the one port. No resolver is asked for `localhost`, which is this
    /// machine whatever one says (RFC 6761, 6.3).
    ///
    /// # Errors
    /// `io_error` when the name has no address.
    pub(crate) async fn addresses(&self) -> Result<Vec<SocketAddr>> {
        match &self.host {
            Host::Address(address) => Ok(vec![SocketAddr::new(*address, self.port)]),
            Host::Name(name) if is_local_name(name) => {
                let both = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
                Ok(both.map(|address| SocketAddr::new(address, self.port)).to_vec())
            }
            Host::Name(name) => {
                let failed = |error| Fault::new(Reason::IoError, format!("`{name}` has no address")).caused_by(error);
                let mut found: Vec<_> =
                    tokio::net::lookup_host((name.as_str(), self.port)).await.map_err(failed)?.collect();
                found.sort_unstable();
                found.dedup();
                Ok(found)
            }
        }
    }

    /// The same place under the port that was found for it.
    pub(crate) fn at(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }

    /// The name, when it is one: whoever listens under a name is asked for under it.
    pub(crate) fn is_named(&self) -> bool {
        matches!(self.host, Host::Name(_))
    }
}

/// As it stands in a reference.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(address) => SocketAddr::new(*address, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // An IPv6 address alone is full of colons, and a port alone has none.
        if let Ok(address) = text.parse() {
            return Ok(Self { host: Host::Address(address), port: PORT });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, digits)) if !digits.ends_with(']') => (host, port(digits)?),
            None if text.is_empty() => return Err("there is neither a host nor a port".to_owned()),
            _ if is_number(text) => ("", port(text)?),
            _ => (text, PORT),
        };
        Ok(Self { host: host_of(host)?, port })
    }
}

fn host_of(text: &str) -> Result<Host, String> {
    // Other servers take that for all addresses of the machine. Who wants those here writes `0.0.0.0`: there is
    // no login.
    if text.is_empty() {
        return Ok(Host::Name(LOCALHOST.to_owned()));
    }
    if let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        let address: Result<Ipv6Addr, _> = inside.parse();
        return address
            .map(|address| Host::Address(address.into()))
            .map_err(|_| "no IPv6 address in the brackets".to_owned());
    }
    match text.parse() {
        Ok(IpAddr::V4(address)) => Ok(Host::Address(address.into())),
        Ok(IpAddr::V6(_)) => Err("an IPv6 address with a port stands in brackets: `[::1]:5000`".to_owned()),
        // What looks like an address and is none would be looked up, and be one to some resolvers.
        Err(_) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => Err("no IPv4 address".to_owned()),
        Err(_) => host_name(text).map(|name| Host::Name(name.to_ascii_lowercase())),
    }
}

/// A host as it stands in a reference: what cannot stand there would never be asked for.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    // The repository only completes the reference; the port keeps a single word from being one.
    let has_port = text.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let reference = if has_port { format!("{text}/x") } else { format!("{text}:1/x") };
    match reference.parse() {
        Ok(Reference::Registry(_)) => Ok(text.to_owned()),
        _ => Err("it is not `NAME` or `NAME:PORT`".to_owned()),
    }
}

/// `parse` would take a sign.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn port(digits: &str) -> Result<u16, String> {
    digits.parse().ok().filter(|_| is_number(digits)).ok_or_else(|| "a port is a number from 0 to 65535".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, expected) in [
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("127.0.0.1", "127.0.0.1:5000"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::1]:5000", "[::1]:5000"),
            ("[::1]", "[::1]:5000"),
            ("::1", "[::1]:5000"),
            ("[::]:80", "[::]:80"),
            ("localhost:5000", "localhost:5000"),
            ("LocalHost:5000", "localhost:5000"),
            ("localhost", "localhost:5000"),
            (":5001", "localhost:5001"),
            ("5001", "localhost:5001"),
            ("registry.test:0", "registry.test:0"),
        ] {
            assert_eq!(text.parse::<Listen>().expect(text).to_string(), expected, "{text}");
        }
        for text in [
            "",
            ":",
            "localhost:",
            "localhost:x",
            "localhost:+1",
            "localhost:65536",
            ":-1",
            "a b:1",
            "http://localhost:1",
            "localhost:1/x",
            "[::1",
            "::1]:5000",
            "[127.0.0.1]:1",
            "1.2.3:80",
            "127.0.0.1.:80",
            "user@host:1",
            "::1:99999",
        ] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }
}
