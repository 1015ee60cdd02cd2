//! Redirects: of blobs to a store of the registry's own, of manifests and uploads to whoever took them over.
//!
//! The registry chooses where we go, so each hop is judged anew: here by its scheme, in `wire` by the
//! address that is connected to. Credentials stay behind.

use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use reqwest::header::LOCATION;
use reqwest::{StatusCode, Url};

use super::answer::Answer;
use super::broken::Broken;
use super::call::{Asked, Call};
use super::connection::Connection;
use super::origin::{authority, is_loopback, same_origin, shown, with_tls_of};
use super::refusal::not_followed;
use super::status::Standing;
use crate::limits::{MAX_HOPS, MAX_LOCATION_BYTES};
use crate::options::PlainHttp;

impl Connection {
    /// Follows the redirect that `answer` may be to its end.
    pub(super) async fn follow(self: &Arc<Self>, call: &Call<'_>, mut answer: Answer) -> Result<Answer, Broken> {
        let mut at = call.url.clone();
        let mut is_home = same_origin(&at, &self.base);
        for _ in 0..MAX_HOPS {
            if answer.standing() != Standing::Elsewhere {
                return Ok(answer);
            }
            at = self.next_hop(call, &at, &answer).map_err(Broken::for_good)?;
            // Who was asked on the way chose what comes after: it may be a path of the registry's that the login
            // opens and nobody meant (compare CVE-2024-45336). Nothing is said there any more.
            is_home = is_home && same_origin(&at, &self.base);
            answer = self.hop(&call.at(&at), is_home).await?;
        }
        match answer.standing() {
            Standing::Elsewhere => Err(Broken::for_good(not_followed(call, "redirects in circles"))),
            _ => Ok(answer),
        }
    }

    /// One hop, without a login. Only the registry's own origin is told who we are (CVE-2020-15157,
    /// GHSA-vh4v-2xq2-g5cg), and it only when it asks: a store under the registry's name refuses a request with
    /// both a signed URL and a login. What it answers to one is the registry's own answer.
    async fn hop(self: &Arc<Self>, call: &Call<'_>, is_home: bool) -> Result<Answer, Broken> {
        let answer = self.transmit(call, None).await?;
        if is_home && answer.status() == StatusCode::UNAUTHORIZED {
            return self.with_login(call).await;
        }
        // What is not at its own origin is not in the registry, whichever path it was looked for under.
        if is_home && answer.standing() == Standing::Absent {
            return Ok(answer);
        }
        Ok(answer.sent_from_elsewhere())
    }

    /// Where the answer leads. Relative to where it came from, as RFC 9110 (10.2.2) says, and not to the
    /// registry: the second hop of a store would be asked of the registry instead.
    fn next_hop(&self, call: &Call<'_>, from: &Url, answer: &Answer) -> Result<Url> {
        let refuse = |why: &str| not_followed(call, &format!("redirects {why}"));
        // With any other status the request becomes a GET (RFC 9110, 15.4): what was to be stored is not.
        if !call.is_safe() && !matches!(answer.status().as_u16(), 307 | 308) {
            return Err(refuse(&format!("what was to be stored with {}, which means to read", answer.status())));
        }
        let location = answer.header(LOCATION).filter(|location| location.len() <= MAX_LOCATION_BYTES);
        let to = location.and_then(|location| from.join(location).ok()).ok_or_else(|| refuse("to no URL"))?;
        let to = with_tls_of(from, to);
        // Down from TLS never: whoever is on the way would choose the bytes and see what is fetched. A user
        // name in a URL becomes an `Authorization` header in the library, which nobody here decided.
        let has_login = !to.username().is_empty() || to.password().is_some();
        if has_login || !self.is_safe(from, &to) {
            return Err(refuse("to something less safe than TLS").expected(shown(from), shown(&to)));
        }
        self.require_listed(call, &to)?;
        Ok(to)
    }

    /// Another registry is not asked in place of one that is on the operator's list: what it answered would be taken
    /// for what the list allows. A blob is held to its digest, and may lie in any store.
    fn require_listed(&self, call: &Call<'_>, to: &Url) -> Result<()> {
        let Some(listed) = &self.options.manifests_from else { return Ok(()) };
        let registry = authority(to).to_ascii_lowercase();
        let is_blob = matches!(call.asked, Asked::Blob(_));
        if is_blob || !call.is_safe() || same_origin(to, &self.base) || listed.contains(&registry) {
            return Ok(());
        }
        let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
        let message = format!("{} leads to `{registry}`, which is not on the list of registries", authority(&call.url));
        Err(Fault::new(Reason::RegistryNotAllowed, message).expected(format!("one of {}", listed.join(", ")), registry))
    }

    /// TLS, or plain HTTP from plain HTTP where the operator or the machine itself makes it harmless.
    fn is_safe(&self, from: &Url, to: &Url) -> bool {
        let may_be_plain = self.options.plain_http == PlainHttp::Always || is_loopback(to);
        to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http" && may_be_plain)
    }
}
