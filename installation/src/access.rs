//! `Access`: who changes a plugins directory, what they put up with, and what the directory must be like.

use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use aisoc_files::{Arrival, Insecure, Links, Walk};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{CWD, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::floor::CoverageFloor;

/// Who changes a plugins directory, and under which circumstances.
#[derive(Debug, Clone)]
pub struct Access {
    /// The command in words, such as `aisoc plugin install`: whoever waits for the lock is told.
    pub command: String,
    /// How long to wait for another process. Zero does not wait.
    pub lock_timeout: Duration,
    /// Whether a directory on another host's file system is acceptable.
    pub network_file_systems: NetworkFileSystems,
    /// Whether less of a plugin may be signed than was before.
    pub coverage_floor: CoverageFloor,
    /// What ends the change, up to the moment in which it is made.
    pub cancellation: Cancellation,
}

/// What to do about a plugins directory on a network file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkFileSystems {
    /// Refuse it: locks of other hosts may not be seen, and a rename may be neither atomic nor durable.
    #[default]
    Refused,
    /// Somebody has read what cannot be promised there, and sees to it that one host alone writes.
    Accepted,
}

pub(crate) const OPEN_DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Default for Access {
    fn default() -> Self {
        Self {
            command: "aisoc".to_owned(),
            lock_timeout: Duration::from_secs(30),
            network_file_systems: NetworkFileSystems::Refused,
            coverage_floor: CoverageFloor::Held,
            cancellation: Cancellation::default(),
        }
    }
}

impl Access {
    /// Holds a plugins directory, or the nearest one above it that exists, and everything on the way there
    /// to what an install needs, before anything is fetched. Taking the lock checks again.
    ///
    /// # Errors
    /// `directory_insecure`, `lock_unsupported`, and I/O reasons.
    pub fn check(&self, plugins_dir: &Path) -> Result<()> {
        match arrive(plugins_dir)? {
            Arrival::Missing(above) => self.check_file_system(&above, plugins_dir),
            arrival => self.enter(arrival, plugins_dir).map(drop),
        }
    }

    /// Opens the plugins directory and holds it to what an install needs.
    pub(crate) fn open(&self, plugins_dir: &Path) -> Result<OwnedFd> {
        self.enter(arrive(plugins_dir)?, plugins_dir)
    }

    fn enter(&self, arrival: Arrival, shown: &Path) -> Result<OwnedFd> {
        let failed = |error| Fault::io("open", shown, error);
        let opened = match arrival {
            Arrival::Directory(place) => place.open().map_err(failed)?,
            Arrival::Missing(_) => return Err(failed(ErrorKind::NotFound.into())),
            Arrival::Other(..) | Arrival::NoWay => return Err(no_directory(shown)),
        };
        self.check_file_system(&opened, shown)?;
        Ok(opened)
    }

    fn check_file_system(&self, directory: impl AsFd, shown: &Path) -> Result<()> {
        let found = rustix::fs::fstatfs(directory)
            .map_err(|error| Fault::io("find the file system of", shown, error.into()))?;
        // The numbers have 32 bits; the field is signed, and wider on some architectures.
        let kind = found.f_type as u32;
        match (network_file_system(kind), self.network_file_systems) {
            (Some(name), NetworkFileSystems::Refused) => Err(on_network(shown, name)),
            _ => Ok(()),
        }
    }
}

/// The name of the network file system whose number statfs(2) gives as `f_type`, if it is one.
///
/// Numbers: statfs(2), `include/uapi/linux/magic.h`, and the file systems' own headers. FUSE is not
/// among them: it says nothing about what is behind it, and refuses the exchange itself when it has none.
pub fn network_file_system(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0x6969 => "NFS",
        0x517b | 0xfe53_4d42 | 0xff53_4d42 => "SMB/CIFS",
        0x0102_1997 => "9P",
        0x00c3_6400 => "Ceph",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x564c => "NCP",
        0x0bd0_0bd0 => "Lustre",
        0x1983_0326 => "BeeGFS",
        0x4750_4653 => "GPFS",
        0x786f_4256 => "VirtualBox shared folder",
        _ => return None,
    })
}

fn on_network(path: &Path, name: &str) -> Fault {
    Fault::new(
        Reason::LockUnsupported,
        format!(
            "`{}` is on a network file system ({name}): locks may not hold between hosts, an exchange by rename may \
             be seen half done, and what was synced may be lost",
            path.display()
        ),
    )
    .expected("a local file system", name)
}

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
fn arrive(plugins_dir: &Path) -> Result<Arrival> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_network_file_systems_by_their_numbers() {
        for (kind, name) in [
            (0x6969, "NFS"),
            (0xff53_4d42, "SMB/CIFS"),
            (0xfe53_4d42, "SMB/CIFS"),
            (0x0102_1997, "9P"),
            (0x00c3_6400, "Ceph"),
        ] {
            assert_eq!(network_file_system(kind), Some(name));
        }
        for local in [0xef53, 0x0102_1994, 0x794c_7630, 0x5846_5342, 0x9123_683e, 0x2fc1_2fc1] {
            assert_eq!(network_file_system(local), None, "ext4, tmpfs, overlay, XFS, btrfs, ZFS: {local:x}");
        }
    }

    #[test]
    fn a_refused_network_file_system_says_what_cannot_be_promised() {
        let fault = on_network(Path::new("/mnt/plugins"), "NFS");
        assert_eq!(fault.reason(), Reason::LockUnsupported);
        for word in ["/mnt/plugins", "NFS", "locks", "exchange", "lost"] {
            assert!(fault.to_string().contains(word), "{fault}");
        }
    }
}
