//! `Listener`: where operators come in: an address, with TLS or without, or a socket of this machine.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_connections::{Descriptors, ServerTls};
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use super::handed::Handed;
use super::socket_file::SocketFile;

/// Most connections that wait to be taken: with fewer, a crowd that comes at once makes everybody try again a second later.
const MAX_WAITING: u32 = 4096;
/// How much of its answers the system holds for one connection; it would be ten times as much.
const SEND_BUFFER_BYTES: u32 = 256 << 10;

/// Where operators come in.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Address(TcpListener, Option<Arc<ServerTls>>),
    Socket(UnixListener, SocketFile),
    /// A file that is somebody else's, and stays.
    Handed(UnixListener, PathBuf),
}

/// Who has come in.
pub(super) struct Arrived {
    pub(super) stream: Stream,
    /// From which machine.
    pub(super) peer: IpAddr,
    pub(super) way: Way,
}

/// What a connection is made of.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// How a client has reached the host, and so under which names.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// At that address of this machine.
    Address(SocketAddr),
    /// Over TLS, with the names of that certificate.
    Tls(Arc<ServerTls>),
    /// By a file that no other machine has.
    Socket,
}

impl Listener {
    /// Listens on an address; port 0 is a free one. With `tls`, TLS is spoken there and nothing else.
    ///
    /// # Errors
    /// `io_error`.
    pub fn at(address: SocketAddr, tls: Option<Arc<ServerTls>>) -> Result<Self> {
        let failed = |error| Fault::new(Reason::IoError, format!("cannot listen on {address}")).caused_by(error);
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
        socket.set_reuseaddr(true).map_err(failed)?;
        // What is accepted has it from here.
        socket.set_send_buffer_size(SEND_BUFFER_BYTES).map_err(failed)?;
        socket.bind(address).map_err(failed)?;
        Ok(Self { kind: Kind::Address(socket.listen(MAX_WAITING).map_err(failed)?, tls) })
    }

    /// Listens behind a file of this machine, which nobody but this user and root may connect to, or its group as well.
    ///
    /// # Errors
    /// `directory_insecure` where others could put another socket in its place, `locked` where somebody listens there,
    /// `already_exists` for anything but a socket, `usage` for a path that is too long; I/O reasons.
    pub fn behind(path: &Path, is_for_group: bool) -> Result<Self> {
        let (listener, file) = SocketFile::listen(path, is_for_group)?;
        Ok(Self { kind: Kind::Socket(listener, file) })
    }

    /// Listens on a socket that somebody else has made; behind one of this machine for the group as well, where that may be.
    ///
    /// # Errors
    /// `usage` for what does not listen or has no file, `directory_insecure` where others may connect; `io_error`.
    pub fn on(handed: Handed, tls: Option<Arc<ServerTls>>, is_for_group: bool) -> Result<Self> {
        handed.require_listening()?;
        let failed =
            |error: io::Error| Fault::new(Reason::IoError, "cannot listen on what was handed on").caused_by(error);
        let kind = match handed {
            Handed::Address(listener) => {
                listener.set_nonblocking(true).map_err(failed)?;
                set_socket_send_buffer_size(&listener, SEND_BUFFER_BYTES as usize)
                    .map_err(|error| failed(error.into()))?;
                Kind::Address(TcpListener::from_std(listener).map_err(failed)?, tls)
            }
            Handed::Socket(listener) => {
                let path = Handed::require_private(&listener, is_for_group)?;
                listener.set_nonblocking(true).map_err(failed)?;
                Kind::Handed(UnixListener::from_std(listener).map_err(failed)?, path)
            }
        };
        Ok(Self { kind })
    }

    /// Where it is, as clients name it.
    ///
    /// # Errors
    /// `io_error` when the system does not say.
    pub fn url(&self) -> Result<String> {
        let unknown = |error| Fault::new(Reason::IoError, "the host has no address").caused_by(error);
        Ok(match &self.kind {
            Kind::Address(listener, None) => format!("http://{}", listener.local_addr().map_err(unknown)?),
            Kind::Address(listener, Some(_)) => format!("https://{}", listener.local_addr().map_err(unknown)?),
            Kind::Socket(_, file) => format!("unix:{}", file.path().display()),
            Kind::Handed(_, path) => format!("unix:{}", path.display()),
        })
    }

    /// The next one who comes in.
    ///
    /// # Errors
    /// `io_error` when the listener breaks.
    pub(super) async fn accept(&self, descriptors: &Descriptors) -> Result<Arrived> {
        match &self.kind {
            Kind::Address(listener, tls) => loop {
                let (stream, peer) = persistently(|| listener.accept(), descriptors).await?;
                descriptors.look_at(&stream).await;
                // Small answers must not wait for the acknowledgement of the ones before.
                let _ = stream.set_nodelay(true);
                // One that is gone already has no address.
                let Ok(local) = stream.local_addr() else { continue };
                let way = match tls {
                    Some(tls) => Way::Tls(Arc::clone(tls)),
                    None => Way::Address(local),
                };
                return Ok(Arrived { stream: Stream::Tcp(stream), peer: peer.ip(), way });
            },
            Kind::Socket(listener, _) | Kind::Handed(listener, _) => {
                let (stream, _) = persistently(|| listener.accept(), descriptors).await?;
                descriptors.look_at(&stream).await;
                let peer = Ipv4Addr::LOCALHOST.into();
                Ok(Arrived { stream: Stream::Unix(stream), peer, way: Way::Socket })
            }
        }
    }
}

/// Takes the next connection.
///
/// # Errors
/// `io_error` when the listener breaks.
async fn persistently<T, F: Future<Output = io::Result<T>>>(
    accept: impl Fn() -> F,
    descriptors: &Descriptors,
) -> Result<T> {
    let broke = |error| Fault::new(Reason::IoError, "the host's listener broke").caused_by(error);
    descriptors.accept(accept).await.map_err(broke)
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Tcp",
            Self::Unix(_) => "Unix",
        })
    }
}
