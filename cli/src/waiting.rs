//! Reading from whoever writes when it pleases: a terminal, or the other end of a pipe.

use std::io::{self, Read};
use std::os::fd::AsFd;

use aisoc_manifests::cancellation::Cancellation;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How soon a signal is noticed, in nanoseconds.
const ROUND: i64 = 50_000_000;

/// A reader that waits in rounds, and stops when it is told to: a read that waits in the kernel would not
/// notice a signal, and somebody who never writes would hold it for ever.
pub(crate) struct Waiting<'a, F> {
    source: F,
    cancellation: &'a Cancellation,
}

impl<'a, F: Read + AsFd> Waiting<'a, F> {
    pub(crate) fn new(source: F, cancellation: &'a Cancellation) -> Self {
        Self { source, cancellation }
    }

    fn is_ready(&self) -> io::Result<bool> {
        let round = Timespec { tv_sec: 0, tv_nsec: ROUND };
        match poll(&mut [PollFd::new(&self.source, PollFlags::IN)], Some(&round)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl<F: Read + AsFd> Read for Waiting<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.cancellation.check()?;
            if !self.is_ready()? {
                continue;
            }
            match self.source.read(buffer) {
                // Somebody else was quicker, on a pipe that does not wait.
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                read => return read,
            }
        }
    }
}
