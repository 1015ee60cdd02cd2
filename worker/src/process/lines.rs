//! `Lines`: what is written to a plugin: whole lines, one after the other, each until a moment in time.

use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::asks::Refusal;

/// So many bytes are written between two looks at the clock.
const WRITTEN_AT_ONCE: usize = 4096;
/// How long the end of a line may take.
const STEP: Duration = Duration::from_millis(2);
/// How long a plugin may leave unread why what it asks was not taken.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(1);

/// One end of the channel.
#[derive(Debug)]
pub(super) struct Lines {
    writing: Mutex<UnixStream>,
    /// The same socket, for whoever ends it while somebody writes.
    closing: UnixStream,
}

impl Lines {
    pub(super) fn new(channel: UnixStream) -> io::Result<Self> {
        let closing = channel.try_clone()?;
        Ok(Self { writing: Mutex::new(channel), closing })
    }

    /// One line, whole, or none that counts: half of one would be read as part of the next, so whoever is told of a failure
    /// closes this.
    pub(super) fn write(&self, line: &str, deadline: Instant) -> io::Result<()> {
        let mut to = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        write_until(&mut to, line.as_bytes(), deadline)?;
        write_until(&mut to, b"\n", deadline.max(Instant::now() + STEP))
    }

    /// What is no line, before the first of them.
    pub(super) fn write_bytes(&self, bytes: &[u8], deadline: Instant) -> io::Result<()> {
        write_until(&mut self.writing.lock().unwrap_or_else(PoisonError::into_inner), bytes, deadline)
    }

    /// Tells a plugin that what it asks is not looked at. One that does not read that is ended.
    pub(super) fn refuse(&self, number: u64, refusal: Refusal) {
        let line = refusal.reply().line(number);
        if self.write(&line, Instant::now() + REFUSAL_PATIENCE).is_err() {
            self.close();
        }
    }

    /// Whoever is at the other end learns that this is the end.
    pub(super) fn close(&self) {
        // Fails for one that is closed already.
        let _ = self.closing.shutdown(Shutdown::Both);
    }
}

/// All of it until then, however slowly it is read.
fn write_until(to: &mut UnixStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        to.set_write_timeout(Some(left))?;
        // In pieces: a write that is under way waits anew for each part of it that is read.
        match to.write(&bytes[..bytes.len().min(WRITTEN_AT_ONCE)]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
