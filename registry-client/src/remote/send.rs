//! Sending one request: with a token when the registry asks for one, again when it makes sense.

use std::time::Duration;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::oci::Descriptor;
use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Body, Method, Request, StatusCode, Url};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::{Instant, sleep, timeout};

use super::answer::Answer;
use super::wire::{Broken, Pulse, same_origin};
use super::{Remote, Shared};
use crate::limits::MAX_TRIES;
use crate::storage::BlobSource;

/// One request, as often as it takes.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Outgoing<'a>,
    /// What is asked for, in words, for the message when it is not there.
    pub(super) what: String,
}

/// A request body that can be made again.
#[derive(Debug)]
pub(super) enum Outgoing<'a> {
    Nothing,
    Bytes(Bytes),
    Blob(&'a Descriptor, &'a BlobSource),
}

/// The first fault of a body's source; `reqwest` reports it only as "error sending request".
type Slot = Arc<Mutex<Option<Fault>>>;

impl Remote {
    /// Sends the call, again on transport errors and on 408, 429 and 5xx, and waits for all of it no
    /// longer than one exchange may take. The answer may still be a refusal. Only for requests that
    /// do no harm twice.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Answer> {
        let ends = Instant::now() + self.0.options.limits.exchange;
        Ok(self.in_time(call, self.try_often(call)).await?.ending(ends))
    }

    /// Gives up what takes longer than one exchange may.
    pub(super) async fn in_time<T>(&self, call: &Call<'_>, work: impl Future<Output = Result<T>>) -> Result<T> {
        let most = self.0.wire.longest_exchange();
        let late = |_| {
            let place = super::wire::authority(&call.url);
            Err(self.0.wire.late(&format!("`{place}` did not answer {} {}", call.method, call.url.path()), most))
        };
        timeout(most, work).await.unwrap_or_else(late)
    }

    async fn try_often(&self, call: &Call<'_>) -> Result<Answer> {
        let mut tries = Tries::new(self).until(Instant::now() + self.0.wire.longest_exchange());
        loop {
            match self.send_once(call).await {
                Ok(answer) if is_transient(answer.status()) => {
                    if !tries.pause(MAX_TRIES, answer.retry_after()).await {
                        return Ok(answer);
                    }
                }
                Ok(answer) => return Ok(answer),
                Err(broken) => {
                    if !tries.pause(broken.tries, None).await {
                        return Err(broken.fault);
                    }
                }
            }
        }
    }

    /// Sends the call once, and once more with the token that the registry asked for.
    pub(super) async fn send_once(&self, call: &Call<'_>) -> Result<Answer, Broken> {
        let known = self.0.auth.known();
        let answer = self.transmit(call, known.as_ref()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let Some(fresh) = self.0.auth.answer(&self.0.wire, answer.headers()).await? else {
            return Ok(answer);
        };
        let answer = self.transmit(call, Some(&fresh)).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        // Stored credentials may be stale where none are needed.
        match self.0.auth.answer_anonymously(&self.0.wire, answer.headers()).await? {
            Some(anonymous) => self.transmit(call, Some(&anonymous)).await,
            None => Ok(answer),
        }
    }

    /// One exchange. Credentials go to the registry's own origin and nowhere else
    /// (CVE-2020-15157, GHSA-vh4v-2xq2-g5cg).
    pub(super) async fn transmit(
        &self,
        call: &Call<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Broken> {
        let pulse = Pulse::start();
        let slot = Slot::default();
        let mut request = Request::new(call.method.clone(), call.url.clone());
        *request.headers_mut() = call.headers.clone();
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(value) = authorization.filter(|_| same_origin(&call.url, &self.0.base)) {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        call.body.attach(&mut request, &pulse, &slot).await.map_err(Broken::for_good)?;
        let outcome = self.0.wire.exchange(request, &pulse).await;
        if let Some(fault) = slot.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(Broken::for_good(fault));
        }
        let ends = pulse.last() + self.0.options.limits.exchange;
        outcome.map(|response| Answer::new(response, self.clone(), ends))
    }
}

impl Outgoing<'_> {
    async fn attach(&self, request: &mut Request, pulse: &Pulse, slot: &Slot) -> Result<()> {
        match self {
            Self::Nothing => {
                if matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
                    // Registries answer 411 to a POST that does not say how long nothing is.
                    request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                }
            }
            Self::Bytes(bytes) => *request.body_mut() = Some(Body::from(bytes.clone())),
            Self::Blob(descriptor, source) => {
                let (pulse, slot) = (pulse.clone(), Arc::clone(slot));
                let stream = source.open(descriptor).await?.map(move |chunk| {
                    pulse.beat();
                    chunk.map_err(|fault| {
                        let message = fault.to_string();
                        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
                        std::io::Error::other(message)
                    })
                });
                request.headers_mut().insert(CONTENT_LENGTH, descriptor.size.into());
                *request.body_mut() = Some(Body::wrap_stream(stream));
            }
        }
        Ok(())
    }
}

/// The pauses between tries of one task. What is bounded is the waiting: a download that took ten
/// minutes may still be resumed.
#[derive(Debug)]
pub(super) struct Tries {
    made: u32,
    next: Duration,
    left: Duration,
    ends: Instant,
}

impl Tries {
    pub(super) fn new(remote: &Remote) -> Self {
        let Shared { options, wire, .. } = &*remote.0;
        Self { made: 1, next: options.backoff, left: options.limits.exchange, ends: wire.ends() }
    }

    /// No more tries after that moment: the last answer says more than the end of the wait does.
    fn until(self, end: Instant) -> Self {
        Self { ends: self.ends.min(end), ..self }
    }

    /// Waits before another try, or says that there is none: `limit` tries were made, or the waits
    /// together would take longer than an exchange may, or than the operation.
    pub(super) async fn pause(&mut self, limit: u32, asked: Option<Duration>) -> bool {
        let wait = jittered(self.next).max(asked.unwrap_or_default());
        // A registry that asks to wait for a year is one that is not available.
        let may = self.made < limit.min(MAX_TRIES) && Instant::now() + wait < self.ends;
        let Some(left) = self.left.checked_sub(wait).filter(|_| may) else {
            return false;
        };
        sleep(wait).await;
        self.left = left;
        self.made += 1;
        self.next *= 2;
        true
    }
}

/// Half fixed, half random: clients that were refused together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(0);
    pause / 2 + pause.mul_f64(f64::from(random) / f64::from(u32::MAX)) / 2
}

pub(super) fn is_transient(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) || status.is_server_error()
}

impl Answer {
    /// The wait that the registry asked for. The form with a date is passed over: clocks differ.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let seconds: u32 = self.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.into()))
    }
}
