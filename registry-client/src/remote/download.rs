//! A blob on its way down: bounded, resumed where it was cut.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::text::shown;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, StatusCode};
use tokio::time::Instant;

use super::Remote;
use super::answer::{Answer, protocol};
use super::redirect::is_redirect;
use super::send::{Call, Tries};
use super::wire::BodyError;
use crate::limits::{MAX_TRIES, Pace, Slowest};

/// A blob that is being fetched.
struct Download {
    remote: Remote,
    descriptor: Descriptor,
    /// How many of its bytes were handed on.
    offset: u64,
    /// How many bytes of the present answer were handed on before, and come again.
    skip: u64,
    answer: Option<Answer>,
    tries: Tries,
    pace: Pace,
}

/// Asks for the blob; its bytes follow as a stream.
pub(super) async fn begin(
    remote: Remote,
    descriptor: &Descriptor,
) -> Result<impl Stream<Item = Result<Bytes>> + Send + 'static> {
    let (tries, pace) = (Tries::new(&remote), Pace::new(remote.0.options.limits.slowest));
    let mut download =
        Download { remote, descriptor: descriptor.clone(), offset: 0, skip: 0, answer: None, tries, pace };
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
            let asked = Instant::now();
            match answer.chunk().await {
                Ok(Some(chunk)) => {
                    let came = chunk.len() as u64;
                    if !self.pace.keeps_up(asked.elapsed(), came) {
                        return Err(self.crawls());
                    }
                    let repeated = self.skip.min(chunk.len() as u64);
                    self.skip -= repeated;
                    let chunk = chunk.slice(usize::try_from(repeated).unwrap_or(usize::MAX)..);
                    if chunk.is_empty() {
                        continue;
                    }
                    self.offset += chunk.len() as u64;
                    return Ok(Some(chunk));
                }
                Ok(None) if self.offset >= self.descriptor.size => return Ok(None),
                Ok(None) => self.interrupted(None).await?,
                // All that was promised is here, whatever became of the connection.
                Err(_) if self.offset == self.descriptor.size => return Ok(None),
                Err(error) => self.interrupted(Some(error)).await?,
            }
        }
    }

    /// Prepares the next try, or gives up.
    async fn interrupted(&mut self, error: Option<BodyError>) -> Result<()> {
        self.answer = None;
        if self.tries.pause(MAX_TRIES, None).await {
            return Ok(());
        }
        let registry = self.remote.0.reference.registry();
        let place = format!("{} at byte {} of {}", self.descriptor.digest, self.offset, self.descriptor.size);
        Err(match error {
            Some(BodyError::Silent) => {
                let message = format!("`{registry}` fell silent while sending {place} and sent nothing more");
                self.remote.0.wire.late(&message, self.remote.0.options.limits.idle)
            }
            Some(BodyError::Overdue(fault)) => fault,
            Some(BodyError::Cut(source)) => {
                Fault::new(Reason::RegistryUnavailable, format!("`{registry}` stops sending {place}")).caused_by(source)
            }
            None => Fault::new(Reason::PullFailed, format!("`{registry}` ends {place}")),
        })
    }

    /// Asks for the blob, or for the rest of it.
    async fn request(&mut self) -> Result<()> {
        let mut call = self.remote.blob_call(Method::GET, self.descriptor.digest);
        if self.offset > 0
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.offset))
        {
            call.headers.insert(RANGE, range);
        }
        let mut answer = self.remote.send(&call).await?;
        if is_redirect(answer.status()) {
            answer = self.remote.follow(&call, answer).await?;
        }
        let answer = answer.success(&call).await?;
        self.skip = self.repeated(&call, &answer)?;
        let expected = self.descriptor.size.saturating_sub(self.offset).saturating_add(self.skip);
        if let Some(length) = answer.length().filter(|length| *length != expected) {
            return Err(Fault::new(
                Reason::PullFailed,
                format!("`{}` has another size for {}", self.remote.0.reference.registry(), self.descriptor.digest),
            )
            .expected(format!("{expected} bytes"), format!("{length} bytes")));
        }
        self.answer = Some(answer);
        Ok(())
    }

    /// How many bytes of the answer we have already. An answer that begins anywhere but where we
    /// asked would join two blobs into one.
    fn repeated(&self, call: &Call<'_>, answer: &Answer) -> Result<u64> {
        match answer.status() {
            StatusCode::OK => Ok(self.offset),
            StatusCode::PARTIAL_CONTENT if self.offset > 0 => {
                let size = self.descriptor.size;
                let wanted = format!("bytes {}-{}/", self.offset, size.saturating_sub(1));
                let found = answer.header(CONTENT_RANGE).unwrap_or_default();
                match found.strip_prefix(&wanted) {
                    Some(total) if total == "*" || total == size.to_string() => Ok(0),
                    _ => Err(Fault::new(
                        Reason::PullFailed,
                        format!(
                            "`{}` resumes {} somewhere else",
                            self.remote.0.reference.registry(),
                            self.descriptor.digest
                        ),
                    )
                    .expected(format!("{wanted}{size}"), shown(found, 120))),
                }
            }
            status => Err(protocol(call, &format!("answered {status}"))),
        }
    }

    fn crawls(&self) -> Fault {
        let Slowest { bytes, within } = self.remote.0.options.limits.slowest;
        let message = format!("`{}` did not send {bytes} bytes of a blob", self.remote.0.reference.registry());
        self.remote.0.wire.late(&message, within)
    }
}
