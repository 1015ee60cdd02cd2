//! One gzip member, compressed on several threads, with the same bytes for any number of them.
//!
//! The input is cut every [`BLOCK_BYTES`], wherever threads and time stand. Each block is deflated on
//! its own, primed with the 32 KiB before it, and ended by an empty stored block, so that the blocks
//! joined are one deflate stream: what `pigz` does. One member, because readers disagree on a second.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Input per block. Smaller blocks cost size, larger ones memory.
const BLOCK_BYTES: usize = 256 << 10;
/// How far back deflate looks.
const WINDOW_BYTES: usize = 32 << 10;
/// The level that gives what `gzip -6` gives, in this compressor's own numbering.
const LEVEL: u32 = 6;
/// No name, no time, system unknown: nothing about the machine it was made on.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what `produce` writes into `out`.
pub(crate) fn compress<W: Write, E: From<io::Error>>(
    out: W,
    threads: NonZeroUsize,
    produce: impl FnOnce(&mut Gzip<W>) -> Result<(), E>,
) -> Result<W, E> {
    let (jobs, queue) = sync_channel::<Job>(threads.get());
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        for _ in 0..threads.get() {
            thread::Builder::new().name("deflate".to_owned()).spawn_scoped(scope, || work(&queue))?;
        }
        let mut gzip = Gzip {
            out,
            jobs,
            pending: VecDeque::new(),
            // Enough to keep every thread busy while the oldest block is written.
            depth: 2 * threads.get() + 1,
            block: Vec::with_capacity(BLOCK_BYTES),
            window: Vec::new(),
            crc: Crc::new(),
            taken: 0,
            given: 0,
        };
        gzip.emit(&HEADER)?;
        produce(&mut gzip)?;
        Ok(gzip.finish()?)
    })
}

/// The end into which the input is written.
pub(crate) struct Gzip<W> {
    out: W,
    jobs: SyncSender<Job>,
    pending: VecDeque<Receiver<io::Result<Deflated>>>,
    depth: usize,
    block: Vec<u8>,
    window: Vec<u8>,
    crc: Crc,
    taken: u64,
    given: u64,
}

struct Job {
    input: Vec<u8>,
    window: Vec<u8>,
    flush: FlushCompress,
    reply: SyncSender<io::Result<Deflated>>,
}

struct Deflated {
    bytes: Vec<u8>,
    crc: Crc,
    input_bytes: u64,
}

impl<W: Write> Gzip<W> {
    /// Bytes that went in and came out, as far as they are written.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.taken, self.given)
    }

    fn dispatch(&mut self, flush: FlushCompress) -> io::Result<()> {
        while self.pending.len() >= self.depth {
            self.write_oldest()?;
        }
        let input = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES));
        let next_window = input[input.len().saturating_sub(WINDOW_BYTES)..].to_vec();
        let window = std::mem::replace(&mut self.window, next_window);
        let (reply, answer) = sync_channel(1);
        self.pending.push_back(answer);
        self.jobs.send(Job { input, window, flush, reply }).map_err(|_| stopped())
    }

    fn write_oldest(&mut self) -> io::Result<()> {
        let Some(answer) = self.pending.pop_front() else { return Ok(()) };
        let deflated = answer.recv().map_err(|_| stopped())??;
        self.crc.combine(&deflated.crc);
        self.taken += deflated.input_bytes;
        self.emit(&deflated.bytes)
    }

    fn emit(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.given += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<W> {
        self.dispatch(FlushCompress::Finish)?;
        while !self.pending.is_empty() {
            self.write_oldest()?;
        }
        let (sum, amount) = (self.crc.sum(), self.crc.amount());
        self.emit(&sum.to_le_bytes())?;
        self.emit(&amount.to_le_bytes())?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK_BYTES {
            self.dispatch(FlushCompress::Sync)?;
        }
        let taken = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        // A flush would cut a block at another place and change the bytes.
        Ok(())
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The receiver is gone when writing has failed, and then nobody wants the answer.
        let _ = job.reply.send(deflated(&job));
    }
}

fn deflated(job: &Job) -> io::Result<Deflated> {
    // A new one per block: one that is reset chooses other matches than a new one, and which blocks
    // share one would depend on the threads.
    let mut deflate = Compress::new(Compression::new(LEVEL), false);
    if !job.window.is_empty() {
        deflate.set_dictionary(&job.window)?;
    }
    let mut bytes = Vec::with_capacity(job.input.len() + job.input.len() / 512 + 64);
    loop {
        let consumed = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let status = deflate.compress_vec(&job.input[consumed..], &mut bytes, job.flush)?;
        if status == Status::StreamEnd || (job.flush == FlushCompress::Sync && bytes.len() < bytes.capacity()) {
            break;
        }
        bytes.reserve(4096);
    }
    let mut crc = Crc::new();
    crc.update(&job.input);
    Ok(Deflated { bytes, crc, input_bytes: job.input.len() as u64 })
}

fn stopped() -> io::Error {
    io::Error::other("a compressing thread has stopped")
}
