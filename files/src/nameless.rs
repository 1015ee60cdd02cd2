//! A file that has no name until it is whole.
//!
//! What is killed on its way is gone: nobody finds half of it, or all of it under a name that nobody knows.
//! For secrets, which no draft may outlive.
#![expect(clippy::disallowed_methods, reason = "its room: files that have no name until they are whole")]

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

/// A file that was written and synced, and that no directory lists.
#[derive(Debug)]
pub struct Nameless {
    /// `None` where the file system knows no such files: then the content waits in memory.
    file: Option<File>,
    mode: u32,
}

impl Nameless {
    /// Writes and syncs a file of exactly that mode, to be named in `directory`.
    ///
    /// # Errors
    /// Those of creating, writing and syncing.
    pub fn write(directory: &Path, mode: u32, content: &[u8]) -> io::Result<Self> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(CWD, directory, flags, Mode::from_raw_mode(mode)) {
            Ok(opened) => File::from(opened),
            // What file systems say, and kernels, that do not know the flag.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => return Ok(Self { file: None, mode }),
            Err(error) => return Err(error.into()),
        };
        fill(&file, mode, content)?;
        Ok(Self { file: Some(file), mode })
    }

    /// Gives the file its name, which nothing may have. Where there are no nameless files, and no `/proc` to
    /// name one through, the content is written under the name itself, at once.
    ///
    /// # Errors
    /// `AlreadyExists`, and those of linking and writing.
    pub fn name(self, path: &Path, content: &[u8]) -> io::Result<()> {
        if let Some(file) = &self.file {
            let open = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
            match rustix::fs::linkat(CWD, open, CWD, path, AtFlags::SYMLINK_FOLLOW) {
                Err(Errno::NOENT | Errno::ACCESS | Errno::PERM) => {}
                linked => return Ok(linked?),
            }
        }
        let file = File::options().write(true).create_new(true).mode(self.mode).open(path)?;
        fill(&file, self.mode, content).inspect_err(|_| {
            // Made by us a moment ago, and not whole.
            let _ = std::fs::remove_file(path);
        })
    }
}

/// The mode of an open call is narrowed by the umask, and this one is meant.
fn fill(mut file: &File, mode: u32, content: &[u8]) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn count(directory: &Path) -> usize {
        fs::read_dir(directory).expect("listed").count()
    }

    #[test]
    fn a_file_has_no_name_until_it_is_whole_and_then_takes_nobodys() {
        let root = tempfile::tempdir().expect("directory");
        let path = root.path().join("file");
        let file = Nameless::write(root.path(), 0o640, b"whole").expect("written");
        assert_eq!(count(root.path()), 0);
        file.name(&path, b"whole").expect("named");
        assert_eq!(fs::read(&path).expect("read"), b"whole");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o7777, 0o640);
        let second = Nameless::write(root.path(), 0o600, b"second").expect("written");
        assert_eq!(second.name(&path, b"second").expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("read"), b"whole");
        drop(Nameless::write(root.path(), 0o600, b"dropped").expect("written"));
        assert_eq!(count(root.path()), 1);
    }

    #[test]
    fn where_there_are_no_nameless_files_it_is_written_under_its_name() {
        let root = tempfile::tempdir().expect("directory");
        let path = root.path().join("file");
        let without = || Nameless { file: None, mode: 0o600 };
        without().name(&path, b"whole").expect("named");
        assert_eq!(fs::read(&path).expect("read"), b"whole");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o7777, 0o600);
        assert_eq!(without().name(&path, b"other").expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
    }
}
