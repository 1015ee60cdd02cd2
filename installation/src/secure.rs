//! What a plugins directory and everything in it is held to: nobody but this user, root and the owner's group
//! can change it. What is open is judged, and never what a path leads to a moment later.

use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use aisoc_files::{Arrival, Insecure, Links, Walk};
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{CWD, Mode, OFlags, Stat};
use rustix::io::Errno;

pub(crate) const OPEN_DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a directory of ours inside another, made when it is missing. Its mode is `bits`, whatever the umask.
pub(crate) fn own_directory(parent: impl AsFd, shown: &Path, name: &str, bits: u32) -> Result<OwnedFd> {
    let path = shown.join(name);
    let failed = |error: Errno| Fault::io("create the directory", &path, error.into());
    match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(bits)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(failed(error)),
    }
    let opened = rustix::fs::openat(&parent, name, OPEN_DIRECTORY, Mode::empty()).map_err(|error| match error {
        Errno::LOOP | Errno::NOTDIR => no_directory(&path),
        error => failed(error),
    })?;
    let found = require_secure(&opened, &path)?;
    if found.st_mode & 0o777 != bits && found.st_uid == rustix::process::geteuid().as_raw() {
        rustix::fs::fchmod(&opened, Mode::from_raw_mode(bits)).map_err(failed)?;
    }
    Ok(opened)
}

/// As [`Access::check`], for readers: nothing is made, and what is not there is an error.
pub(crate) fn require_secure_way(plugins_dir: &Path) -> Result<()> {
    match arrive(plugins_dir)? {
        Arrival::Directory(_) => Ok(()),
        Arrival::Missing(_) => Err(Fault::io("open", plugins_dir, ErrorKind::NotFound.into())),
        Arrival::Other(..) | Arrival::NoWay => Err(no_directory(plugins_dir)),
    }
}

/// Walks to a plugins directory. Whoever can change it, or a directory on the way to it, decides what a
/// host loads: nobody but its owner's group, this user and root. A link is no plugins directory, with a
/// slash at its end or without.
pub(crate) fn arrive(plugins_dir: &Path) -> Result<Arrival> {
    let mut walk = Walk::default();
    let arrival = walk.to(plugins_dir, Links::Refused).map_err(|error| Fault::io("open", plugins_dir, error))?;
    walk.finish().map_err(changeable)?;
    Ok(arrival)
}

/// Holds one thing that is open, in a directory that was held to it already, to the same rule.
pub(crate) fn require_secure(opened: impl AsFd, shown: &Path) -> Result<Stat> {
    let mut walk = Walk::default();
    let found = walk.judge_open(opened, shown).map_err(|error| Fault::io("look at", shown, error))?;
    walk.finish().map_err(changeable)?;
    Ok(found)
}

fn changeable(insecure: Insecure) -> Fault {
    Fault::insecure(insecure.to_string(), insecure.expected(), insecure.found(), insecure.remedy())
}

pub(crate) fn no_directory(path: &Path) -> Fault {
    let message = format!("`{}` is a link or a file, where a directory is needed", path.display());
    Fault::new(Reason::DirectoryInsecure, message)
}

/// Whether a directory stands at `path`, and no link to one.
pub(crate) fn is_directory(path: &Path) -> Result<bool> {
    Ok(look_at(path)?.is_some_and(|found| found.is_dir()))
}

/// What stands at `path`, links not followed, or `None` when nothing does. An error is no absence.
pub(crate) fn look_at(path: &Path) -> Result<Option<std::fs::Metadata>> {
    match path.symlink_metadata() {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Fault::io("look at", path, error)),
    }
}

/// Makes what was renamed or removed in a directory survive a power cut.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    let opened = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    opened.and_then(rustix::fs::fsync).map_err(|error| Fault::io("sync", path, error.into()))
}
