//! `append`: one more line at the end of a file that is only ever appended to.
//!
//! A line is one write and synced, so that two writers never mix within a line and a power cut takes a line
//! or leaves it. What a cut has left of a line stays, and the next line begins on its own.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags};

/// Opens the file `name` in `directory`, made with mode 0644 when it is missing: no link, and never waiting for
/// the other end of a FIFO. What is open is for the caller to judge before it writes.
///
/// # Errors
/// Those of opening, and `InvalidInput` for what is no regular file.
pub fn open_append(directory: impl AsFd, name: &str) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o644))?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
    }
}

/// Appends `line`, which has no end of its own, and syncs it. The directory is for the caller to sync.
///
/// # Errors
/// Those of writing and syncing.
pub fn append_line(file: &mut File, line: &[u8]) -> io::Result<()> {
    let beginning: &[u8] = if is_cut(file)? { b"\n" } else { b"" };
    file.write_all(&[beginning, line, b"\n"].concat())?;
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
    use std::os::unix::fs::symlink;

    #[test]
    fn a_line_follows_what_a_power_cut_left_of_another() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("open");
        for (before, after) in [("", "new\n"), ("old\n", "old\nnew\n"), ("ol", "ol\nnew\n"), ("\n", "\nnew\n")] {
            fs::write(root.path().join("lines"), before).expect("written");
            let mut file = open_append(&directory, "lines").expect("opened");
            append_line(&mut file, b"new").expect("appended");
            assert_eq!(fs::read_to_string(root.path().join("lines")).expect("read"), after);
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
