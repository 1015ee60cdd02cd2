//! `Wire`: one HTTP exchange, with time limits and nothing else.
//!
//! No redirects, no decompression, no cookies, no retries: each of those is a decision, and the
//! modules above take it in sight. Clients are built when a URL of their scheme is first used, so
//! that a registry on this machine costs no reading of certificate stores.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use bytes::Bytes;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Certificate, Client, ClientBuilder, Request, Response, Url};
use tokio::time::{Instant, timeout_at};

use super::reach::{Direct, OnlyProxy, OutOfReach, Reach};
use crate::limits::MAX_HEADERS;
use crate::options::ClientOptions;

/// The clients, one per way of connecting, and the clock of the operation.
#[derive(Debug)]
pub(super) struct Wire {
    registry: Url,
    reach: Arc<Reach>,
    clients: Mutex<Vec<(Way, Client)>>,
    proxies: OnceLock<Matcher>,
    options: ClientOptions,
    /// When the first request left.
    began: OnceLock<Instant>,
    /// Bytes of bodies that came since.
    received: AtomicU64,
}

/// A way of connecting: whether TLS is spoken, and through which proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    tls: bool,
    proxy: Option<String>,
}

/// An exchange that did not happen.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) fault: Fault,
    /// How often it makes sense to try altogether.
    pub(super) tries: u32,
}

/// When bytes of a request body last left, so that a long upload is not taken for silence.
#[derive(Debug, Clone)]
pub(super) struct Pulse(Arc<Mutex<Instant>>);

impl Wire {
    pub(super) fn new(registry: &Url, options: &ClientOptions) -> Self {
        Self {
            registry: registry.clone(),
            reach: Arc::new(Reach::new(registry)),
            clients: Mutex::default(),
            proxies: OnceLock::new(),
            options: options.clone(),
            began: OnceLock::new(),
            received: AtomicU64::new(0),
        }
    }

    /// When everything that is asked for this reference must be over.
    pub(super) fn ends(&self) -> Instant {
        *self.began.get_or_init(Instant::now) + self.options.limits.operation
    }

    /// How long one exchange may take.
    pub(super) fn longest_exchange(&self) -> Duration {
        self.options.limits.exchange
    }

    /// Sends the request and waits for the head of the answer. Every request of this crate passes
    /// here, so every hop is judged here.
    pub(super) async fn exchange(&self, request: Request, pulse: &Pulse) -> Result<Response, Broken> {
        let (url, method) = (request.url().clone(), request.method().clone());
        self.reach.check(&url).await.map_err(Broken::for_good)?;
        let client = self.client(&url).map_err(Broken::for_good)?;
        let limits = &self.options.limits;
        let silence = limits.idle + limits.connect;
        let mut exchange = pin!(client.execute(request));
        let outcome = loop {
            let end = (Instant::now() + silence.saturating_sub(pulse.age())).min(self.ends());
            if let Ok(outcome) = timeout_at(end, &mut exchange).await {
                break outcome;
            }
            if Instant::now() >= self.ends() {
                return Err(Broken::for_good(self.overdue()));
            }
            if pulse.age() >= silence {
                let message = format!("`{}` did not answer {method} {}", authority(&url), url.path());
                return Err(Broken { fault: self.late(&message, silence), tries: 3 });
            }
        };
        outcome.map_err(|error| Broken::of(&self.registry, &url, method.as_str(), error))
    }

    /// The next bytes of an answer's body.
    pub(super) async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, BodyError> {
        let end = (Instant::now() + self.options.limits.idle).min(self.ends());
        match timeout_at(end, response.chunk()).await {
            Ok(Ok(chunk)) => {
                self.received.fetch_add(chunk.as_ref().map_or(0, Bytes::len) as u64, Ordering::Relaxed);
                Ok(chunk)
            }
            Ok(Err(error)) => Err(BodyError::Cut(error.without_url())),
            Err(_) if Instant::now() >= self.ends() => Err(BodyError::Overdue(self.overdue())),
            Err(_) => Err(BodyError::Silent),
        }
    }

    /// The fault of a wait that was given up: what was waited for, how long, and what came.
    pub(super) fn late(&self, message: &str, waited: Duration) -> Fault {
        let came = self.received.load(Ordering::Relaxed);
        Fault::new(Reason::RegistryUnavailable, format!("{message} within {waited:?}; {came} bytes came in all"))
    }

    /// The fault of an operation that took too long.
    fn overdue(&self) -> Fault {
        self.late(&format!("`{}` did not get done", authority(&self.registry)), self.options.limits.operation)
    }

    fn client(&self, url: &Url) -> Result<Client> {
        let way = Way { tls: url.scheme() == "https", proxy: self.proxy(url) };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == way) {
            return Ok(client.clone());
        }
        let client =
            self.build(&way).map_err(|source| Fault::new(Reason::Internal, "cannot set up HTTP").caused_by(source))?;
        clients.push((way, client.clone()));
        Ok(client)
    }

    /// The host of the proxy that the environment sets for that URL.
    fn proxy(&self, url: &Url) -> Option<String> {
        // What a proxy would find under the name `localhost` is another machine.
        if is_loopback(url) {
            return None;
        }
        let proxies = self.proxies.get_or_init(Matcher::from_system);
        let proxy = proxies.intercept(&url.as_str().parse().ok()?)?;
        proxy.uri().host().map(str::to_owned)
    }

    fn build(&self, way: &Way) -> reqwest::Result<Client> {
        let builder = || {
            let builder = builder(&self.options);
            match &way.proxy {
                Some(proxy) => builder.dns_resolver(OnlyProxy(proxy.clone())),
                None => builder.no_proxy().dns_resolver(Direct(Arc::clone(&self.reach))),
            }
        };
        if !way.tls {
            return builder().tls_certs_only([]).build();
        }
        // The machine's certificates, else the ones that Mozilla ships: a container without a store
        // is common, and failing there would teach people to use plain HTTP.
        builder().build().or_else(|_| {
            let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
            builder().tls_certs_only(roots.filter_map(|der| Certificate::from_der(der).ok())).build()
        })
    }
}

/// Why a body ended before its end.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The connection broke, or the body is shorter than announced.
    Cut(reqwest::Error),
    /// Nothing came for the idle time.
    Silent,
    /// The operation took too long.
    Overdue(Fault),
}

impl Broken {
    /// Trying again would give the same.
    pub(super) fn for_good(fault: Fault) -> Self {
        Self { fault, tries: 1 }
    }

    fn of(registry: &Url, url: &Url, method: &str, error: reqwest::Error) -> Self {
        if let Some(found) = chain(&error).find_map(|cause| cause.downcast_ref::<OutOfReach>()) {
            return Self::for_good(found.fault(registry));
        }
        let certificate = chain(&error).any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
        });
        let (act, tries) = match () {
            () if certificate => ("cannot agree on TLS with", 1),
            () if error.is_connect() => ("cannot connect to", 3),
            () => ("lost the connection to", 5),
        };
        let message = format!("{act} `{}` for {method} {}", authority(url), url.path());
        // A URL may hold a signature or a token in its query; the message above names what is safe.
        let fault = Fault::new(Reason::RegistryUnavailable, message).caused_by(error.without_url());
        let fault = if certificate {
            fault.hint(
                "check host and port, that TLS is spoken there, and that the registry's certificate is valid \
                 and known to this machine",
            )
        } else {
            fault
        };
        Self { fault, tries }
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        // `io::Error` passes over the error it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

impl Pulse {
    pub(super) fn start() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(super) fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// When bytes last left.
    pub(super) fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn age(&self) -> Duration {
        self.last().elapsed()
    }
}

fn builder(options: &ClientOptions) -> ClientBuilder {
    Client::builder()
        .user_agent(&options.user_agent)
        .connect_timeout(options.limits.connect)
        .http1_max_headers(MAX_HEADERS)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
}

/// The address that the URL spells out, if its host is one. `Url` has read numeric forms already.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str() == Some("localhost") || literal(url).is_some_and(|address| address.to_canonical().is_loopback())
}

/// `host[:port]` for messages.
pub(super) fn authority(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or("?").to_owned(),
    }
}

/// Scheme, host and port: what credentials belong to.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host_str() == b.host_str() && a.port_or_known_default() == b.port_or_known_default()
}
