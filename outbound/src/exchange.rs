//! `Exchange`: one request on a connection of its own, and the answer to it.
//!
//! The connection is driven by whoever waits for what comes on it, and ends with them: nothing of it goes on by itself. What is
//! not driven here is left to no library: proxies, redirects, retries, connections that are kept.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::task::Poll;

use aisoc_registry_client::tls_trouble;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING, USER_AGENT};
use hyper::{Response, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service as _;
use url::Url;

use crate::asked::{Request, authority, destination};
use crate::limits::{LONGEST_CONNECT, MAX_FRAMING_BYTES, MAX_HANDSHAKE_BYTES, MAX_HEAD_BYTES, MAX_HEADERS};
use crate::metered::{Meter, Metered, Spent};
use crate::refused::Refused;
use crate::resolver::{Judged, OutOfReach};

/// Who asks, where a plugin says nothing of it.
pub(crate) const AGENT: &str = concat!("aisoc/", env!("CARGO_PKG_VERSION"));

/// What has come of an answer so far, whatever becomes of it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its status; 0 where there is none.
    pub(crate) status: AtomicU16,
    /// How much of its body.
    pub(crate) bytes: AtomicUsize,
}

/// A connection, and what is counted below TLS where it has that.
pub(crate) struct Connected {
    wire: Box<dyn Wire>,
    below: Option<Arc<Meter>>,
}

impl Connected {
    /// One without TLS.
    pub(crate) fn plain(wire: impl Wire + 'static) -> Self {
        Self { wire: Box::new(wire), below: None }
    }
}

/// A connection, with TLS or without.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

type Line = TokioIo<Metered<Box<dyn Wire>>>;

/// A request, in the form of the library.
pub(crate) type Written = hyper::Request<Full<Bytes>>;

/// Why there is no connection, or nothing to be sent on one.
pub(crate) type Unconnected = Box<dyn Error + Send + Sync>;

/// What carries a request and its answer, as long as it is polled.
type Driven = Pin<Box<Connection<Line, Full<Bytes>>>>;

/// One request under way.
pub(crate) struct Exchange {
    destination: String,
    sender: SendRequest<Full<Bytes>>,
    /// Nothing once it has ended.
    connection: Option<Driven>,
    meter: Arc<Meter>,
}

impl Exchange {
    /// One on the connection that whoever connects to a destination comes to.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(crate) async fn begin(
        destination: &str,
        connecting: impl Future<Output = Result<Connected, Unconnected>>,
    ) -> Result<Self, Refused> {
        match timeout(LONGEST_CONNECT, connecting).await {
            Ok(Ok(connected)) => Self::over(destination, connected).await,
            Ok(Err(error)) => Err(unconnected(destination, error.as_ref())),
            Err(late) => Err(unconnected(destination, &late)),
        }
    }

    /// One on that connection.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) async fn over(destination: &str, connected: Connected) -> Result<Self, Refused> {
        let meter = Meter::above(connected.below, MAX_HEAD_BYTES);
        let line = TokioIo::new(Metered::new(connected.wire, Arc::clone(&meter)));
        let begun = Builder::new().max_headers(MAX_HEADERS).handshake(line).await;
        let (sender, connection) = begun.map_err(|error| unconnected(destination, &error))?;
        Ok(Self { destination: destination.to_owned(), sender, connection: Some(Box::pin(connection)), meter })
    }

    /// Sends the request, and gives the head of its answer.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn ask(&mut self, request: Result<Written, Unconnected>) -> Result<Response<Incoming>, Refused> {
        let request = request.map_err(|error| unreached(&self.destination, "it cannot be sent", error.as_ref()))?;
        let answer = self.sender.send_request(request);
        match drive(&mut self.connection, &self.meter, answer).await {
            Ok(Ok(response)) => {
                self.meter.allow(MAX_FRAMING_BYTES);
                require_plain(&self.destination, &response)?;
                Ok(response)
            }
            Ok(Err(error)) => Err(unreached(&self.destination, "no answer", &error)),
            Err(Spent) => {
                let why = format!("no answer: more than {MAX_HEAD_BYTES} bytes came before one");
                Err(Refused::Unreached { destination: self.destination.clone(), why })
            }
        }
    }

    /// The body of that answer, whole or not at all, and no larger than `most`.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) async fn body(&mut self, mut body: Incoming, most: usize, seen: &Seen) -> Result<Vec<u8>, Refused> {
        let too_large = || Refused::TooLarge { destination: self.destination.clone(), most };
        if body.size_hint().lower() > most as u64 {
            return Err(too_large());
        }
        let mut held = Vec::new();
        loop {
            let frame = drive(&mut self.connection, &self.meter, body.frame()).await.map_err(|Spent| {
                let why = format!("no answer: more than {MAX_FRAMING_BYTES} bytes of it are not its body");
                Refused::Unreached { destination: self.destination.clone(), why }
            })?;
            let Some(frame) = frame else { return Ok(held) };
            let frame = frame.map_err(|error| unreached(&self.destination, "the answer ended too early", &error))?;
            // What is no data are trailers, which nobody is told.
            let Ok(data) = frame.into_data() else { continue };
            seen.bytes.fetch_add(data.len(), Ordering::SeqCst);
            if held.len() + data.len() > most {
                return Err(too_large());
            }
            // As much again for what cuts it into chunks; and after so many of them it is the turn of others.
            consume_budget().await;
            self.meter.allow(2 * data.len());
            held.extend_from_slice(&data);
        }
    }
}

/// Has the connection go on until what is waited for is there.
async fn drive<T>(connection: &mut Option<Driven>, meter: &Meter, work: impl Future<Output = T>) -> Result<T, Spent> {
    let mut work = pin!(work);
    let driven = poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        // Why it has ended, whoever waits for something on it is told as well.
        if connection.as_mut().is_some_and(|running| running.as_mut().poll(context).is_ready()) {
            *connection = None;
        }
        work.as_mut().poll(context)
    });
    meter.unless_spent(driven).await
}

/// Refuses what is cut up and packed in a way that nobody here unpacks (RFC 9112, 7): whoever asked would take it for the answer.
fn require_plain(destination: &str, response: &Response<Incoming>) -> Result<(), Refused> {
    let values = response.headers().get_all(TRANSFER_ENCODING).iter();
    let mut codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    match codings.all(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked")) {
        true => Ok(()),
        false => {
            let why = "no answer: it is sent in a coding that was not asked for".to_owned();
            Err(Refused::Unreached { destination: destination.to_owned(), why })
        }
    }
}

/// Connects to where a URL leads, at an address that is judged; over TLS where there is one.
///
/// # Errors
/// Why there is no connection.
pub(crate) async fn connect(
    url: &Url,
    judged: Judged,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Connected, Unconnected> {
    let side = judged.side;
    let mut connector = HttpConnector::new_with_resolver(judged);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(LONGEST_CONNECT));
    poll_fn(|context| connector.poll_ready(context)).await?;
    let stream = connector.call(destination(url).parse::<Uri>()?).await?.into_inner();
    side.require_of(url.host_str().unwrap_or_default(), stream.peer_addr()?.ip(), stream.local_addr()?.ip())?;
    let Some(tls) = tls else { return Ok(Connected::plain(stream)) };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())?;
    let below = Meter::of(MAX_HANDSHAKE_BYTES);
    let metered = Metered::new(stream, Arc::clone(&below));
    let agreed = below.unless_spent(TlsConnector::from(tls).connect(name, metered)).await;
    let agreed =
        agreed.map_err(|Spent| format!("more than {MAX_HANDSHAKE_BYTES} bytes came before TLS was agreed on"))?;
    Ok(Connected { wire: Box::new(agreed?), below: Some(below) })
}

/// What is written on the connection.
///
/// # Errors
/// Why it cannot be.
pub(crate) fn written(request: &Request) -> Result<Written, Unconnected> {
    let path = request
        .url
        .query()
        .map_or_else(|| request.url.path().to_owned(), |query| format!("{}?{query}", request.url.path()));
    let mut built = hyper::Request::new(Full::new(request.body.clone()));
    *built.method_mut() = request.method.clone();
    *built.uri_mut() = path.parse()?;
    *built.headers_mut() = request.headers.clone();
    let headers = built.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(&authority(&request.url))?);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
    Ok(built)
}

fn unconnected(destination: &str, error: &(dyn Error + 'static)) -> Refused {
    unreached(destination, "no connection", error)
}

/// In the words of the last cause, which say most.
fn unreached(destination: &str, kind: &str, error: &(dyn Error + 'static)) -> Refused {
    let chain = || std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    if let Some(found) = chain().find_map(|cause| cause.downcast_ref::<OutOfReach>()) {
        return out_of_reach(found.clone());
    }
    let last = || chain().last().map_or_else(|| "it failed".to_owned(), ToString::to_string);
    // What a certificate holds is for whoever may read it, and a plugin is told of what is inside.
    let of_tls = Url::parse(destination).ok().and_then(|url| tls_trouble(error, &url));
    let why = format!("{kind}: {}", of_tls.unwrap_or_else(last));
    Refused::Unreached { destination: destination.to_owned(), why }
}

pub(crate) fn out_of_reach(found: OutOfReach) -> Refused {
    Refused::Address { host: found.host, leads_to: found.leads_to }
}
