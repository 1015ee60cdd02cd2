//! The list of tags (`end-8a`, `end-8b`), which comes in pages.

use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::MAX_MANIFEST_BYTES;
use aisoc_manifests::reference::Tag;
use reqwest::header::LINK;
use reqwest::{Method, Url};
use serde::Deserialize;

use super::answer::Answer;
use super::call::{Asked, Call};
use super::connection::Connection;
use super::origin::same_origin;
use super::refusal::{not_followed, protocol};
use crate::limits::{MAX_LOCATION_BYTES, MAX_PAGES};

/// All tags, sorted, each once: pages overlap when a tag is pushed while they are read, and the
/// specification's order (lexical) is not what every registry sends.
pub(super) async fn list(connection: &Arc<Connection>) -> Result<Vec<Tag>> {
    let mut url = connection.url("tags", "list");
    // Without a number some registries send everything in one document, larger than any bound.
    url.set_query(Some("n=1000"));
    let mut tags = Vec::new();
    // Followed by number, because a page that names itself is the simplest list without end.
    for _ in 0..MAX_PAGES {
        let call = Call::new(Method::GET, url, Asked::Repository);
        let answer = connection.send(&call).await?.success(&call).await?;
        let next = next_page(&call, &answer)?;
        tags.extend(read(&call, &answer.document(&call, MAX_MANIFEST_BYTES).await?)?);
        let Some(next) = next else {
            tags.sort();
            tags.dedup();
            return Ok(tags);
        };
        url = next;
    }
    // A part of the list is no list: a tag that is not in it would be taken for free (CVE-2023-33957).
    Err(Fault::new(Reason::RegistryProtocol, "the list of tags does not end"))
}

/// The URL of the next page, `Link: <URL>; rel="next"` (RFC 8288, 3). It must be at the same origin: the
/// token goes with it.
pub(super) fn next_page(call: &Call<'_>, answer: &Answer) -> Result<Option<Url>> {
    let Some(link) = answer.header(LINK) else {
        return Ok(None);
    };
    let target = link.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(target, _)| target);
    match target.filter(|target| target.len() <= MAX_LOCATION_BYTES).and_then(|target| call.url.join(target).ok()) {
        Some(next) if same_origin(&next, &call.url) => Ok(Some(next)),
        _ => Err(not_followed(call, "names a next page that is not its own")),
    }
}

/// The tags of one page. One that is none fails the whole: it would be printed, compared and put into URLs.
fn read(call: &Call<'_>, body: &[u8]) -> Result<Vec<Tag>> {
    #[derive(Deserialize)]
    struct Page {
        // Some registries write `null` for none.
        tags: Option<Vec<String>>,
    }
    let page: Page = serde_json::from_slice(body)
        .map_err(|source| protocol(call, "sent a list of tags that cannot be read").caused_by(source))?;
    page.tags.unwrap_or_default().iter().map(|tag| tag.parse()).collect()
}
