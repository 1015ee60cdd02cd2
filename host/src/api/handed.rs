//! `Handed`: a socket that somebody else has made, such as a service manager, and that a host listens on.
//!
//! Who may reach it is asked as it is of a socket of our own: what was handed on is no excuse.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{AtFlags, FileType};
use rustix::net::sockopt::socket_acceptconn;

use super::socket_file::secure;

const GROUP_MAY_CONNECT: u32 = 0o020;
const OTHERS_MAY_CONNECT: u32 = 0o002;

/// A socket that was made by somebody else, and is theirs: its file stays when the host ends.
#[derive(Debug)]
pub enum Handed {
    /// At an address.
    Address(TcpListener),
    /// Behind a file of this machine.
    Socket(UnixListener),
}

impl Handed {
    /// At which address it is, where it is at one.
    ///
    /// # Errors
    /// `io_error` when the system does not say.
    pub fn address(&self) -> Result<Option<SocketAddr>> {
        let unknown = |error| Fault::new(Reason::IoError, "what was handed on has no address").caused_by(error);
        match self {
            Self::Address(listener) => listener.local_addr().map(Some).map_err(unknown),
            Self::Socket(_) => Ok(None),
        }
    }

    /// Refuses a socket that takes no connections: one that was bound alone, or that is a connection itself.
    ///
    /// # Errors
    /// `usage`.
    pub fn require_listening(&self) -> Result<()> {
        let descriptor = match self {
            Self::Address(listener) => listener.as_fd(),
            Self::Socket(listener) => listener.as_fd(),
        };
        match socket_acceptconn(descriptor) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::new(Reason::Usage, "the socket that was handed on takes no connections")
                .expected("a socket that listens", "one that does not")
                .hint("in the unit of the socket, say `ListenStream=` and `Accept=no`")),
            Err(error) => {
                Err(Fault::new(Reason::IoError, "cannot look at what was handed on")
                    .caused_by(std::io::Error::from(error)))
            }
        }
    }

    /// Refuses a socket that others may connect to than this user, root and, where that may be, its group, or that others
    /// may put another one in the place of; says where it is.
    ///
    /// # Errors
    /// `usage` for one without a file, `directory_insecure`, and I/O reasons.
    pub(super) fn require_private(listener: &UnixListener, is_for_group: bool) -> Result<PathBuf> {
        let unknown = |error| Fault::new(Reason::IoError, "what was handed on has no name").caused_by(error);
        let address = listener.local_addr().map_err(unknown)?;
        let named = address.as_pathname().and_then(|path| Some((path, path.file_name()?)));
        let Some((path, name)) = named else {
            return Err(Fault::new(Reason::Usage, "everybody on this machine reaches the socket that was handed on")
                .expected("a socket behind a file", "one without a file")
                .hint("in the unit of the socket, say `ListenStream=` and an absolute path"));
        };
        let directory = secure(aisoc_files::parent(path))?;
        let found = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| Fault::io("look at", path, error.into()))?;
        if FileType::from_raw_mode(found.st_mode) != FileType::Socket {
            return Err(Fault::io("listen behind", path, ErrorKind::NotFound.into()));
        }
        let own = rustix::process::geteuid().as_raw();
        let forbidden = if is_for_group { OTHERS_MAY_CONNECT } else { OTHERS_MAY_CONNECT | GROUP_MAY_CONNECT };
        match found.st_mode & forbidden == 0 && [0, own].contains(&found.st_uid) {
            true => Ok(path.to_owned()),
            false => Err(others_may_connect(path, found.st_mode, is_for_group)),
        }
    }
}

fn others_may_connect(path: &Path, mode: u32, is_for_group: bool) -> Fault {
    let (expected, hint) = match is_for_group {
        true => {
            ("a socket of this user or root, at most its group's", "in the unit of the socket, say `SocketMode=0660`")
        }
        false => {
            ("a socket of this user or root, and nobody else's", "in the unit of the socket, say `SocketMode=0600`")
        }
    };
    Fault::new(Reason::DirectoryInsecure, format!("others may connect to `{}`", path.display()))
        .expected(expected, format!("mode {:04o}", mode & 0o7777))
        .hint(hint)
}
