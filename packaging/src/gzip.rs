//! One gzip member, compressed on several threads, with the same bytes for any number of them.
//!
//! The input is cut every [`BLOCK_BYTES`], wherever threads and time stand. Each block is deflated on
//! its own, primed with the 32 KiB before it, and ended by an empty stored block, so that the blocks
//! joined are one deflate stream: what `pigz` does. One member, because readers disagree on a second.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use aisoc_manifests::fault::Fault;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::dir::forbidden;
use crate::limits::Limits;
use crate::noise::{PIECE_BYTES, is_noise};

/// Input per block. Smaller blocks cost size, larger ones memory.
const BLOCK_BYTES: usize = 256 << 10;
/// How far back deflate looks.
const WINDOW_BYTES: usize = 32 << 10;
/// In this compressor's numbering: less than 1 % larger than `gzip -6` on source text and on mixed
/// trees, in half the time. Level 6 gains half a percent for a fifth more time.
const LEVEL: u32 = 5;
/// No name, no time, system unknown: nothing about the machine it was made on.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what `produce` writes into `out`, as long as every reader within `limits` takes it. What none of
/// them takes ends in an error that holds a [`Fault`].
pub(crate) fn compress<W: Write, E: From<io::Error>>(
    out: W,
    threads: NonZeroUsize,
    limits: &Limits,
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
            limits: limits.clone(),
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
    limits: Limits,
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
        // A reader may see almost all of a block before it has received more than the block's first byte.
        if self.limits.is_bomb(self.taken, self.given) {
            return Err(io::Error::other(bomb(&self.limits)));
        }
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

/// Deflates one block: what looks like noise is stored, the runs between are compressed.
fn deflated(job: &Job) -> io::Result<Deflated> {
    let Job { input, window, flush, .. } = job;
    let mut bytes = Vec::with_capacity(input.len() + input.len() / 512 + 64);
    let mut start = 0;
    for at in (0..input.len()).step_by(PIECE_BYTES) {
        let end = input.len().min(at + PIECE_BYTES);
        if is_noise(&input[at..end]) {
            run(input, start..at, window, FlushCompress::Sync, &mut bytes)?;
            store(&input[at..end], &mut bytes);
            start = end;
        }
    }
    run(input, start..input.len(), window, *flush, &mut bytes)?;
    let mut crc = Crc::new();
    crc.update(input);
    Ok(Deflated { bytes, crc, input_bytes: input.len() as u64 })
}

/// Compresses a part of the block, primed with what stands before it.
fn run(input: &[u8], part: Range<usize>, window: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> io::Result<()> {
    if part.is_empty() && flush == FlushCompress::Sync {
        return Ok(());
    }
    // A new one per run: one that is reset chooses other matches than a new one, and which runs
    // share one would depend on the threads.
    let mut deflate = Compress::new(Compression::new(LEVEL), false);
    let before = if part.start == 0 { window } else { &input[part.start.saturating_sub(WINDOW_BYTES)..part.start] };
    if !before.is_empty() {
        deflate.set_dictionary(before)?;
    }
    let part = &input[part];
    loop {
        let consumed = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let status = deflate.compress_vec(&part[consumed..], out, flush)?;
        if status == Status::StreamEnd || (flush == FlushCompress::Sync && out.len() < out.capacity()) {
            return Ok(());
        }
        out.reserve(4096);
    }
}

/// A stored block, RFC 1951 section 3.2.4. What is before it ends at a byte, so its three bits do too.
fn store(piece: &[u8], out: &mut Vec<u8>) {
    let length = piece.len() as u16;
    out.push(0);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(piece);
}

fn bomb(limits: &Limits) -> Fault {
    let (ratio, free) = (limits.max_ratio, limits.max_unrated_bytes);
    let message = "the plugin compresses so well that every installer takes it for an attack";
    forbidden(message)
        .expected(format!("at most {ratio} times beyond its first {free} bytes"), format!("more than {ratio} times"))
        .hint("leave out or generate the file that holds mostly one repeated byte")
}

fn stopped() -> io::Error {
    io::Error::other("a compressing thread has stopped")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use sha2::{Digest as _, Sha256};

    use super::*;

    fn threads(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).expect("not zero")
    }

    /// Written in pieces of that size.
    fn compressed(input: &[u8], number: usize, piece: usize) -> Vec<u8> {
        let produce = |gzip: &mut Gzip<Vec<u8>>| {
            input.chunks(piece).try_for_each(|piece| gzip.write_all(piece).and_then(|()| gzip.flush()))
        };
        compress::<_, io::Error>(Vec::new(), threads(number), &Limits::default(), produce).expect("compressed")
    }

    fn inflated(bytes: &[u8]) -> Vec<u8> {
        let mut rest = bytes;
        let mut output = Vec::new();
        flate2::bufread::GzDecoder::new(&mut rest).read_to_end(&mut output).expect("one member with its sum");
        assert!(rest.is_empty(), "nothing follows the member");
        output
    }

    fn noise(bytes: usize) -> Vec<u8> {
        (0_u32..).flat_map(|number| Sha256::digest(number.to_le_bytes())).take(bytes).collect()
    }

    fn text(bytes: usize) -> Vec<u8> {
        (0..).flat_map(|number| format!("line {number}\n").into_bytes()).take(bytes).collect()
    }

    #[test]
    fn inflates_to_its_input_on_both_sides_of_every_border() {
        for border in [0, PIECE_BYTES, WINDOW_BYTES, BLOCK_BYTES, 2 * BLOCK_BYTES] {
            for length in [border.saturating_sub(1), border, border + 1] {
                for input in [text(length), noise(length), vec![0; length]] {
                    assert!(inflated(&compressed(&input, 2, 100_000)) == input, "{length} bytes");
                }
            }
        }
    }

    #[test]
    fn noise_is_stored_wherever_it_stands_between_text() {
        let (loud, quiet) = (noise(PIECE_BYTES), text(PIECE_BYTES));
        for pattern in ["n", "t", "nt", "tn", "tnt", "ntn", "nn", "tnnt", "tttnttttttttttttnnn"] {
            let input: Vec<u8> =
                pattern.bytes().flat_map(|kind| if kind == b'n' { loud.clone() } else { quiet.clone() }).collect();
            let bytes = compressed(&input, 2, input.len());
            assert!(inflated(&bytes) == input, "{pattern}");
            let stored = pattern.matches('n').count() * PIECE_BYTES;
            assert!(bytes.len() > stored && bytes.len() < stored + pattern.len() * PIECE_BYTES / 2, "{pattern}");
        }
    }

    #[test]
    fn neither_threads_nor_writes_nor_flushes_change_a_byte() {
        let input = [text(BLOCK_BYTES), noise(PIECE_BYTES), text(2 * BLOCK_BYTES + 77)].concat();
        let expected = compressed(&input, 1, input.len());
        for (number, piece) in
            [(1, 1000), (2, 65_536), (2, BLOCK_BYTES - 1), (3, BLOCK_BYTES), (5, BLOCK_BYTES + 1), (8, 77)]
        {
            assert!(compressed(&input, number, piece) == expected, "{number} threads, pieces of {piece}");
        }
    }

    #[test]
    fn a_block_knows_what_stands_before_it() {
        // Text that is new to its block and stood at the end of the block before.
        let piece: Vec<u8> = noise(BLOCK_BYTES).iter().map(|byte| b'a' + byte % 16).collect();
        let repeated = [&piece[..], &piece[BLOCK_BYTES - WINDOW_BYTES / 2..]].concat();
        let (once, twice) = (compressed(&piece, 1, piece.len()), compressed(&repeated, 1, repeated.len()));
        assert!(twice.len() - once.len() < 1000, "{} more", twice.len() - once.len());
    }

    #[test]
    fn says_how_far_it_came() {
        let input = text(20 * BLOCK_BYTES);
        let mut last = (0, 0);
        let produce = |gzip: &mut Gzip<Vec<u8>>| {
            assert_eq!((gzip.taken, gzip.given), (0, HEADER.len() as u64));
            for piece in input.chunks(BLOCK_BYTES) {
                gzip.write_all(piece)?;
                assert_eq!(gzip.given, gzip.out.len() as u64, "what came out is what was written");
                last = (gzip.taken, gzip.given);
            }
            Ok::<_, io::Error>(())
        };
        compress(Vec::new(), threads(1), &Limits::default(), produce).expect("compressed");
        // As many blocks are under way as keep the threads busy, and one is being filled.
        assert_eq!(last.0, (20 - 1 - 3) * BLOCK_BYTES as u64);
    }

    #[test]
    fn an_output_that_fails_ends_the_work_with_its_own_error() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let input = noise(8 * BLOCK_BYTES);
        let size = compressed(&input, 2, input.len()).len();
        for (room, is_enough) in [(0, false), (9, false), (BLOCK_BYTES, false), (size - 1, false), (size, true)] {
            let outcome =
                compress::<_, io::Error>(Full(room), threads(2), &Limits::default(), |gzip| gzip.write_all(&input));
            assert_eq!(
                outcome.map(|_| ()).map_err(|error| error.kind()),
                match is_enough {
                    true => Ok(()),
                    false => Err(io::ErrorKind::StorageFull),
                }
            );
        }
    }
}
