//! The operator's way to a host: HTTP on this machine.

mod asking;
mod body;
mod login;
mod names;
mod problem;
mod routes;

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use self::asking::Api;
use self::routes::router;
use crate::access::Logins;
use crate::host::Host;

/// Most connections at a time; more wait until one ends.
const MAX_CONNECTIONS: usize = 256;
/// Most bytes that the HTTP library holds for one connection in each direction.
const MAX_BUFFER_BYTES: usize = 64 << 10;
/// How long the head of a request may take to come, and how long a connection may wait for its next request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long requests that have begun may take to end once the host is told to stop.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before the next connection is taken when there was no descriptor for one.
const PAUSE: Duration = Duration::from_millis(50);
/// How soon it is noticed that a plugin has ended.
const ROUND: Duration = Duration::from_millis(200);
/// How often that may be so without a connection between.
const MAX_FAILURES: u32 = 100;

/// Looks for plugins, and answers operators who show a token that `logins` knows, or everybody where there are none, until
/// `stop` is ready; then lets requests that have begun end, and every plugin go.
///
/// # Errors
/// `io_error` when the listener breaks; what the first discovery fails of goes to `failed`, and is no end.
pub async fn serve(
    host: Arc<Host>,
    logins: Option<Arc<Logins>>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    failed: impl FnOnce(Fault) + Send + 'static,
) -> Result<()> {
    let is_ready = Arc::new(AtomicBool::new(false));
    let api = Api::new(Arc::clone(&host), logins, Arc::clone(&is_ready));
    let (discovering, ready) = (Arc::clone(&host), Arc::clone(&is_ready));
    let first = tokio::task::spawn_blocking(move || match discovering.discover() {
        Ok(_) => ready.store(true, Ordering::SeqCst),
        Err(fault) => failed(fault),
    });
    let attending = attend(Arc::clone(&host));
    let (places, connections) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), GracefulShutdown::new());
    let mut stop = pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted?,
            () = &mut stop => break,
        };
        converse(&api, stream, place, &connections);
    }
    is_ready.store(false, Ordering::SeqCst);
    attending.abort();
    drop(listener);
    let _ = tokio::time::timeout(DRAIN_PATIENCE, connections.shutdown()).await;
    // What is being loaded is told to stop, and everything else ends here: no plugin outlives its host.
    let _ = tokio::task::spawn_blocking(move || host.end()).await;
    let _ = first.await;
    Ok(())
}

/// Looks after plugins, one round after the other.
fn attend(host: Arc<Host>) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(ROUND).await;
            let host = Arc::clone(&host);
            let _ = tokio::task::spawn_blocking(move || host.attend()).await;
        }
    })
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Result<(TcpStream, OwnedSemaphorePermit)> {
    let broke = |error| Fault::new(Reason::IoError, "the host's listener broke").caused_by(error);
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(|_| broke(std::io::Error::from(ErrorKind::BrokenPipe)))?;
    let mut failures = 0;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small answers must not wait for the acknowledgement of the ones before.
                let _ = stream.set_nodelay(true);
                return Ok((stream, place));
            }
            // Out of descriptors, or a client that was gone before it was accepted.
            Err(_) if failures < MAX_FAILURES => {
                failures += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(broke(error)),
        }
    }
}

fn converse(api: &Api, stream: TcpStream, place: OwnedSemaphorePermit, connections: &GracefulShutdown) {
    let Ok(local) = stream.local_addr() else { return };
    let service = TowerToHyperService::new(router(api.clone(), local));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let watched = connections.watch(connection);
    tokio::spawn(async move {
        let _place = place;
        // A client that goes away is its own affair.
        let _ = watched.await;
    });
}

/// Listens on an address of this machine; port 0 is a free one.
///
/// # Errors
/// `io_error`.
pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let failed = |error| Fault::new(Reason::IoError, format!("cannot listen on {address}")).caused_by(error);
    TcpListener::bind(address).await.map_err(failed)
}
