//! Reading many files on a few threads.
#![expect(
    clippy::disallowed_methods,
    reason = "its room: files of any size are hashed as they stream, opened without waiting"
)]

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aisoc_files::parallel;
pub use aisoc_files::parallel::default_threads;
use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::limits::Limits;

/// Bytes read at a time: fits the second-level cache together with what hashing needs.
pub(crate) const READ_BYTES: usize = 128 << 10;
thread_local! {
    /// Taken while it is in use, and put back.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}
/// Applies `work` to every item, in order of items; each thread has one buffer. Of several failures the
/// one of the earliest item counts, so that a run says the same thing every time.
pub(crate) fn map<T: Sync, U: Send>(
    items: &[T],
    threads: NonZeroUsize,
    work: impl Fn(&T, &mut [u8]) -> Result<U> + Sync,
) -> Result<Vec<U>> {
    let with_buffer = |item: &T| {
        // Many small plugins are read one after the other on the same threads.
        let mut buffer = BUFFER.take();
        buffer.resize(READ_BYTES, 0);
        let result = work(item, &mut buffer);
        BUFFER.set(buffer);
        result
    };
    parallel::try_map(items, threads, with_buffer)
        .map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?
}

/// What reading a file to its end found.
pub(crate) struct Hashed {
    pub(crate) digest: FileDigest,
    pub(crate) size: u64,
}

/// Hashes what is left of `file`, unless it is told to stop or grows beyond the largest; `see` is shown
/// every piece.
pub(crate) fn hash(
    file: &mut impl Read,
    buffer: &mut [u8],
    limits: &Limits,
    mut see: impl FnMut(&[u8]),
) -> io::Result<Hashed> {
    let mut hasher = FileDigest::hasher();
    let mut size = 0;
    loop {
        limits.cancellation.check()?;
        let read = match file.read(buffer) {
            Ok(0) => return Ok(Hashed { digest: hasher.finish(), size }),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..read]);
        size += read as u64;
        if size > limits.max_file_bytes {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it grows while it is read"));
        }
        see(&buffer[..read]);
    }
}

/// Whether a name that is a link is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    Followed,
    Refused,
}

/// Opens a file for reading without waiting: a FIFO put at its place must not hang the reader.
pub(crate) fn open(path: &Path, links: Links) -> io::Result<File> {
    use rustix::fs::OFlags;
    let flags = match links {
        Links::Followed => OFlags::NONBLOCK,
        Links::Refused => OFlags::NONBLOCK | OFlags::NOFOLLOW,
    };
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}
