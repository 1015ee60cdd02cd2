//! `Lines`: a file line by line, in memory that no line can fill.

use std::io::{self, BufRead, BufReader, Read};

/// Longest line that is read as one; a longer one is passed over to its end, and hashed.
pub(super) const MAX_LINE_BYTES: usize = 64 << 10;
/// As much as is read at once.
const BLOCK_BYTES: usize = 1 << 18;

/// The lines of a file, each with the bytes that were read of it.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// Whether the line has an end; the last one need not.
    pub(super) is_ended: bool,
    /// Whether the line is longer than any.
    pub(super) is_too_long: bool,
    /// How many lines were read.
    pub(super) number: u64,
    /// How many bytes those are.
    pub(super) bytes: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn of(file: R) -> Self {
        let reader = BufReader::with_capacity(BLOCK_BYTES, file);
        Self { reader, line: Vec::new(), is_ended: true, is_too_long: false, number: 0, bytes: 0 }
    }

    /// Reads the next line; `each` gets all of its bytes, the end included. Says whether there was one.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn next(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        self.line.clear();
        (self.is_ended, self.is_too_long) = (false, false);
        let mut is_any = false;
        while !self.is_ended {
            let block = self.reader.fill_buf()?;
            if block.is_empty() {
                break;
            }
            let length = memchr::memchr(b'\n', block).map_or(block.len(), |at| at + 1);
            let piece = &block[..length];
            each(piece);
            self.is_ended = piece.ends_with(b"\n");
            let text = &piece[..length - usize::from(self.is_ended)];
            self.is_too_long |= self.line.len() + text.len() > MAX_LINE_BYTES;
            if !self.is_too_long {
                self.line.extend_from_slice(text);
            }
            self.bytes += length as u64;
            self.reader.consume(length);
            is_any = true;
        }
        self.number += u64::from(is_any);
        Ok(is_any)
    }

    /// The line without its end; the beginning of one that is too long.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line as it was read, whether it has an end, and whether it is too long.
    fn read(text: &[u8]) -> Vec<(usize, bool, bool)> {
        let (mut lines, mut bytes, mut found) = (Lines::of(text), Vec::new(), Vec::new());
        while lines.next(|piece| bytes.extend_from_slice(piece)).expect("read") {
            found.push((lines.line().len(), lines.is_ended, lines.is_too_long));
        }
        assert_eq!((bytes.as_slice(), lines.number, lines.bytes), (text, found.len() as u64, text.len() as u64));
        found
    }

    #[test]
    fn every_byte_is_of_one_line() {
        assert_eq!(read(b""), []);
        assert_eq!(read(b"\n"), [(0, true, false)]);
        assert_eq!(read(b"one\n\ntwo"), [(3, true, false), (0, true, false), (3, false, false)]);
    }

    #[test]
    fn a_line_that_is_too_long_takes_no_memory_and_ends_at_its_end() {
        let line = |length: usize| [vec![b'x'; length], b"\nnext\n".to_vec()].concat();
        assert_eq!(read(&line(MAX_LINE_BYTES))[0], (MAX_LINE_BYTES, true, false));
        for length in [MAX_LINE_BYTES + 1, BLOCK_BYTES * 2 + 5] {
            let found = read(&line(length));
            assert!(found[0].0 <= MAX_LINE_BYTES && found[0].2, "{length}");
            assert_eq!(found[1], (4, true, false));
        }
    }
}
