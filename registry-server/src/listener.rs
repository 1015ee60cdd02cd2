//! From the socket to a request: connections are taken in turn, guarded, and let go.
//!
//! Everything that a client can hold is counted before it is given: a slot, the bytes that wait on each side
//! of the HTTP library, the time of a head, of a body and of an answer.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aisoc_connections::{Bounds, Crowd, Guard, Slots, Taken, closes};
use aisoc_manifests::fault::{Fault, Reason, Result};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpStream;

use crate::arriving::RequestBody;
use crate::hosts::Hosts;
use crate::listeners::Listeners;
use crate::options::ServeOptions;
use crate::registry::Registry;
use crate::response::Body;
use crate::store::Store;

/// Most bytes that the HTTP library holds for one connection in each direction.
const MAX_BUFFER_BYTES: usize = 256 << 10;
/// How long a connection is left alone after it got on.
const PATIENCE: Duration = Duration::from_secs(1);
/// Headers of which a second one is another request to other readers.
const ONCE: &[&str] = &["authorization", "expect"];

/// Serves until the future is dropped.
///
/// # Errors
/// `io_error` when a listener breaks.
pub async fn serve(listeners: impl Into<Listeners>, store: Store, options: ServeOptions) -> Result<()> {
    serve_until(listeners, store, options, std::future::pending()).await
}

/// Serves until `stop` is ready, then lets open requests end.
///
/// # Errors
/// `io_error` when a listener breaks.
pub async fn serve_until(
    listeners: impl Into<Listeners>,
    store: Store,
    options: ServeOptions,
    stop: impl Future<Output = ()> + Send,
) -> Result<()> {
    let listeners = listeners.into();
    let slots = Slots::new(Crowd {
        most: options.max_connections,
        most_per_peer: options.max_connections_per_peer,
        patience: PATIENCE,
    });
    let registry = Arc::new(Registry::new(store, options));
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listeners, &slots) => accepted?,
            () = &mut stop => break,
        };
        if let Some((stream, taken)) = accepted {
            registry.converse(stream, taken, &connections);
        }
    }
    // Nobody new, then as long for the others as was promised and no longer: one that never ends its request
    // must not keep a service from stopping.
    drop(listeners);
    let _ = tokio::time::timeout(registry.options.stop_timeout, connections.shutdown()).await;
    Ok(())
}

/// The next connection and its slot, unless its machine has its share already.
async fn accept(listeners: &Listeners, slots: &Arc<Slots>) -> Result<Option<(TcpStream, Taken)>> {
    let mut failures = 0;
    loop {
        match listeners.accept().await {
            Ok((stream, peer)) => {
                // Small answers must not wait for the acknowledgement of the ones before.
                let _ = stream.set_nodelay(true);
                let taken = slots.take(peer.ip().to_canonical()).await;
                return Ok(taken.map(|taken| (stream, taken)));
            }
            // Out of descriptors, or a client that was gone before it was accepted. Neither is the listener's
            // end, and asking again at once would turn the shortage into a full processor.
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
    /// Serves one connection until it ends, or must make room.
    fn converse(self: &Arc<Self>, stream: TcpStream, taken: Taken, connections: &GracefulShutdown) {
        // Asked per connection: a listener on all addresses is reached under each of them, and a request is
        // to name the one it came to.
        let Ok(local) = stream.local_addr() else { return };
        let (registry, hosts) = (Arc::clone(self), Hosts::new(&self.options.allowed_hosts));
        let service = service_fn(move |request| {
            let (registry, hosts) = (Arc::clone(&registry), hosts.clone());
            async move { Ok::<_, Infallible>(registry.answer_as(&hosts, local, request).await) }
        });
        let bounds = Bounds {
            idle: self.options.idle_timeout,
            longest: self.options.request_timeout,
            slowest: self.options.slowest,
            once: ONCE,
        };
        let guard = Guard::new(stream, Arc::clone(&taken.slot), bounds);
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
                // Dropped in the middle of an answer, if need be: it did not get on.
                () = taken.slot.evicted() => {}
            }
        });
    }

    /// Answers a request that came over a connection to `local`.
    async fn answer_as<B: RequestBody>(&self, hosts: &Hosts, local: SocketAddr, request: Request<B>) -> Response<Body> {
        let closes = closes(request.headers());
        let (head, body) = request.into_parts();
        let mut response = match hosts.admit(&head, local) {
            Ok(()) => self.answer(Request::from_parts(head, body)).await,
            Err(problem) => problem.response(),
        };
        // What follows a body in chunks was not looked at, so nothing that follows is answered: a second
        // request hidden there would be answered to whoever shares the connection (request smuggling).
        if closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
