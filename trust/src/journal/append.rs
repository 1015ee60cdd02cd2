//! `Journal`: a journal that holds, open for its next lines under the lock of its directory.
//!
//! The lines themselves come first, then theirs in the chain, then the head: each synced before the next. A process
//! that is killed in between leaves lines that are not chained yet, or a head that is behind, which is what
//! [`check`](super::check) takes them for; the next line binds the ones, and opening mends the other.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::time::Instant;

use aisoc_files::{append_lines, append_lines_after};
use aisoc_manifests::digest::{AcceptedDigest, LinesDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};

use super::chain::{ChainLine, Said, TORN, WriterColumns};
use super::chain_reader::broken_at;
use super::check::{End, check};
use super::entry::Entry;
use super::lines::{Lines, MAX_LINE_BYTES};
use super::memory::JournalMemory;
use super::place::{JournalPlace, MAX_JOURNAL_BYTES, too_large};
use super::writer::Writer;

/// As much as is written at once: what a kill leaves unchained is no more.
const MAX_WRITE_BYTES: usize = 1 << 20;

/// A journal to write to. Its caller holds the lock of the directory as long as this lives.
#[derive(Debug)]
pub struct Journal<'a> {
    place: &'a JournalPlace,
    /// Nothing after a line that failed: what is there then is looked at again.
    end: Option<End>,
    /// Whoever remembers where it ends, and since when nobody has read all of it.
    memory: Option<(&'a JournalMemory, Instant)>,
}

impl<'a> Journal<'a> {
    /// Holds the journal to its chain, and the head to it.
    ///
    /// # Errors
    /// `journal_broken` for one that was changed: whoever went on with it would make the change look old.
    /// `directory_insecure`, `journal_invalid` and I/O reasons.
    pub(super) fn open(place: &'a JournalPlace) -> Result<Self> {
        Ok(Self { place, end: Some(end_of(place)?), memory: None })
    }

    /// As [`Journal::open`], but that what is remembered, and is as it was, is not read again.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub(super) fn open_again(place: &'a JournalPlace, memory: &'a JournalMemory) -> Result<Self> {
        let (end, read_at) = match memory.end(place)? {
            Some(remembered) => remembered,
            None => {
                let read_at = Instant::now();
                (end_of(place)?, read_at)
            }
        };
        Ok(Self { place, end: Some(end), memory: Some((memory, read_at)) })
    }

    /// Appends one line: as [`Journal::append_all`].
    ///
    /// # Errors
    /// As [`Journal::append_all`].
    pub fn append(&mut self, entry: &Entry, writer: &Writer) -> Result<()> {
        self.append_all([entry], writer)
    }

    /// Appends a line for each entry: two writes and a file that is replaced, each of them synced, for as many lines as
    /// fit into one write. Whoever accepts ten thousand plugins does not wait for ten thousand disks.
    ///
    /// # Errors
    /// `usage` for a blank reason where one is needed and for what fits into no line, before anything is written;
    /// `journal_broken` when somebody has changed the journal meanwhile; and I/O reasons.
    pub fn append_all<'e>(&mut self, entries: impl IntoIterator<Item = &'e Entry>, writer: &Writer) -> Result<()> {
        self.append_accepting(entries.into_iter().map(|entry| (entry, None)), writer)
    }

    /// As [`Journal::append_all`], each with what an entry of a lock says that it accepts.
    ///
    /// # Errors
    /// As [`Journal::append_all`].
    pub fn append_accepting<'e>(
        &mut self,
        entries: impl IntoIterator<Item = (&'e Entry, Option<AcceptedDigest>)>,
        writer: &Writer,
    ) -> Result<()> {
        let line = |(entry, accepted): (&Entry, _)| Ok(Written { line: line_of(&entry.because(writer))?, accepted });
        let lines: Vec<Written> = entries.into_iter().map(line).collect::<Result<_>>()?;
        let writer = WriterColumns::of(writer);
        let mut rest = lines.as_slice();
        while !rest.is_empty() {
            let end = match self.end.take() {
                Some(end) => end,
                None => end_of(self.place)?,
            };
            let (written, left) = rest.split_at(fitting(rest, end.head.is_some()));
            self.end = Some(self.append_to(end, written, &writer)?);
            rest = left;
        }
        if let (Some((memory, read_at)), Some(end)) = (self.memory, &self.end) {
            memory.remember(self.place, end, read_at);
        }
        Ok(())
    }

    fn append_to(&self, end: End, lines: &[Written], writer: &WriterColumns) -> Result<End> {
        let path = self.place.path();
        let failed = |error| Fault::io("write", &path, error);
        let mut file = self.place.journal_to_append()?;
        let length = file.metadata().map_err(failed)?.len();
        let text = lines.iter().map(|written| written.line.as_str()).collect::<Vec<_>>().join("\n");
        if length + text.len() as u64 > MAX_JOURNAL_BYTES {
            return Err(too_large(&path, length));
        }
        append_lines(&mut file, text.as_bytes()).map_err(failed)?;
        let (end, chained) = self.chained(file, end, length, lines, writer)?;
        let mut chain = self.place.chain_to_append()?;
        append_lines_after(&mut chain, TORN, chained.join("\n").as_bytes())
            .map_err(|error| Fault::io("write", &self.place.chain_path(), error))?;
        self.place.write_head(end.last)?;
        Ok(End { head: Some(end.last), ..end })
    }

    /// The lines of the chain for lines that were just written, each binding what stands there now since the one before:
    /// somebody may have added a line by hand meanwhile, and no lock keeps `echo` out. The first of ours begins at
    /// `length`, which the file had before, or behind: one by hand may be the same, and have got its end with ours.
    fn chained(
        &self,
        mut file: File,
        end: End,
        length: u64,
        written: &[Written],
        writer: &WriterColumns,
    ) -> Result<(End, Vec<String>)> {
        let path = self.place.path();
        let failed = |error| Fault::io("read", &path, error);
        file.seek(SeekFrom::Start(end.bound_bytes)).map_err(failed)?;
        let (first, from) = (end.last.number, end.bound_bytes);
        let (mut end, mut lines, mut chained) = (end, Lines::of(file), Vec::with_capacity(written.len()));
        for Written { line, accepted } in written {
            let said = Said { writer: writer.clone(), accepted: *accepted };
            let mut hasher = LinesDigest::hasher();
            loop {
                let begins_at = from + lines.bytes;
                if !lines.next(|piece| hasher.update(piece)).map_err(failed)? {
                    let message = "the line that was just written is not there";
                    return Err(broken_at(&path, first + lines.number, message));
                }
                if lines.is_ended && lines.line() == line.as_bytes() && begins_at >= length {
                    break;
                }
            }
            let link = end.last.then(first + lines.number, hasher.finish(), end.torn.finish(), &said);
            chained.push(ChainLine { link, said }.line());
            end = End { last: link, bound_bytes: from + lines.bytes, torn: LinesDigest::hasher(), head: end.head };
        }
        Ok((end, chained))
    }
}

/// A line that is written, and what its own line of the chain says of it.
struct Written {
    line: String,
    accepted: Option<AcceptedDigest>,
}

fn line_of(entry: &Entry) -> Result<String> {
    let line = entry.line()?;
    match line.len() > MAX_LINE_BYTES {
        true => Err(Fault::new(Reason::Usage, "the line for the journal is too long")
            .expected(format!("at most {MAX_LINE_BYTES} bytes"), format!("{} bytes", line.len()))
            .hint("shorten the reason")),
        false => Ok(line),
    }
}

/// How many lines go into the next write; there is at least one. Until there is a head, one alone: a chain of more
/// without a head is one whose head was taken away.
fn fitting(lines: &[Written], has_head: bool) -> usize {
    let mut bytes = 0;
    let fits = lines.iter().take_while(|written| {
        bytes += written.line.len() + 1;
        bytes <= MAX_WRITE_BYTES
    });
    if has_head { fits.count().max(1) } else { 1 }
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
