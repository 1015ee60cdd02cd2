//! Redirects of blobs, the only thing registries redirect: to a store of their own, elsewhere.
//!
//! The registry chooses where we go, so each hop is judged anew: here by its scheme, in `wire` by the
//! address that is connected to. A manifest that is redirected is refused by whoever asks for it.

use std::sync::Arc;

use aisoc_manifests::fault::Result;
use reqwest::Url;
use reqwest::header::LOCATION;

use super::answer::Answer;
use super::call::Call;
use super::connection::Connection;
use super::origin::is_loopback;
use super::refusal::protocol;
use super::status::is_redirect;
use crate::limits::{MAX_HOPS, MAX_LOCATION_BYTES};
use crate::options::PlainHttp;

impl Connection {
    /// Follows the redirect that `answer` is, within the time for one exchange. Credentials stay
    /// behind: `transmit` sends them to the registry's origin only, and hops carry none at all.
    pub(super) async fn follow(self: &Arc<Self>, call: &Call<'_>, answer: Answer) -> Result<Answer> {
        self.in_time(call, self.hop_by_hop(call, answer)).await
    }

    async fn hop_by_hop(self: &Arc<Self>, call: &Call<'_>, mut answer: Answer) -> Result<Answer> {
        let mut at = call.url.clone();
        for _ in 0..MAX_HOPS {
            at = self.next_hop(call, &at, &answer)?;
            answer = self.transmit(&call.at(&at), None).await.map_err(|broken| broken.fault)?;
            if !is_redirect(answer.status()) {
                return Ok(answer);
            }
        }
        Err(protocol(call, "redirects in circles"))
    }

    /// Where the answer leads. Relative to where it came from, as RFC 9110 (10.2.2) says, and not to the
    /// registry: the second hop of a store would be asked of the registry instead.
    fn next_hop(&self, call: &Call<'_>, from: &Url, answer: &Answer) -> Result<Url> {
        let refuse = |why: &str| protocol(call, &format!("redirects {why}"));
        let location = answer.header(LOCATION).filter(|location| location.len() <= MAX_LOCATION_BYTES);
        let to = location.and_then(|location| from.join(location).ok()).ok_or_else(|| refuse("to no URL"))?;
        // Down from TLS never: whoever is on the way would choose the bytes and see what is fetched. A user
        // name in a URL becomes an `Authorization` header in the library, which nobody here decided.
        let has_login = !to.username().is_empty() || to.password().is_some();
        if has_login || !self.is_safe(from, &to) {
            return Err(refuse("to something less safe than TLS"));
        }
        Ok(to)
    }

    /// TLS, or plain HTTP from plain HTTP where the operator or the machine itself makes it harmless.
    fn is_safe(&self, from: &Url, to: &Url) -> bool {
        let may_be_plain = self.options.plain_http == PlainHttp::Always || is_loopback(to);
        to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http" && may_be_plain)
    }
}
