//! The operator's way to a host: HTTP on this machine.

mod asking;
mod body;
mod connections;
mod installing;
mod login;
mod names;
mod problem;
mod routes;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aisoc_connections::Taken;
use aisoc_manifests::fault::{Fault, Reason, Result};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use self::asking::Api;
use self::connections::Connections;
use self::routes::router;
use crate::access::Logins;
use crate::host::Host;

/// How long to wait before the next connection is taken when there was no descriptor for one.
const PAUSE: Duration = Duration::from_millis(50);
/// Most connections that wait to be taken: with fewer, a crowd that comes at once makes everybody try again a second later.
const MAX_WAITING: u32 = 4096;
/// How much of its answers the system holds for one connection; it would be ten times as much.
const SEND_BUFFER_BYTES: u32 = 256 << 10;
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
    let (connections, router) = (Connections::new(), router(api));
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted?,
            () = &mut stop => break,
        };
        let Some((stream, taken)) = accepted else { continue };
        let Ok(local) = stream.local_addr() else { continue };
        connections.converse(stream, taken, local, router.clone());
    }
    is_ready.store(false, Ordering::SeqCst);
    attending.abort();
    drop(listener);
    host.wind_down();
    connections.end().await;
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

/// The next connection and its place, unless its machine has its share already.
async fn accept(listener: &TcpListener, connections: &Connections) -> Result<Option<(TcpStream, Taken)>> {
    let mut failures = 0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small answers must not wait for the acknowledgement of the ones before.
                let _ = stream.set_nodelay(true);
                return Ok(connections.take(peer.ip()).await.map(|taken| (stream, taken)));
            }
            // Out of descriptors, or a client that was gone before it was accepted.
            Err(_) if failures < MAX_FAILURES => {
                failures += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                return Err(Fault::new(Reason::IoError, "the host's listener broke").caused_by(error));
            }
        }
    }
}

/// Listens on an address of this machine; port 0 is a free one.
///
/// # Errors
/// `io_error`.
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    let failed = |error| Fault::new(Reason::IoError, format!("cannot listen on {address}")).caused_by(error);
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    socket.set_reuseaddr(true).map_err(failed)?;
    // What is accepted has it from here.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    socket.listen(MAX_WAITING).map_err(failed)
}
