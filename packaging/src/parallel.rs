//! Reading many files on a few threads.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::path::Path;

use aisoc_files::parallel;
pub use aisoc_files::parallel::default_threads;
use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{CWD, Mode, OFlags};

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
    parallel::try_map(items, threads, |item| with_buffer(|buffer| work(item, buffer)))
        .map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?
}

/// Lends the calling thread's buffer: many small plugins are read one after the other on the same threads.
pub(crate) fn with_buffer<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER.take();
    buffer.resize(READ_BYTES, 0);
    let result = work(&mut buffer);
    BUFFER.set(buffer);
    result
}

/// What reading a file to its end found.
pub(crate) struct Hashed {
    pub(crate) digest: FileDigest,
    pub(crate) size: u64,
}

/// Hashes what is left of `file`, unless it is told to stop or grows beyond the largest; `see` is shown
/// every piece, and who watches the work hears how much it was. Where the open file has stated its size, `stated`, a
/// read that comes to exactly that and had room for more was at its end: nobody asks again.
pub(crate) fn hash(
    file: &mut impl Read,
    stated: Option<u64>,
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
        limits.cancellation.advance(read as u64);
        size += read as u64;
        if size > limits.max_file_bytes {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it grows while it is read"));
        }
        see(&buffer[..read]);
        if read < buffer.len() && stated == Some(size) {
            return Ok(Hashed { digest: hasher.finish(), size });
        }
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
    open_in(CWD, path, links)
}

/// As [`open`], of a path from an open directory on.
pub(crate) fn open_in(directory: impl AsFd, path: &Path, links: Links) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = match links {
        Links::Followed => flags,
        Links::Refused => flags | OFlags::NOFOLLOW,
    };
    Ok(File::from(rustix::fs::openat(directory, path, flags, Mode::empty())?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use aisoc_manifests::cancellation::Cancellation;

    use super::*;

    fn threads(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).expect("not zero")
    }

    #[test]
    fn results_are_in_the_order_of_items_and_the_first_failure_counts() {
        let items: Vec<usize> = (0..500).collect();
        for number in [1, 2, 7] {
            let doubled = map(&items, threads(number), |item, _| Ok(item * 2)).expect("all");
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
            let failed = map(&items, threads(number), |item, _| match item {
                30.. => Err(Fault::new(Reason::IoError, format!("item {item}"))),
                _ => Ok(()),
            });
            assert_eq!(failed.expect_err("most fail").message(), "item 30", "{number} threads");
        }
        assert!(map(&[0_u8; 0], threads(3), |_, _| Ok(())).expect("nothing to do").is_empty());
    }

    #[test]
    fn every_item_has_a_whole_buffer() {
        let lengths = map(&[(); 20], threads(3), |(), buffer| Ok(buffer.len())).expect("all");
        assert_eq!(lengths, [READ_BYTES; 20]);
    }

    /// Ten bytes at a time, with an interruption before each.
    struct Slow {
        left: usize,
        is_interrupted: bool,
    }

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.is_interrupted = !self.is_interrupted;
            if self.is_interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let length = self.left.min(10).min(buffer.len());
            buffer[..length].fill(b'x');
            self.left -= length;
            Ok(length)
        }
    }

    #[test]
    fn a_file_that_grows_is_read_up_to_the_largest_and_no_further() {
        let limits = Limits { max_file_bytes: 30, ..Limits::default() };
        for (bytes, is_read) in [(0, true), (29, true), (30, true), (31, false), (1000, false)] {
            let mut seen = Vec::new();
            let mut file = Slow { left: bytes, is_interrupted: false };
            match hash(&mut file, None, &mut [0; 64], &limits, |piece| seen.extend_from_slice(piece)) {
                Ok(hashed) => {
                    assert!(is_read, "{bytes}");
                    assert_eq!((hashed.size, hashed.digest), (bytes as u64, FileDigest::of(&seen)));
                    assert_eq!(seen, vec![b'x'; bytes], "what is shown is what is hashed");
                }
                Err(error) => {
                    assert!(!is_read, "{bytes}: {error}");
                    assert_eq!((error.kind(), seen.len()), (io::ErrorKind::FileTooLarge, 30));
                }
            }
        }
    }

    #[test]
    fn a_file_of_its_stated_size_is_asked_once_and_any_other_to_its_end() {
        struct Counted<'a>(&'a [u8], usize);
        impl Read for Counted<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.1 += 1;
                self.0.read(buffer)
            }
        }
        // A file that fills the buffer may go on, and so may one that is larger or smaller than it says.
        for (size, stated, reads) in [
            (5, Some(5), 1),
            (5, None, 2),
            (5, Some(4), 2),
            (5, Some(6), 2),
            (0, Some(0), 1),
            (8, Some(8), 2),
            (13, Some(13), 2),
        ] {
            let content = vec![b'x'; size];
            let mut file = Counted(&content, 0);
            let hashed = hash(&mut file, stated, &mut [0; 8], &Limits::default(), |_| {}).expect("read");
            assert_eq!((hashed.size, hashed.digest), (size as u64, FileDigest::of(&content)));
            assert_eq!(file.1, reads, "{size} {stated:?}");
        }
    }

    #[test]
    fn hashing_stops_between_two_pieces() {
        let cancellation = Cancellation::default();
        let mut seen = 0;
        let outcome = hash(&mut io::repeat(b'x'), None, &mut [0; 10], &Limits::until(&cancellation), |_| {
            seen += 1;
            if seen == 3 {
                cancellation.cancel();
            }
        });
        assert_eq!(outcome.err().expect("stopped").kind(), io::ErrorKind::Other);
        assert_eq!(seen, 3);
    }

    #[test]
    fn a_link_is_followed_where_the_host_follows_it_and_nowhere_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        std::fs::write(&file, "x").expect("written");
        symlink(&file, &link).expect("linked");
        for links in [Links::Followed, Links::Refused] {
            assert!(open(&file, links).is_ok(), "{links:?}");
        }
        assert!(open(&link, Links::Followed).is_ok());
        let refused = open(&link, Links::Refused).expect_err("a link");
        assert_eq!(refused.raw_os_error(), Some(rustix::io::Errno::LOOP.raw_os_error()));
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_hangs_no_reader() {
        let directory = tempfile::tempdir().expect("a directory");
        let pipe = directory.path().join("pipe");
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("made");
        for links in [Links::Followed, Links::Refused] {
            assert!(!open(&pipe, links).expect("opened at once").metadata().expect("open").is_file());
        }
    }
}
