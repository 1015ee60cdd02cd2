//! `Kept`: what came of a blob stays on the disk while it comes, so that another run goes on where this one ended.
//!
//! Beside the one pass, and not in its way: a thread writes the same pieces into a file of our own. It hashes them
//! in segments, each together with the digest of those before it, and notes how far that is; the next run hashes
//! the file whole before it hands on a byte of it, and takes as many as are noted and still the same. That proves
//! nothing of the blob: whoever unpacks or stores it hashes all of it, what was kept like what comes.

use std::sync::Arc;

use aisoc_files::Partial;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use bytes::Bytes;
use futures_util::stream::Stream;
use tokio::sync::mpsc;

use super::connection::Connection;
use crate::limits::{MIN_KEPT_BYTES, SEGMENT_BYTES};
use crate::notice::Notice;
use crate::options::ClientOptions;
use crate::storage::{Ending, file_stream};
use crate::worker::{Worker, blocking};

/// Pieces between the network and the thread that writes them.
const PIECES_IN_FLIGHT: usize = 8;
/// Bytes that are read and hashed at a time.
const READ_BYTES: usize = 256 << 10;

/// How far a part is, as its note says it: so many bytes, and the digest over their segments.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    bytes: u64,
    chain: String,
}

impl Mark {
    const NOTHING: Self = Self { bytes: 0, chain: String::new() };

    fn note(&self, size: u64) -> String {
        format!("{} of {size} {}", self.bytes, self.chain)
    }

    /// The mark that a note of a blob of that size says; none of whole segments is none.
    fn read(note: &str, size: u64) -> Option<Self> {
        let mut words = note.split(' ');
        let (bytes, of, noted) = (words.next()?.parse().ok()?, words.next()?, words.next()?.parse::<u64>().ok()?);
        let chain = words.next()?.to_owned();
        let is_mark = of == "of" && noted == size && words.next().is_none();
        (is_mark && bytes <= size && bytes > 0 && bytes % SEGMENT_BYTES == 0).then_some(Self { bytes, chain })
    }
}

/// Hashes what passes, segment by segment.
struct Chain {
    mark: Mark,
    hasher: aisoc_manifests::digest::Hasher<aisoc_manifests::digest::meaning::Blob>,
    /// Bytes of the segment that is under way.
    begun: u64,
}

impl Chain {
    fn begin(mark: Mark) -> Self {
        let mut hasher = Digest::hasher();
        hasher.update(&mark.chain);
        Self { mark, hasher, begun: 0 }
    }

    /// Takes bytes; says whether a segment has ended with them.
    fn take(&mut self, mut bytes: &[u8]) -> bool {
        let before = self.mark.bytes;
        while !bytes.is_empty() {
            let wanted = usize::try_from(SEGMENT_BYTES - self.begun).unwrap_or(usize::MAX).min(bytes.len());
            let (now, rest) = bytes.split_at(wanted);
            self.hasher.update(now);
            self.begun += now.len() as u64;
            bytes = rest;
            if self.begun == SEGMENT_BYTES {
                let hasher = std::mem::replace(&mut self.hasher, Digest::hasher());
                let mark = Mark { bytes: self.mark.bytes + SEGMENT_BYTES, chain: hasher.finish().hex() };
                *self = Self::begin(mark);
            }
        }
        self.mark.bytes > before
    }
}

/// A part of a blob that is kept, as far as it was hashed and found to be what was noted.
#[derive(Debug)]
pub(super) struct Kept {
    partial: Partial,
    mark: Mark,
    size: u64,
    digest: Digest,
}

impl Kept {
    /// What is kept of that blob, or the beginning of it; nothing for small ones, where nothing is to be kept, and
    /// while another process keeps it. What keeps it from being kept is said, and stops nobody.
    pub(super) async fn open(connection: &Connection, descriptor: &Descriptor) -> Result<Option<Self>> {
        let options = &connection.options;
        let Some(partials) = options.partials.clone().filter(|_| descriptor.size >= MIN_KEPT_BYTES) else {
            return Ok(None);
        };
        let (digest, size, told, cancellation) =
            (descriptor.digest, descriptor.size, options.told.clone(), options.cancellation.clone());
        let name = name(connection, digest);
        blocking(move || {
            let opened = partials.open(&name, size).and_then(|partial| {
                let Some(partial) = partial else { return Ok(None) };
                let mark = verified(&partial, size, &|| Ok(cancellation.check()?))?;
                partial.truncate(mark.bytes)?;
                partial.write_note(&mark.note(size))?;
                Ok(Some((partial, mark)))
            });
            if cancellation.is_cancelled() {
                return Err(Fault::from(cancellation.check().expect_err("it was asked a moment ago")));
            }
            match opened {
                Ok(Some((partial, mark))) => Ok(Some(Self { partial, mark, size, digest })),
                Ok(None) => {
                    told.tell(&Notice::NotKept { digest, why: "another process is fetching it".to_owned() });
                    Ok(None)
                }
                Err(error) => {
                    let why = format!("`{}`: {error}", partials.path().display());
                    told.tell(&Notice::NotKept { digest, why });
                    Ok(None)
                }
            }
        })
        .await
    }

    /// How many of its first bytes are here.
    pub(super) fn bytes(&self) -> u64 {
        self.mark.bytes
    }

    /// Those bytes.
    pub(super) fn stream(&self) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let (file, begin) = self.partial.content().map_err(|error| Fault::io("read", self.partial.path(), error))?;
        Ok(file_stream(Arc::new(file), begin, self.mark.bytes))
    }

    /// Begins to keep what follows them.
    pub(super) fn keep(self, options: &ClientOptions) -> Result<Keeping> {
        let (pieces, receiver) = mpsc::channel(PIECES_IN_FLIGHT);
        let (ending, told) = (Ending::default(), options.told.clone());
        let ended = ending.clone();
        let writer = Worker::begin(move || {
            let (digest, size) = (self.digest, self.size);
            let directory = self.partial.path().parent().map(std::path::Path::to_owned).unwrap_or_default();
            match self.write(receiver, &ended) {
                Ok(Some(bytes)) => told.tell(&Notice::Kept { digest, bytes, size, directory: &directory }),
                Ok(None) => {}
                Err(error) => told.tell(&Notice::NotKept { digest, why: error.to_string() }),
            }
            Ok(())
        })
        .map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
        Ok(Keeping { pieces: Some(pieces), ending, _writer: writer })
    }

    /// Writes what comes; says how much is kept in the end, if anything is.
    fn write(self, mut pieces: mpsc::Receiver<Bytes>, ending: &Ending) -> std::io::Result<Option<u64>> {
        let Self { partial, mark, size, .. } = self;
        let mut at = mark.bytes;
        let mut chain = Chain::begin(mark);
        let mut failed = None;
        while let Some(piece) = pieces.blocking_recv() {
            let written = partial.write_at(&piece, at).and_then(|()| {
                at += piece.len() as u64;
                match chain.take(&piece) {
                    true => partial.write_note(&chain.mark.note(size)),
                    false => Ok(()),
                }
            });
            if let Err(error) = written {
                failed = Some(error);
                break;
            }
        }
        if ending.is_open() && failed.is_none() && chain.mark.bytes > 0 {
            return Ok(Some(chain.mark.bytes));
        }
        // What cannot be removed is removed by a collection of garbage.
        let removed = partial.remove();
        failed.map_or(removed, Err).map(|()| None)
    }
}

/// What the part of a blob is called. What came of a mirror has a name of its own: whoever asks the registry, or another
/// mirror, never goes on from what this one sent.
fn name(connection: &Connection, digest: Digest) -> String {
    let of_blob = digest.to_string().replace(':', "-");
    match &connection.mirror {
        Some(mirror) => format!("{of_blob}-of-{}", &Digest::of(mirror.as_bytes()).hex()[..MIRROR_CHARACTERS]),
        None => of_blob,
    }
}

/// How much of the hash of a mirror's name tells it from others.
const MIRROR_CHARACTERS: usize = 16;

/// Removes what is kept of that blob, as of somebody whose word is not taken any more. What another process holds, and
/// what cannot be removed, stays until a collection of garbage: it is of nobody else.
pub(super) async fn forget(connection: &Connection, descriptor: &Descriptor) {
    let partials = connection.options.partials.clone().filter(|_| descriptor.size >= MIN_KEPT_BYTES);
    let Some(partials) = partials else { return };
    let (name, size) = (name(connection, descriptor.digest), descriptor.size);
    let removed =
        blocking(move || Ok(partials.open(&name, size).and_then(|partial| partial.map_or(Ok(()), |it| it.remove()))));
    // Nothing depends on it.
    drop(removed.await);
}

/// A blob that is being kept while it comes. Dropped, it has written what it was given.
#[derive(Debug)]
pub(super) struct Keeping {
    /// Declared first, so dropped first: its end is the end of the writer.
    pieces: Option<mpsc::Sender<Bytes>>,
    ending: Ending,
    _writer: Worker<()>,
}

impl Keeping {
    /// Keeps these bytes, which follow those before.
    pub(super) async fn take(&mut self, bytes: &Bytes) {
        let Some(pieces) = &self.pieces else { return };
        // The writer has given up, and has said so; what it kept is gone.
        if pieces.send(bytes.clone()).await.is_err() {
            self.pieces = None;
        }
    }

    pub(super) fn ending(&self) -> &Ending {
        &self.ending
    }
}

/// How much of a part is what was noted of it. It is read whole for that, and only then used.
fn verified(partial: &Partial, size: u64, go_on: &dyn Fn() -> std::io::Result<()>) -> std::io::Result<Mark> {
    let noted = partial.note()?.and_then(|note| Mark::read(&note, size));
    // Longer than the blob, it is of something else.
    let Some(noted) = noted.filter(|_| partial.content_bytes().is_ok_and(|bytes| bytes <= size)) else {
        return Ok(Mark::NOTHING);
    };
    let (file, begin) = partial.content()?;
    let (mut chain, mut buffer) = (Chain::begin(Mark::NOTHING), vec![0; READ_BYTES]);
    let mut done = 0;
    while done < noted.bytes {
        go_on()?;
        let wanted = READ_BYTES.min(usize::try_from(noted.bytes - done).unwrap_or(usize::MAX));
        match std::os::unix::fs::FileExt::read_at(&file, &mut buffer[..wanted], begin + done) {
            Ok(0) => break,
            Ok(read) => {
                chain.take(&buffer[..read]);
                done += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(if chain.mark == noted { noted } else { Mark::NOTHING })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_of_whole_segments_of_that_blob_or_is_none() {
        let size = 3 * SEGMENT_BYTES + 1;
        let mark = Mark { bytes: SEGMENT_BYTES, chain: "ab".to_owned() };
        assert_eq!(Mark::read(&mark.note(size), size), Some(mark.clone()));
        for (note, of) in [
            (mark.note(size), size + 1),
            (Mark::NOTHING.note(size), size),
            (Mark { bytes: SEGMENT_BYTES - 1, ..mark.clone() }.note(size), size),
            (Mark { bytes: SEGMENT_BYTES + 1, ..mark.clone() }.note(size), size),
            (Mark { bytes: 4 * SEGMENT_BYTES, ..mark.clone() }.note(size), size),
            (format!("{} more", mark.note(size)), size),
            (String::new(), size),
            ("-1 of 2 x".to_owned(), size),
        ] {
            assert_eq!(Mark::read(&note, of), None, "{note}");
        }
    }

    #[test]
    fn segments_hash_the_same_in_whatever_pieces_they_come() {
        let bytes: Vec<u8> = (0..2 * SEGMENT_BYTES + 5).map(|at| (at % 251) as u8).collect();
        let mark = |piece: usize| {
            let mut chain = Chain::begin(Mark::NOTHING);
            for piece in bytes.chunks(piece) {
                chain.take(piece);
            }
            chain.mark
        };
        assert_eq!(mark(7_777).bytes, 2 * SEGMENT_BYTES);
        assert_eq!(mark(7_777), mark(bytes.len()));
    }
}
