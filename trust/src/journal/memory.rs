//! `JournalMemory`: where a journal ended when this process wrote to it last, so that its next line need not read all of it
//! again.
//!
//! What is remembered is bound to what is there: both files have to be the same ones, of the same length, changed by nobody
//! since, and the head has to name the same end. Of anything else, and after a minute, the whole journal is read and held to
//! its chain, as it is by everybody who shows or verifies it.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aisoc_manifests::digest::LinesDigest;
use aisoc_manifests::fault::Result;

use super::chain::Link;
use super::check::End;
use super::place::JournalPlace;

/// How long it counts: whoever changes a line in the very tick of the clock in which another one is written is found then.
const BELIEVED: Duration = Duration::from_secs(60);

/// Which file it is, how long, and when it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let found = file.metadata()?;
        Ok(Self {
            file: (found.dev(), found.ino()),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// The end of a journal, and by what it is known.
#[derive(Debug, Clone, Copy)]
struct Remembered {
    stamps: [Stamp; 2],
    last: Link,
    bound_bytes: u64,
    /// Since when nobody has read the whole of it.
    read_at: Instant,
}

/// Of one journal.
#[derive(Debug, Default)]
pub struct JournalMemory(Mutex<Option<Remembered>>);

impl JournalMemory {
    /// Where the next line goes on, if what is there is what was remembered; and since when nobody has read all of it.
    pub(super) fn end(&self, place: &JournalPlace) -> Result<Option<(End, Instant)>> {
        let Some(known) = self.take().filter(|known| known.read_at.elapsed() < BELIEVED) else { return Ok(None) };
        // In the order in which nothing is missed that a writer adds meanwhile.
        let head = place.read_head()?;
        let is_there = stamps(place)? == Some(known.stamps) && head == Some(known.last);
        let Remembered { last, bound_bytes, read_at, .. } = known;
        Ok(is_there.then(|| (End { last, bound_bytes, torn: LinesDigest::hasher(), head }, read_at)))
    }

    /// Remembers the end that was just written, under the lock of the directory.
    pub(super) fn remember(&self, place: &JournalPlace, end: &End, read_at: Instant) {
        let stamps = stamps(place).ok().flatten().filter(|_| end.head == Some(end.last));
        let (last, bound_bytes) = (end.last, end.bound_bytes);
        // What stands behind it already is read by whoever comes next.
        let stamps = stamps.filter(|[journal, _]| journal.bytes == bound_bytes);
        let known = stamps.map(|stamps| Remembered { stamps, last, bound_bytes, read_at });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// What was remembered, which counts once.
    fn take(&self) -> Option<Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Of the journal and its chain; nothing where one of them is not there.
fn stamps(place: &JournalPlace) -> Result<Option<[Stamp; 2]>> {
    let (Some(journal), Some(chain)) = (place.journal()?, place.chain()?) else { return Ok(None) };
    Ok(Stamp::of(&journal).and_then(|journal| Ok([journal, Stamp::of(&chain)?])).ok())
}
