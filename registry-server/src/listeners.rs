//! `Listeners`: the addresses of one registry. A name can have several (`localhost` is `127.0.0.1` and `::1`), and
//! a client takes whichever it tries first: all of them are this registry, under one port, or none is.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::task::Poll;

use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::io::Errno;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How often a port that the system chose for the first address is given up because another address has it
/// taken.
const CHOICES: usize = 16;

/// Most connections that wait to be taken: with fewer, a crowd that comes at once makes everybody try again a second later.
const MAX_WAITING: u32 = 4_096;

/// Sockets that one registry listens on.
#[derive(Debug)]
pub struct Listeners(Vec<TcpListener>);

impl From<TcpListener> for Listeners {
    fn from(listener: TcpListener) -> Self {
        Self(vec![listener])
    }
}

impl Listeners {
    /// Listens on those addresses, which have one port; with port 0, on one that is free on all of them. An address
    /// that this machine does not have is passed over, as long as it has another.
    ///
    /// # Errors
    /// `io_error` when one of them is taken, or there is none.
    pub async fn bind(addresses: &[SocketAddr]) -> Result<Self> {
        if addresses.is_empty() {
            return Err(Fault::new(Reason::IoError, "there is no address to listen on"));
        }
        let is_chosen = addresses.iter().all(|address| address.port() == 0);
        let mut choices = 1;
        loop {
            match Self::bind_once(addresses) {
                Ok(listeners) => return Ok(listeners),
                Err((_, error)) if is_chosen && error.kind() == ErrorKind::AddrInUse && choices < CHOICES => {
                    choices += 1;
                }
                // Whoever else has the port of `::1` would be the registry to half of the clients.
                Err((address, error)) => {
                    return Err(Fault::new(Reason::IoError, format!("cannot listen on {address}")).caused_by(error));
                }
            }
        }
    }

    fn bind_once(addresses: &[SocketAddr]) -> Result<Self, (SocketAddr, io::Error)> {
        let (mut bound, mut port, mut absent) = (Vec::new(), None, None);
        for address in addresses {
            let address = SocketAddr::new(address.ip(), port.unwrap_or(address.port()));
            match listen(address) {
                Ok(listener) => {
                    port = Some(listener.local_addr().map_err(|error| (address, error))?.port());
                    bound.push(listener);
                }
                Err(error) if is_absent(&error) => absent = Some((address, error)),
                Err(error) => return Err((address, error)),
            }
        }
        match absent {
            Some(absent) if bound.is_empty() => Err(absent),
            Some(_) | None => Ok(Self(bound)),
        }
    }

    /// Where they listen.
    ///
    /// # Errors
    /// `io_error` when the system does not say.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>> {
        let failed = |error| Fault::new(Reason::IoError, "the listener has no address").caused_by(error);
        self.0.iter().map(|listener| listener.local_addr().map_err(failed)).collect()
    }

    /// The next connection to any of them.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|context| {
            let mut accepted = self.0.iter().map(|listener| listener.poll_accept(context));
            accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await
    }
}

/// Listens there. A port whose last connections are not forgotten yet is free, as for every server.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MAX_WAITING)
}

/// Whether this machine does not have that address, or not the protocol: many have no IPv6.
fn is_absent(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable || Errno::from_io_error(error) == Some(Errno::AFNOSUPPORT)
}
