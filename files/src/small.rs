//! Reading a small file whole, or not at all.
//!
//! One body for every file that decides something: a signature, a key, a note, a record, a manifest, a
//! list. What is judged is the open file and never its path, because the path may lead elsewhere a moment
//! later; and all of it, because what follows a prefix that was judged was judged by nobody.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

/// A FIFO opens without its writer, and a terminal does not become ours.
pub(crate) const READ_WITHOUT_WAITING: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// What to do about a link in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Read what it leads to: an author's files, and key directories that a cluster mounts.
    Followed,
    /// Refuse it (`ELOOP`): our own files are never links.
    Refused,
}

/// A small file, whole.
#[derive(Debug)]
pub struct SmallFile {
    /// Every byte of it.
    pub content: Vec<u8>,
    /// Owner, mode and times of the open file that the bytes are from.
    pub metadata: Metadata,
}

/// Why a small file could not be read whole.
#[derive(Debug)]
pub enum SmallFileError {
    /// The system's own error; an absent file is `NotFound`.
    Io(io::Error),
    /// A directory, a FIFO, a socket or a device.
    NotAFile,
    /// More than was allowed.
    TooLarge {
        /// What was allowed.
        max_bytes: u64,
        /// What the file is said to have, or `None` for a stream that went on.
        bytes: Option<u64>,
    },
}

impl SmallFileError {
    /// Whether there is nothing at that path.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Io(error) if matches!(error.kind(), io::ErrorKind::NotFound))
    }
}

impl fmt::Display for SmallFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotAFile => f.write_str("it is not a regular file"),
            Self::TooLarge { max_bytes, bytes: Some(bytes) } => {
                write!(f, "it has {bytes} bytes, and {max_bytes} are the most")
            }
            Self::TooLarge { max_bytes, bytes: None } => write!(f, "it has more than {max_bytes} bytes"),
        }
    }
}

impl std::error::Error for SmallFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::NotAFile | Self::TooLarge { .. } => None,
        }
    }
}

impl From<io::Error> for SmallFileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<SmallFileError> for io::Error {
    fn from(error: SmallFileError) -> Self {
        match error {
            SmallFileError::Io(error) => error,
            SmallFileError::NotAFile => Self::new(io::ErrorKind::InvalidInput, error),
            SmallFileError::TooLarge { .. } => Self::new(io::ErrorKind::FileTooLarge, error),
        }
    }
}

/// Opens a regular file to read it. Never waits: a FIFO that somebody put there is opened without its
/// writer, looked at, and refused.
///
/// # Errors
/// [`SmallFileError::NotAFile`] for everything that is open and no regular file, and those of opening.
pub fn open_file(path: &Path, links: Links) -> Result<File, SmallFileError> {
    open_at(CWD, path, links)
}

/// As [`open_file`], for the file `name` in a directory that is open. A link is refused.
///
/// # Errors
/// As [`open_file`].
pub fn open_file_in(directory: impl AsFd, name: impl AsRef<OsStr>) -> Result<File, SmallFileError> {
    open_at(directory, Path::new(name.as_ref()), Links::Refused)
}

fn open_at(directory: impl AsFd, path: &Path, links: Links) -> Result<File, SmallFileError> {
    let no_follow = match links {
        Links::Followed => OFlags::empty(),
        Links::Refused => OFlags::NOFOLLOW,
    };
    let flags = READ_WITHOUT_WAITING | no_follow;
    // A socket cannot be opened at all; that it is there and no file is what the caller has to know.
    let opened = rustix::fs::openat(directory, path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::NXIO => SmallFileError::NotAFile,
        error => SmallFileError::Io(error.into()),
    })?;
    let file = File::from(opened);
    if file.metadata()?.is_file() { Ok(file) } else { Err(SmallFileError::NotAFile) }
}

/// Reads a regular file of at most `max_bytes`, whole.
///
/// # Errors
/// Those of [`open_file`] and [`read_open`].
pub fn read_small(path: &Path, max_bytes: u64, links: Links) -> Result<SmallFile, SmallFileError> {
    read_open(open_file(path, links)?, max_bytes)
}

/// Reads an open regular file of at most `max_bytes`, whole. A larger one is refused before its first
/// byte is read, and one that grows meanwhile after its last allowed one.
///
/// # Errors
/// [`SmallFileError::TooLarge`], and those of reading.
pub fn read_open(file: File, max_bytes: u64) -> Result<SmallFile, SmallFileError> {
    let metadata = file.metadata()?;
    Ok(SmallFile { content: read_of_size(file, metadata.len(), max_bytes)?, metadata })
}

/// As [`read_open`], of a regular file whose size somebody has just asked of the same descriptor.
pub(crate) fn read_of_size(mut file: File, bytes: u64, max_bytes: u64) -> Result<Vec<u8>, SmallFileError> {
    if bytes > max_bytes {
        return Err(SmallFileError::TooLarge { max_bytes, bytes: Some(bytes) });
    }
    // One byte more than there should be: what fills the rest and leaves that free is the whole file, in one call.
    let room = usize::try_from(bytes).map_or(0, |bytes| bytes + 1);
    let mut content = vec![0; room];
    match file.read(&mut content) {
        Ok(read) => content.truncate(read),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return read_all_into(Vec::new(), file, max_bytes),
        Err(error) => return Err(error.into()),
    }
    match content.len() as u64 == bytes {
        true => Ok(content),
        false => read_all_into(content, file, max_bytes),
    }
}

/// Reads a stream of at most `max_bytes` to its end.
///
/// # Errors
/// [`SmallFileError::TooLarge`] when there is one byte more, and those of reading.
pub fn read_stream(stream: impl Read, max_bytes: u64) -> Result<Vec<u8>, SmallFileError> {
    read_all_into(Vec::new(), stream, max_bytes)
}

fn read_all_into(mut content: Vec<u8>, stream: impl Read, max_bytes: u64) -> Result<Vec<u8>, SmallFileError> {
    let room = max_bytes.saturating_add(1).saturating_sub(content.len() as u64);
    stream.take(room).read_to_end(&mut content)?;
    match content.len() as u64 > max_bytes {
        true => Err(SmallFileError::TooLarge { max_bytes, bytes: None }),
        false => Ok(content),
    }
}

/// Reads a stream that fits into `buffer` to its end, and says how much it was. For secrets: a buffer that
/// grows leaves copies behind, and this one is the caller's to wipe.
///
/// # Errors
/// [`SmallFileError::TooLarge`] when there is one byte more than fits, and those of reading.
pub fn read_into(mut stream: impl Read, buffer: &mut [u8]) -> Result<usize, SmallFileError> {
    let mut filled = 0;
    let mut beyond = [0];
    loop {
        let is_full = filled == buffer.len();
        let room = if is_full { &mut beyond[..] } else { &mut buffer[filled..] };
        match stream.read(room) {
            Ok(0) => return Ok(filled),
            Ok(_) if is_full => return Err(SmallFileError::TooLarge { max_bytes: filled as u64, bytes: None }),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_read_whole_up_to_its_bound_and_refused_above() {
        let root = tempfile::tempdir().expect("directory");
        let path = root.path().join("file");
        for (bytes, is_read) in [(0, true), (9, true), (10, true), (11, false), (1 << 20, false)] {
            fs::write(&path, vec![b'x'; bytes]).expect("written");
            let read = read_small(&path, 10, Links::Refused);
            assert_eq!(read.as_ref().is_ok_and(|file| file.content.len() == bytes), is_read, "{bytes}");
            if !is_read {
                let error = read.expect_err("too large");
                assert_eq!(error.to_string(), format!("it has {bytes} bytes, and 10 are the most"));
            }
        }
    }

    #[test]
    fn a_file_that_is_mostly_hole_is_refused_by_its_size() {
        let root = tempfile::tempdir().expect("directory");
        let path = root.path().join("sparse");
        File::create(&path).expect("created").set_len(1 << 40).expect("sparse");
        let error = read_small(&path, 1 << 20, Links::Refused).expect_err("a terabyte");
        assert!(matches!(error, SmallFileError::TooLarge { bytes: Some(bytes), .. } if bytes == 1 << 40));
    }

    #[test]
    fn a_stream_is_read_to_its_end_or_refused() {
        for (bytes, is_read) in [(9_usize, true), (10, true), (11, false)] {
            let read = read_stream(vec![b'x'; bytes].as_slice(), 10);
            assert_eq!(read.is_ok(), is_read, "{bytes}");
        }
        assert!(matches!(
            read_stream(io::repeat(b' '), 10),
            Err(SmallFileError::TooLarge { max_bytes: 10, bytes: None })
        ));
    }

    #[test]
    fn a_stream_fits_into_its_buffer_or_is_refused() {
        for (bytes, is_read) in [(0_usize, true), (9, true), (10, true), (11, false), (1000, false)] {
            let mut buffer = [0; 10];
            let read = read_into(vec![b'x'; bytes].as_slice(), &mut buffer);
            assert_eq!(read.as_ref().is_ok_and(|read| *read == bytes), is_read, "{bytes}");
            assert_eq!(matches!(read, Err(SmallFileError::TooLarge { max_bytes: 10, bytes: None })), !is_read);
        }
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting() {
        let root = tempfile::tempdir().expect("directory");
        let fifo = root.path().join("fifo");
        rustix::fs::mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("made");
        let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).expect("bound");
        for name in ["fifo", "socket", "."] {
            let error = read_small(&root.path().join(name), 10, Links::Followed).expect_err(name);
            assert!(matches!(error, SmallFileError::NotAFile), "{name}: {error}");
        }
        assert!(read_small(&root.path().join("absent"), 10, Links::Followed).expect_err("absent").is_absent());
    }

    #[test]
    fn a_link_is_followed_only_when_told() {
        let root = tempfile::tempdir().expect("directory");
        fs::write(root.path().join("file"), "x").expect("written");
        symlink("file", root.path().join("link")).expect("linked");
        let link = root.path().join("link");
        assert_eq!(read_small(&link, 10, Links::Followed).expect("followed").content, b"x");
        let error = read_small(&link, 10, Links::Refused).expect_err("a link");
        assert!(matches!(error, SmallFileError::Io(error) if error.raw_os_error() == Some(40)), "ELOOP");
        let directory = File::open(root.path()).expect("opened");
        let read = |name| open_file_in(&directory, name).and_then(|file| read_open(file, 10));
        assert_eq!(read("file").expect("a file").content, b"x");
        assert!(matches!(read("link").expect_err("a link"), SmallFileError::Io(_)));
        assert!(read("absent").expect_err("nothing").is_absent());
    }
}
