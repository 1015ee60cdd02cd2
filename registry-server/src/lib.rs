#![doc = include_str!("../README.md")]

mod blobs;
mod body;
mod ground;
mod guard;
mod head;
mod hosts;
mod manifests;
mod problem;
mod referrers;
mod route;
mod slots;
mod store;
mod tags;
mod uploads;

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use bytes::Bytes;
use hyper::body::Body as HttpBody;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub use body::Body;
use body::{Arriving, empty};
use guard::Guard;
use hosts::{Hosts, refuse_pages};
use problem::{Answered, Problem};
use route::Route;
use slots::{Slots, Taken};
pub use store::Store;
use uploads::Uploads;

use aisoc_registry_client::Slowest;
use aisoc_registry_client::worker::blocking;

/// Most bytes that the HTTP library holds for one connection in each direction.
const MAX_BUFFER_BYTES: usize = 256 << 10;

/// Limits of a registry.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Largest blob that is taken.
    pub max_blob_bytes: u64,
    /// Connections served at a time. More wait, or take the place of one that does not get on.
    pub max_connections: usize,
    /// Connections of one other machine: it must not take all of them.
    pub max_connections_per_peer: usize,
    /// Uploads begun and not finished; beginning another forgets the one that was idle longest.
    pub max_uploads: usize,
    /// Longest wait for the head of a request, and for the next bytes of its body.
    pub idle_timeout: Duration,
    /// Longest time for the body of one request, and for the reading of its answer.
    pub request_timeout: Duration,
    /// Slowest body that is taken, and slowest reader of an answer.
    pub slowest: Slowest,
    /// Documents that are worked on at a time: read and parsed, each takes many times its size.
    pub max_documents: usize,
    /// Names (`NAME` or `NAME:PORT`) under which the registry answers, besides its addresses and
    /// `localhost`.
    pub allowed_hosts: Vec<String>,
    /// How long open requests may take to end once the registry is told to stop.
    pub stop_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_blob_bytes: 16 << 30,
            max_connections: 256,
            max_connections_per_peer: 64,
            max_uploads: 256,
            idle_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60 * 60),
            slowest: Slowest::default(),
            max_documents: 4,
            allowed_hosts: Vec::new(),
            stop_timeout: Duration::from_secs(5),
        }
    }
}

/// A registry without its listener: requests in, responses out.
#[derive(Debug)]
pub struct Registry {
    store: Store,
    uploads: Uploads,
    /// Documents that may still be worked on.
    working: Arc<Semaphore>,
    options: ServeOptions,
}

/// Serves until the future is dropped.
///
/// # Errors
/// `io_error` when the listener breaks.
pub async fn serve(listener: TcpListener, store: Store, options: ServeOptions) -> Result<()> {
    serve_until(listener, store, options, std::future::pending()).await
}

/// Serves until `stop` is ready, then lets open requests end.
///
/// # Errors
/// `io_error` when the listener breaks.
pub async fn serve_until(
    listener: TcpListener,
    store: Store,
    options: ServeOptions,
    stop: impl Future<Output = ()> + Send,
) -> Result<()> {
    let slots = Slots::new(options.max_connections, options.max_connections_per_peer);
    let registry = Arc::new(Registry::new(store, options));
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted?,
            () = &mut stop => break,
        };
        if let Some((stream, taken)) = accepted {
            registry.converse(stream, taken, &connections);
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(registry.options.stop_timeout, connections.shutdown()).await;
    Ok(())
}

/// The next connection and its slot, unless its machine has its share already.
async fn accept(listener: &TcpListener, slots: &Arc<Slots>) -> Result<Option<(TcpStream, Taken)>> {
    let mut failures = 0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small answers must not wait for the acknowledgement of the ones before.
                let _ = stream.set_nodelay(true);
                let taken = slots.take(peer.ip().to_canonical()).await;
                return Ok(taken.map(|taken| (stream, taken)));
            }
            // Out of descriptors, or a client that was gone before it was accepted.
            Err(error) if failures < 100 => {
                failures += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
                drop(error);
            }
            Err(error) => {
                return Err(Fault::new(Reason::IoError, "the registry's listener broke").caused_by(error));
            }
        }
    }
}

impl Registry {
    /// A registry over that store.
    pub fn new(store: Store, options: ServeOptions) -> Self {
        Self {
            store,
            uploads: Uploads::new(options.max_uploads),
            working: Arc::new(Semaphore::new(options.max_documents)),
            options,
        }
    }

    /// Works on documents off the async threads, a few at a time.
    async fn on_documents<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = tokio::time::timeout(self.options.idle_timeout, Arc::clone(&self.working).acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Err(Problem::busy());
        };
        let done = blocking(move || {
            // Held by the work and not by the client: one that hangs up does not free its turn.
            let _turn = turn;
            work()
        });
        Ok(done.await?)
    }

    /// Serves one connection until it ends, or must make room.
    fn converse(self: &Arc<Self>, stream: TcpStream, taken: Taken, connections: &GracefulShutdown) {
        let Ok(local) = stream.local_addr() else { return };
        let (registry, hosts) = (Arc::clone(self), Hosts::new(&self.options.allowed_hosts));
        let service = service_fn(move |request| {
            let (registry, hosts) = (Arc::clone(&registry), hosts.clone());
            async move { Ok::<_, Infallible>(registry.answer_as(&hosts, local, request).await) }
        });
        let guard = Guard::new(stream, Arc::clone(&taken.slot), &self.options);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.options.idle_timeout)
            .max_buf_size(MAX_BUFFER_BYTES)
            .serve_connection(TokioIo::new(guard), service);
        let watched = connections.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                // A client that goes away is its own affair.
                _ = watched => {}
                () = taken.slot.evicted() => {}
            }
        });
    }

    /// Answers a request that came over a connection to `local`.
    async fn answer_as<B>(&self, hosts: &Hosts, local: SocketAddr, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let closes = head::closes(request.headers());
        let (head, body) = request.into_parts();
        let mut response = match hosts.admit(&head, local) {
            Ok(()) => self.answer(Request::from_parts(head, body)).await,
            Err(problem) => problem.response(),
        };
        if closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Answers one request; refusals are answers too.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let is_head = request.method() == Method::HEAD;
        let response = self.dispatch(request).await.unwrap_or_else(|problem| problem.response());
        if is_head { response.map(|_| empty()) } else { response }
    }

    async fn dispatch<B>(&self, request: Request<B>) -> Answered
    where
        B: HttpBody<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        // A page that somebody has open could otherwise write to the registry of their machine.
        refuse_pages(&head.headers)?;
        let body = Arriving::new(body, &self.options);
        match Route::of(head.uri.path())? {
            Route::Version => reading(&head.method).map(|()| problem::json(StatusCode::OK, b"{}".to_vec())),
            Route::Manifest { repository, name } => self.manifest(&head, &repository, name, body).await,
            Route::Blob { repository, digest } => self.blob(&head, &repository, digest).await,
            Route::BeginUpload { repository } => self.begin_upload(&head, repository, body).await,
            Route::Upload { repository, id } => self.upload(&head, repository, id, body).await,
            Route::Tags { repository } => {
                reading(&head.method)?;
                self.tags(&repository, head.uri.query().unwrap_or_default()).await
            }
            Route::Referrers { repository, digest } => {
                reading(&head.method)?;
                self.referrers(&repository, digest, head.uri.query().unwrap_or_default()).await
            }
        }
    }
}

/// Refuses everything but GET and HEAD.
fn reading(method: &Method) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD) { Ok(()) } else { Err(Problem::method()) }
}

/// The value of a query parameter, percent-decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
