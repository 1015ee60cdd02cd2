//! The list of tags, in pages.

use hyper::StatusCode;
use hyper::header::LINK;
use serde_json::json;

use super::problem::{Answered, Problem, json};
use super::{Registry, parameter};
use crate::layout::index;
use crate::worker::blocking;

impl Registry {
    pub(super) async fn tags(&self, repository: &str, query: &str) -> Answered {
        let (store, name) = (self.store.clone(), repository.to_owned());
        let listed = blocking(move || match store.repository(&name)? {
            Some(layout) => layout.index().map(|entries| Some(index::tags(&entries))),
            None => Ok(None),
        });
        let mut tags = listed.await?.ok_or_else(|| Problem::unknown_repository(repository))?;
        if let Some(last) = parameter(query, "last") {
            tags.retain(|tag| tag.as_str() > last.as_str());
        }
        let limit = parameter(query, "n").map(|n| n.parse::<usize>());
        let limit = limit
            .transpose()
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "PAGINATION_NUMBER_INVALID", "`n` is not a number"))?;
        let more = limit.is_some_and(|limit| limit < tags.len());
        tags.truncate(limit.unwrap_or(usize::MAX));
        let names: Vec<&str> = tags.iter().map(|tag| tag.as_str()).collect();
        let body = json!({ "name": repository, "tags": names });
        let mut response = json(StatusCode::OK, body.to_string().into_bytes());
        if let (true, Some(last), Some(limit)) = (more, names.last(), limit)
            && let Ok(link) = format!("</v2/{repository}/tags/list?n={limit}&last={last}>; rel=\"next\"").parse()
        {
            response.headers_mut().insert(LINK, link);
        }
        Ok(response)
    }
}
