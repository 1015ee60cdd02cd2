//! `ChainReader`: the chain, line by line, with what killed processes have left in it.

use std::fs::File;
use std::io::{self, Read as _, Take};
use std::path::{Path, PathBuf};

use aisoc_manifests::digest::{Hasher, LinesDigest, meaning};
use aisoc_manifests::fault::{Fault, Location, Reason, Result};

use super::chain::{ChainLine, TORN};
use super::lines::Lines;

/// The lines of a chain, up to where it ended when it was opened.
pub(super) struct ChainReader {
    lines: Option<Lines<Take<File>>>,
    path: PathBuf,
    /// What was left of lines since the last whole one.
    torn: Hasher<meaning::Lines>,
    /// Whether the chain ends within a line.
    pub(super) is_cut: bool,
}

impl ChainReader {
    pub(super) fn of(file: Option<File>, path: PathBuf) -> Result<Self> {
        let length = file.as_ref().map_or(Ok(0), |file| file.metadata().map(|found| found.len()));
        let length = length.map_err(|error| Fault::io("look at", &path, error))?;
        let lines = file.map(|file| Lines::of(file.take(length)));
        Ok(Self { lines, path, torn: LinesDigest::hasher(), is_cut: false })
    }

    /// The next line, and the digest of what was left of others before it.
    ///
    /// # Errors
    /// `journal_broken` for a line that is neither whole nor marked as torn: no killed process leaves one.
    pub(super) fn next(&mut self) -> Result<Option<(ChainLine, LinesDigest)>> {
        while self.read().map_err(|error| Fault::io("read", &self.path, error))? {
            let Some(lines) = &self.lines else { break };
            if !lines.is_ended {
                self.torn.update(lines.line());
                self.is_cut = true;
                break;
            }
            if lines.line().ends_with(TORN) && !lines.is_too_long {
                self.torn.update(lines.line());
                self.torn.update(b"\n");
                continue;
            }
            let line = ChainLine::read(lines.line()).filter(|_| !lines.is_too_long);
            let line = line.ok_or_else(|| self.broken("the line is none of a chain"))?;
            return Ok(Some((line, std::mem::replace(&mut self.torn, LinesDigest::hasher()).finish())));
        }
        Ok(None)
    }

    fn read(&mut self) -> io::Result<bool> {
        self.lines.as_mut().map_or(Ok(false), |lines| lines.next(|_| ()))
    }

    /// `journal_broken` at the line that was read last.
    pub(super) fn broken(&self, message: &str) -> Fault {
        broken_at(&self.path, self.lines.as_ref().map_or(1, |lines| lines.number), message)
    }

    /// What the next line has to bind of what was left of others: a line that has no end will have got its mark.
    pub(super) fn left(self) -> Hasher<meaning::Lines> {
        let mut torn = self.torn;
        if self.is_cut {
            torn.update(TORN);
            torn.update(b"\n");
        }
        torn
    }
}

/// `journal_broken` at a line of a file.
pub(super) fn broken_at(path: &Path, line: u64, message: impl Into<String>) -> Fault {
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let location = Location { file: path.display().to_string(), line, column: 1 };
    Fault::new(Reason::JournalBroken, message).at(location)
}
