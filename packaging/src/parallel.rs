//! Reading many files on a few threads.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use sha2::{Digest as _, Sha256};

use crate::limits::Limits;

/// Bytes read at a time: fits the second-level cache together with what hashing needs.
pub(crate) const READ_BYTES: usize = 128 << 10;
thread_local! {
    /// Taken while it is in use, and put back.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}
/// Beyond this the disk or the memory bus is the limit.
const MAX_THREADS: usize = 8;

/// How many threads the work on files takes by default: one per core, and at most 8.
pub fn default_threads() -> NonZeroUsize {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.min(MAX_THREADS)).unwrap_or(NonZeroUsize::MIN)
}

/// Applies `work` to every item, in order of items; each thread has one buffer. Of several failures the
/// one of the earliest item counts, so that a run says the same thing every time.
pub(crate) fn map<T: Sync, U: Send>(
    items: &[T],
    threads: NonZeroUsize,
    work: impl Fn(&T, &mut [u8]) -> Result<U> + Sync,
) -> Result<Vec<U>> {
    let next = AtomicUsize::new(0);
    let run = || {
        // Many small plugins are read one after the other on the same threads.
        let mut buffer = BUFFER.take();
        buffer.resize(READ_BYTES, 0);
        let mut done = Vec::new();
        while let Some((index, item)) = items.get(next.load(Ordering::Relaxed)).and_then(|_| {
            let index = next.fetch_add(1, Ordering::Relaxed);
            Some((index, items.get(index)?))
        }) {
            let result = work(item, &mut buffer);
            let failed = result.is_err();
            done.push((index, result));
            if failed {
                next.store(items.len(), Ordering::Relaxed);
            }
        }
        BUFFER.set(buffer);
        done
    };
    let mut done = if threads.get() == 1 || items.len() < 2 { run() } else { on_threads(threads, &run)? };
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn on_threads<R: Send>(threads: NonZeroUsize, run: &(impl Fn() -> Vec<R> + Sync)) -> Result<Vec<R>> {
    thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, run);
        let workers: io::Result<Vec<_>> = (1..threads.get()).map(spawn).collect();
        let workers = workers.map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
        let mut done = run();
        for worker in workers {
            done.extend(worker.join().map_err(|_| Fault::new(Reason::Internal, "a thread panicked"))?);
        }
        Ok(done)
    })
}

/// What reading a file to its end found.
pub(crate) struct Hashed {
    pub(crate) digest: Digest,
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
    let mut hasher = Sha256::new();
    let mut size = 0;
    loop {
        limits.cancellation.check()?;
        let read = match file.read(buffer) {
            Ok(0) => return Ok(Hashed { digest: Digest::from_bytes(hasher.finalize().into()), size }),
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
