//! `Wire`: one HTTP exchange, with time limits and nothing else.
//!
//! No redirects, no decompression, no cookies, no retries: each of those is a decision, and the
//! modules above take it in sight. Clients are built when a URL of their scheme is first used, so
//! that a registry on this machine costs no reading of certificate stores.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, ClientBuilder, Request, Response, Url};
use tokio::time::{Instant, timeout};

use crate::options::ClientOptions;

/// The clients, one per way of connecting.
#[derive(Debug)]
pub(super) struct Wire {
    loopback: OnceLock<Client>,
    plain: OnceLock<Client>,
    tls: OnceLock<Client>,
    options: ClientOptions,
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
    pub(super) fn new(options: &ClientOptions) -> Self {
        Self { loopback: OnceLock::new(), plain: OnceLock::new(), tls: OnceLock::new(), options: options.clone() }
    }

    /// Sends the request and waits for the head of the answer.
    pub(super) async fn exchange(&self, request: Request, pulse: &Pulse) -> Result<Response, Broken> {
        let (url, method) = (request.url().clone(), request.method().clone());
        let client = self.client(&url).map_err(Broken::for_good)?;
        let silence = self.options.idle_timeout + self.options.connect_timeout;
        let mut exchange = std::pin::pin!(client.execute(request));
        let outcome = loop {
            let left = silence.saturating_sub(pulse.age());
            match timeout(left, &mut exchange).await {
                Ok(outcome) => break outcome,
                Err(_) if pulse.age() < silence => {}
                Err(_) => {
                    let message = format!("`{}` did not answer {method} {} in time", authority(&url), url.path());
                    return Err(Broken { fault: Fault::new(Reason::RegistryUnavailable, message), tries: 3 });
                }
            }
        };
        outcome.map_err(|error| Broken::of(&url, method.as_str(), error))
    }

    /// The next bytes of an answer's body.
    pub(super) async fn chunk(&self, response: &mut Response) -> Result<Option<bytes::Bytes>, BodyError> {
        match timeout(self.options.idle_timeout, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(BodyError::Cut(error.without_url())),
            Err(_) => Err(BodyError::Silent),
        }
    }

    fn client(&self, url: &Url) -> Result<&Client> {
        let (slot, builder): (_, fn(&ClientOptions) -> reqwest::Result<Client>) = match url.scheme() {
            "https" => (&self.tls, tls_client),
            // What a proxy would find under the name `localhost` is another machine.
            _ if is_loopback(url) => (&self.loopback, |options| rootless(options).no_proxy().build()),
            _ => (&self.plain, |options| rootless(options).build()),
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = builder(&self.options)
            .map_err(|source| Fault::new(Reason::Internal, "cannot set up HTTP").caused_by(source))?;
        Ok(slot.get_or_init(|| client))
    }
}

/// Why a body ended before its end.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The connection broke, or the body is shorter than announced.
    Cut(reqwest::Error),
    /// Nothing came for the idle time.
    Silent,
}

impl Broken {
    /// Trying again would give the same.
    pub(super) fn for_good(fault: Fault) -> Self {
        Self { fault, tries: 1 }
    }

    fn of(url: &Url, method: &str, error: reqwest::Error) -> Self {
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

    fn age(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

fn builder(options: &ClientOptions) -> ClientBuilder {
    Client::builder()
        .user_agent(&options.user_agent)
        .connect_timeout(options.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .dns_resolver(NoLinkLocal)
}

fn rootless(options: &ClientOptions) -> ClientBuilder {
    builder(options).tls_certs_only([])
}

/// The machine's certificates, else the ones that Mozilla ships: a container without a store is
/// common, and failing there would teach people to use plain HTTP.
fn tls_client(options: &ClientOptions) -> reqwest::Result<Client> {
    builder(options).build().or_else(|_| {
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        builder(options).tls_certs_only(roots.filter_map(|der| Certificate::from_der(der).ok())).build()
    })
}

/// The system's resolver, without the addresses where clouds answer with a machine's credentials.
/// Checking here, and not before, leaves no time for a name to change its address in between.
#[derive(Debug)]
struct NoLinkLocal;

impl Resolve for NoLinkLocal {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| !is_metadata(address.ip())).collect();
            if allowed.is_empty() {
                return Err(io::Error::other("the name leads to no address that a registry may have").into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Link-local addresses and the published exceptions: what answers there is never a registry.
pub(super) fn is_metadata(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || [[100, 100, 100, 200], [168, 63, 129, 16], [192, 0, 0, 192]].contains(&v4.octets())
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified() || v6.is_unicast_link_local() || v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
    }
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
