//! What a proxy did to a request, said as the proxy's doing. A registry that was never reached is not to blame.

use std::error::Error;

use aisoc_manifests::fault::{Fault, Reason};
use reqwest::{StatusCode, Url};

use super::Proxy;
use crate::remote::broken::{Broken, chain};
use crate::remote::origin::authority;

/// How the HTTP library begins what a proxy made of `CONNECT` (RFC 9110, 9.3.6). Its type for it is not public.
const TUNNEL: &str = "tunnel error: ";
/// The same for 407.
const LOGIN_REQUIRED: &str = "tunnel error: proxy authorization required";
/// The same when the proxy itself was not reached.
const NOT_REACHED: &str = "tunnel error: failed to create underlying connection";

/// What it says when a SOCKS proxy refuses a login (RFC 1929).
const SOCKS_LOGIN_REFUSED: &str = "credentials not accepted";

impl Proxy {
    /// Whether the error of an exchange with `url` came about before there was a way through this proxy. What TLS
    /// says then is of the proxy's own.
    pub(in crate::remote) fn was_not_passed(&self, url: &Url, error: &(dyn Error + 'static)) -> bool {
        url.scheme() == "http" || tunnel(error).as_deref() == Some(NOT_REACHED)
    }

    /// What an error of connecting to `url` through this proxy comes to. It is the proxy's, but for TLS with the
    /// registry, which has words of its own.
    pub(in crate::remote) fn broken(&self, url: &Url, error: reqwest::Error) -> Broken {
        let registry = authority(url);
        let variable = self.variable;
        if chain(&error).any(|cause| cause.to_string().ends_with(SOCKS_LOGIN_REFUSED)) {
            return self.asks_for_login();
        }
        let (message, hint) = match tunnel(&error).as_deref() {
            Some(LOGIN_REQUIRED) => return self.asks_for_login(),
            None | Some(NOT_REACHED) => (
                format!("cannot connect to {self} for `{registry}`"),
                format!("check that the proxy runs, and correct or unset {variable} if it is another one by now"),
            ),
            Some(_) => (
                format!("{self} opens no way to `{registry}`"),
                format!(
                    "see in the proxy's log why; a host that is reached without it stands in NO_PROXY: `{registry}`"
                ),
            ),
        };
        // A URL may hold a signature or a token in its query.
        let fault = Fault::new(Reason::ProxyUnavailable, message).caused_by(error.without_url()).hint(hint);
        Broken { fault, tries: 3, after: None, unreached: None }
    }

    /// Whether that answer to a request for `url` is the proxy's own and not the registry's: 407 in plain HTTP
    /// (RFC 9110, 15.5.8). In a tunnel it is somebody else's.
    pub(in crate::remote) fn answers(&self, url: &Url, status: StatusCode) -> bool {
        status == StatusCode::PROXY_AUTHENTICATION_REQUIRED && url.scheme() == "http"
    }

    /// The refusal of a proxy that wants to know who asks.
    pub(in crate::remote) fn asks_for_login(&self) -> Broken {
        let (what, how) = match self.has_login() {
            true => ("refuses the login that it is given", "correct the user and the password"),
            false => ("asks for a login", "write the user, a `:`, the password and an `@`"),
        };
        let hint = format!("{how} before `{}:{}` in {}", self.host(), self.port(), self.variable);
        Broken::for_good(Fault::new(Reason::ProxyDenied, format!("{self} {what}")).hint(hint))
    }
}

/// What came of `CONNECT`, in the library's words.
fn tunnel(error: &(dyn Error + 'static)) -> Option<String> {
    chain(error).map(ToString::to_string).find(|cause| cause.starts_with(TUNNEL))
}
