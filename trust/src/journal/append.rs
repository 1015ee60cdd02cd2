//! `Journal`: a journal that holds, open for its next lines under the lock of its directory.
//!
//! The line itself comes first, then its line in the chain, then the head: each synced before the next. A process
//! that is killed in between leaves a line that is not chained yet, or a head that is behind, which is what
//! [`check`](super::check) takes them for; the next line binds the one, and opening mends the other.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use aisoc_files::{append_line, append_line_after};
use aisoc_manifests::digest::LinesDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};

use super::chain::{ChainLine, Link, TORN, WriterColumns};
use super::chain_reader::broken_at;
use super::check::{End, check};
use super::entry::Entry;
use super::lines::{Lines, MAX_LINE_BYTES};
use super::place::{JournalPlace, MAX_JOURNAL_BYTES, too_large};
use super::writer::Writer;

/// A journal to write to. Its caller holds the lock of the directory as long as this lives.
#[derive(Debug)]
pub struct Journal<'a> {
    place: &'a JournalPlace,
    /// Nothing after a line that failed: what is there then is looked at again.
    end: Option<End>,
}

impl<'a> Journal<'a> {
    /// Holds the journal to its chain, and the head to it.
    ///
    /// # Errors
    /// `journal_broken` for one that was changed: whoever went on with it would make the change look old.
    /// `directory_insecure`, `journal_invalid` and I/O reasons.
    pub(super) fn open(place: &'a JournalPlace) -> Result<Self> {
        Ok(Self { place, end: Some(end_of(place)?) })
    }

    /// Appends one line: two writes and a file that is replaced, each of them synced.
    ///
    /// # Errors
    /// `usage` for a blank reason where one is needed, before anything is written; `journal_broken` when somebody has
    /// changed the journal meanwhile; and I/O reasons.
    pub fn append(&mut self, entry: &Entry, writer: &Writer) -> Result<Link> {
        let line = entry.line()?;
        if line.len() > MAX_LINE_BYTES {
            return Err(Fault::new(Reason::Usage, "the line for the journal is too long")
                .expected(format!("at most {MAX_LINE_BYTES} bytes"), format!("{} bytes", line.len()))
                .hint("shorten the reason"));
        }
        let end = match self.end.take() {
            Some(end) => end,
            None => end_of(self.place)?,
        };
        let end = self.append_to(end, line.as_bytes(), &WriterColumns::of(writer))?;
        let link = end.last;
        self.end = Some(end);
        Ok(link)
    }

    fn append_to(&self, end: End, line: &[u8], writer: &WriterColumns) -> Result<End> {
        let path = self.place.path();
        let failed = |error| Fault::io("write", &path, error);
        let mut file = self.place.journal_to_append()?;
        let length = file.metadata().map_err(failed)?.len();
        if length + line.len() as u64 > MAX_JOURNAL_BYTES {
            return Err(too_large(&path, length));
        }
        append_line(&mut file, line).map_err(failed)?;
        let (number, lines, bytes) = self.written_since(file, &end, length, line)?;
        let link = end.last.then(number, lines, end.torn.finish(), writer);
        let chained = ChainLine { link, writer: writer.clone() }.line();
        let mut chain = self.place.chain_to_append()?;
        append_line_after(&mut chain, TORN, chained.as_bytes())
            .map_err(|error| Fault::io("write", &self.place.chain_path(), error))?;
        self.place.write_head(link)?;
        let bound_bytes = end.bound_bytes + bytes;
        Ok(End { last: link, bound_bytes, torn: LinesDigest::hasher(), head: Some(link) })
    }

    /// What the new line binds, as it stands there now: somebody may have added a line by hand meanwhile, and no
    /// lock keeps `echo` out. The number of the line, the digest of it and of all before it that nothing binds, and
    /// how many bytes those are. It stands behind `length`, which the file had before: one by hand may be the same.
    fn written_since(&self, mut file: File, end: &End, length: u64, line: &[u8]) -> Result<(u64, LinesDigest, u64)> {
        let path = self.place.path();
        let failed = |error| Fault::io("read", &path, error);
        file.seek(SeekFrom::Start(end.bound_bytes)).map_err(failed)?;
        let (mut lines, mut hasher) = (Lines::of(file), LinesDigest::hasher());
        while lines.next(|piece| hasher.update(piece)).map_err(failed)? {
            if lines.is_ended && lines.line() == line && end.bound_bytes + lines.bytes > length {
                return Ok((end.last.number + lines.number, hasher.finish(), lines.bytes));
            }
        }
        let message = "the line that was just written is not there";
        Err(broken_at(&path, end.last.number + lines.number, message))
    }
}

/// Where the next line goes on. The head is brought up to the chain first, so that it is never behind by more than
/// one line.
fn end_of(place: &JournalPlace) -> Result<End> {
    let reading = check(place, &mut |_| Ok(()))?;
    if let Some(broken) = reading.broken {
        return Err(broken);
    }
    let end = reading.end;
    if end.last.number > 0 && end.head != Some(end.last) {
        place.write_head(end.last)?;
    }
    Ok(end)
}
