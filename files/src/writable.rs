//! Asking whether something could be written, without writing it.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD};

/// Whether this user may make, rename and remove in a directory, or where it is missing in the nearest one above it, in
/// which it would be made. The system is asked as by access(2), for the rights that a change has: those of the
/// effective user.
///
/// # Errors
/// `PermissionDenied` and `ReadOnlyFilesystem` when they may not; `NotADirectory` where something else stands.
pub fn may_write_in(directory: &Path) -> io::Result<()> {
    let mut ways = directory.ancestors().map(|way| if way.as_os_str().is_empty() { Path::new(".") } else { way });
    let there = ways.find(|way| way.symlink_metadata().is_ok()).unwrap_or(Path::new("."));
    match there.metadata()?.is_dir() {
        true => may_write_at(CWD, there),
        false => Err(io::ErrorKind::NotADirectory.into()),
    }
}

/// As [`may_write_in`], of an open directory.
///
/// # Errors
/// `PermissionDenied` and `ReadOnlyFilesystem` when they may not.
pub fn may_write_open(directory: impl AsFd) -> io::Result<()> {
    may_write_at(directory, Path::new("."))
}

fn may_write_at(directory: impl AsFd, path: &Path) -> io::Result<()> {
    Ok(rustix::fs::accessat(directory, path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn what_is_missing_is_asked_of_the_nearest_directory_above_and_nothing_is_made() {
        let top = tempfile::tempdir().expect("a directory");
        fs::write(top.path().join("file"), "").expect("written");
        symlink("nowhere", top.path().join("dangling")).expect("linked");
        let kind = |name: &str| may_write_in(&top.path().join(name)).err().map(|error| error.kind());
        for name in ["", "missing", "missing/below/that"] {
            assert_eq!(kind(name), None, "{name}");
        }
        assert_eq!(kind("file"), Some(io::ErrorKind::NotADirectory));
        assert_eq!(kind("file/below"), Some(io::ErrorKind::NotADirectory));
        assert_eq!(kind("dangling/below"), Some(io::ErrorKind::NotFound));
        may_write_in(Path::new("no/such/place")).expect("below the working directory");
        assert_eq!(fs::read_dir(top.path()).expect("listed").count(), 2);
        fs::set_permissions(top.path(), Permissions::from_mode(0o555)).expect("set");
        let expected = (!rustix::process::geteuid().is_root()).then_some(io::ErrorKind::PermissionDenied);
        assert_eq!(kind("missing"), expected, "root writes into read-only directories");
    }
}
