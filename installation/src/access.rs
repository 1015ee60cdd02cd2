//! `Access`: who changes a plugins directory, what they put up with, and what the directory must be like.

use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use aisoc_files::Arrival;
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_trust::Consent;
use aisoc_trust::journal::Writer;
use jiff::Timestamp;

use crate::floor::CoverageFloor;
use crate::secure::arrive;
use crate::shared_directories::SharedDirectories;

/// Who changes a plugins directory, and under which circumstances.
#[derive(Debug, Clone)]
pub struct Access {
    /// How long to wait for another process. Zero does not wait.
    pub lock_timeout: Duration,
    /// Whether a directory on another host's file system is acceptable.
    pub network_file_systems: NetworkFileSystems,
    /// Whether a directory that everybody may write is acceptable.
    pub shared_directories: SharedDirectories,
    /// Whether less of a plugin may be signed than was before.
    pub coverage_floor: CoverageFloor,
    /// What may happen to what is installed.
    pub consent: Consent,
    /// Whose work it is, and what ends the change, up to the moment in which it is made.
    pub cancellation: Cancellation,
    /// Whether it is made.
    pub dry_run: DryRun,
    /// Who the site's journal says has made it.
    pub writer: Writer,
    /// What the clock says. Without one nothing is written down of what was seen.
    pub at: Timestamp,
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

impl Default for Access {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(30),
            network_file_systems: NetworkFileSystems::Refused,
            shared_directories: SharedDirectories::Refused,
            coverage_floor: CoverageFloor::Held,
            consent: Consent::default(),
            cancellation: Cancellation::default(),
            dry_run: DryRun::No,
            writer: Writer::default(),
            at: Timestamp::UNIX_EPOCH,
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
        match arrive(plugins_dir, self.shared_directories)? {
            Arrival::Missing(above) => self.check_file_system(&above, plugins_dir),
            arrival => self.enter(arrival, plugins_dir).map(drop),
        }
    }

    /// Asks whether this user may write where a change writes first, as access(2) does: in the plugins directory, or
    /// in the one in which it would be made. Nothing is made for the question.
    ///
    /// # Errors
    /// As [`Access::check`]; `io_denied` when it may not be written.
    pub(crate) fn require_writable(&self, plugins_dir: &Path) -> Result<()> {
        match arrive(plugins_dir, self.shared_directories)? {
            Arrival::Missing(above) => may_write(&above, "create the directory", plugins_dir),
            Arrival::Directory(place) => may_write(&place, "create a staging directory in", plugins_dir),
            Arrival::Other(..) | Arrival::NoWay => Err(Fault::no_directory(plugins_dir)),
        }
    }

    /// Opens the plugins directory and holds it to what an install needs.
    pub(crate) fn open(&self, plugins_dir: &Path) -> Result<OwnedFd> {
        self.enter(arrive(plugins_dir, self.shared_directories)?, plugins_dir)
    }

    fn enter(&self, arrival: Arrival, shown: &Path) -> Result<OwnedFd> {
        let failed = |error| Fault::io("open", shown, error);
        let opened = match arrival {
            Arrival::Directory(place) => place.open().map_err(failed)?,
            Arrival::Missing(_) => return Err(failed(ErrorKind::NotFound.into())),
            Arrival::Other(..) | Arrival::NoWay => return Err(Fault::no_directory(shown)),
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

/// Whether this user may make, rename and remove in a directory; `what` says what for.
///
/// # Errors
/// `io_denied`, and other I/O reasons.
pub(crate) fn may_write(directory: impl AsFd, what: &str, shown: &Path) -> Result<()> {
    aisoc_files::may_write_open(directory).map_err(|error| Fault::io(what, shown, error))
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
