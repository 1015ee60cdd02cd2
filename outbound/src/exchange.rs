//! `Exchange`: one request on a connection of its own, and the answer to it.
//!
//! The connection is driven by whoever waits for what comes on it, and ends with them: nothing of it goes on by itself. What is
//! not driven here is left to no library: proxies, redirects, retries, connections that are kept.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderValue, USER_AGENT};
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
use crate::limits::{LONGEST_CONNECT, MAX_FRAMING_BYTES, MAX_HEAD_BYTES, MAX_HEADERS};
use crate::metered::{Meter, Metered};
use crate::refused::Refused;
use crate::resolver::{Judged, OutOfReach};

/// Who asks, where a plugin says nothing of it.
pub(crate) const AGENT: &str = concat!("aisoc/", env!("CARGO_PKG_VERSION"));

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

/// A server has sent more than is read of it.
struct Spent;

impl Exchange {
    /// One on the connection that whoever connects to a destination comes to.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(crate) async fn begin(
        destination: &str,
        connecting: impl Future<Output = Result<Box<dyn Wire>, Unconnected>>,
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
    pub(crate) async fn over(destination: &str, connected: Box<dyn Wire>) -> Result<Self, Refused> {
        let meter = Meter::of(MAX_HEAD_BYTES);
        let line = TokioIo::new(Metered::new(connected, Arc::clone(&meter)));
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
    pub(crate) async fn body(&mut self, mut body: Incoming, most: usize) -> Result<Vec<u8>, Refused> {
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
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Ok(done));
        }
        // Why it has ended, whoever waits for something on it is told as well.
        if connection.as_mut().is_some_and(|running| running.as_mut().poll(context).is_ready()) {
            *connection = None;
        }
        match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending if meter.is_spent() => Poll::Ready(Err(Spent)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Connects to where a URL leads, at an address that is judged; over TLS where there is one.
///
/// # Errors
/// Why there is no connection.
pub(crate) async fn connect(
    url: &Url,
    judged: Judged,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Box<dyn Wire>, Unconnected> {
    let side = judged.side;
    let mut connector = HttpConnector::new_with_resolver(judged);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(LONGEST_CONNECT));
    poll_fn(|context| connector.poll_ready(context)).await?;
    let stream = connector.call(destination(url).parse::<Uri>()?).await?.into_inner();
    side.require_of(url.host_str().unwrap_or_default(), stream.peer_addr()?.ip(), stream.local_addr()?.ip())?;
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())?;
    Ok(Box::new(TlsConnector::from(tls).connect(name, stream).await?))
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
    let last = chain().last().map_or_else(|| "it failed".to_owned(), ToString::to_string);
    Refused::Unreached { destination: destination.to_owned(), why: format!("{kind}: {last}") }
}

pub(crate) fn out_of_reach(found: OutOfReach) -> Refused {
    Refused::Address { host: found.host, leads_to: found.leads_to }
}
