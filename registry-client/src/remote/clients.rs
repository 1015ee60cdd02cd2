//! `Clients`: one HTTP client per way of connecting, built when it is first needed: a registry on this
//! machine costs no reading of certificate stores.

use std::sync::{Arc, Mutex, PoisonError};

use aisoc_manifests::fault::{Fault, Reason, Result};
use reqwest::{Client, ClientBuilder, Url};

use super::origin::same_origin;
use super::proxy::Proxy;
use super::reach::{Direct, OnlyProxy, Reach};
use super::tls;
use crate::limits::MAX_HEADERS;
use crate::options::ClientOptions;

/// The clients, by how they connect.
#[derive(Debug, Default)]
pub(super) struct Clients {
    /// A handful at most, so a list: with or without TLS, and a proxy or none.
    built: Mutex<Vec<(Way, Client)>>,
}

/// A way of connecting: whether TLS is spoken, and through which proxy. Not one client for all, because
/// each has one resolver: the one that judges addresses, or the one that knows the proxy and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    tls: bool,
    /// Whether it leads to the registry itself, which is shown who we are.
    is_own: bool,
    proxy: Option<Proxy>,
}

impl Clients {
    /// The client for that URL, through that proxy. It resolves names through `reach`. A certificate of ours is shown to
    /// the registry's own origin, `base`, and to nobody that it leads to.
    pub(super) fn of(
        &self,
        base: &Url,
        url: &Url,
        proxy: Option<&Proxy>,
        reach: &Arc<Reach>,
        options: &ClientOptions,
    ) -> Result<Client> {
        let is_own = options.certificates.own.is_some() && same_origin(url, base);
        let way = Way { tls: url.scheme() == "https", is_own, proxy: proxy.cloned() };
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = built.iter().find(|(known, _)| *known == way) {
            return Ok(client.clone());
        }
        let client = way.builder(reach, options)?.build().map_err(cannot_set_up)?;
        built.push((way, client.clone()));
        Ok(client)
    }
}

impl Way {
    fn builder(&self, reach: &Arc<Reach>, options: &ClientOptions) -> Result<ClientBuilder> {
        let builder = match &self.proxy {
            Some(proxy) => {
                let resolver = OnlyProxy(proxy.host().to_owned());
                builder(options).proxy(proxy.for_library().map_err(cannot_set_up)?).dns_resolver(resolver)
            }
            // Without this the library would read the environment.
            None => builder(options).no_proxy().dns_resolver(Direct(Arc::clone(reach))),
        };
        // No certificates are looked for by a client that checks none; a proxy may be spoken to over TLS also
        // where the registry is not.
        let proxy_speaks_tls = self.proxy.as_ref().is_some_and(Proxy::speaks_tls);
        if self.is_own && proxy_speaks_tls {
            // One configuration is for both, and the proxy could ask for the certificate as well.
            let message = "a client certificate is not shown through a proxy that is spoken to over TLS";
            return Err(Fault::new(Reason::Usage, message)
                .hint("name the proxy with `http://`, or exempt the registry with NO_PROXY"));
        }
        let certificates = match self.is_own {
            true => options.certificates.clone(),
            false => options.certificates.without_own(),
        };
        match self.tls || proxy_speaks_tls {
            true => Ok(builder.tls_backend_preconfigured(tls::client_tls(&certificates)?)),
            false => Ok(builder.tls_backend_preconfigured(tls::no_tls()?)),
        }
    }
}

fn cannot_set_up(source: reqwest::Error) -> Fault {
    Fault::new(Reason::Internal, "cannot set up HTTP").caused_by(source.without_url())
}

/// Nothing is left to the library that is a decision: a redirect that it followed would carry the request
/// past the judgement of addresses, a retry past the limits of time, a `Referer` past the registry.
fn builder(options: &ClientOptions) -> ClientBuilder {
    Client::builder()
        .user_agent(&options.user_agent)
        .connect_timeout(options.limits.connect)
        .http1_max_headers(MAX_HEADERS)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
}
