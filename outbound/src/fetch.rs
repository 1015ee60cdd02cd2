//! One request, and where its answer leads: each hop judged, all of it within one time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::header::LOCATION;
use hyper::http::response::Parts;
use rustls::ClientConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use crate::asked::{Asked, Request, read_url};
use crate::broker::{Broker, NotDone, Shared, Waiting};
use crate::destination::{Destinations, Grant};
use crate::exchange::{Exchange, Seen, connect, out_of_reach, written};
use crate::limits::{MAX_AT_A_TIME, MAX_HOPS, MAX_RECEIVED_BYTES};
use crate::rate::Rate;
use crate::refused::Refused;
use crate::resolver::{Judged, Lookup, Side, system};
use crate::trusted::OwnTls;

impl Broker {
    /// What one plugin may ask for.
    #[must_use]
    pub fn outbound(&self, grant: &Grant) -> Outbound {
        Outbound(Arc::new(Inner {
            shared: Arc::clone(&self.shared),
            destinations: grant.destinations.clone(),
            rate: Rate::new(grant.requests_per_minute, Instant::now()),
            places: Arc::new(Semaphore::new(MAX_AT_A_TIME)),
            tls: OwnTls::default(),
            lookup: system,
        }))
    }
}

/// What one plugin may ask for. Each request has a connection of its own.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    destinations: Destinations,
    rate: Rate,
    places: Arc<Semaphore>,
    tls: OwnTls,
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// The method, where it is one.
    pub method: Option<String>,
    /// Scheme, host and port of each hop, in order.
    pub destinations: Vec<String>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// How much has left over all hops, in bytes: URLs, headers and bodies.
    pub sent_bytes: usize,
    /// How much was taken of the answer, in bytes.
    pub received_bytes: usize,
    /// How long it took.
    pub took: Duration,
}

/// A request that is about to leave: the first one, or one that an answer leads to.
#[derive(Debug, Clone, Copy)]
pub struct Leaving<'a> {
    /// Its method.
    pub method: &'a str,
    /// Scheme, host and port.
    pub destination: &'a str,
}

/// Told of each request before it leaves. What it does not take does not leave.
pub type Leaves<'a> = dyn FnMut(Leaving<'_>) -> Result<(), NotTaken> + 'a;

/// Nobody has taken down that a request leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotTaken;

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
    pub fn fetch(&self, asked: Asked<'_>, patience: Duration, stop: &AtomicBool, leaves: &mut Leaves<'_>) -> Fetched {
        let (began, waiting) = (Instant::now(), Waiting::begin(patience, stop));
        let mut account = Account::default();
        let answer = Request::read(asked).and_then(|request| self.follow(request, waiting, leaves, &mut account));
        account.took = began.elapsed();
        Fetched { answer, account }
    }

    fn follow(
        &self,
        mut request: Request,
        waiting: Waiting<'_>,
        leaves: &mut Leaves<'_>,
        account: &mut Account,
    ) -> Result<Answer, Refused> {
        let inner = &self.0;
        account.method = Some(request.method.to_string());
        let busy = |_| Refused::Busy { most: MAX_AT_A_TIME };
        let place = Arc::new(Arc::clone(&inner.places).try_acquire_owned().map_err(busy)?);
        let mut before: Option<(Side, String)> = None;
        for _ in 0..=MAX_HOPS {
            let destination = request.destination();
            account.destinations.push(destination.clone());
            let side = inner.judged(&request)?;
            require_no_way_in(before.as_ref(), side)?;
            before = Some((side, destination.clone()));
            // Each hop counts: a server that leads in circles is asked no more often than any other.
            inner.rate.take(Instant::now()).map_err(|retry_after| Refused::Rate { retry_after })?;
            let leaving = Leaving { method: request.method.as_str(), destination: &destination };
            leaves(leaving).map_err(|NotTaken| Refused::NotTaken)?;
            account.sent_bytes += request.length();
            let seen = Arc::new(Seen::default());
            let came = self.exchange(side, request, waiting, &place, &seen);
            // Of an answer that is refused as well.
            account.status = Some(seen.status.load(Ordering::SeqCst)).filter(|status| *status > 0);
            account.received_bytes += seen.bytes.load(Ordering::SeqCst);
            match came? {
                Came::Answer(answer) => return Ok(answer),
                Came::Further(next) => request = next,
            }
        }
        let why = format!("leads on for more than {MAX_HOPS} hops");
        Err(Refused::Redirect { destination: request.destination(), why })
    }

    /// One hop, on the thread of the broker.
    fn exchange(
        &self,
        side: Side,
        request: Request,
        waiting: Waiting<'_>,
        place: &Arc<OwnedSemaphorePermit>,
        seen: &Arc<Seen>,
    ) -> Result<Came, Refused> {
        let destination = request.destination();
        let (inner, place) = (Arc::clone(&self.0), Arc::clone(place));
        let (tls, seen) = (inner.tls_for(&request)?, Arc::clone(seen));
        let asked = async move {
            let came = inner.ask(side, request, tls, &seen).await;
            drop(place);
            came
        };
        self.0.shared.wait(waiting, asked).unwrap_or_else(|not_done| match not_done {
            NotDone::Late => Err(Refused::Late { destination, after: waiting.patience }),
            NotDone::Stopped => Err(Refused::Stopped),
        })
    }
}

/// What comes of one hop.
enum Came {
    Answer(Answer),
    Further(Request),
}

impl Inner {
    /// On which side the operator lets it leave.
    fn judged(&self, request: &Request) -> Result<Side, Refused> {
        let side = self.destinations.side_of(&request.url);
        let side = side.ok_or_else(|| Refused::NotAllowed { destination: request.destination() })?;
        side.judge(&request.url).map_err(out_of_reach)?;
        Ok(side)
    }

    /// How TLS is spoken with whoever is asked over it.
    fn tls_for(&self, request: &Request) -> Result<Option<Arc<ClientConfig>>, Refused> {
        let spoken = (request.url.scheme() == "https").then(|| self.tls.spoken(&self.shared.trusted));
        spoken.transpose().map_err(|why| Refused::Unusable { why })
    }

    async fn ask(
        &self,
        side: Side,
        request: Request,
        tls: Option<Arc<ClientConfig>>,
        seen: &Seen,
    ) -> Result<Came, Refused> {
        let judged = Judged { side, lookup: self.lookup };
        let destination = request.destination();
        let connected = connect(&request.url, judged, tls);
        let mut exchange = Exchange::begin(&destination, connected).await?;
        let (head, body) = exchange.ask(written(&request)).await?.into_parts();
        seen.status.store(head.status.as_u16(), Ordering::SeqCst);
        if let Some(to) = next(&request, &head)? {
            return Ok(Came::Further(request.redirected(head.status.as_u16(), to)));
        }
        let body = exchange.body(body, MAX_RECEIVED_BYTES, seen).await?;
        let text = |value: &[u8]| value.iter().map(|byte| char::from(*byte)).collect::<String>();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        Ok(Came::Answer(Answer { status: head.status.as_u16(), headers, body, url: request.url.to_string() }))
    }
}

/// Where an answer leads, if it leads anywhere. Relative to where it came from, as RFC 9110 (10.2.2) says.
fn next(request: &Request, head: &Parts) -> Result<Option<Url>, Refused> {
    let refused = |why: &str| Refused::Redirect { destination: request.destination(), why: why.to_owned() };
    if !matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let mut locations = head.headers.get_all(LOCATION).iter();
    let Some(location) = locations.next() else { return Ok(None) };
    if locations.next().is_some() {
        return Err(refused("leads to two places at once"));
    }
    // `Url` takes tabs and line breaks away, as it does in what a plugin asks for.
    let written = location.to_str().ok().filter(|location| !location.bytes().any(|byte| byte.is_ascii_control()));
    let to = written.and_then(|location| request.url.join(location).ok());
    let to = to.and_then(|to| read_url(to.as_str()).ok()).ok_or_else(|| refused("leads to no URL that is asked"))?;
    if request.url.scheme() == "https" && to.scheme() != "https" {
        return Err(refused("leads away from TLS"));
    }
    Ok(Some(to))
}

/// Who is outside does not say what is asked inside: a redirect leads from there nowhere but outside.
fn require_no_way_in(before: Option<&(Side, String)>, now: Side) -> Result<(), Refused> {
    match (before, now) {
        (Some((Side::Outside, destination)), Side::Inside) => Err(Refused::Redirect {
            destination: destination.clone(),
            why: "leads from the internet to what is inside".to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, TcpListener};
    use std::sync::atomic::AtomicU32;

    use aisoc_registry_client::Certificates;

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
        let broker = Broker::begin(Certificates::default(), Box::new(|_| ())).expect("a thread");
        let Outbound(inner) = broker.outbound(&grant);
        let inner = Arc::into_inner(inner).expect("one");
        let outbound = Outbound(Arc::new(Inner { lookup: rebinding, ..inner }));
        for _ in 0..5 {
            let asked = Asked { method: "GET", url: &destination, headers: &[], body: Vec::new() };
            let fetched = outbound.fetch(asked, Duration::from_secs(5), &AtomicBool::new(false), &mut |_| Ok(()));
            let refused = fetched.answer.expect_err("inside");
            assert_eq!(refused.code(), "address_not_allowed", "{refused}");
        }
        assert_eq!(LOOKED_UP.load(Ordering::SeqCst), 5, "each time");
        listener.accept().expect_err("nobody has connected");
    }

    #[test]
    fn nobody_outside_leads_inside() {
        let from = |side| (side, "https://feed.example.com".to_owned());
        for (before, now) in [
            (None, Side::Inside),
            (None, Side::Outside),
            (Some(from(Side::Inside)), Side::Inside),
            (Some(from(Side::Inside)), Side::Outside),
            (Some(from(Side::Outside)), Side::Outside),
        ] {
            assert!(require_no_way_in(before.as_ref(), now).is_ok(), "{before:?}");
        }
        let refused = require_no_way_in(Some(&from(Side::Outside)), Side::Inside);
        assert!(matches!(refused, Err(Refused::Redirect { .. })), "{refused:?}");
    }
}
