//! The list of tags (`end-8a`, `end-8b`), in pages of what the client asks for.
//!
//! Without `n` everything is sent: an index is bounded, and so is the list. It waits in a file on its way.

use aisoc_manifests::fault::Fault;
use aisoc_manifests::reference::Tag;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, LINK};
use serde_json::json;

use crate::code::Code;
use crate::problem::Problem;
use crate::query::parameter;
use crate::registry::Registry;
use crate::response::{Answered, document, with_headers};

impl Registry {
    pub(crate) async fn tags(&self, repository: &str, query: &str) -> Answered {
        let (store, name) = (self.store.clone(), repository.to_owned());
        let last = parameter(query, "last");
        // Refused when it is no number, and not passed over: a client that asked for ten would get all.
        let limit = parameter(query, "n").map(|n| n.parse::<usize>());
        let limit = limit
            .transpose()
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, Code::Unsupported, "`n` is not a number"))?;
        let listed = self.on_documents(move || {
            let Some(repository) = store.indexed(&name)? else { return Ok(None) };
            // What sorts after `last`, which need not be there any more: a tag may be deleted between pages.
            let page = limit.map_or(usize::MAX, |limit| limit.saturating_add(1));
            let mut tags: Vec<Tag> =
                repository.look(|catalog| Ok::<_, Fault>(catalog.tags_after(last.as_deref()).take(page).collect()))?;
            let more = limit.is_some_and(|limit| limit < tags.len());
            tags.truncate(limit.unwrap_or(usize::MAX));
            let names: Vec<&str> = tags.iter().map(Tag::as_str).collect();
            let bytes = json!({ "name": name, "tags": names }).to_string().into_bytes();
            // No link after the last page, or clients would ask for ever; none for `n=0`, which ends nowhere.
            let next = tags.last().filter(|_| more).cloned();
            Ok(Some((document(bytes, &store.scratch())?, next)))
        });
        let (body, next) = listed.await?.ok_or_else(|| Problem::unknown_repository(repository))?;
        let mut headers = vec![(CONTENT_TYPE.as_str(), "application/json".to_owned())];
        if let (Some(last), Some(limit)) = (next, limit) {
            headers.push((LINK.as_str(), format!("</v2/{repository}/tags/list?n={limit}&last={last}>; rel=\"next\"")));
        }
        Ok(with_headers(StatusCode::OK, &headers, body))
    }
}
