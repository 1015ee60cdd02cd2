//! `BlobStream`: the bytes of one blob on their way, always as many as the descriptor says.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aisoc_manifests::digest::{Digest, Hasher, meaning};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt};

use super::ending::Ending;

/// The bytes of one blob.
///
/// Yields exactly the descriptor's number of bytes or ends with a fault (CVE-2024-3727: a size that
/// nobody checks). The bytes are **not hashed** unless [`BlobStream::verified`] was called: staging
/// hashes them anyway while it unpacks, and hashing twice would be a third of a download's work.
pub struct BlobStream {
    bytes: Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>,
    digest: Digest,
    remaining: u64,
    hasher: Option<Hasher<meaning::Blob>>,
    /// Why it is refused for fewer or more bytes.
    miscounted: Reason,
    ended: bool,
    /// Where some of it is kept, that is told when the blob is refused.
    kept: Option<Ending>,
}

impl BlobStream {
    /// Bounds `bytes` by the descriptor.
    pub fn new(descriptor: &Descriptor, bytes: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        Self {
            bytes: Box::pin(bytes),
            digest: descriptor.digest,
            remaining: descriptor.size,
            hasher: None,
            miscounted: Reason::PullFailed,
            ended: false,
            kept: None,
        }
    }

    /// With whom to tell when it is refused.
    #[must_use]
    pub(crate) fn kept(mut self, ending: Option<Ending>) -> Self {
        self.kept = ending;
        self
    }

    /// Ends it because of what it is: of what was kept of it nothing stays, or another run would go on with the same.
    pub fn refuse(self) {
        if let Some(kept) = &self.kept {
            kept.refused();
        }
    }

    /// Says of fewer or more bytes that the way is to blame, and a retry may help: no digest has said no to what
    /// was stored there.
    #[must_use]
    pub(crate) fn downloaded(mut self) -> Self {
        self.miscounted = Reason::DownloadDamaged;
        self
    }

    /// Hashes on the way, and ends with `pull_failed` instead of an end when the digest is another.
    #[must_use]
    pub fn verified(mut self) -> Self {
        self.hasher = Some(self.digest.own_hasher());
        self
    }

    /// How many bytes are still to come.
    pub(super) const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// The next bytes, or `None` at the end.
    ///
    /// # Errors
    /// `pull_failed` for fewer, more or other bytes than promised, `download_damaged` for fewer or more from a
    /// registry; whatever the source reports.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        self.next().await.transpose()
    }

    /// All bytes. Only for blobs whose size was checked before.
    pub(super) async fn collect(mut self) -> Result<Bytes> {
        let mut all = Vec::new();
        while let Some(chunk) = self.next_chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }

    fn accept(&mut self, chunk: Bytes) -> Result<Bytes> {
        self.remaining = self
            .remaining
            .checked_sub(chunk.len() as u64)
            .ok_or_else(|| Fault::new(self.miscounted, format!("{} goes on after its end", self.digest)))?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&chunk);
        }
        // The last bytes are held back until they are known to be right: who sends them on with a
        // length never asks for what comes after.
        if self.remaining == 0 {
            self.check_digest()?;
        }
        Ok(chunk)
    }

    fn check_digest(&mut self) -> Result<()> {
        let Some(hasher) = self.hasher.take() else { return Ok(()) };
        self.digest.require(&hasher.finish(), Reason::PullFailed, "the content does not match its digest")
    }

    fn conclude(&mut self) -> Result<()> {
        if self.remaining > 0 {
            let message = format!("{} ended {} bytes early", self.digest, self.remaining);
            return Err(Fault::new(self.miscounted, message));
        }
        self.check_digest()
    }
}

impl Stream for BlobStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match ready!(self.bytes.poll_next_unpin(context)) {
            Some(Ok(chunk)) => Some(self.accept(chunk)),
            Some(Err(fault)) => Some(Err(fault)),
            None => self.conclude().err().map(Err),
        };
        self.ended = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}

impl std::fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlobStream({}, {} bytes to come)", self.digest, self.remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    async fn read(descriptor: &Descriptor, chunks: &[&'static [u8]]) -> Result<Bytes> {
        let chunks: Vec<Result<Bytes>> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
        BlobStream::new(descriptor, stream::iter(chunks)).verified().collect().await
    }

    #[tokio::test]
    async fn yields_what_was_promised_and_nothing_else() {
        let descriptor = Descriptor::of("t/x", b"hello");
        assert_eq!(read(&descriptor, &[b"he", b"", b"llo"]).await.expect("same"), &b"hello"[..]);
        for chunks in [&[&b"hell"[..]][..], &[b"hello", b"!"], &[b"hellx"], &[]] {
            assert_eq!(read(&descriptor, chunks).await.expect_err("differs").reason(), Reason::PullFailed);
        }
        for (chunk, reason) in [
            (&b"hell"[..], Reason::DownloadDamaged),
            (b"hello!", Reason::DownloadDamaged),
            (b"hellx", Reason::PullFailed),
        ] {
            let bytes = stream::iter([Ok(Bytes::from_static(chunk))]);
            let stream = BlobStream::new(&descriptor, bytes).downloaded().verified();
            assert_eq!(stream.collect().await.expect_err("differs").reason(), reason);
        }
    }
}
