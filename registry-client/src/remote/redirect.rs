//! Redirects of blobs, the only thing registries redirect: to a store of their own, elsewhere.

use aisoc_manifests::fault::Result;
use reqwest::header::LOCATION;
use reqwest::{StatusCode, Url};

use super::Remote;
use super::answer::{Answer, protocol};
use super::send::{Call, Outgoing};
use super::wire::is_loopback;
use crate::limits::{MAX_HOPS, MAX_LOCATION_BYTES};
use crate::options::PlainHttp;

impl Remote {
    /// Follows the redirect that `answer` is, within the time for one exchange. Credentials stay
    /// behind: `transmit` sends them to the registry's origin only, and hops carry none at all.
    pub(super) async fn follow(&self, call: &Call<'_>, answer: Answer) -> Result<Answer> {
        self.in_time(call, self.hop_by_hop(call, answer)).await
    }

    async fn hop_by_hop(&self, call: &Call<'_>, mut answer: Answer) -> Result<Answer> {
        let mut at = call.url.clone();
        for _ in 0..MAX_HOPS {
            at = self.next_hop(call, &at, &answer)?;
            let hop = Call {
                method: call.method.clone(),
                url: at.clone(),
                headers: call.headers.clone(),
                body: Outgoing::Nothing,
                what: call.what.clone(),
            };
            answer = self.transmit(&hop, None).await.map_err(|broken| broken.fault)?;
            if !is_redirect(answer.status()) {
                return Ok(answer);
            }
        }
        Err(protocol(call, "redirects in circles"))
    }

    fn next_hop(&self, call: &Call<'_>, from: &Url, answer: &Answer) -> Result<Url> {
        let refuse = |why: &str| protocol(call, &format!("redirects {why}"));
        let location = answer.header(LOCATION).filter(|location| location.len() <= MAX_LOCATION_BYTES);
        let to = location.and_then(|location| from.join(location).ok()).ok_or_else(|| refuse("to no URL"))?;
        let may_be_plain = self.0.options.plain_http == PlainHttp::Always || is_loopback(&to);
        let safe_scheme = to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http" && may_be_plain);
        if !safe_scheme || !to.username().is_empty() || to.password().is_some() {
            return Err(refuse("to something less safe than TLS"));
        }
        Ok(to)
    }
}

pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}
