//! A blob on its way down (`end-2`, GET): bounded, resumed where it was cut.
//!
//! The bytes are not hashed here; `BlobStream` counts them against the descriptor, and whoever unpacks or
//! stores them hashes. What this file owes is that they are the bytes of one blob, in order, each once.

use std::sync::Arc;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::text::shown;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, StatusCode};
use tokio::time::Instant;

use super::answer::Answer;
use super::blobs;
use super::broken::BodyError;
use super::call::Call;
use super::connection::Connection;
use super::refusal::protocol;
use super::status::is_redirect;
use super::tries::Tries;
use crate::limits::{MAX_TRIES, Pace, Slowest};

/// A blob that is being fetched.
struct Download {
    connection: Arc<Connection>,
    descriptor: Descriptor,
    /// How many of its bytes were handed on.
    offset: u64,
    /// How many bytes of the present answer were handed on before, and come again: a registry that knows no
    /// ranges sends all of it.
    skip: u64,
    answer: Option<Answer>,
    /// One allowance for the whole blob: a registry that breaks off after every byte ends all the same.
    tries: Tries,
    pace: Pace,
}

/// Asks for the blob; its bytes follow as a stream. Dropping the stream ends the connection: the rest of a
/// layer that was refused at its first byte is not received.
pub(super) async fn begin(
    connection: &Arc<Connection>,
    descriptor: &Descriptor,
) -> Result<impl Stream<Item = Result<Bytes>> + Send + 'static> {
    let mut download = Download {
        connection: Arc::clone(connection),
        descriptor: descriptor.clone(),
        offset: 0,
        skip: 0,
        answer: None,
        tries: Tries::new(connection),
        pace: Pace::new(connection.options.limits.slowest),
    };
    download.request().await?;
    Ok(stream::try_unfold(
        download,
        |mut download| async move { Ok(download.next().await?.map(|chunk| (chunk, download))) },
    ))
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(answer) = &mut self.answer else {
                self.request().await?;
                continue;
            };
            // A wait that is given up counts as silence in `wire`; what comes counts here, by its pace.
            let asked = Instant::now();
            match answer.chunk().await {
                Ok(Some(chunk)) => {
                    let fresh = self.received(chunk, asked.elapsed())?;
                    if !fresh.is_empty() {
                        return Ok(Some(fresh));
                    }
                }
                // More than promised is not cut here: the stream above sees it and refuses the blob.
                Ok(None) if self.offset >= self.descriptor.size => return Ok(None),
                Ok(None) => self.interrupted(None).await?,
                // All that was promised is here, whatever became of the connection.
                Err(_) if self.offset == self.descriptor.size => return Ok(None),
                Err(error) => self.interrupted(Some(error)).await?,
            }
        }
    }

    /// What of the chunk was not handed on before. Repeated bytes count for the pace, too: they came. Only
    /// the waiting for them is time, so a slow reader on our side is nobody's fault.
    fn received(&mut self, chunk: Bytes, waited: Duration) -> Result<Bytes> {
        let came = chunk.len() as u64;
        if !self.pace.keeps_up(waited, came) {
            return Err(self.crawls());
        }
        let repeated = self.skip.min(came);
        self.skip -= repeated;
        let fresh = chunk.slice(usize::try_from(repeated).unwrap_or(usize::MAX)..);
        self.offset += fresh.len() as u64;
        Ok(fresh)
    }

    /// Prepares the next try, or gives up. What was handed on stays: it is hashed with what follows, so a
    /// registry that sends the rest of another blob is found out.
    async fn interrupted(&mut self, error: Option<BodyError>) -> Result<()> {
        self.answer = None;
        if self.tries.pause(MAX_TRIES, None).await {
            return Ok(());
        }
        Err(self.given_up(error))
    }

    /// What became of it in the words of the last try: who was silent, who hung up, who had no more.
    fn given_up(&self, error: Option<BodyError>) -> Fault {
        let registry = self.connection.registry();
        let place = format!("{} at byte {} of {}", self.descriptor.digest, self.offset, self.descriptor.size);
        match error {
            Some(BodyError::Silent) => {
                let message = format!("`{registry}` fell silent while sending {place} and sent nothing more");
                self.connection.wire.late(&message, self.connection.options.limits.idle)
            }
            Some(BodyError::Overdue(fault)) => fault,
            Some(BodyError::Cut(source)) => {
                Fault::new(Reason::RegistryUnavailable, format!("`{registry}` stops sending {place}")).caused_by(source)
            }
            // An end in order, five times, before the end: that is what the registry has.
            None => Fault::new(Reason::PullFailed, format!("`{registry}` ends {place}")),
        }
    }

    /// Asks for the blob, or for the rest of it. The beginning is not asked for as a range, so that 206
    /// is never an answer to it.
    async fn request(&mut self) -> Result<()> {
        let mut call = blobs::call(&self.connection, Method::GET, self.descriptor.digest);
        if self.offset > 0
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.offset))
        {
            call.headers.insert(RANGE, range);
        }
        let mut answer = self.connection.send(&call).await?;
        // Presigned URLs expire: every try begins at the registry and not where it led before.
        if is_redirect(answer.status()) {
            answer = self.connection.follow(&call, answer).await?;
        }
        let answer = answer.success(&call).await?;
        self.skip = self.repeated(&call, &answer)?;
        self.check_length(&answer)?;
        self.answer = Some(answer);
        Ok(())
    }

    /// A length that is not the descriptor's ends the download before its first byte. It saves time and
    /// proves nothing: the bytes are counted all the same.
    fn check_length(&self, answer: &Answer) -> Result<()> {
        let expected = self.descriptor.size.saturating_sub(self.offset).saturating_add(self.skip);
        let Some(length) = answer.length().filter(|length| *length != expected) else { return Ok(()) };
        let message = format!("`{}` has another size for {}", self.connection.registry(), self.descriptor.digest);
        Err(Fault::new(Reason::PullFailed, message).expected(format!("{expected} bytes"), format!("{length} bytes")))
    }

    /// How many bytes of the answer we have already. A registry may answer a range with the whole
    /// (RFC 9110, 14.2); one that begins anywhere but there, or where we asked, would join two blobs into
    /// one (15.3.7).
    fn repeated(&self, call: &Call<'_>, answer: &Answer) -> Result<u64> {
        match answer.status() {
            StatusCode::OK => Ok(self.offset),
            StatusCode::PARTIAL_CONTENT if self.offset > 0 => self.check_range(answer).map(|()| 0),
            status => Err(protocol(call, &format!("answered {status}"))),
        }
    }

    /// `Content-Range: bytes FIRST-LAST/SIZE`, with `*` for a size that the store does not know.
    fn check_range(&self, answer: &Answer) -> Result<()> {
        let size = self.descriptor.size;
        let wanted = format!("bytes {}-{}/", self.offset, size.saturating_sub(1));
        let found = answer.header(CONTENT_RANGE).unwrap_or_default();
        match found.strip_prefix(&wanted) {
            Some(total) if total == "*" || total == size.to_string() => Ok(()),
            _ => {
                let (registry, digest) = (self.connection.registry(), self.descriptor.digest);
                let fault = Fault::new(Reason::PullFailed, format!("`{registry}` resumes {digest} somewhere else"));
                Err(fault.expected(format!("{wanted}{size}"), shown(found, 120)))
            }
        }
    }

    /// A blob at a few bytes a second holds an install, and the lock of whoever waits for it, for weeks.
    fn crawls(&self) -> Fault {
        let Slowest { bytes, within } = self.connection.options.limits.slowest;
        let message = format!("`{}` did not send {bytes} bytes of a blob", self.connection.registry());
        self.connection.wire.late(&message, within)
    }
}
