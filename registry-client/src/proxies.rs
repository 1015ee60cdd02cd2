//! `Proxies`: through whom requests leave, as the variables of the machine say.

use crate::options::Secret;

/// Through whom requests leave. Empty, they go straight to the registry. A registry on this machine is never
/// reached through a proxy, which would find another machine under that name.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// For `http` URLs: `HTTP_PROXY`, else `ALL_PROXY`.
    pub http: Option<ProxyVariable>,
    /// For `https` URLs: `HTTPS_PROXY`, else `ALL_PROXY`.
    pub https: Option<ProxyVariable>,
    /// The hosts that are reached without one, as `NO_PROXY` lists them: names with everything below them,
    /// `*.name`, addresses, networks (`10.0.0.0/8`), each with a port or for all of them; `*` is every host.
    pub exempt: String,
}

/// A variable that names a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyVariable {
    /// Its name, for messages.
    pub name: &'static str,
    /// `[http|https|socks5|socks5h://][USER:PASSWORD@]HOST[:PORT]`. Secret, because of the password.
    pub value: Secret,
}
