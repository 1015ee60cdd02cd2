//! Bodies: what arrives, bounded in size and in silence, and what is sent.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aisoc_manifests::fault::Fault;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::StatusCode;
use hyper::body::{Body as HttpBody, Frame};
use tempfile::{SpooledTempFile, spooled_tempfile_in, tempfile_in};
use tokio::time::{Instant, timeout_at};

use super::ServeOptions;
use super::problem::Problem;
use aisoc_registry_client::layout::StoredBlob;
use aisoc_registry_client::limits::Pace;
use aisoc_registry_client::storage::file_stream;
use aisoc_registry_client::worker::blocking;

/// Most bytes of a document that one connection keeps in memory.
const IN_MEMORY_BYTES: usize = 64 << 10;

/// The body of a response.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The body of a request.
pub(super) struct Arriving<B> {
    body: B,
    idle_timeout: Duration,
    ends: Instant,
    pace: Pace,
    left: u64,
}

impl<B> Arriving<B>
where
    B: HttpBody<Data = Bytes> + Send + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    pub(super) fn new(body: B, options: &ServeOptions) -> Self {
        Self {
            body,
            idle_timeout: options.idle_timeout,
            ends: Instant::now() + options.request_timeout,
            pace: Pace::new(options.slowest),
            left: options.max_blob_bytes,
        }
    }

    /// The next bytes; slow or oversized senders are sent away (slowloris).
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let broken = |message| Problem::new(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", message);
            let asked = Instant::now();
            let frame = match timeout_at((asked + self.idle_timeout).min(self.ends), self.body.frame()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) => return Err(broken("the body ended early")),
                Err(_) => return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "UNKNOWN", "the body stopped coming")),
            };
            let Ok(chunk) = frame.into_data() else {
                continue;
            };
            if !self.pace.keeps_up(asked.elapsed(), chunk.len() as u64) {
                return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "UNKNOWN", "the body comes too slowly"));
            }
            self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(too_large)?;
            return Ok(Some(chunk));
        }
    }

    /// The whole body, when it is small: in memory up to a point, then in a file without a name. Many
    /// that arrive together fill neither the memory nor, once they are gone, the disk.
    pub(super) async fn collect(mut self, max_bytes: u64, mut scratch: PathBuf) -> Result<SpooledTempFile, Problem> {
        self.left = max_bytes;
        let mut all = spooled_tempfile_in(IN_MEMORY_BYTES, &scratch);
        while let Some(chunk) = self.next().await? {
            let written = blocking(move || match all.write_all(&chunk) {
                Ok(()) => Ok((all, scratch)),
                Err(error) => Err(Fault::io("write in", &scratch, error)),
            });
            (all, scratch) = written.await?;
        }
        Ok(all)
    }
}

fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", "the body is larger than this registry takes")
}

/// A body of known bytes.
pub(super) fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

/// A document on its way out. A large one waits in a file without a name, however long its reader takes.
pub(super) fn document(bytes: Vec<u8>, scratch: &Path) -> Result<Body, Fault> {
    if bytes.len() <= IN_MEMORY_BYTES {
        return Ok(full(bytes));
    }
    let written = tempfile_in(scratch).and_then(|mut file| file.write_all(&bytes).map(|()| file));
    let file = Arc::new(written.map_err(|error| Fault::io("write in", scratch, error))?);
    let size = bytes.len() as u64;
    Ok(part(StoredBlob { file, offset: 0, size }, 0, size))
}

/// No body.
pub(super) fn empty() -> Body {
    full(Vec::new())
}

/// `length` bytes of a blob from `start` on.
pub(super) fn part(blob: StoredBlob, start: u64, length: u64) -> Body {
    let chunks = file_stream(blob.file, blob.offset + start, length);
    StreamBody::new(chunks.map_ok(Frame::data).map(|frame| frame.map_err(io::Error::other))).boxed_unsync()
}
