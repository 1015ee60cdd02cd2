//! `Guard`: the bytes of one connection, on their way between the socket and the HTTP library.
//!
//! What comes in passes `Heads`. What goes out must be taken: a client that does not read, or reads
//! a byte now and then, is sent away like one that does not send. The library knows a time for heads and
//! none for answers, and it cannot be told what moved, which `slots` must know; so the guard stands below.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::head::Heads;
use crate::pace::{Pace, Slowest};
use crate::slots::Slot;

/// Bytes read from the socket at a time.
const READ_BYTES: usize = 16 << 10;

/// What a client may keep its server waiting for.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Longest silence.
    pub idle: Duration,
    /// Longest time for one answer.
    pub longest: Duration,
    /// Slowest reader of an answer.
    pub slowest: Slowest,
    /// Headers that stand once at most, beside those that say whose request it is and where its body ends.
    pub once: &'static [&'static str],
}

/// A connection under guard.
pub struct Guard<S> {
    stream: S,
    slot: Arc<Slot>,
    heads: Heads,
    /// One read from the socket, before it is looked at.
    arrived: Vec<u8>,
    /// What passed and was not read yet, from `read` on.
    passed: Vec<u8>,
    read: usize,
    /// Bytes that were written against the time that the client kept them waiting.
    pace: Pace,
    bounds: Bounds,
    /// When the request that is being answered was whole.
    asked: Instant,
    waiting: Option<Waiting>,
}

/// A write that the client keeps waiting: its receive buffer is full, because it does not read.
struct Waiting {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

impl<S> Guard<S> {
    /// Puts a connection under guard.
    pub fn new(stream: S, slot: Arc<Slot>, bounds: Bounds) -> Self {
        Self {
            stream,
            slot,
            heads: Heads::once(bounds.once),
            arrived: vec![0; READ_BYTES],
            passed: Vec::new(),
            read: 0,
            pace: Pace::new(bounds.slowest),
            bounds,
            asked: Instant::now(),
            waiting: None,
        }
    }

    /// Moves what passed into the reader's buffer; what does not fit waits. Says whether there was any.
    fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let passed = &self.passed[self.read..];
        let length = passed.len().min(buffer.remaining());
        buffer.put_slice(&passed[..length]);
        self.read += length;
        if self.read == self.passed.len() {
            self.passed.clear();
            self.read = 0;
        }
        length > 0
    }

    /// Looks at what arrived. The clock of an answer begins when its request is whole: a head that drips
    /// has a time of its own.
    fn let_in(&mut self, length: usize) {
        self.slot.moved(length);
        let begun = self.heads.take(&self.arrived[..length], &mut self.passed);
        if begun > 0 {
            self.slot.asked(begun);
            self.asked = Instant::now();
        }
    }

    /// Watches over a write: passes on what became of it, unless it takes too long.
    fn watched<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
        bytes: impl Fn(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        let late = || Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)));
        let (idle, last) = (self.bounds.idle, self.asked + self.bounds.longest);
        if outcome.is_ready() {
            // Judged even when it ended well: ten bytes taken every ten seconds are never silence.
            let waited = match self.waiting.take() {
                Some(waiting) => {
                    self.slot.unread(false);
                    waiting.since.elapsed()
                }
                None => Duration::ZERO,
            };
            let written = if let Poll::Ready(Ok(done)) = &outcome { bytes(done) } else { 0 };
            self.slot.moved(written);
            return if self.pace.keeps_up(waited, written as u64) { outcome } else { late() };
        }
        // One timer for as long as the write waits, and not one per poll, which would never run out.
        let waiting = self.waiting.get_or_insert_with(|| {
            let since = Instant::now();
            self.slot.unread(true);
            Waiting { since, end: Box::pin(sleep_until((since + idle).min(last))) }
        });
        if waiting.end.as_mut().poll(context).is_ready() { late() } else { Poll::Pending }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // A body goes straight into the reader's buffer: gigabytes are not copied to be looked at.
        let body = buffer.remaining().min(usize::try_from(this.heads.body()).unwrap_or(usize::MAX));
        if this.passed.is_empty() && body > 0 {
            let mut arriving = ReadBuf::new(buffer.initialize_unfilled_to(body));
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut arriving))?;
            let length = arriving.filled().len();
            buffer.advance(length);
            this.heads.skip(length);
            this.slot.moved(length);
            return Poll::Ready(Ok(()));
        }
        // A head may need many reads before any of it passes. The library's own time for heads runs
        // meanwhile, so one that drips ends.
        while !this.hand_over(buffer) && !this.heads.is_over() && buffer.remaining() > 0 {
            let mut arriving = ReadBuf::new(&mut this.arrived);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut arriving))?;
            match arriving.filled().len() {
                // The client has no more to say. What is held is no whole head and is never passed.
                0 => break,
                length => this.let_in(length),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(context, outcome, |written| *written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watched(context, outcome, |written| *written)
    }

    // As the socket says: otherwise the library would copy heads and bodies together.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // Not watched, nor the end: a socket keeps nothing back that they could wait for.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
