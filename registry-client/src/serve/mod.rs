//! A registry over the layout store: for development, tests and air-gapped benches.
//!
//! HTTP/1.1 without TLS and without users; it belongs on a loopback address or behind a proxy that
//! has both. Source: distribution specification 1.1, all endpoints.

mod blobs;
mod body;
mod manifests;
mod problem;
mod referrers;
mod route;
mod store;
mod tags;
mod uploads;

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use bytes::Bytes;
use hyper::body::Body as HttpBody;
use hyper::header::ORIGIN;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub use body::Body;
use body::{Arriving, empty};
use problem::{Answered, Problem};
use route::Route;
pub use store::Store;
use uploads::Uploads;

/// Limits of a registry.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Largest blob that is taken.
    pub max_blob_bytes: u64,
    /// Connections served at a time; more wait to be accepted.
    pub max_connections: usize,
    /// Uploads begun and not finished; beginning another forgets the one that was idle longest.
    pub max_uploads: usize,
    /// Longest wait for the head of a request, and for the next bytes of its body.
    pub idle_timeout: Duration,
    /// How long open requests may take to end once the registry is told to stop.
    pub stop_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_blob_bytes: 16 << 30,
            max_connections: 256,
            max_uploads: 256,
            idle_timeout: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(5),
        }
    }
}

/// A registry without its listener: requests in, responses out.
#[derive(Debug)]
pub struct Registry {
    store: Store,
    uploads: Uploads,
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
    let slots = Arc::new(Semaphore::new(options.max_connections));
    let (idle_timeout, stop_timeout) = (options.idle_timeout, options.stop_timeout);
    let registry = Arc::new(Registry::new(store, options));
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted?,
            () = &mut stop => break,
        };
        let (stream, slot) = accepted;
        let registry = Arc::clone(&registry);
        let service = service_fn(move |request| {
            let registry = Arc::clone(&registry);
            async move { Ok::<_, Infallible>(registry.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle_timeout)
            .serve_connection(TokioIo::new(stream), service);
        let watched = connections.watch(connection);
        tokio::spawn(async move {
            // A client that goes away is its own affair.
            let _ = watched.await;
            drop(slot);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(stop_timeout, connections.shutdown()).await;
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let broken = |source: Box<dyn Error + Send + Sync>| {
        Fault::new(Reason::IoError, "the registry's listener broke").caused_by(source)
    };
    let slot = Arc::clone(slots).acquire_owned().await.map_err(|error| broken(error.into()))?;
    let mut failures = 0;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small answers must not wait for the acknowledgement of the ones before.
                let _ = stream.set_nodelay(true);
                return Ok((stream, slot));
            }
            // Out of descriptors, or a client that was gone before it was accepted.
            Err(error) if failures < 100 => {
                failures += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
                drop(error);
            }
            Err(error) => return Err(broken(error.into())),
        }
    }
}

impl Registry {
    /// A registry over that store.
    pub fn new(store: Store, options: ServeOptions) -> Self {
        Self { store, uploads: Uploads::new(options.max_uploads), options }
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
        // A page that somebody has open could otherwise write to the registry of their machine: a
        // browser names the page's origin with whatever it sends, and no other client does.
        if head.headers.contains_key(ORIGIN) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "DENIED", "this registry does not serve web pages"));
        }
        let body = Arriving::new(body, self.options.idle_timeout, self.options.max_blob_bytes);
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
    let url = reqwest::Url::parse(&format!("http://registry/?{query}")).ok()?;
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
