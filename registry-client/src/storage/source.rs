//! `BlobSource`: where the bytes of a blob can be read, as often as it takes to send them.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::RegistryReference;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, TryStreamExt as _};

use super::stream::BlobStream;
use crate::worker::blocking;

/// Bytes read from a file at a time: large enough that a system call costs nothing beside the
/// hashing, small enough that a hundred streams fit in memory.
const CHUNK_BYTES: usize = 256 << 10;

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
    /// In another place that holds artifacts.
    Place(Arc<dyn BlobOrigin>),
    /// In one of the others, counted as it leaves.
    Counted(Arc<Self>, Count),
}

/// How many bytes of a blob have been taken. A piece counts once the next one is asked for: by then it is on its
/// way and not in a buffer of ours. Behind the last one nothing is asked for: it counts when it is taken.
#[derive(Debug, Clone, Default)]
pub struct Count(Arc<AtomicU64>);

impl Count {
    /// So many. A blob that is sent again does not count again.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn counted(self, bytes: BlobStream) -> impl Stream<Item = Result<Bytes>> + Send {
        let (mut before, size) = (0, bytes.remaining());
        bytes.inspect_ok(move |chunk| {
            let after = before + chunk.len() as u64;
            self.0.fetch_max(if after == size { after } else { before }, Ordering::Relaxed);
            before = after;
        })
    }
}

/// A place whose blobs can be sent on to another one. What a source needs of it and nothing else, so that
/// whoever stores blobs need not know which kinds of places there are.
pub trait BlobOrigin: fmt::Debug + Send + Sync {
    /// The bytes of a blob, as [`Fetch::fetch_blob`](super::Fetch::fetch_blob) gives them.
    fn open_blob<'a>(&'a self, descriptor: &'a Descriptor) -> BoxFuture<'a, Result<BlobStream>>;

    /// The repository that the blobs are in, when it is one: another repository of the same registry can
    /// take them over without a transfer.
    fn repository(&self) -> Option<&RegistryReference>;
}

impl From<Bytes> for BlobSource {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl BlobSource {
    /// The same bytes, counted as they leave.
    #[must_use]
    pub fn counted(&self, count: &Count) -> Self {
        Self::Counted(Arc::new(self.clone()), count.clone())
    }

    /// Another place that the bytes are in, if they are in one.
    pub(crate) fn place(&self) -> Option<&Arc<dyn BlobOrigin>> {
        match self {
            Self::Place(place) => Some(place),
            Self::Counted(source, _) => source.place(),
            Self::Bytes(_) | Self::File { .. } => None,
        }
    }

    /// The blob from its first byte, hashed on the way: a file that changed since it was described
    /// is not sent.
    pub(crate) async fn open(&self, descriptor: &Descriptor) -> Result<BlobStream> {
        let stream = match self {
            Self::Counted(source, count) => {
                let bytes = Box::pin(source.open(descriptor)).await?;
                return Ok(BlobStream::new(descriptor, count.clone().counted(bytes)));
            }
            Self::Bytes(bytes) => {
                let bytes = bytes.clone();
                BlobStream::new(descriptor, stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
            }
            Self::File { file, offset } => {
                BlobStream::new(descriptor, file_stream(Arc::clone(file), *offset, descriptor.size))
            }
            Self::Place(place) => place.open_blob(descriptor).await?,
        };
        Ok(stream.verified())
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

    #[tokio::test]
    async fn bytes_count_once_the_next_are_asked_for_or_none_is_to_come_and_once_however_often_they_are_sent() {
        let pieces = |sizes: Vec<usize>| stream::iter(sizes.into_iter().map(|size| Ok(Bytes::from(vec![0; size]))));
        let descriptor = Descriptor::of("t/x", &[0; 10]);
        let count = Count::default();
        let mut first = Box::pin(count.clone().counted(BlobStream::new(&descriptor, pieces(vec![4, 4, 2]))));
        for expected in [0, 4, 10, 10] {
            first.try_next().await.expect("as long as it says");
            assert_eq!(count.bytes(), expected);
        }
        let count = Count(Arc::new(AtomicU64::new(8)));
        let mut again = Box::pin(count.clone().counted(BlobStream::new(&descriptor, pieces(vec![9, 1]))));
        for expected in [8, 10] {
            again.try_next().await.expect("as long as it says");
            assert_eq!(count.bytes(), expected, "never less than before");
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
