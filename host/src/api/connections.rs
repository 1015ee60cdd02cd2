//! `Connections`: those that there are, each with what it may cost.
//!
//! Whoever shows no token can hold as many connections as they like, and say nothing over them or read nothing. So when
//! all places are taken the one whose client was waited for longest makes room, those of clients with a token last, and
//! whoever comes is answered.

use std::convert::Infallible;
use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aisoc_connections::{Bounds, Crowd, Guard, Slot, Slots, Slowest, Taken, closes};
use axum::Router;
use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use super::listening::{Stream, Way};

/// Most connections at a time.
const MAX_CONNECTIONS: usize = 256;
/// Most of them of one other machine.
const MAX_CONNECTIONS_OF_ONE: usize = 64;
/// Most bytes that the HTTP library holds for one connection in each direction.
const MAX_BUFFER_BYTES: usize = 64 << 10;
/// How long the head of a request may take to come, how long a connection may wait for its next request, and how long a
/// client may read nothing of its answer.
const IDLE_PATIENCE: Duration = Duration::from_secs(10);
/// How long after its request a client may still keep an answer waiting.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How long requests that have begun may take to end once the host is told to stop.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);
/// Headers of which a second one is another request to other readers. Of two `Authorization` is said what is wrong.
const ONCE: &[&str] = &["expect"];

/// The connections of a host.
pub(super) struct Connections {
    slots: Arc<Slots>,
    watched: GracefulShutdown,
}

impl Connections {
    /// None yet.
    pub(super) fn new() -> Self {
        let crowd = Crowd {
            most: MAX_CONNECTIONS,
            most_per_peer: MAX_CONNECTIONS_OF_ONE,
            patience: Duration::ZERO,
            patience_between: Duration::ZERO,
        };
        Self { slots: Slots::new(crowd), watched: GracefulShutdown::new() }
    }

    /// The places that they have.
    pub(super) fn slots(&self) -> Arc<Slots> {
        Arc::clone(&self.slots)
    }

    /// A place for a connection from there; nothing where that machine has its share, and all of it is at work.
    pub(super) async fn take(&self, peer: IpAddr) -> Option<Taken> {
        self.slots.take(peer.to_canonical()).await
    }

    /// Serves one connection until it ends, or must make room.
    pub(super) fn serve(&self, stream: Stream, way: Way, taken: Taken, router: Router) {
        let (slot, watcher) = (Arc::clone(&taken.slot), self.watched.watcher());
        let conversation = async move {
            match (stream, &way) {
                (Stream::Unix(stream), _) => converse(stream, way, slot, router, watcher).await,
                (Stream::Tcp(stream), Way::Tls(tls)) => {
                    // Who does not agree on TLS has nothing to say.
                    let Ok(stream) = tls.accept(stream).await else { return };
                    converse(stream, way, slot, router, watcher).await;
                }
                (Stream::Tcp(stream), _) => converse(stream, way, slot, router, watcher).await,
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = conversation => {}
                // Dropped in the middle of an answer, if need be: nobody reads it.
                () = taken.slot.evicted() => {}
            }
        });
    }

    /// Lets requests that have begun end, for a while.
    pub(super) async fn end(self) {
        let _ = tokio::time::timeout(DRAIN_PATIENCE, self.watched.shutdown()).await;
    }
}

/// Speaks HTTP with a client that has come in by `way`, to the end.
async fn converse<S>(stream: S, way: Way, slot: Arc<Slot>, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let bounds = Bounds { idle: IDLE_PATIENCE, longest: ANSWER_PATIENCE, slowest: Slowest::default(), once: ONCE };
    let guard = Guard::new(stream, Arc::clone(&slot), bounds);
    let service = service_fn(move |request| answer(router.clone(), way.clone(), Arc::clone(&slot), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_PATIENCE)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(guard), service);
    // A client that goes away is its own affair.
    let _ = watcher.watch(connection).await;
}

/// Answers a request, over a connection that is not in anybody's way meanwhile.
async fn answer<B>(router: Router, way: Way, slot: Arc<Slot>, request: Request<B>) -> Result<Response<Body>, Infallible>
where
    B: hyper::body::Body<Data = bytes::Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    let Some(_work) = slot.work() else { return pending().await };
    let closes = closes(request.headers());
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(way);
    request.extensions_mut().insert(slot);
    let mut response = TowerToHyperService::new(router).call(request).await?;
    // What follows a body in chunks was not looked at; and who shows no token that counts asks anew, and waits in line.
    if closes || response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
