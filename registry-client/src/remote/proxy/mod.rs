//! Through whom requests leave: which proxy (`Proxy`), which hosts are reached without (`exempt`), and what is
//! said when one is in the way (`failure`). Decided here and not by the HTTP library: behind a proxy it is the
//! proxy that resolves names, which are judged otherwise, and a proxy that cannot be understood must not be
//! passed over.

mod exempt;
mod failure;

use std::fmt;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use reqwest::Url;

use super::origin::is_loopback;
use crate::options::{Proxies, ProxyVariable};

/// Most characters of a variable that are shown.
const MAX_SHOWN: usize = 200;

/// A proxy, and the variable that names it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    variable: &'static str,
    url: Url,
}

impl Proxy {
    /// The proxy that requests to that URL go through, if one is set and the host is not exempt.
    ///
    /// # Errors
    /// `usage` for a variable that names no proxy: going out directly may be what the network forbids, and is
    /// not what was asked for.
    pub(super) fn of(proxies: &Proxies, url: &Url) -> Result<Option<Self>> {
        // What a proxy would find under the name `localhost` is another machine.
        if is_loopback(url) {
            return Ok(None);
        }
        let variable = if url.scheme() == "https" { &proxies.https } else { &proxies.http };
        match variable {
            Some(variable) if !exempt::covers(&proxies.exempt, url) => Self::read(variable).map(Some),
            _ => Ok(None),
        }
    }

    /// Host and port alone mean plain HTTP to the proxy, as everywhere. With SOCKS the proxy resolves names in
    /// either spelling, as Go's programs have it: names are judged the same way behind every proxy.
    fn read(variable: &ProxyVariable) -> Result<Self> {
        let text = variable.value.reveal().trim();
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let whole = match whole.split_once("://") {
            // `socks://` is what desktops set.
            Some((scheme, rest)) if ["socks", "socks5"].iter().any(|name| scheme.eq_ignore_ascii_case(name)) => {
                format!("socks5h://{rest}")
            }
            _ => whole,
        };
        let url = Url::parse(&whole).ok().filter(is_proxy).ok_or_else(|| no_proxy(variable))?;
        Ok(Self { variable: variable.name, url })
    }

    /// Its host, as the resolver is asked for it.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// It, with its login, for the HTTP library.
    pub(super) fn for_library(&self) -> reqwest::Result<reqwest::Proxy> {
        reqwest::Proxy::all(self.url.clone())
    }

    /// Whether it is spoken to over TLS itself.
    pub(super) fn speaks_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    fn has_login(&self) -> bool {
        !self.url.username().is_empty() || self.url.password().is_some()
    }

    fn port(&self) -> u16 {
        let default = if self.url.scheme() == "socks5h" { 1080 } else { 80 };
        self.url.port_or_known_default().unwrap_or(default)
    }
}

/// Never with its login.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy `{}:{}` ({})", self.host(), self.port(), self.variable)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A scheme that is spoken, a host, and nothing behind it: `http//proxy:3128`, read as a host and a path, is a
/// typing error.
fn is_proxy(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https" | "socks5h")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
}

fn no_proxy(variable: &ProxyVariable) -> Fault {
    let name = variable.name;
    let found = without_secrets(variable.value.reveal());
    Fault::new(Reason::Usage, format!("{name} names no proxy"))
        .expected("HOST:PORT, or a URL of http, https or socks5 with nothing behind the port", shown(&found, MAX_SHOWN))
        .hint(format!("set {name} to the proxy's URL, for example http://proxy.example:3128, or unset it"))
}

/// Whatever stands before an `@` may be a password, and so may what stands behind a `:` and is no port, or in a
/// query, however the rest reads.
fn without_secrets(value: &str) -> String {
    let (hidden, rest) = value.rsplit_once('@').map_or(("", value), |(_, rest)| ("[redacted]@", rest));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let port = rest.rsplit_once(':').map_or("", |(_, port)| port);
    let behind = port.trim_start_matches(|c: char| c.is_ascii_digit());
    match behind {
        "" | "/" => format!("{hidden}{rest}"),
        _ if behind.starts_with("//") => format!("{hidden}{rest}"),
        _ if behind.starts_with('/') => format!("{hidden}{}/…", rest.strip_suffix(behind).unwrap_or_default()),
        _ => "[redacted]".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Secret;

    #[test]
    fn nothing_of_a_value_that_may_be_a_password_is_shown() {
        for (value, shown) in [
            ("http//proxy.corp:3128", "http//proxy.corp:3128"),
            ("ftp://proxy.corp", "ftp://proxy.corp"),
            ("proxy.corp:3128/path", "proxy.corp:3128/…"),
            ("u:hunter2", "[redacted]"),
            ("http://u:hunter2", "[redacted]"),
            ("http://proxy.corp:1/?key=hunter2", "http://proxy.corp:1/"),
            ("http://u:hunter2@proxy corp:1", "[redacted]@proxy corp:1"),
        ] {
            assert_eq!(without_secrets(value), shown);
        }
    }

    fn variable(value: &str) -> ProxyVariable {
        ProxyVariable { name: "HTTPS_PROXY", value: Secret::new(value) }
    }

    #[test]
    fn a_proxy_is_read_as_others_read_it_and_shown_without_its_login() {
        for (value, at, has_login) in [
            ("http://proxy.corp:3128", "proxy.corp:3128", false),
            ("proxy.corp:3128", "proxy.corp:3128", false),
            (" proxy.corp:3128/ ", "proxy.corp:3128", false),
            ("proxy.corp", "proxy.corp:80", false),
            ("HTTP://PROXY.corp:3128", "proxy.corp:3128", false),
            ("https://proxy.corp", "proxy.corp:443", false),
            ("socks5://10.0.0.1", "10.0.0.1:1080", false),
            ("SOCKS5://10.0.0.1:1082", "10.0.0.1:1082", false),
            ("socks://127.0.0.1:1080/", "127.0.0.1:1080", false),
            ("socks5h://proxy.corp:1081", "proxy.corp:1081", false),
            ("http://[fd00::1]:3128", "[fd00::1]:3128", false),
            ("user:pa55@proxy.corp:3128", "proxy.corp:3128", true),
            ("http://user:p@55@proxy.corp:3128", "proxy.corp:3128", true),
            ("http://CORP%5Cuser:pa55@proxy.corp:3128", "proxy.corp:3128", true),
        ] {
            let proxy = Proxy::read(&variable(value)).expect(value);
            assert_eq!(proxy.to_string(), format!("the proxy `{at}` (HTTPS_PROXY)"), "{value}");
            assert_eq!((proxy.has_login(), format!("{proxy:?}")), (has_login, proxy.to_string()), "{value}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_no_password_is_shown() {
        for value in [
            "http//proxy.corp:3128",
            "http:/proxy.corp:3128",
            "http:proxy.corp:3128",
            "ftp://proxy.corp:3128",
            "socks4://proxy.corp",
            "http://",
            "http://proxy.corp:port",
            "http://proxy.corp:3128/path",
            "http://proxy.corp:3128/?q",
            "proxy corp",
            "http//user:pa55@proxy.corp:3128",
            "http://CORP\\user:pa55@proxy.corp:3128",
            "http://user:pa55@",
            "user:pa55@proxy.corp:99999",
        ] {
            let fault = Proxy::read(&variable(value)).expect_err(value);
            assert_eq!(fault.reason(), Reason::Usage, "{value}");
            assert!(!format!("{fault:?}").contains("pa55"), "{value}: {fault:?}");
        }
    }

    #[test]
    fn each_scheme_has_its_variable_and_this_machine_none() {
        let proxies = Proxies {
            http: Some(ProxyVariable { name: "HTTP_PROXY", ..variable("a.corp") }),
            https: Some(variable("b.corp")),
            exempt: "exempt.corp".to_owned(),
        };
        for (url, host) in [
            ("http://registry.corp/", Some("a.corp")),
            ("https://registry.corp/", Some("b.corp")),
            ("https://exempt.corp/", None),
            ("http://localhost:5000/", None),
            ("https://127.0.0.2/", None),
            ("https://[::1]/", None),
        ] {
            let proxy = Proxy::of(&proxies, &Url::parse(url).expect(url)).expect(url);
            assert_eq!(proxy.as_ref().map(Proxy::host), host, "{url}");
        }
        let broken = Proxies { https: Some(variable("http//b.corp")), ..proxies };
        for (url, is_refused) in [("https://registry.corp/", true), ("https://exempt.corp/", false)] {
            assert_eq!(Proxy::of(&broken, &Url::parse(url).expect(url)).is_err(), is_refused, "{url}");
        }
    }
}
