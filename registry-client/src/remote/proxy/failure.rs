//! What a proxy did to a request, said as the proxy's doing. A registry that was never reached is not to blame.

use aisoc_manifests::fault::{Fault, Reason};
use reqwest::Url;

use super::Proxy;
use crate::remote::broken::{Broken, chain};
use crate::remote::origin::authority;

/// How the HTTP library begins what a proxy made of `CONNECT` (RFC 9110, 9.3.6). Its type for it is not public.
const TUNNEL: &str = "tunnel error: ";
/// The same for 407.
const LOGIN_REQUIRED: &str = "tunnel error: proxy authorization required";
/// The same when the proxy itself was not reached.
const NOT_REACHED: &str = "tunnel error: failed to create underlying connection";

impl Proxy {
    /// What the error of an exchange with `url` through this proxy comes to, if it is the proxy's: everything
    /// that goes wrong before there is a connection, but for TLS with the registry, which has words of its own.
    pub(in crate::remote) fn broken(&self, url: &Url, error: &reqwest::Error) -> Option<Broken> {
        if !error.is_connect() {
            return None;
        }
        let tunnel = chain(error).map(ToString::to_string).find(|cause| cause.starts_with(TUNNEL));
        Some(match tunnel.as_deref() {
            Some(LOGIN_REQUIRED) => self.asks_for_login(),
            None | Some(NOT_REACHED) => self.again(format!("cannot connect to {self} for `{}`", authority(url)), error),
            Some(_) => self.again(format!("{self} opens no way to `{}`", authority(url)), error),
        })
    }

    /// The proxy's 407, which no registry answers (RFC 9110, 15.5.8).
    pub(in crate::remote) fn asks_for_login(&self) -> Broken {
        let (what, how) = match self.has_login() {
            true => ("refuses the login that it is given", "correct the user and the password"),
            false => ("asks for a login", "write the user, a `:`, the password and an `@`"),
        };
        let hint = format!("{how} before `{}:{}` in {}", self.host(), self.port(), self.variable);
        Broken::for_good(Fault::new(Reason::ProxyDenied, format!("{self} {what}")).hint(hint))
    }

    /// What may be otherwise in a moment.
    fn again(&self, message: String, error: &reqwest::Error) -> Broken {
        let variable = self.variable;
        let hint = format!(
            "check that the proxy runs and may reach the registry; a host that is reached without it stands in \
             NO_PROXY, and a proxy that is no more does not stand in {variable}"
        );
        // The causes alone: the error itself holds the URL.
        let causes: Vec<_> = chain(error).skip(1).map(ToString::to_string).collect();
        let fault = Fault::new(Reason::ProxyUnavailable, message).caused_by(causes.join(": ")).hint(hint);
        Broken { fault, tries: 3 }
    }
}
