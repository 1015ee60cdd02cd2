//! `HostPlace`: where a host is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aisoc_manifests::address::is_this_machine;
use reqwest::Url;

/// How a socket of this machine is written.
const SOCKET: &str = "unix:";

/// Where a host is: `http://127.0.0.1:8000`, `https://host.example`, or `unix:/run/aisoc/host.sock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPlace {
    url: Url,
    socket: Option<PathBuf>,
}

impl HostPlace {
    /// The beginning of every URL there.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The socket of this machine behind which it is, if it is behind one.
    pub(crate) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Whether TLS is spoken there.
    pub(crate) fn speaks_tls(&self) -> bool {
        self.url.scheme() == "https"
    }
}

impl FromStr for HostPlace {
    type Err = String;

    /// What is sent goes over nobody's network as it is: without TLS a host is on this machine.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix(SOCKET) {
            let url = Url::parse("http://localhost").map_err(|error| error.to_string())?;
            return match path.is_empty() {
                true => Err("a path follows `unix:`".to_owned()),
                false => Ok(Self { url, socket: Some(path.into()) }),
            };
        }
        let url = Url::parse(text).map_err(|error| format!("it is no URL: {error}"))?;
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "https" => {}
            "http" if is_this_machine(host) => {}
            "http" => return Err("without TLS a host is on this machine: `https://` is one elsewhere".to_owned()),
            _ => return Err("it begins with `http://`, `https://` or `unix:`".to_owned()),
        }
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let has_login = !url.username().is_empty() || url.password().is_some();
        match is_bare && !has_login {
            true => Ok(Self { url, socket: None }),
            false => Err("it names a host and a port alone".to_owned()),
        }
    }
}

impl fmt::Display for HostPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(socket) => write!(f, "{SOCKET}{}", socket.display()),
            None => f.write_str(self.url.as_str().trim_end_matches('/')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_here_or_behind_tls() {
        for (text, shown) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://localhost:8000/", "http://localhost:8000"),
            ("http://[::1]:8000", "http://[::1]:8000"),
            ("HTTP://LOCALHOST:1", "http://localhost:1"),
            ("https://host.example", "https://host.example"),
            ("https://10.0.0.1:8443", "https://10.0.0.1:8443"),
            ("unix:/run/aisoc.sock", "unix:/run/aisoc.sock"),
            ("unix:host.sock", "unix:host.sock"),
        ] {
            assert_eq!(text.parse::<HostPlace>().expect(text).to_string(), shown);
        }
        for (text, why) in [
            ("", "no URL"),
            ("127.0.0.1:8000", "no URL"),
            ("localhost:8000", "begins with"),
            ("ftp://localhost", "begins with"),
            ("unix:", "a path follows"),
            ("http://host.example", "without TLS"),
            ("http://localhost.evil.example", "without TLS"),
            ("http://10.0.0.1", "without TLS"),
            ("http://0.0.0.0:8000", "without TLS"),
            ("https://u:p@host.example", "alone"),
            ("https://u@host.example", "alone"),
            ("https://host.example/api", "alone"),
            ("https://host.example?x", "alone"),
            ("https://host.example#x", "alone"),
        ] {
            let error = text.parse::<HostPlace>().expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
