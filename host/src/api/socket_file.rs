//! `SocketFile`: the file behind which a host listens. It appears ready, with its mode, in place of one that nobody listens
//! behind any more, and goes with its host.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use aisoc_files::{Arrival, Links, Place, PrivateDirectory, Walk, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_trust::changeable;
use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;
use tokio::net::UnixListener;

/// The longest path that a client can connect to (`sockaddr_un`, without its last byte).
const MAX_PATH_BYTES: usize = 107;
/// What the file is called until it is ready.
const NEW: &str = "socket";
/// How the directory begins in which that is.
const PRIVATE_PREFIX: &str = ".aisoc-socket-";

/// The file of a listener. Removed when it is dropped, if it is still that one.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    directory: Place,
    name: OsString,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    /// Listens behind `path`, where nothing is, or a socket that nobody answers behind.
    ///
    /// # Errors
    /// `directory_insecure` where others could put another socket in its place, `locked` where somebody listens there,
    /// `already_exists` for anything but a socket, `usage` for a path that is too long; I/O reasons.
    pub(super) fn listen(path: &Path, is_for_group: bool) -> Result<(UnixListener, Self)> {
        let failed = |error: std::io::Error| Fault::io("listen behind", path, error);
        let Some(name) = path.file_name() else {
            return Err(Fault::new(Reason::Usage, format!("`{}` names no socket", path.display())));
        };
        let length = path.as_os_str().as_bytes().len();
        if length > MAX_PATH_BYTES {
            return Err(Fault::new(Reason::Usage, "the path of the socket is too long to connect to")
                .expected(format!("at most {MAX_PATH_BYTES} bytes"), format!("{length} bytes")));
        }
        let parent = aisoc_files::parent(path);
        let directory = secure(parent)?;
        require_free(&directory, path, name)?;
        let home = PrivateDirectory::create(parent, PRIVATE_PREFIX).map_err(failed)?;
        // By the directory that is open: its path may lead elsewhere by now, and would be too long.
        let bound = format!("/proc/self/fd/{}/{NEW}", home.held().as_raw_fd());
        let listener = UnixListener::bind(&bound).map_err(failed)?;
        let mode = Mode::from_raw_mode(if is_for_group { 0o660 } else { 0o600 });
        let placed = rustix::fs::chmodat(home.held(), NEW, mode, AtFlags::empty())
            .and_then(|()| rustix::fs::statat(home.held(), NEW, AtFlags::SYMLINK_NOFOLLOW))
            .and_then(|found| rustix::fs::renameat(home.held(), NEW, &directory, name).map(|()| found));
        let found = placed.map_err(|error| failed(error.into()))?;
        let file =
            Self { path: path.to_owned(), directory, name: name.to_owned(), identity: (found.st_dev, found.st_ino) };
        Ok((listener, file))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = rustix::fs::statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        if found.is_ok_and(|found| (found.st_dev, found.st_ino) == self.identity) {
            // A socket that stays is replaced by the next host.
            let _ = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

/// The directory, where nobody else can put another socket in the place of one: they would be shown the tokens.
pub(super) fn secure(parent: &Path) -> Result<Place> {
    let failed = |error| Fault::io("listen in", parent, error);
    let mut walk = Walk::default();
    let arrived = walk.to(parent, Links::Followed).map_err(failed)?;
    let Arrival::Directory(place) = arrived else {
        return Err(
            failed(ErrorKind::NotFound.into()).hint("make that directory, or name a socket in one that is there")
        );
    };
    walk.finish().map_err(changeable)?;
    Ok(place)
}

fn require_free(directory: &Place, path: &Path, name: &OsStr) -> Result<()> {
    let found = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        found => found.map_err(|error| Fault::io("look at", path, error.into()))?,
    };
    if FileType::from_raw_mode(found.st_mode) != FileType::Socket {
        let what = format!("there is something else than a socket at `{}`", path.display());
        return Err(Fault::new(Reason::AlreadyExists, what)
            .hint(format!("see what it is, `ls -ld {}`, and name another place", shell_word(path))));
    }
    let way = PathBuf::from(format!("/proc/self/fd/{}", directory.as_fd().as_raw_fd())).join(name);
    let reached = UnixStream::connect(way);
    match reached.map_err(|error| error.kind()) {
        Err(ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Ok(()),
        _ => Err(Fault::new(Reason::Locked, format!("somebody listens behind `{}`", path.display()))
            .hint("name another socket, or stop whoever has that one")),
    }
}
