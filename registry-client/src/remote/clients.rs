//! `Clients`: one HTTP client per way of connecting, built when it is first needed: a registry on this
//! machine costs no reading of certificate stores.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aisoc_manifests::fault::{Fault, Reason, Result};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Certificate, Client, ClientBuilder, Url};

use super::origin::is_loopback;
use super::reach::{Direct, OnlyProxy, Reach};
use crate::limits::MAX_HEADERS;
use crate::options::ClientOptions;

/// The clients, by how they connect.
#[derive(Debug)]
pub(super) struct Clients {
    /// A handful at most, so a list: with or without TLS, and a proxy or none.
    built: Mutex<Vec<(Way, Client)>>,
    proxies: OnceLock<Matcher>,
}

/// A way of connecting: whether TLS is spoken, and through which proxy. Not one client for all, because
/// each has one resolver: the one that judges addresses, or the one that knows the proxy and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    tls: bool,
    proxy: Option<String>,
}

impl Clients {
    pub(super) fn new() -> Self {
        Self { built: Mutex::default(), proxies: OnceLock::new() }
    }

    /// The client for that URL. It resolves names through `reach`.
    pub(super) fn of(&self, url: &Url, reach: &Arc<Reach>, options: &ClientOptions) -> Result<Client> {
        let way = Way { tls: url.scheme() == "https", proxy: self.proxy(url) };
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = built.iter().find(|(known, _)| *known == way) {
            return Ok(client.clone());
        }
        let client = way.build(reach, options);
        let client = client.map_err(|source| Fault::new(Reason::Internal, "cannot set up HTTP").caused_by(source))?;
        built.push((way, client.clone()));
        Ok(client)
    }

    /// The host of the proxy that the environment sets for that URL. Asked here and not left to the HTTP
    /// library, because behind a proxy it is the proxy that resolves, and names are judged otherwise.
    fn proxy(&self, url: &Url) -> Option<String> {
        // What a proxy would find under the name `localhost` is another machine.
        if is_loopback(url) {
            return None;
        }
        let proxies = self.proxies.get_or_init(Matcher::from_system);
        let proxy = proxies.intercept(&url.as_str().parse().ok()?)?;
        proxy.uri().host().map(str::to_owned)
    }
}

impl Way {
    fn build(&self, reach: &Arc<Reach>, options: &ClientOptions) -> reqwest::Result<Client> {
        let builder = || self.resolving(builder(options), reach);
        if !self.tls {
            // No certificates are looked for by a client that checks none.
            return builder().tls_certs_only([]).build();
        }
        // The machine's certificates, else the ones that Mozilla ships: a container without a store
        // is common, and failing there would teach people to use plain HTTP.
        builder().build().or_else(|_| {
            let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
            builder().tls_certs_only(roots.filter_map(|der| Certificate::from_der(der).ok())).build()
        })
    }

    fn resolving(&self, builder: ClientBuilder, reach: &Arc<Reach>) -> ClientBuilder {
        match &self.proxy {
            Some(proxy) => builder.dns_resolver(OnlyProxy(proxy.clone())),
            None => builder.no_proxy().dns_resolver(Direct(Arc::clone(reach))),
        }
    }
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
