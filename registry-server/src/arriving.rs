//! `Arriving`: the body of a request, bounded in size, in silence and in slowness.
//!
//! Three bounds, because each alone is walked around: a size ends a body without end, a silence one that
//! stops, and a pace one that sends a byte just before each silence would be over (slowloris).

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aisoc_connections::Pace;
use aisoc_manifests::fault::Fault;
use aisoc_registry_client::worker::blocking;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::Body as HttpBody;
use tempfile::{SpooledTempFile, spooled_tempfile_in};
use tokio::time::{Instant, timeout_at};

use crate::code::Code;
use crate::options::{IN_MEMORY_BYTES, ServeOptions};
use crate::problem::Problem;

/// A body as the HTTP library hands it over, or a test.
pub trait RequestBody: HttpBody<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin {}

impl<T: HttpBody<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin> RequestBody for T {}

/// Whether all of a body was received, for whoever does not have it any more.
#[derive(Debug, Clone)]
pub(crate) struct Ended(Arc<AtomicBool>);

impl Ended {
    /// Of a body of which nothing was received yet; there may be nothing in it.
    pub(crate) fn of(body: &impl HttpBody) -> Self {
        Self(Arc::new(AtomicBool::new(body.is_end_stream())))
    }

    pub(crate) fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The body of a request. Every endpoint that reads one reads it through this.
pub(crate) struct Arriving<B> {
    body: B,
    idle_timeout: Duration,
    /// When the last byte must be here, however well it comes.
    ends: Instant,
    pace: Pace,
    /// How many bytes may still come. Counted here and not read from `Content-Length`, which a body in chunks
    /// does not have and which says what the client likes.
    left: u64,
    ended: Ended,
}

impl<B: RequestBody> Arriving<B> {
    pub(crate) fn new(body: B, ended: &Ended, options: &ServeOptions) -> Self {
        Self {
            body,
            ended: ended.clone(),
            idle_timeout: options.idle_timeout,
            ends: Instant::now() + options.request_timeout,
            pace: Pace::new(options.slowest),
            left: options.max_blob_bytes,
        }
    }

    /// The next bytes; slow or oversized senders are sent away.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let broken = |message| Problem::new(StatusCode::BAD_REQUEST, Code::BlobUploadInvalid, message);
            let asked = Instant::now();
            let frame = match timeout_at((asked + self.idle_timeout).min(self.ends), self.body.frame()).await {
                Ok(None) => {
                    self.ended.0.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) => return Err(broken("the body ended early")),
                Err(_) => {
                    return Err(Problem::new(
                        StatusCode::REQUEST_TIMEOUT,
                        Code::BlobUploadInvalid,
                        "the body stopped coming",
                    ));
                }
            };
            // Trailers are read and dropped: nothing that is decided stands in them (RFC 9110, 6.5.1).
            let Ok(chunk) = frame.into_data() else {
                continue;
            };
            // Only the wait for the client counts: what we take to write is no slowness of theirs.
            if !self.pace.keeps_up(asked.elapsed(), chunk.len() as u64) {
                return Err(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    Code::BlobUploadInvalid,
                    "the body comes too slowly",
                ));
            }
            self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(too_large)?;
            return Ok(Some(chunk));
        }
    }

    /// The whole body, when it is small: in memory up to a point, then in a file without a name. Many
    /// that arrive together fill neither the memory nor, once they are gone, the disk.
    pub(crate) async fn collect(mut self, max_bytes: u64, mut scratch: PathBuf) -> Result<SpooledTempFile, Problem> {
        self.left = max_bytes;
        let mut all = spooled_tempfile_in(IN_MEMORY_BYTES, &scratch);
        let mut held = 0;
        while let Some(chunk) = self.next().await? {
            held += chunk.len();
            // Still in memory, which no disk is waited for.
            if held <= IN_MEMORY_BYTES {
                all.write_all(&chunk).map_err(|error| Fault::io("write in", &scratch, error))?;
                continue;
            }
            // Moved there and back: a write may wait for the disk, and this thread serves others.
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
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, "the body is larger than this registry takes")
}
