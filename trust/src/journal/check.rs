//! `Check`: one pass over a journal and its chain, which every reader and every writer goes by.
//!
//! The pass reads each file once, in memory that does not grow with them. It needs no lock: a writer appends to the
//! journal first, then to the chain, then replaces the head, so whoever reads in the other order sees a chain
//! that is never ahead of the journal, and a head that is never ahead of the chain. What a kill between two of the
//! three leaves is the same as what a reader sees of a writer at work: a line at the end that is not chained yet.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use aisoc_manifests::counted;
use aisoc_manifests::digest::{AcceptedDigest, Hasher, LinesDigest, meaning};
use aisoc_manifests::fault::{Fault, Reason, Result};

use super::chain::{ChainLine, Link};
use super::chain_reader::{ChainReader, broken_at};
use super::entry::{Entry, LineFault};
use super::lines::{Lines, MAX_LINE_BYTES};
use super::place::JournalPlace;
use super::writer::Writer;

/// How many lines are looked through for the one that belongs where another stands.
const MAX_SOUGHT: u32 = 1_000;
/// How many lines that cannot be read are named.
const MAX_UNREAD: usize = 10;

/// One line as the pass meets it.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Which line of the journal, from 1.
    pub number: u64,
    /// What the chain says of it.
    pub standing: Standing,
    /// What an entry of a lock said when this line accepted it, where the chain holds that.
    pub accepted: Option<AcceptedDigest>,
    line: &'a [u8],
    is_too_long: bool,
}

/// What a chain says of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is as that writer has written it, at that place in the chain.
    Written(Writer, Link),
    /// It was written by hand, and is as it was when that later line was written.
    BoundBy(u64),
    /// It was written by hand, or by a process that was killed, and the next line will bind it.
    Unchained,
    /// It stands where the chain is broken, or behind.
    Unverified,
}

impl Seen<'_> {
    /// What the line says.
    ///
    /// # Errors
    /// As [`Entry::read`]; also for a line that is longer than any.
    pub fn entry(&self) -> Result<Entry, LineFault> {
        match self.is_too_long {
            true => Err(LineFault {
                column: MAX_LINE_BYTES + 1,
                message: format!("the line is longer than {MAX_LINE_BYTES} bytes"),
                difference: None,
            }),
            false => Entry::read(self.line),
        }
    }

    /// The line as it stands there, for whoever shows one that says nothing: of one that is too long, the beginning.
    pub fn text(&self) -> &[u8] {
        self.line
    }
}

/// What a pass has found of a journal whose chain holds, or of the part up to where it does not.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Lines of the journal.
    pub lines: u64,
    /// Lines that aisoc has written and chained.
    pub chained: u64,
    /// The first line that is not chained yet.
    pub first_unchained: Option<u64>,
    /// The newest place in the chain; nothing before the first line.
    pub newest: Option<Link>,
    /// Whether the last line has no end, as a power cut or a full disk leaves it.
    pub is_cut: bool,
    /// Whether there was a head to compare with.
    pub has_head: bool,
    /// Lines that a later one has bound, and that cannot be read: the first few of them.
    pub unread: Vec<(u64, LineFault)>,
    /// How many those are.
    pub unread_count: u64,
    /// The first line that is not chained yet and cannot be read: it can still be corrected.
    pub invalid: Option<(u64, LineFault)>,
}

/// What a pass has found.
#[derive(Debug)]
pub struct Reading {
    /// How far it came.
    pub summary: Summary,
    /// Where the chain is broken.
    pub broken: Option<Fault>,
    /// For whoever writes the next line.
    pub(super) end: End,
}

/// Where the next line goes on.
#[derive(Debug)]
pub(super) struct End {
    /// The newest place in the chain.
    pub(super) last: Link,
    /// How many bytes of the journal it binds.
    pub(super) bound_bytes: u64,
    /// What killed processes have left in the chain since.
    pub(super) torn: Hasher<meaning::Lines>,
    /// The head.
    pub(super) head: Option<Link>,
}

type Visit<'a> = &'a mut dyn FnMut(Seen<'_>) -> Result<()>;

/// Goes over a journal; `visit` gets every line, in order, also of one whose chain is broken.
///
/// # Errors
/// What `visit` answers, `directory_insecure` for a file that others could have written, `journal_invalid` for one that is larger
/// than any, and I/O reasons.
pub(super) fn check(place: &JournalPlace, visit: Visit<'_>) -> Result<Reading> {
    let mut check = Check::of(place, visit)?;
    let broken = match check.chain_holds() {
        Err(fault) if fault.reason() != Reason::JournalBroken => return Err(fault),
        outcome => outcome.err(),
    };
    let standing = if broken.is_some() { Standing::Unverified } else { Standing::Unchained };
    check.rest(standing)?;
    Ok(check.reading(broken))
}

struct Check<'a> {
    place: &'a JournalPlace,
    visit: Visit<'a>,
    chain: ChainReader,
    journal: Option<Lines<File>>,
    path: PathBuf,
    head: Option<Link>,
    is_head_met: bool,
    last: Link,
    bound_bytes: u64,
    /// Whether the line that was read last is still to be visited.
    is_held: bool,
    summary: Summary,
}

impl<'a> Check<'a> {
    /// Opens the three in the order in which nothing is missed that a writer adds meanwhile.
    fn of(place: &'a JournalPlace, visit: Visit<'a>) -> Result<Self> {
        let head = place.read_head()?;
        let chain = ChainReader::of(place.chain()?, place.chain_path())?;
        let journal = place.journal()?.map(Lines::of);
        let summary = Summary {
            lines: 0,
            chained: 0,
            first_unchained: None,
            newest: None,
            is_cut: false,
            has_head: head.is_some(),
            unread: Vec::new(),
            unread_count: 0,
            invalid: None,
        };
        let (path, last) = (place.path(), Link::start());
        let ([is_head_met, is_held], bound_bytes) = ([false; 2], 0);
        Ok(Self { place, visit, chain, journal, path, head, is_head_met, last, bound_bytes, is_held, summary })
    }

    fn chain_holds(&mut self) -> Result<()> {
        while let Some((line, torn)) = self.chain.next()? {
            self.bind(&line, torn)?;
        }
        self.head_is_met()
    }

    /// Holds the lines that `line` binds to it.
    fn bind(&mut self, line: &ChainLine, torn: LinesDigest) -> Result<()> {
        let (first, number) = (self.last.number + 1, line.link.number);
        if number < first {
            let fault = self.chain.broken("the line does not follow the one before it");
            return Err(fault.expected(format!("line {first} of the journal or a later one"), format!("line {number}")));
        }
        let mut hasher = LinesDigest::hasher();
        while self.summary.lines < number {
            if !self.read(&mut hasher)? {
                return Err(self.cut(number));
            }
            if self.summary.lines < number {
                self.visit_by_hand(number)?;
            }
        }
        let lines = hasher.finish();
        let found = self.last.then(number, lines, torn, &line.said);
        if found != line.link {
            return Err(self.difference(line, torn, lines, found)?);
        }
        let said = &line.said;
        self.visit_accepting(Standing::Written(said.writer.writer(), line.link), said.accepted)?;
        (self.last, self.bound_bytes) = (line.link, self.journal.as_ref().map_or(0, |journal| journal.bytes));
        self.summary.chained += 1;
        self.is_head_met |= self.head == Some(line.link);
        Ok(())
    }

    /// A line that was written by hand and is bound. Nobody can correct it any more: that it cannot be read is worth
    /// a word, and no fault of the journal.
    fn visit_by_hand(&mut self, bound_by: u64) -> Result<()> {
        if let Err(fault) = self.seen(Standing::BoundBy(bound_by)).entry() {
            self.summary.unread_count += 1;
            if self.summary.unread.len() < MAX_UNREAD {
                self.summary.unread.push((self.summary.lines, fault));
            }
        }
        self.visit_held(Standing::BoundBy(bound_by))
    }

    fn head_is_met(&self) -> Result<()> {
        let found = match self.last.number {
            0 => "no line".to_owned(),
            number => format!("line {number}, {}", self.last.hash),
        };
        let path = || self.place.head_path().unwrap_or_default();
        match self.head {
            // A process that was killed before it had written the first head leaves one line.
            None if self.place.needs_head() && self.summary.chained > 1 => {
                let message = format!(
                    "the head `{}` is gone, so nobody can tell whether lines were cut off at the end",
                    path().display()
                );
                Err(Fault::new(Reason::JournalBroken, message).expected("a head", "none"))
            }
            Some(head) if !self.is_head_met => {
                let message = match head.number > self.last.number {
                    true => format!("lines were cut off at the end of `{}`", self.place.chain_path().display()),
                    false => format!("`{}` is another chain than before", self.place.chain_path().display()),
                };
                let expected = format!("line {}, {}", head.number, head.hash);
                Err(Fault::new(Reason::JournalBroken, message).expected(expected, found))
            }
            _ => Ok(()),
        }
    }

    /// Lines behind the last one that the chain binds; all that are left of a journal whose chain is broken.
    fn rest(&mut self, standing: Standing) -> Result<()> {
        let is_unchained = standing == Standing::Unchained;
        loop {
            if self.is_held {
                if is_unchained {
                    self.note_unchained();
                }
                self.visit_held(standing.clone())?;
            }
            if !self.read(&mut LinesDigest::hasher())? {
                return Ok(());
            }
        }
    }

    fn note_unchained(&mut self) {
        let number = self.summary.lines;
        self.summary.first_unchained.get_or_insert(number);
        // What has no end is what a kill has left, or will get its end.
        let fault = self.seen(Standing::Unchained).entry().err().filter(|_| !self.summary.is_cut);
        if self.summary.invalid.is_none() {
            self.summary.invalid = fault.map(|fault| (number, fault));
        }
    }

    fn reading(self, broken: Option<Fault>) -> Reading {
        let newest = Some(self.last).filter(|link| link.number > 0);
        let torn = self.chain.left();
        let end = End { last: self.last, bound_bytes: self.bound_bytes, torn, head: self.head };
        Reading { summary: Summary { newest, ..self.summary }, broken, end }
    }

    /// Reads the next line into `hasher`; it is held until it is visited.
    fn read(&mut self, hasher: &mut Hasher<meaning::Lines>) -> Result<bool> {
        let each = |piece: &[u8]| hasher.update(piece);
        let failed = |error: io::Error| Fault::io("read", &self.path, error);
        let is_read = self.journal.as_mut().map_or(Ok(false), |journal| journal.next(each)).map_err(failed)?;
        self.is_held = is_read;
        if let Some(journal) = &self.journal {
            self.summary.lines = journal.number;
            self.summary.is_cut = is_read && !journal.is_ended || !is_read && self.summary.is_cut;
        }
        Ok(is_read)
    }

    fn visit_held(&mut self, standing: Standing) -> Result<()> {
        self.visit_accepting(standing, None)
    }

    fn visit_accepting(&mut self, standing: Standing, accepted: Option<AcceptedDigest>) -> Result<()> {
        self.is_held = false;
        let seen = Seen { accepted, ..seen(self.journal.as_ref(), standing) };
        (self.visit)(seen)
    }

    fn seen(&self, standing: Standing) -> Seen<'_> {
        seen(self.journal.as_ref(), standing)
    }

    /// The journal ends before the line `number`, and the chain goes on to its own end.
    fn cut(&mut self, mut number: u64) -> Fault {
        while let Ok(Some((line, _))) = self.chain.next() {
            number = number.max(line.link.number);
        }
        let lines = self.summary.lines;
        let message = match number - lines {
            1 => "the line was cut off".to_owned(),
            more => format!("this line and {} more behind it were cut off", more - 1),
        };
        broken_at(&self.path, lines + 1, message).expected(counted(number, "line"), counted(lines, "line"))
    }

    /// What became of the line that `line` is about: what stands there may be a later one, and the one that was written
    /// may stand behind.
    fn difference(&mut self, line: &ChainLine, torn: LinesDigest, lines: LinesDigest, found: Link) -> Result<Fault> {
        let (before, number) = (self.last, line.link.number);
        if number - before.number > 1 {
            let message = "this line, one behind it, or what the chain says of them was changed";
            return Ok(broken_at(&self.path, before.number + 1, message)
                .expected(line.link.hash.to_string(), found.hash.to_string()));
        }
        let later = self.later_line_of(lines, line.link)?;
        let stands_behind = self.stands_behind(before, line, torn)?;
        let (is, was) = (|number| format!("line {number}"), || format!("line {number}"));
        Ok(match (later, stands_behind) {
            (Some(later), true) => broken_at(&self.path, number, "lines were moved").expected(was(), is(later)),
            (Some(later), false) => {
                let message = match later - number {
                    1 => "the line that was written here was removed".to_owned(),
                    more => format!("{more} lines that were written here were removed"),
                };
                broken_at(&self.path, number, message).expected(was(), is(later))
            }
            (None, true) => broken_at(&self.path, number, "a line was inserted")
                .expected(was(), "a line that nobody has chained, and that line behind it"),
            (None, false) => {
                let message = "the line, or what the chain says of it, was changed";
                broken_at(&self.path, number, message).expected(line.link.hash.to_string(), found.hash.to_string())
            }
        })
    }

    /// Which later line of the chain is about those bytes.
    fn later_line_of(&mut self, lines: LinesDigest, mut before: Link) -> Result<Option<u64>> {
        for _ in 0..MAX_SOUGHT {
            let (line, torn) = match self.chain.next() {
                Ok(Some(next)) => next,
                Err(fault) if fault.reason() != Reason::JournalBroken => return Err(fault),
                // What is wrong further on is no answer to what is wrong here.
                Ok(None) | Err(_) => break,
            };
            if before.then(line.link.number, lines, torn, &line.said) == line.link {
                return Ok(Some(line.link.number));
            }
            before = line.link;
        }
        Ok(None)
    }

    /// Whether the line that was written stands further on in the journal.
    fn stands_behind(&mut self, before: Link, line: &ChainLine, torn: LinesDigest) -> Result<bool> {
        for _ in 0..MAX_SOUGHT {
            self.visit_held(Standing::Unverified)?;
            let mut hasher = LinesDigest::hasher();
            if !self.read(&mut hasher)? {
                break;
            }
            if before.then(line.link.number, hasher.finish(), torn, &line.said) == line.link {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn seen(journal: Option<&Lines<File>>, standing: Standing) -> Seen<'_> {
    let (number, line, is_too_long) =
        journal.map_or((0, [].as_slice(), false), |journal| (journal.number, journal.line(), journal.is_too_long));
    Seen { number, standing, accepted: None, line, is_too_long }
}
