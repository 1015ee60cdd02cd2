//! One request, and where its answer leads: each hop judged, all of it within one time.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aisoc_manifests::fault::{Fault, Reason, Result as Outcome};
use aisoc_registry_client::{Certificates, client_tls};
use reqwest::header::{LOCATION, USER_AGENT};
use reqwest::{Client, Url};
use rustls::ClientConfig;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, oneshot};

use crate::asked::{Asked, Request, read_url};
use crate::destination::{Destinations, Grant};
use crate::limits::{LONGEST_CONNECT, LONGEST_FETCH, MAX_AT_A_TIME, MAX_HEADERS, MAX_HOPS, MAX_RECEIVED_BYTES};
use crate::rate::Rate;
use crate::refused::Refused;
use crate::resolver::{Judged, Lookup, OutOfReach, Side, system};

/// How soon it is noticed that nobody waits any more.
const STEP: Duration = Duration::from_millis(20);
/// Who asks, where a plugin says nothing of it.
const AGENT: &str = concat!("aisoc/", env!("CARGO_PKG_VERSION"));

/// Asks for every plugin of a host, on a thread of its own.
#[derive(Debug)]
pub struct Broker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    runtime: Handle,
    /// The thread ends when this is dropped, and with it whatever is under way: nobody waits for that any more.
    _ends: oneshot::Sender<()>,
    certificates: Certificates,
    /// Read when somebody is first asked over TLS.
    tls: OnceLock<Result<ClientConfig, String>>,
}

impl Broker {
    /// One that trusts those certificates.
    ///
    /// # Errors
    /// `internal` where no thread can be started.
    pub fn begin(certificates: Certificates) -> Outcome<Self> {
        let internal = |error: std::io::Error| Fault::new(Reason::Internal, "cannot start a thread").caused_by(error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(internal)?;
        let (handle, (ends, ended)) = (runtime.handle().clone(), oneshot::channel());
        let work = move || {
            // An error is how it hears that the other end was dropped.
            let _: Result<(), _> = runtime.block_on(ended);
            runtime.shutdown_background();
        };
        std::thread::Builder::new().name("outbound".to_owned()).spawn(work).map_err(internal)?;
        Ok(Self { shared: Arc::new(Shared { runtime: handle, _ends: ends, certificates, tls: OnceLock::new() }) })
    }

    /// What one plugin may ask for.
    #[must_use]
    pub fn outbound(&self, grant: &Grant) -> Outbound {
        Outbound(Arc::new(Inner {
            shared: Arc::clone(&self.shared),
            destinations: grant.destinations.clone(),
            rate: Rate::new(grant.requests_per_minute, Instant::now()),
            places: Semaphore::new(MAX_AT_A_TIME),
            clients: [OnceLock::new(), OnceLock::new()],
            lookup: system,
        }))
    }
}

impl Shared {
    fn tls(&self) -> Result<ClientConfig, Refused> {
        let read = || client_tls(&self.certificates).map_err(|fault| fault.to_string());
        self.tls.get_or_init(read).clone().map_err(|why| Refused::Unusable { why })
    }
}

/// What one plugin may ask for. Its connections are its own.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    destinations: Destinations,
    rate: Rate,
    places: Semaphore,
    /// One for each [`Side`].
    clients: [OnceLock<Result<Client, Refused>>; 2],
    lookup: Lookup,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("destinations", &self.0.destinations).finish_non_exhaustive()
    }
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status, as HTTP has it. A refusal of the server's is an answer.
    pub status: u16,
    /// Names, in small letters, and values, in order; bytes that are no ASCII as Latin-1.
    pub headers: Vec<(String, String)>,
    /// What was sent.
    pub body: Vec<u8>,
    /// Where it came from: the URL of the last hop.
    pub url: String,
}

/// What is written down of a request. Paths, queries, headers and bodies are not: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The method, where it is one.
    pub method: Option<String>,
    /// Scheme, host and port of each hop, in order.
    pub destinations: Vec<String>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// How much was sent, in bytes, the first time.
    pub sent_bytes: usize,
    /// How much was taken of the answer, in bytes.
    pub received_bytes: usize,
    /// How long it took.
    pub took: Duration,
}

/// What came of a request, and what is written down of it.
#[derive(Debug)]
pub struct Fetched {
    /// What was answered, or why nothing was.
    pub answer: Result<Answer, Refused>,
    /// What is written down.
    pub account: Account,
}

impl Outbound {
    /// Asks, and waits for at most that long, and for no longer than 30 seconds; `stop` is set when nobody waits any more.
    /// Blocks the thread: not for one that answers others.
    #[must_use]
    pub fn fetch(&self, asked: Asked<'_>, patience: Duration, stop: &AtomicBool) -> Fetched {
        let began = Instant::now();
        let mut account = Account {
            method: None,
            destinations: Vec::new(),
            status: None,
            sent_bytes: asked.body.len(),
            received_bytes: 0,
            took: Duration::ZERO,
        };
        let answer = match Request::read(asked) {
            Err(refused) => Err(refused),
            Ok(request) => {
                account.method = Some(request.method.to_string());
                account.destinations.push(request.destination());
                self.wait_for(request, patience.min(LONGEST_FETCH), stop, &mut account)
            }
        };
        account.status = answer.as_ref().ok().map(|answer| answer.status).or(account.status);
        account.received_bytes = answer.as_ref().map_or(0, |answer| answer.body.len());
        account.took = began.elapsed();
        Fetched { answer, account }
    }

    fn wait_for(
        &self,
        request: Request,
        patience: Duration,
        stop: &AtomicBool,
        account: &mut Account,
    ) -> Result<Answer, Refused> {
        let inner = Arc::clone(&self.0);
        let (sender, receiver) = mpsc::channel();
        let first = request.destination();
        let task = self.0.shared.runtime.spawn(async move {
            let mut hops = Vec::new();
            let answered = match tokio::time::timeout(patience, inner.follow(request, &mut hops)).await {
                Ok(answered) => answered,
                Err(_) => Err(Refused::Late { destination: hops.last().cloned().unwrap_or(first), after: patience }),
            };
            let _ = sender.send((answered, hops));
        });
        loop {
            match receiver.recv_timeout(STEP) {
                Ok((answered, hops)) => {
                    if !hops.is_empty() {
                        account.destinations = hops;
                    }
                    return answered;
                }
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::SeqCst) => {
                    task.abort();
                    return Err(Refused::Stopped);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Refused::Stopped),
            }
        }
    }
}

impl Inner {
    async fn follow(&self, mut request: Request, hops: &mut Vec<String>) -> Result<Answer, Refused> {
        let _place = self.places.try_acquire().map_err(|_| Refused::Busy { most: MAX_AT_A_TIME })?;
        for _ in 0..=MAX_HOPS {
            // Each hop counts: a server that leads in circles is asked no more often than any other.
            self.rate.take(Instant::now()).map_err(|retry_after| Refused::Rate { retry_after })?;
            hops.push(request.destination());
            let response = self.exchange(&request).await?;
            match next(&request, &response)? {
                None => return taken(&request, response).await,
                Some(to) => request = request.redirected(response.status().as_u16(), to),
            }
        }
        let why = format!("leads on for more than {MAX_HOPS} hops");
        Err(Refused::Redirect { destination: request.destination(), why })
    }

    async fn exchange(&self, request: &Request) -> Result<reqwest::Response, Refused> {
        let destination = request.destination();
        let side = self.destinations.side_of(&request.url);
        let side = side.ok_or_else(|| Refused::NotAllowed { destination: destination.clone() })?;
        side.judge(&request.url).map_err(out_of_reach)?;
        let client = self.client(side)?;
        let mut built = client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if !request.headers.contains_key(USER_AGENT) {
            built = built.header(USER_AGENT, AGENT);
        }
        if !request.body.is_empty() {
            built = built.body(request.body.clone());
        }
        built.send().await.map_err(|error| unreached(&destination, &error))
    }

    fn client(&self, side: Side) -> Result<&Client, Refused> {
        let made = || {
            let cannot = |error: reqwest::Error| Refused::Unusable { why: in_words(&error) };
            // Nothing is left to the library that is a decision: proxies, redirects, retries.
            Client::builder()
                .no_proxy()
                .dns_resolver(Judged { side, lookup: self.lookup })
                .connect_timeout(LONGEST_CONNECT)
                .http1_max_headers(MAX_HEADERS)
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .pool_max_idle_per_host(1)
                .tls_backend_preconfigured(self.shared.tls()?)
                .build()
                .map_err(cannot)
        };
        self.clients[usize::from(side == Side::Inside)].get_or_init(made).as_ref().map_err(Clone::clone)
    }
}

/// Where an answer leads, if it leads anywhere. Relative to where it came from, as RFC 9110 (10.2.2) says.
fn next(request: &Request, response: &reqwest::Response) -> Result<Option<Url>, Refused> {
    let refused = |why: &str| Refused::Redirect { destination: request.destination(), why: why.to_owned() };
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let mut locations = response.headers().get_all(LOCATION).iter();
    let Some(location) = locations.next() else { return Ok(None) };
    if locations.next().is_some() {
        return Err(refused("leads to two places at once"));
    }
    let to = location.to_str().ok().and_then(|location| request.url.join(location).ok());
    let to = to.and_then(|to| read_url(to.as_str()).ok()).ok_or_else(|| refused("leads to no URL that is asked"))?;
    if request.url.scheme() == "https" && to.scheme() != "https" {
        return Err(refused("leads away from TLS"));
    }
    Ok(Some(to))
}

/// The answer, whole or not at all.
async fn taken(request: &Request, mut response: reqwest::Response) -> Result<Answer, Refused> {
    let destination = request.destination();
    let too_large = || Refused::TooLarge { destination: destination.clone(), most: MAX_RECEIVED_BYTES };
    let stated = response.content_length().unwrap_or_default();
    // HEAD says how much there would be.
    if request.method != reqwest::Method::HEAD && stated > MAX_RECEIVED_BYTES as u64 {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreached(&destination, &error))? {
        if body.len() + chunk.len() > MAX_RECEIVED_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    let text = |value: &[u8]| value.iter().map(|byte| char::from(*byte)).collect::<String>();
    let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    Ok(Answer { status: response.status().as_u16(), headers, body, url: request.url.to_string() })
}

fn out_of_reach(found: OutOfReach) -> Refused {
    Refused::Address { host: found.host, leads_to: found.leads_to }
}

fn unreached(destination: &str, error: &reqwest::Error) -> Refused {
    if let Some(found) = chain(error).find_map(|cause| cause.downcast_ref::<OutOfReach>()) {
        return out_of_reach(found.clone());
    }
    Refused::Unreached { destination: destination.to_owned(), why: in_words(error) }
}

/// What the library says, without its URL, which may hold a secret: the last cause says most.
fn in_words(error: &reqwest::Error) -> String {
    let last = chain(error).last().map_or_else(|| "it failed".to_owned(), ToString::to_string);
    let kind = match error {
        _ if error.is_connect() => "no connection",
        _ if error.is_body() || error.is_decode() => "the answer ended too early",
        _ => "no answer",
    };
    format!("{kind}: {last}")
}

/// The error and its causes. The first one names the URL, and is left out.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |error: &&(dyn Error + 'static)| (*error).source())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, TcpListener};
    use std::sync::atomic::AtomicU32;

    use super::*;

    /// How often the name was looked up.
    static LOOKED_UP: AtomicU32 = AtomicU32::new(0);

    /// A name server whose owner answers otherwise each time: to nowhere, and then inside.
    fn rebinding(_name: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(match LOOKED_UP.fetch_add(1, Ordering::SeqCst) {
            // TEST-NET-1 is nobody's, and this machine has no way there; the second is there beside one that answers.
            0 => vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))],
            _ => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        })
    }

    #[test]
    fn a_name_that_leads_inside_is_never_connected_to_whenever_it_is_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("set");
        let port = listener.local_addr().expect("an address").port();
        let destination = format!("http://rebinding.test:{port}");
        let grant = Grant {
            destinations: Destinations::new(std::slice::from_ref(&destination), &[]).expect("a destination"),
            requests_per_minute: 60,
        };
        let broker = Broker::begin(Certificates::default()).expect("a thread");
        let Outbound(inner) = broker.outbound(&grant);
        let inner = Arc::into_inner(inner).expect("one");
        let outbound = Outbound(Arc::new(Inner { lookup: rebinding, ..inner }));
        for _ in 0..5 {
            let asked = Asked { method: "GET", url: &destination, headers: &[], body: Vec::new() };
            let fetched = outbound.fetch(asked, Duration::from_secs(5), &AtomicBool::new(false));
            let refused = fetched.answer.expect_err("inside");
            assert_eq!(refused.code(), "address_not_allowed", "{refused}");
        }
        assert_eq!(LOOKED_UP.load(Ordering::SeqCst), 5, "each time");
        listener.accept().expect_err("nobody has connected");
    }
}
