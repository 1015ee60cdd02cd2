//! Sending one request: with a token when the registry asks for one, again when it makes sense.
//!
//! From the inside out: `transmit` is one exchange, `with_login` adds the login, `send_once` follows where the
//! registry leads, `send` adds the tries and the time for all of it.

use std::sync::Arc;

use aisoc_manifests::fault::Result;
use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use reqwest::{Method, Request, StatusCode};
use tokio::time::{Instant, timeout};

use super::answer::Answer;
use super::broken::Broken;
use super::call::Call;
use super::connection::Connection;
use super::origin::{authority, same_origin};
use super::outgoing::SourceFault;
use super::pulse::Pulse;
use super::status::{Standing, retry_after};
use super::tries::Tries;

/// What becomes of an answer that leads elsewhere.
#[derive(Debug, Clone, Copy)]
enum Leads {
    Followed,
    /// It is the answer.
    Left,
}

impl Connection {
    /// Sends the call, again where another try may be answered otherwise, and waits for all of it no
    /// longer than one exchange may take. The answer may still be a refusal. Only for requests that
    /// do no harm twice.
    pub(super) async fn send(self: &Arc<Self>, call: &Call<'_>) -> Result<Answer> {
        self.send_in(call, &mut Tries::new(self)).await
    }

    /// The same, with the tries of a task that this call is one of several of.
    pub(super) async fn send_in(self: &Arc<Self>, call: &Call<'_>, tries: &mut Tries) -> Result<Answer> {
        // Noted before the first try: tries, logins and the body share one allowance, or a registry that
        // answers each a little before its end would multiply it.
        let ends = Instant::now() + self.wire.longest_exchange();
        Ok(self.in_time(call, self.try_often(call, Leads::Followed, tries)).await?.ending(ends))
    }

    /// Gives up what takes longer than one exchange may. Boxed, as [`Self::with_login`] is: whoever asks a registry
    /// from deep within work of its own nests that much less for the compiler to follow.
    pub(super) async fn in_time<T>(&self, call: &Call<'_>, work: impl Future<Output = Result<T>>) -> Result<T> {
        let most = self.wire.longest_exchange();
        let late = |_| Err(self.wire.late(&format!("`{}` did not answer {call}", authority(&call.url)), most));
        timeout(most, Box::pin(work)).await.unwrap_or_else(late)
    }

    /// Each try begins at the registry, and not where it led before: signed URLs run out.
    async fn try_often(self: &Arc<Self>, call: &Call<'_>, leads: Leads, tries: &mut Tries) -> Result<Answer> {
        let end = Instant::now() + self.wire.longest_exchange();
        loop {
            let sent = match leads {
                Leads::Followed => self.send_once(call).await,
                Leads::Left => self.with_login(call).await,
            };
            match sent {
                Ok(answer) => {
                    let most = answer.standing().tries(answer.place(), &call.method);
                    if !tries.pause_until(end, most, retry_after(answer.headers())).await {
                        return Ok(answer);
                    }
                }
                Err(broken) => {
                    if !tries.pause_until(end, broken.tries, broken.after).await {
                        return Err(self.wire.given_up(broken));
                    }
                }
            }
        }
    }

    /// Sends the call once, and follows where its answer leads. A call to another origin (a session that was
    /// opened behind a redirect) is somebody else's from the first: nothing that is asked for there is answered.
    pub(super) async fn send_once(self: &Arc<Self>, call: &Call<'_>) -> Result<Answer, Broken> {
        if !same_origin(&call.url, &self.base) {
            let answer = self.transmit(call, None).await?.sent_from_elsewhere();
            return self.follow(call, answer).await;
        }
        let answer = self.with_login(call).await?;
        self.follow(call, answer).await
    }

    /// What a HEAD says of something that is to be sent, or nothing. It only saves work: where the registry leads
    /// elsewhere, that place is asked once and briefly, and whatever it makes of the question stops nobody.
    pub(super) async fn look(self: &Arc<Self>, call: &Call<'_>, tries: &mut Tries) -> Result<Option<Answer>> {
        let answer = self.in_time(call, self.try_often(call, Leads::Left, tries)).await?;
        if answer.standing() != Standing::Elsewhere {
            return answer.known(call).await;
        }
        match timeout(self.options.limits.connect, self.follow(call, answer)).await {
            Ok(Ok(answer)) if answer.standing() == Standing::Done => Ok(Some(answer)),
            _ => Ok(None),
        }
    }

    /// Sends the call once, and once more with the token that the registry asked for. Nothing is sent to a
    /// registry that does not ask: most pulls are anonymous.
    pub(super) fn with_login<'a>(self: &'a Arc<Self>, call: &'a Call<'_>) -> BoxFuture<'a, Result<Answer, Broken>> {
        Box::pin(self.logged_in(call))
    }

    async fn logged_in(self: &Arc<Self>, call: &Call<'_>) -> Result<Answer, Broken> {
        let wanted = self.auth.wanted(call);
        let known = self.auth.known(&wanted);
        let mut answer = self.transmit(call, known.as_ref()).await?;
        if known.is_none() && matches!(answer.status(), StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            answer = self.unless_hidden(call, answer).await?;
        }
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

    /// The answer, or the challenge that a registry has for who asks without a login: some hide from nobody that
    /// they exist, and what they hold from everybody who does not log in. Asked once, and only where there is a
    /// login to answer with.
    async fn unless_hidden(self: &Arc<Self>, call: &Call<'_>, answer: Answer) -> Result<Answer, Broken> {
        if !self.auth.has_something_to_say().await {
            return Ok(answer);
        }
        let mut url = self.base.clone();
        url.set_path("/v2/");
        let asked = self.transmit(&Call::new(Method::GET, url, call.asked.clone()), None).await?;
        Ok(if asked.status() == StatusCode::UNAUTHORIZED { asked } else { answer })
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
