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

use crate::asked::Request;
use crate::limits::{LONGEST_CONNECT, MAX_FRAMING_BYTES, MAX_HEAD_BYTES, MAX_HEADERS, MAX_RECEIVED_BYTES};
use crate::metered::{Meter, Metered};
use crate::refused::Refused;
use crate::resolver::{Judged, OutOfReach};

/// Who asks, where a plugin says nothing of it.
const AGENT: &str = concat!("aisoc/", env!("CARGO_PKG_VERSION"));

/// A connection, with TLS or without.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

type Line = TokioIo<Metered<Box<dyn Wire>>>;

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
    /// Connects to where the URL leads, at an address that is judged.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(crate) async fn begin(
        request: &Request,
        judged: Judged,
        tls: impl FnOnce() -> Result<Arc<ClientConfig>, Refused>,
    ) -> Result<Self, Refused> {
        let destination = request.destination();
        let unconnected = |error: &(dyn Error + 'static)| unreached(&destination, "no connection", error);
        let tls = if request.url.scheme() == "https" { Some(tls()?) } else { None };
        let connected = match timeout(LONGEST_CONNECT, connect(&request.url, &destination, judged, tls)).await {
            Ok(connected) => connected.map_err(|error| unconnected(error.as_ref()))?,
            Err(late) => return Err(unconnected(&late)),
        };
        let meter = Meter::of(MAX_HEAD_BYTES);
        let line = TokioIo::new(Metered::new(connected, Arc::clone(&meter)));
        let begun = Builder::new().max_headers(MAX_HEADERS).handshake(line).await;
        let (sender, connection) = begun.map_err(|error| unconnected(&error))?;
        Ok(Self { destination, sender, connection: Some(Box::pin(connection)), meter })
    }

    /// Sends the request, and gives the head of its answer.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Response<Incoming>, Refused> {
        let built =
            built(request).map_err(|error| unreached(&self.destination, "it cannot be sent", error.as_ref()))?;
        let answer = self.sender.send_request(built);
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

    /// The body of that answer, whole or not at all.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) async fn body(&mut self, mut body: Incoming) -> Result<Vec<u8>, Refused> {
        let too_large = || Refused::TooLarge { destination: self.destination.clone(), most: MAX_RECEIVED_BYTES };
        if body.size_hint().lower() > MAX_RECEIVED_BYTES as u64 {
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
            if held.len() + data.len() > MAX_RECEIVED_BYTES {
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

async fn connect(
    url: &Url,
    destination: &str,
    judged: Judged,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Box<dyn Wire>, Box<dyn Error + Send + Sync>> {
    let mut connector = HttpConnector::new_with_resolver(judged);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(LONGEST_CONNECT));
    poll_fn(|context| connector.poll_ready(context)).await?;
    let stream = connector.call(destination.parse::<Uri>()?).await?.into_inner();
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())?;
    Ok(Box::new(TlsConnector::from(tls).connect(name, stream).await?))
}

/// What is written on the connection.
fn built(request: &Request) -> Result<hyper::Request<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
    let path = request
        .url
        .query()
        .map_or_else(|| request.url.path().to_owned(), |query| format!("{}?{query}", request.url.path()));
    let host = request.url.host_str().unwrap_or_default();
    let host = request.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut built = hyper::Request::new(Full::new(request.body.clone()));
    *built.method_mut() = request.method.clone();
    *built.uri_mut() = path.parse()?;
    *built.headers_mut() = request.headers.clone();
    let headers = built.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(&host)?);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
    Ok(built)
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
