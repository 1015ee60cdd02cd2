//! `Lines`: what is written to a plugin: whole lines, one after the other, each until a moment in time.

use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::asks::Refusal;

/// So many bytes are written between two looks at the clock.
const WRITTEN_AT_ONCE: usize = 4096;
/// How long the end of a line may take that ends something.
const STEP: Duration = Duration::from_millis(2);
/// How long a line may take that begins something, whatever is left of its own time: who reads nothing for so long is stuck, and
/// who reads it is busy with what others have written.
const READS: Duration = Duration::from_millis(500);
/// How long a plugin may leave unread why what it asks was not taken.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(1);

/// One end of the channel.
#[derive(Debug)]
pub(super) struct Lines {
    writing: Mutex<Writing>,
    /// Told whenever somebody has done with it.
    free: Condvar,
    /// The same socket, for whoever ends it while somebody writes.
    closing: UnixStream,
}

#[derive(Debug)]
struct Writing {
    /// Nothing while somebody writes.
    channel: Option<UnixStream>,
    /// How many wait who end what has begun; who begins something lets them go first.
    ending: usize,
}

/// What has become of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is written.
    Whole,
    /// Nothing of it, because it was not its turn in time: so nothing has gone wrong.
    Nothing,
}

/// Who writes, until this is dropped.
struct Turn<'a> {
    lines: &'a Lines,
    channel: Option<UnixStream>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.lines.writing().channel = self.channel.take();
        self.lines.free.notify_all();
    }
}

impl Lines {
    pub(super) fn new(channel: UnixStream) -> io::Result<Self> {
        let closing = channel.try_clone()?;
        let writing = Mutex::new(Writing { channel: Some(channel), ending: 0 });
        Ok(Self { writing, free: Condvar::new(), closing })
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channel, once nobody else writes. Nothing where that is not so until then.
    fn turn(&self, deadline: Instant, begins: bool) -> Option<Turn<'_>> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut writing = self.writing();
        writing.ending += usize::from(!begins);
        let waits = |writing: &mut Writing| writing.channel.is_none() || (begins && writing.ending > 0);
        let waited = self.free.wait_timeout_while(writing, left, waits);
        let (mut writing, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let may = !waits(&mut writing);
        writing.ending -= usize::from(!begins);
        let channel = if may { writing.channel.take() } else { None };
        drop(writing);
        // Whoever begins may have waited for this one alone.
        self.free.notify_all();
        channel.map(|channel| Turn { lines: self, channel: Some(channel) })
    }

    /// A line that ends something which has begun: whole, or none that counts. Half of one would be read as part of the next, so
    /// whoever is told of a failure closes this.
    pub(super) fn write(&self, line: &str, deadline: Instant) -> io::Result<()> {
        match self.written(line, deadline, false)? {
            Written::Whole => Ok(()),
            Written::Nothing => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// A line that begins something, as [`Lines::write`]: nothing of it where others write until then.
    pub(super) fn begin(&self, line: &str, deadline: Instant) -> io::Result<Written> {
        self.written(line, deadline, true)
    }

    fn written(&self, line: &str, deadline: Instant, begins: bool) -> io::Result<Written> {
        let Some(mut turn) = self.turn(deadline, begins) else { return Ok(Written::Nothing) };
        let Some(to) = &mut turn.channel else { return Ok(Written::Nothing) };
        let until = if begins { deadline.max(Instant::now() + READS) } else { deadline };
        write_until(to, line.as_bytes(), until)?;
        write_until(to, b"\n", until.max(Instant::now() + STEP))?;
        Ok(Written::Whole)
    }

    /// What is no line, before the first of them.
    pub(super) fn write_bytes(&self, bytes: &[u8], deadline: Instant) -> io::Result<()> {
        let late = || io::Error::from(io::ErrorKind::TimedOut);
        let mut turn = self.turn(deadline, true).ok_or_else(late)?;
        write_until(turn.channel.as_mut().ok_or_else(late)?, bytes, deadline)
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

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::thread;

    use super::*;

    fn pair() -> (Lines, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        (Lines::new(ours).expect("lines"), theirs)
    }

    fn soon(milliseconds: u64) -> Instant {
        Instant::now() + Duration::from_millis(milliseconds)
    }

    #[test]
    fn what_is_not_begun_in_time_is_nothing_and_breaks_nothing() {
        let (lines, mut theirs) = pair();
        lines.begin("first", soon(1000)).expect("open");
        let holding = lines.turn(soon(10), true).expect("free");
        assert_eq!(lines.begin("late", soon(20)).expect("open"), Written::Nothing);
        drop(holding);
        assert_eq!(lines.begin("second", soon(1000)).expect("open"), Written::Whole);
        let mut read = [0; 13];
        theirs.read_exact(&mut read).expect("read");
        assert_eq!(&read, b"first\nsecond\n");
    }

    #[test]
    fn a_line_that_was_begun_is_written_to_its_end_though_its_time_is_over() {
        let (lines, mut theirs) = pair();
        let long = "x".repeat(4 << 20);
        let reading = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            let mut read = vec![0; (4 << 20) + 1];
            theirs.read_exact(&mut read).map(|()| read.ends_with(b"x\n"))
        });
        assert_eq!(lines.begin(&long, soon(20)).expect("read in the end"), Written::Whole);
        assert!(reading.join().expect("no panic").expect("whole"));
    }

    #[test]
    fn a_line_that_nobody_reads_is_a_failure_whoever_writes_it() {
        let long = "x".repeat(4 << 20);
        for write in [
            |lines: &Lines, line: &str| lines.begin(line, soon(20)).map(drop),
            |lines: &Lines, line: &str| lines.write(line, soon(20)),
        ] {
            let (lines, _theirs) = pair();
            let error = write(&lines, &long).expect_err("nobody reads");
            assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock), "{error}");
        }
    }

    #[test]
    fn who_ends_something_comes_before_who_begins_something() {
        let (lines, mut theirs) = pair();
        let holding = lines.turn(soon(10), true).expect("free");
        thread::scope(|scope| {
            scope.spawn(|| lines.begin("begins", soon(5000)).expect("open"));
            thread::sleep(Duration::from_millis(50));
            scope.spawn(|| lines.write("ends", soon(5000)).expect("open"));
            while lines.writing().ending == 0 {
                thread::yield_now();
            }
            drop(holding);
        });
        let mut read = [0; 12];
        theirs.read_exact(&mut read).expect("read");
        assert_eq!(&read, b"ends\nbegins\n");
    }
}
