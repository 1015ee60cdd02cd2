//! Who else can get at a file that holds a secret.
//!
//! One that others can read is refused and not used with a warning: whoever reads a warning of that kind in the log of
//! a build reads it too late. Containers are the exception, because there the mode says nothing: what mounts a secret
//! chooses it, the mount keeps everybody else out, and nobody could change it. So the judge looks at the mount.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason};
use rustix::fs::{CWD, FileType, StatVfsMountFlags, fstatfs, fstatvfs, readlinkat, stat};

/// Bits that let a group or everybody else read or write.
const OTHERS: u32 = 0o066;
/// File systems in memory, by the numbers that the kernel gives them (`linux/magic.h`): tmpfs and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
/// Where engines of containers put secrets, whatever they are mounted from.
const PLACES: [&str; 2] = ["/run/secrets", "/var/run/secrets"];

/// Why an open regular file is not its user's alone, or root's: `private_key_exposed`, with the command that mends it.
/// `path` is where it is, if that was said.
pub(crate) fn of(name: &str, file: &File, metadata: &Metadata, path: Option<&str>) -> Option<Fault> {
    let (owner, mode) = (metadata.uid(), metadata.permissions().mode() & 0o7777);
    let user = rustix::process::geteuid().as_raw();
    let (is_own, is_closed) = (owner == user || owner == 0, mode & OTHERS == 0);
    if is_own && is_closed || is_container_secret(file) {
        return None;
    }
    let path = path.map_or_else(|| path_of(file).unwrap_or_else(|_| "FILE".into()), PathBuf::from);
    let fault =
        |message: &str| Fault::new(Reason::PrivateKeyExposed, format!("the {name} in `{}` {message}", path.display()));
    let path = shell_word(&path);
    Some(match is_own {
        false => fault("belongs to another user")
            .expected(format!("the owner {user} or root"), owner.to_string())
            .hint(format!("run the command as its owner, or make it yours with `chown \"$(id -u)\" {path}`")),
        true => fault("can be read or written by others")
            .expected(format!("mode {:04o}", mode & !OTHERS), format!("mode {mode:04o}"))
            .hint(format!("close it with `chmod 600 {path}`; make a new key if somebody may have read it")),
    })
}

/// Whether it was mounted into a container as a secret: a file in memory on a read-only mount, as Kubernetes, Docker
/// and systemd do it; or one below a directory for secrets that only root can change, as for Docker's and podman's
/// own. What cannot be found out is none.
fn is_container_secret(file: &File) -> bool {
    let is_in_memory = fstatfs(file).is_ok_and(|found| IN_MEMORY.contains(&(found.f_type.cast_unsigned())));
    let is_read_only = fstatvfs(file).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY));
    is_in_memory && is_read_only || path_of(file).is_ok_and(|path| PLACES.iter().any(|place| is_in(&path, place)))
}

fn is_in(path: &Path, place: &str) -> bool {
    let is_roots = |found: rustix::fs::Stat| {
        found.st_uid == 0 && FileType::from_raw_mode(found.st_mode) == FileType::Directory && found.st_mode & 0o022 == 0
    };
    path.starts_with(place) && stat(place).is_ok_and(is_roots)
}

/// Where what is open stands, by the kernel's word: whatever links led there.
fn path_of(file: &File) -> io::Result<PathBuf> {
    let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let path = readlinkat(CWD, link, Vec::new())?;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(path.to_bytes())))
}
