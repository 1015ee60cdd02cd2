//! The bytes of a blob on their way: where they come from (`BlobSource`) and how they flow
//! (`BlobStream`), always as many as the descriptor says.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt};
use sha2::{Digest as _, Sha256};

use crate::target::{Fetch, Target};
use crate::worker::blocking;

/// Bytes read from a file at a time: large enough that a system call costs nothing beside the
/// hashing, small enough that a hundred streams fit in memory.
const CHUNK_BYTES: usize = 256 << 10;

/// The bytes of one blob.
///
/// Yields exactly the descriptor's number of bytes or ends with a fault (CVE-2024-3727: a size that
/// nobody checks). The bytes are **not hashed** unless [`BlobStream::verified`] was called: staging
/// hashes them anyway while it unpacks, and hashing twice would be a third of a download's work.
pub struct BlobStream {
    bytes: Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>,
    digest: Digest,
    remaining: u64,
    hasher: Option<Sha256>,
    ended: bool,
}

/// Where the bytes of a blob can be read, as often as it takes to send them.
#[derive(Debug, Clone)]
pub enum BlobSource {
    /// In memory.
    Bytes(Bytes),
    /// In an open file, from `offset` on. It needs no name, so a killed process leaves none behind.
    File {
        /// The file, which is read at positions: its cursor does not matter.
        file: Arc<File>,
        /// Where the blob begins.
        offset: u64,
    },
    /// In another target.
    Target(Target),
}

impl BlobStream {
    /// Bounds `bytes` by the descriptor.
    pub fn new(descriptor: &Descriptor, bytes: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        Self {
            bytes: Box::pin(bytes),
            digest: descriptor.digest,
            remaining: descriptor.size,
            hasher: None,
            ended: false,
        }
    }

    /// Hashes on the way, and ends with `pull_failed` instead of an end when the digest is another.
    #[must_use]
    pub fn verified(mut self) -> Self {
        self.hasher = Some(Sha256::new());
        self
    }

    /// The next bytes, or `None` at the end.
    ///
    /// # Errors
    /// `pull_failed` for fewer, more or other bytes than promised; whatever the source reports.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        self.next().await.transpose()
    }

    /// All bytes. Only for blobs whose size was checked before.
    pub(crate) async fn collect(mut self) -> Result<Bytes> {
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
            .ok_or_else(|| Fault::new(Reason::PullFailed, format!("{} goes on after its end", self.digest)))?;
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
        match self.hasher.take().map(|hasher| Digest::from_bytes(hasher.finalize().into())) {
            Some(found) if found != self.digest => {
                Err(Fault::new(Reason::PullFailed, "the content does not match its digest")
                    .expected(self.digest.to_string(), found.to_string()))
            }
            _ => Ok(()),
        }
    }

    fn conclude(&mut self) -> Result<()> {
        if self.remaining > 0 {
            let message = format!("{} ended {} bytes early", self.digest, self.remaining);
            return Err(Fault::new(Reason::PullFailed, message));
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

impl BlobSource {
    /// The blob from its first byte, hashed on the way: a file that changed since it was described
    /// is not sent. Boxed, because a source can be a target, whose requests can have a source.
    pub(crate) fn open<'a>(&'a self, descriptor: &'a Descriptor) -> BoxFuture<'a, Result<BlobStream>> {
        Box::pin(async move {
            let stream = match self {
                Self::Bytes(bytes) => {
                    let bytes = bytes.clone();
                    BlobStream::new(descriptor, stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
                }
                Self::File { file, offset } => {
                    BlobStream::new(descriptor, file_stream(Arc::clone(file), *offset, descriptor.size))
                }
                Self::Target(target) => target.fetch_blob(descriptor).await?,
            };
            Ok(stream.verified())
        })
    }
}

/// At most `length` bytes of a file from `offset` on, read off the async threads.
pub fn file_stream(file: Arc<File>, offset: u64, length: u64) -> impl Stream<Item = Result<Bytes>> + Send {
    stream::try_unfold((file, offset, length), |(file, offset, left)| async move {
        let wanted = CHUNK_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(None);
        }
        let (file, chunk) = blocking(move || {
            let chunk = read_chunk(&file, offset, wanted)
                .map_err(|source| Fault::new(Reason::IoError, "cannot read a blob's file").caused_by(source))?;
            Ok((file, chunk))
        })
        .await?;
        let read = chunk.len() as u64;
        Ok((read > 0).then_some((chunk, (file, offset + read, left - read))))
    })
}

fn read_chunk(file: &File, offset: u64, wanted: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; wanted];
    let mut filled = 0;
    while filled < wanted {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(buffer.into())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[tokio::test]
    async fn a_source_that_changed_is_not_sent() {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), b"__hello!").expect("write");
        let source = BlobSource::File { file: Arc::new(file.reopen().expect("opened")), offset: 2 };
        let descriptor = Descriptor::of("t/x", b"hello");
        let bytes = source.open(&descriptor).await.expect("open").collect().await;
        assert_eq!(bytes.expect("same"), &b"hello"[..]);
        std::fs::write(file.path(), b"__hullo!").expect("write");
        let bytes = source.open(&descriptor).await.expect("open").collect().await;
        assert_eq!(bytes.expect_err("changed").reason(), Reason::PullFailed);
    }
}
