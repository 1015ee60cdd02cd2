//! `Pieces`: a blob cut into pieces as it is sent, each a request of its own.

use std::sync::{Arc, Mutex, PoisonError};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use bytes::Bytes;
use futures_util::stream::{self, Stream};

use crate::storage::{BlobSource, BlobStream};

/// A blob that can be read from any byte on. All of it is hashed, from its first byte, whatever of it is sent: the
/// last piece of one that changed since it was described never leaves.
#[derive(Debug, Clone)]
pub(super) struct Pieces<'a> {
    descriptor: &'a Descriptor,
    source: &'a BlobSource,
    /// Where the last piece ended, to go on from there without reading everything before it again. Nothing while a
    /// piece is on its way, and after one that broke off.
    rest: Arc<Mutex<Option<Rest>>>,
}

/// What of a blob was not read yet.
#[derive(Debug)]
struct Rest {
    bytes: BlobStream,
    at: u64,
    /// Read, and behind the end of the last piece.
    ahead: Bytes,
}

impl<'a> Pieces<'a> {
    pub(super) fn of(descriptor: &'a Descriptor, source: &'a BlobSource) -> Self {
        Self { descriptor, source, rest: Arc::default() }
    }

    /// So many bytes from that one on. What is before them is read and hashed first, as far as it was not yet.
    pub(super) async fn piece(
        &self,
        from: u64,
        length: u64,
    ) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let mut rest = match self.take().filter(|rest| rest.at <= from) {
            Some(rest) => rest,
            None => Rest { bytes: self.source.open(self.descriptor).await?, at: 0, ahead: Bytes::new() },
        };
        while rest.at < from {
            rest.next(from - rest.at).await?;
        }
        let (place, left) = (Arc::clone(&self.rest), length);
        Ok(stream::try_unfold((place, Some(rest), left), |(place, rest, left)| async move {
            let Some(mut rest) = rest.filter(|_| left > 0) else { return Ok(None) };
            let bytes = rest.next(left).await?;
            let left = left - bytes.len() as u64;
            // Before the last bytes are handed on: who sends them with a length never asks for what comes after.
            let rest = if left > 0 { Some(rest) } else { put(&place, rest) };
            Ok(Some((bytes, (place, rest, left))))
        }))
    }

    fn take(&self) -> Option<Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn put(place: &Mutex<Option<Rest>>, rest: Rest) -> Option<Rest> {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
    None
}

impl Rest {
    /// The next bytes, `most` at most.
    async fn next(&mut self, most: u64) -> Result<Bytes> {
        while self.ahead.is_empty() {
            self.ahead = self.bytes.next_chunk().await?.ok_or_else(|| {
                Fault::new(Reason::PullFailed, format!("a blob ended at byte {} before its end", self.at))
            })?;
        }
        let bytes = self.ahead.split_to(self.ahead.len().min(usize::try_from(most).unwrap_or(usize::MAX)));
        self.at += bytes.len() as u64;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    async fn read(pieces: &Pieces<'_>, from: u64, length: u64) -> Result<Vec<u8>> {
        let piece: Vec<Bytes> = pieces.piece(from, length).await?.try_collect().await?;
        Ok(piece.concat())
    }

    fn blob(bytes: &[u8]) -> (Descriptor, BlobSource) {
        (Descriptor::of("t/x", bytes), BlobSource::Bytes(bytes.to_vec().into()))
    }

    #[tokio::test]
    async fn pieces_follow_each_other_and_may_begin_again_anywhere() {
        let (descriptor, source) = blob(b"0123456789");
        let pieces = Pieces::of(&descriptor, &source);
        for (from, length, expected) in
            [(0, 4, "0123"), (4, 4, "4567"), (6, 2, "67"), (2, 3, "234"), (9, 1, "9"), (0, 10, "0123456789")]
        {
            assert_eq!(read(&pieces, from, length).await.expect("read"), expected.as_bytes(), "{from}+{length}");
        }
        drop(pieces.piece(3, 5).await.expect("begun, and left"));
        assert_eq!(read(&pieces, 8, 2).await.expect("read"), b"89");
    }

    #[tokio::test]
    async fn the_end_of_a_blob_that_changed_is_not_handed_out() {
        let (descriptor, _) = blob(b"0123456789");
        let source = BlobSource::Bytes(b"x123456789".to_vec().into());
        let pieces = Pieces::of(&descriptor, &source);
        let whole = read(&pieces, 0, 10).await.expect_err("in one piece");
        assert_eq!(whole.reason(), Reason::PullFailed);
        // What was changed was sent by an earlier run, and is in no piece of this one.
        assert_eq!(read(&pieces, 4, 6).await.expect_err("changed").reason(), Reason::PullFailed);
        let short = BlobSource::Bytes(b"01234".to_vec().into());
        assert_eq!(read(&Pieces::of(&descriptor, &short), 6, 2).await.expect_err("short").reason(), Reason::PullFailed);
    }
}
