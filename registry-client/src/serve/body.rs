//! Bodies: what arrives, bounded in size and in silence, and what is sent.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::StatusCode;
use hyper::body::{Body as HttpBody, Frame};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::ServeOptions;
use super::problem::Problem;
use crate::blob::file_stream;
use crate::layout::StoredBlob;
use crate::limits::Pace;

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

    /// The whole body, when it is small, and as long as all that arrive together leave room.
    pub(super) async fn collect(mut self, max_bytes: u64, room: &Semaphore) -> Result<Vec<u8>, Problem> {
        self.left = max_bytes;
        let mut all = Vec::new();
        let mut taken = room.try_acquire_many(0).map_err(|_| Problem::busy())?;
        while let Some(chunk) = self.next().await? {
            let length = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            taken.merge(room.try_acquire_many(length).map_err(|_| Problem::busy())?);
            all.extend_from_slice(&chunk);
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

/// No body.
pub(super) fn empty() -> Body {
    full(Vec::new())
}

/// `length` bytes of a blob from `start` on.
pub(super) fn part(blob: StoredBlob, start: u64, length: u64) -> Body {
    let chunks = file_stream(blob.file, blob.offset + start, length);
    StreamBody::new(chunks.map_ok(Frame::data).map(|frame| frame.map_err(io::Error::other))).boxed_unsync()
}
