//! `append`: one more line at the end of a file that is only ever appended to.
//!
//! A line is one write and synced, so that two writers never mix within a line and a power cut takes a line
//! or leaves it. What a cut has left of a line stays, and the next line begins on its own.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd;

use rustix::fs::{Gid, Mode, OFlags};
use rustix::io::Errno;

const APPEND: OFlags = OFlags::RDWR
    .union(OFlags::APPEND)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
/// What its group may do with a directory.
const WRITABLE_BY_GROUP: u32 = 0o020;

/// Opens the file `name` in `directory` to append to it: no link, and never waiting for the other end of a FIFO.
/// What is open is for the caller to judge before it writes.
///
/// A file that is missing is made, and its name synced: everybody may read it, and where a group may write the
/// directory, that group may append to the file, too.
///
/// # Errors
/// Those of opening and syncing, and `InvalidInput` for what is no regular file.
pub fn open_append(directory: impl AsFd, name: &str) -> io::Result<File> {
    let file = match rustix::fs::openat(&directory, name, APPEND, Mode::empty()) {
        Err(Errno::NOENT) => create(&directory, name)?,
        opened => File::from(opened?),
    };
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
    }
}

fn create(directory: impl AsFd, name: &str) -> io::Result<File> {
    let created = OFlags::CREATE | OFlags::EXCL;
    let file = rustix::fs::openat(&directory, name, APPEND | created, Mode::from_raw_mode(0o644))?;
    let (found, place) = (rustix::fs::fstat(&file)?, rustix::fs::fstat(&directory)?);
    let mut bits = 0o644;
    if place.st_mode & WRITABLE_BY_GROUP != 0 {
        let gid = Gid::from_raw(place.st_gid);
        let is_theirs = found.st_gid == place.st_gid || rustix::fs::fchown(&file, None, Some(gid)).is_ok();
        bits = if is_theirs { 0o664 } else { bits };
    }
    // Whatever the umask is: who may read the directory may read what was done in it.
    rustix::fs::fchmod(&file, Mode::from_raw_mode(bits))?;
    rustix::fs::fsync(directory)?;
    Ok(file.into())
}

/// Appends a line, or several with their ends between them, in one write, and syncs it. The last has no end of its own.
///
/// # Errors
/// Those of writing and syncing.
pub fn append_lines(file: &mut File, lines: &[u8]) -> io::Result<()> {
    append_lines_after(file, b"", lines)
}

/// As [`append_lines`]. A last line that has no end is ended first, with `mark` behind what is left of it.
///
/// # Errors
/// As [`append_lines`].
pub fn append_lines_after(file: &mut File, mark: &[u8], lines: &[u8]) -> io::Result<()> {
    let beginning = if is_cut(file)? { [mark, b"\n"].concat() } else { Vec::new() };
    file.write_all(&[beginning.as_slice(), lines, b"\n"].concat())?;
    file.sync_all()
}

/// Whether the last line has no end, because a power cut took it.
fn is_cut(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_line_follows_what_a_power_cut_left_of_another() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("open");
        for (before, after) in [("", "new\n"), ("old\n", "old\nnew\n"), ("ol", "ol\nnew\n"), ("\n", "\nnew\n")] {
            fs::write(root.path().join("lines"), before).expect("written");
            let mut file = open_append(&directory, "lines").expect("opened");
            append_lines(&mut file, b"new").expect("appended");
            assert_eq!(fs::read_to_string(root.path().join("lines")).expect("read"), after);
        }
    }

    #[test]
    fn what_is_left_of_a_line_is_marked_where_somebody_asks_for_it() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("open");
        for (before, after) in [("", "new\n"), ("old\n", "old\nnew\n"), ("ol", "ol~\nnew\n")] {
            fs::write(root.path().join("lines"), before).expect("written");
            let mut file = open_append(&directory, "lines").expect("opened");
            append_lines_after(&mut file, b"~", b"new").expect("appended");
            assert_eq!(fs::read_to_string(root.path().join("lines")).expect("read"), after);
        }
    }

    #[test]
    fn a_new_file_is_for_those_who_may_write_its_directory() {
        for (directory_mode, expected) in [(0o755, 0o644), (0o700, 0o644), (0o775, 0o664), (0o2770, 0o664)] {
            let root = tempfile::tempdir().expect("directory");
            fs::set_permissions(root.path(), fs::Permissions::from_mode(directory_mode)).expect("mode");
            let directory = File::open(root.path()).expect("open");
            open_append(&directory, "lines").expect("made");
            let mode = || fs::metadata(root.path().join("lines")).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(), expected, "{directory_mode:o}");
            fs::set_permissions(root.path().join("lines"), fs::Permissions::from_mode(0o600)).expect("mode");
            open_append(&directory, "lines").expect("opened");
            assert_eq!(mode(), 0o600, "what is there stays as somebody set it");
        }
    }

    #[test]
    fn a_link_a_directory_and_a_fifo_are_no_file_to_append_to() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("open");
        fs::write(root.path().join("elsewhere"), "kept").expect("written");
        symlink("elsewhere", root.path().join("link")).expect("linked");
        fs::create_dir(root.path().join("sub")).expect("made");
        let fifo = rustix::fs::mknodat(&directory, "fifo", rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0);
        fifo.expect("made");
        for name in ["link", "sub", "fifo"] {
            assert!(open_append(&directory, name).is_err(), "{name}");
        }
        assert_eq!(fs::read_to_string(root.path().join("elsewhere")).expect("read"), "kept");
    }
}
