//! `Session`: an upload that a registry has opened: where it is, and how far it has come.

use std::fmt;

use aisoc_manifests::fault::Result;
use reqwest::Url;
use reqwest::header::{LOCATION, RANGE};

use super::answer::Answer;
use super::call::Call;
use super::origin::{same_origin, shown, with_tls_of};
use super::refusal::{not_followed, protocol};
use crate::limits::MAX_LOCATION_BYTES;

/// How many bytes a piece must have at least, its last one apart (distribution specification, "Pushing a blob in
/// chunks").
const LEAST_PIECE: &str = "oci-chunk-min-length";

/// An upload that a registry has opened.
#[derive(Clone)]
pub(super) struct Session {
    /// Where the next request of it goes. As good as a password while the session lasts, so it is never shown.
    pub(super) url: Url,
    /// Shortest piece that the registry takes, when it says so.
    pub(super) least_piece: u64,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("least_piece", &self.least_piece).finish_non_exhaustive()
    }
}

impl Session {
    /// Where the session is, relative to who opened it: the registry, or the place that it led to. A session
    /// anywhere else would receive the plugin, and the credentials with it (CVE-2026-50151).
    pub(super) fn opened(call: &Call<'_>, answer: &Answer) -> Result<Self> {
        let location = answer.header(LOCATION).filter(|location| location.len() <= MAX_LOCATION_BYTES);
        let url = location.and_then(|location| answer.url().join(location).ok());
        let url = url.ok_or_else(|| protocol(call, "opens an upload without saying where"))?;
        let url = with_tls_of(answer.url(), url);
        let has_login = !url.username().is_empty() || url.password().is_some();
        if same_origin(&url, answer.url()) && !has_login {
            let least_piece = answer.header(LEAST_PIECE).and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0);
            return Ok(Self { url, least_piece });
        }
        Err(not_followed(call, "sends the upload to another host").expected(shown(answer.url()), shown(&url)))
    }

    /// The same session where the answer to a request of it says that it goes on, which may be another place each
    /// time; where it was when nothing is said.
    pub(super) fn goes_on(self, call: &Call<'_>, answer: &Answer) -> Result<Self> {
        if answer.header(LOCATION).is_none() {
            return Ok(self);
        }
        let Self { url, least_piece } = Self::opened(call, answer)?;
        Ok(Self { url, least_piece: least_piece.max(self.least_piece) })
    }

    /// Where the blob of that digest ends the session.
    pub(super) fn ended_by(&self, digest: &str) -> Url {
        let mut url = self.url.clone();
        // Added to what the registry put there, which is its own and often signed.
        url.query_pairs_mut().append_pair("digest", digest);
        url
    }
}

/// How many bytes of an upload the registry says that it has: `Range: 0-LAST`, with the unit of RFC 9110 or without.
/// `0-0` stands for one byte and for none, because the specification has no form for nothing: none is what nobody
/// builds on.
pub(super) fn held(answer: &Answer) -> Option<u64> {
    let range = answer.header(RANGE)?;
    held_of(range)
}

fn held_of(range: &str) -> Option<u64> {
    let (first, last) = range.trim().strip_prefix("bytes=").unwrap_or(range.trim()).split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    match (first, last) {
        (0, 0) => Some(0),
        (0, last) => last.checked_add(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_how_many_bytes_are_there_or_nothing() {
        for (range, held) in [
            ("0-0", Some(0)),
            ("0-1", Some(2)),
            ("bytes=0-99", Some(100)),
            (" 0-99 ", Some(100)),
            ("1-99", None),
            ("0-", None),
            ("-5", None),
            ("0-18446744073709551615", None),
            ("0-18446744073709551616", None),
            ("x", None),
        ] {
            assert_eq!(held_of(range), held, "{range}");
        }
    }
}
