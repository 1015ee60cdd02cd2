//! Sending one request: with a token when the registry asks for one, again when it makes sense.
//!
//! From the inside out: `transmit` is one exchange, `with_login` adds the login, `send_once` follows where the
//! registry leads, `send` adds the tries and the time for all of it.

use std::sync::Arc;

use aisoc_manifests::fault::Result;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use reqwest::{Request, StatusCode};
use tokio::time::{Instant, timeout};

use super::answer::Answer;
use super::broken::Broken;
use super::call::Call;
use super::connection::Connection;
use super::origin::{authority, same_origin};
use super::outgoing::SourceFault;
use super::pulse::Pulse;
use super::status::retry_after;
use super::tries::Tries;

impl Connection {
    /// Sends the call, again where another try may be answered otherwise, and waits for all of it no
    /// longer than one exchange may take. The answer may still be a refusal. Only for requests that
    /// do no harm twice.
    pub(super) async fn send(self: &Arc<Self>, call: &Call<'_>) -> Result<Answer> {
        // Noted before the first try: tries, logins and the body share one allowance, or a registry that
        // answers each a little before its end would multiply it.
        let ends = Instant::now() + self.wire.longest_exchange();
        Ok(self.in_time(call, self.try_often(call)).await?.ending(ends))
    }

    /// Gives up what takes longer than one exchange may.
    pub(super) async fn in_time<T>(&self, call: &Call<'_>, work: impl Future<Output = Result<T>>) -> Result<T> {
        let most = self.wire.longest_exchange();
        let late = |_| Err(self.wire.late(&format!("`{}` did not answer {call}", authority(&call.url)), most));
        timeout(most, work).await.unwrap_or_else(late)
    }

    /// Each try begins at the registry, and not where it led before: signed URLs run out.
    async fn try_often(self: &Arc<Self>, call: &Call<'_>) -> Result<Answer> {
        let mut tries = Tries::new(self).until(Instant::now() + self.wire.longest_exchange());
        loop {
            match self.send_once(call).await {
                Ok(answer) => {
                    let most = answer.standing().tries(answer.place(), &call.method);
                    if !tries.pause(most, retry_after(answer.headers())).await {
                        return Ok(answer);
                    }
                }
                Err(broken) => {
                    if !tries.pause(broken.tries, None).await {
                        return Err(broken.fault);
                    }
                }
            }
        }
    }

    /// Sends the call once, and follows where its answer leads.
    pub(super) async fn send_once(self: &Arc<Self>, call: &Call<'_>) -> Result<Answer, Broken> {
        let answer = self.with_login(call).await?;
        self.follow(call, answer).await
    }

    /// Sends the call once, and once more with the token that the registry asked for. Nothing is sent to a
    /// registry that does not ask: most pulls are anonymous.
    pub(super) async fn with_login(self: &Arc<Self>, call: &Call<'_>) -> Result<Answer, Broken> {
        let wanted = self.auth.wanted(call);
        let known = self.auth.known(&wanted);
        let answer = self.transmit(call, known.as_ref()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        // Also when a token was sent: it may have run out in the middle of a long push.
        let Some(fresh) = self.auth.answer(&self.wire, wanted.clone(), answer.headers()).await? else {
            return Ok(answer);
        };
        let answer = self.transmit(call, Some(&fresh)).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        // Stored credentials may be stale where none are needed.
        match self.auth.answer_anonymously(&self.wire, wanted, answer.headers()).await? {
            Some(anonymous) => self.transmit(call, Some(&anonymous)).await,
            None => Ok(answer),
        }
    }

    /// One exchange. Credentials go to the registry's own origin and nowhere else
    /// (CVE-2020-15157, GHSA-vh4v-2xq2-g5cg).
    pub(super) async fn transmit(
        self: &Arc<Self>,
        call: &Call<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Broken> {
        let (pulse, failed) = (Pulse::start(), SourceFault::default());
        let mut request = self.request(call, authorization);
        call.body.attach(&mut request, &pulse, &failed).await.map_err(Broken::for_good)?;
        let outcome = self.wire.exchange(request, &pulse).await;
        // Our own fault first: the registry was sent less than was promised, and what it makes of that is
        // no news. Not tried again either, because the source will be as it is.
        if let Some(fault) = failed.take() {
            return Err(Broken::for_good(fault));
        }
        let ends = pulse.last() + self.wire.longest_exchange();
        outcome.map(|response| Answer::new(response, Arc::clone(self), ends))
    }

    fn request(&self, call: &Call<'_>, authorization: Option<&HeaderValue>) -> Request {
        let mut request = Request::new(call.method.clone(), call.url.clone());
        *request.headers_mut() = call.headers.clone();
        // A digest is of the bytes that are stored. Without this, RFC 9110 (12.5.3) allows any coding.
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(value) = authorization.filter(|_| same_origin(&call.url, &self.base)) {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        request
    }
}
