//! `Outlook`: what stands at a path, whose it is, and how the file system below it is mounted: for whoever only tells.
//! Nothing is decided by it: what decides is judged open ([`crate::Walk`]).

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, StatVfsMountFlags};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Its owner.
    pub owner: u32,
    /// Its permissions.
    pub mode: u32,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Whether it is a regular file.
    pub is_file: bool,
    /// Whether nothing can be written there, whatever owner and mode say.
    pub is_read_only: bool,
    /// Whether nothing there can be run, or mapped to be.
    pub is_noexec: bool,
    /// The number of the kind of file system, as statfs(2) has it.
    pub file_system: u32,
}

impl Outlook {
    /// Looks at `path`, through links. Nothing is opened to be read, so nobody waits for a writer.
    ///
    /// # Errors
    /// Those of opening and of looking.
    pub fn at(path: &Path) -> io::Result<Self> {
        let opened: OwnedFd = rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let (found, mount) = (rustix::fs::fstat(&opened)?, rustix::fs::fstatvfs(&opened)?.f_flag);
        let kind = FileType::from_raw_mode(found.st_mode);
        Ok(Self {
            owner: found.st_uid,
            mode: found.st_mode & 0o7777,
            is_directory: kind == FileType::Directory,
            is_file: kind == FileType::RegularFile,
            is_read_only: mount.contains(StatVfsMountFlags::RDONLY),
            is_noexec: mount.contains(StatVfsMountFlags::NOEXEC),
            // The numbers have 32 bits; the field is signed, and wider on some architectures.
            file_system: rustix::fs::fstatfs(&opened)?.f_type as u32,
        })
    }
}

/// The user in whose name this process acts.
pub fn effective_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_is_there_is_told_and_nobody_waits_for_a_writer() {
        let root = tempfile::tempdir().expect("a directory");
        let (file, pipe) = (root.path().join("file"), root.path().join("pipe"));
        fs::write(&file, "").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("set");
        rustix::fs::mkfifoat(CWD, &pipe, Mode::from_raw_mode(0o600)).expect("made");
        let found = Outlook::at(&file).expect("there");
        assert_eq!((found.mode, found.is_file, found.is_directory), (0o640, true, false));
        assert_eq!(found.owner, rustix::process::geteuid().as_raw());
        assert!(Outlook::at(root.path()).expect("there").is_directory);
        let found = Outlook::at(&pipe).expect("there");
        assert!(!found.is_file && !found.is_directory);
        assert_eq!(Outlook::at(&root.path().join("absent")).expect_err("absent").kind(), io::ErrorKind::NotFound);
        assert!(Outlook::at(Path::new("/proc")).expect("mounted").file_system == 0x9fa0, "proc(5)");
    }
}
