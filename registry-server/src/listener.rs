//! From the socket to a request: connections are taken in turn, guarded, and let go.
//!
//! Everything that a client can hold is counted before it is given: a slot, the bytes that wait on each side
//! of the HTTP library, the time of a head, of a body and of an answer.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aisoc_connections::{Bounds, Crowd, Descriptors, Guard, Slots, Taken};
use aisoc_manifests::fault::{Fault, Reason, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use crate::front::{Front, Way};
use crate::listeners::Listeners;
use crate::options::ServeOptions;
use crate::registry::Registry;
use crate::store::Store;

/// Most bytes that the HTTP library holds for one connection in each direction.
const MAX_BUFFER_BYTES: usize = 256 << 10;
/// How long a connection is left alone after it got on, in the middle of a request.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long one is left alone that has no request. Whoever comes behind ten thousand of them waits for this as often as they
/// fill all places.
const PATIENCE_BETWEEN: Duration = Duration::from_millis(10);
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
        patience_between: PATIENCE_BETWEEN,
    });
    let descriptors = Descriptors::raised(Arc::clone(&slots));
    let stop_timeout = options.stop_timeout;
    let reread = options.access.clone().map(|access| tokio::spawn(access.reread_for_ever()));
    let front = Arc::new(Front::new(Registry::new(store, options), Arc::clone(&slots)));
    // Ends with this.
    let (mut house, kept) = (JoinSet::new(), Arc::clone(&front));
    house.spawn(async move { kept.registry().keep_house().await });
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    let ended = loop {
        let accepted = tokio::select! {
            accepted = accept(&listeners, &slots, &descriptors) => accepted,
            () = &mut stop => break Ok(()),
        };
        match accepted {
            Ok(Some((stream, peer, taken))) => front.converse(stream, peer, taken, &connections),
            Ok(None) => {}
            Err(fault) => break Err(fault),
        }
    };
    // Nobody new, then as long for the others as was promised and no longer: one that never ends its request
    // must not keep a service from stopping.
    drop(listeners);
    let _ = tokio::time::timeout(stop_timeout, connections.shutdown()).await;
    reread.inspect(JoinHandle::abort);
    ended
}

/// The next connection and its slot, unless its machine has its share already.
async fn accept(
    listeners: &Listeners,
    slots: &Arc<Slots>,
    descriptors: &Descriptors,
) -> Result<Option<(TcpStream, IpAddr, Taken)>> {
    let broke = |error| Fault::new(Reason::IoError, "the registry's listener broke").caused_by(error);
    let (stream, peer) = descriptors.accept(|| listeners.accept()).await.map_err(broke)?;
    // Clients that say nothing must not take what blobs are opened with.
    descriptors.look_at(&stream).await;
    // Small answers must not wait for the acknowledgement of the ones before.
    let _ = stream.set_nodelay(true);
    let peer = peer.ip().to_canonical();
    let taken = slots.take(peer).await;
    Ok(taken.map(|taken| (stream, peer, taken)))
}

impl Front {
    /// Serves one connection until it ends, or must make room.
    fn converse(self: &Arc<Self>, stream: TcpStream, peer: IpAddr, taken: Taken, connections: &GracefulShutdown) {
        // Asked per connection: a listener on all addresses is reached under each of them, and a request is
        // to name the one it came to.
        let Ok(local) = stream.local_addr() else { return };
        let way = Way { local, peer, slot: Arc::clone(&taken.slot) };
        let (front, watcher) = (Arc::clone(self), connections.watcher());
        let conversation = async move {
            match front.tls() {
                // Who does not agree on TLS has nothing to say.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, front, way, watcher).await;
                    }
                }
                None => converse(stream, front, way, watcher).await,
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = conversation => {}
                // Dropped in the middle of an answer, if need be: it did not get on.
                () = taken.slot.evicted() => {}
            }
        });
    }
}

/// Speaks HTTP with a client, to the end.
async fn converse<S>(stream: S, front: Arc<Front>, way: Way, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let options = front.options();
    let (idle, longest, slowest) = (options.idle_timeout, options.request_timeout, options.slowest);
    let guard = Guard::new(stream, Arc::clone(&way.slot), Bounds { idle, longest, slowest, once: ONCE });
    let service = service_fn(move |request| {
        let (front, way) = (Arc::clone(&front), way.clone());
        async move { Ok::<_, Infallible>(front.answer(&way, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(guard), service);
    // A client that goes away is its own affair.
    let _ = watcher.watch(connection).await;
}
