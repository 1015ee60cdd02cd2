//! A blob on its way down (`end-2`, GET): bounded, resumed where it was cut, in this run or an earlier one.
//!
//! The bytes are not hashed here; `BlobStream` counts them against the descriptor, and whoever unpacks or
//! stores them hashes. What this file owes is that they are the bytes of one blob, in order, each once.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aisoc_connections::{Pace, Slowest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, StatusCode};
use tokio::time::Instant;

use super::answer::Answer;
use super::blobs;
use super::broken::BodyError;
use super::call::Call;
use super::connection::Connection;
use super::kept::{Keeping, Kept};
use super::status::Standing;
use super::tries::Tries;
use crate::limits::MAX_TRIES;
use crate::notice::Notice;
use crate::storage::BlobStream;

/// A blob that is being fetched.
struct Download {
    connection: Arc<Connection>,
    descriptor: Descriptor,
    /// How many of its bytes were handed on.
    offset: u64,
    /// Whether the rest alone is asked for. Not any more when a store once refused or misread that question.
    resumes: bool,
    /// How many bytes of the present answer were handed on before, and come again: a registry that knows no
    /// ranges sends all of it.
    skip: u64,
    answer: Option<Answer>,
    /// One allowance for the whole blob: a registry that breaks off after every byte ends all the same.
    tries: Tries,
    pace: Pace,
    /// What an earlier run left of it, which is handed on first.
    kept: Option<KeptBytes>,
    /// Keeps what comes for a later run.
    keeping: Option<Keeping>,
}

type KeptBytes = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Asks for the blob; its bytes follow as a stream. Dropping the stream ends the connection: the rest of a
/// layer that was refused at its first byte is not received.
pub(super) async fn begin(connection: &Arc<Connection>, descriptor: &Descriptor) -> Result<BlobStream> {
    let mut download = Download {
        connection: Arc::clone(connection),
        descriptor: descriptor.clone(),
        offset: 0,
        resumes: true,
        skip: 0,
        answer: None,
        tries: Tries::new(connection),
        pace: Pace::new(connection.options.limits.slowest),
        kept: None,
        keeping: None,
    };
    download.go_on().await?;
    // What an earlier run left is handed on before anything is asked for: who unpacks it may be slow, and nobody keeps
    // a connection open for that.
    if download.kept.is_none() {
        download.request().await?;
    }
    let ending = download.keeping.as_ref().map(|keeping| keeping.ending().clone());
    let bytes = stream::try_unfold(download, |mut download| async move {
        Ok(download.next().await?.map(|chunk| (chunk, download)))
    });
    Ok(BlobStream::new(descriptor, bytes).downloaded().kept(ending))
}

impl Download {
    /// Looks for what an earlier run left of it.
    async fn go_on(&mut self) -> Result<()> {
        let options = &self.connection.options;
        let Some(kept) = Kept::open(&self.connection, &self.descriptor).await? else { return Ok(()) };
        if kept.bytes() > 0 {
            let Descriptor { digest, size, .. } = self.descriptor;
            options.told.tell(&Notice::Resumed { digest, offset: kept.bytes(), size });
            self.kept = Some(Box::pin(kept.stream()?));
        }
        self.keeping = Some(kept.keep(options)?);
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(kept) = &mut self.kept {
            if let Some(chunk) = kept.next().await.transpose()? {
                self.offset += chunk.len() as u64;
                self.note_end();
                return Ok(Some(chunk));
            }
            self.kept = None;
        }
        loop {
            if self.answer.is_none() && self.offset >= self.descriptor.size {
                return Ok(None);
            }
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
                        if let Some(keeping) = &mut self.keeping {
                            keeping.take(&fresh).await;
                        }
                        self.note_end();
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

    /// Of what was handed on whole nothing is left to fetch again.
    fn note_end(&self) {
        if let Some(keeping) = self.keeping.as_ref().filter(|_| self.offset >= self.descriptor.size) {
            keeping.ending().whole();
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
            None => Fault::new(Reason::DownloadDamaged, format!("`{registry}` ends {place}")),
        }
    }

    /// Asks for the blob, or for the rest of it; for the whole again when the rest is not to be had. What was
    /// handed on is read over then, and hashed with what follows like any other.
    async fn request(&mut self) -> Result<()> {
        let call = self.call();
        let answer = self.connection.send(&call).await?;
        if call.headers.contains_key(RANGE) && !self.is_the_rest(&answer) && answer.standing() != Standing::Later {
            self.resumes = false;
            return self.take(&self.call()).await;
        }
        self.accept(&call, answer).await
    }

    async fn take(&mut self, call: &Call<'_>) -> Result<()> {
        let answer = self.connection.send(call).await?;
        self.accept(call, answer).await
    }

    /// The beginning is not asked for as a range, so that 206 is never an answer to it.
    fn call(&self) -> Call<'static> {
        let mut call = blobs::call(&self.connection, Method::GET, self.descriptor.digest);
        if self.offset > 0
            && self.resumes
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.offset))
        {
            call.headers.insert(RANGE, range);
        }
        call
    }

    /// Whether the answer is what was asked for, or all of it, which a registry may send instead
    /// (RFC 9110, 14.2). A range that begins anywhere but where we asked would join two blobs into one
    /// (15.3.7): `Content-Range: bytes FIRST-LAST/SIZE`, with `*` for a size that the store does not know.
    fn is_the_rest(&self, answer: &Answer) -> bool {
        let size = self.descriptor.size;
        let wanted = format!("bytes {}-{}/", self.offset, size.saturating_sub(1));
        match answer.status() {
            StatusCode::OK => true,
            StatusCode::PARTIAL_CONTENT => answer
                .header(CONTENT_RANGE)
                .and_then(|found| found.strip_prefix(&wanted))
                .is_some_and(|total| total == "*" || total == size.to_string()),
            _ => false,
        }
    }

    async fn accept(&mut self, call: &Call<'_>, answer: Answer) -> Result<()> {
        let answer = answer.success(call).await?;
        self.skip = match answer.status() {
            StatusCode::OK => self.offset,
            StatusCode::PARTIAL_CONTENT if call.headers.contains_key(RANGE) => 0,
            _ => return Err(answer.unexpected(call)),
        };
        self.check_length(call, &answer)?;
        self.answer = Some(answer);
        Ok(())
    }

    /// A length that is not the descriptor's ends the download before its first byte. It saves time and
    /// proves nothing: the bytes are counted and hashed all the same. Only a body that cannot be the blob is
    /// judged by what its headers say it is: a store's own label of a blob (`text/html`, `gzip`) changes no
    /// byte of it.
    fn check_length(&self, call: &Call<'_>, answer: &Answer) -> Result<()> {
        let expected = self.descriptor.size.saturating_sub(self.offset).saturating_add(self.skip);
        match answer.length() {
            Some(length) if length == expected => Ok(()),
            _ if answer.is_compressed() => Err(answer.compressed(call)),
            _ if answer.is_web_page() => Err(answer.no_registry(call)),
            None => Ok(()),
            Some(length) => {
                let message =
                    format!("`{}` has another size for {}", self.connection.registry(), self.descriptor.digest);
                let fault = Fault::new(Reason::DownloadDamaged, message);
                Err(fault.expected(format!("{expected} bytes"), format!("{length} bytes")))
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
