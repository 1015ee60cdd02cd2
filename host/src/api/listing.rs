//! `GET /api/v1/plugins` and `GET /api/v1/plugins/ID`: what there is, whole or a page of it, and once for whoever has it.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::id::HostedId;
use aisoc_pipeline::documents::HostedPlugin;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use form_urlencoded::Serializer;
use serde::{Deserialize, Serialize};

use super::asking::{Api, Named, id};
use super::problem::Problem;
use crate::lifecycle::State as Life;
use crate::refusal::Refusal;

/// Most plugins of one page. Without `limit` there are no pages.
const MAX_PLUGINS: usize = 1_000;

/// Which plugins are asked for: a query that says something else says something that nobody has understood.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    plugin_type: Option<String>,
    state: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

impl ListQuery {
    fn check(self) -> Result<Self, Problem> {
        let refused = |why: String| Err(Problem::of_request(StatusCode::BAD_REQUEST, why));
        if self.limit.is_some_and(|limit| !(1..=MAX_PLUGINS).contains(&limit)) {
            return refused(format!("`limit` is from 1 to {MAX_PLUGINS}"));
        }
        let states = Life::ALL.map(Life::as_str);
        match &self.state {
            Some(state) if !states.contains(&state.as_str()) => {
                refused(format!("`state` is one of {}", states.join(", ")))
            }
            _ => Ok(self),
        }
    }

    /// Whether every plugin is asked for.
    fn is_all(&self) -> bool {
        let Self { plugin_type, state, limit, after } = self;
        (plugin_type, state, limit, after) == (&None, &None, &None, &None)
    }

    fn is_met(&self, plugin: &HostedPlugin) -> bool {
        let Self { plugin_type, state, after, .. } = self;
        plugin_type.as_deref().is_none_or(|wanted| plugin.manifest.plugin_type == Some(wanted))
            && state.as_deref().is_none_or(|wanted| plugin.state == wanted)
            && after.as_deref().is_none_or(|after| plugin.id.as_str() > after)
    }

    /// Where the page ends: two that have one id are on one page, for the next one begins behind an id.
    fn end(&self, plugins: &[HostedPlugin]) -> usize {
        let Some(limit) = self.limit.filter(|limit| *limit < plugins.len()) else { return plugins.len() };
        let last = &plugins[limit - 1].id;
        limit + plugins[limit..].iter().take_while(|plugin| plugin.id == *last).count()
    }

    /// The page behind that plugin (RFC 8288).
    fn next(&self, last: &str) -> Option<HeaderValue> {
        let mut query = Serializer::new(String::new());
        for (name, value) in [("plugin_type", &self.plugin_type), ("state", &self.state)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.append_pair("limit", &self.limit?.to_string()).append_pair("after", last);
        HeaderValue::from_str(&format!("</api/v1/plugins?{}>; rel=\"next\"", query.finish())).ok()
    }
}

pub(super) async fn list(
    State(api): State<Api>,
    query: Result<Query<ListQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let unread = |error: QueryRejection| Problem::of_request(StatusCode::BAD_REQUEST, error.body_text());
    let Query(query) = query.map_err(unread)?;
    let query = query.check()?;
    // Nothing is waited for: what is there is shown as it was last, as long as it looks the same.
    let shown = api.host().shown();
    if query.is_all() {
        let list = shown.list();
        return tagged_bytes(&headers, list.body, &list.digest);
    }
    let plugins: Vec<HostedPlugin> = shown.plugins().filter(|plugin| query.is_met(plugin)).collect();
    let end = query.end(&plugins);
    let next = if end < plugins.len() { plugins.get(end - 1).and_then(|last| query.next(&last.id)) } else { None };
    let mut response = tagged(&headers, &plugins[..end])?;
    if let Some(next) = next {
        response.headers_mut().insert(LINK, next);
    }
    Ok(response)
}

pub(super) async fn show(State(api): State<Api>, named: Named, headers: HeaderMap) -> Result<Response, Problem> {
    let id: HostedId = id(named)?;
    let shown = api.host().shown();
    let plugin = shown.plugin(id.as_str()).ok_or_else(|| Problem::of_plugin(id.as_str(), &Refusal::Unknown))?;
    tagged(&headers, &plugin)
}

/// A value, unless whoever asks has it: its tag is of its bytes.
fn tagged<T: Serialize + ?Sized>(headers: &HeaderMap, value: &T) -> Result<Response, Problem> {
    let failed = || Problem::bug();
    let body = Bytes::from(serde_json::to_vec(value).map_err(|_| failed())?);
    let digest = Digest::of(&body).to_string();
    tagged_bytes(headers, body, &digest)
}

fn tagged_bytes(headers: &HeaderMap, body: Bytes, digest: &str) -> Result<Response, Problem> {
    let failed = || Problem::bug();
    let tag = format!("\"{digest}\"");
    let value = HeaderValue::from_str(&tag).map_err(|_| failed())?;
    let about = [(ETAG, value), (CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))];
    Ok(match has(headers, &tag) {
        true => (StatusCode::NOT_MODIFIED, about).into_response(),
        false => (about, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
    })
}

/// Whether one of the tags that a client has is that one, weak or not (RFC 9110, 13.1.2).
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_held_in_whatever_list_it_stands() {
        let tag = "\"sha256:1\"";
        for (values, expected) in [
            (vec![], false),
            (vec!["\"sha256:1\""], true),
            (vec!["W/\"sha256:1\""], true),
            (vec!["*"], true),
            (vec!["\"a\", \"sha256:1\""], true),
            (vec!["\"a\"", "\"sha256:1\""], true),
            (vec!["sha256:1"], false),
            (vec!["\"sha256:12\""], false),
            (vec![""], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(IF_NONE_MATCH, HeaderValue::from_str(value).expect("a value"));
            }
            assert_eq!(has(&headers, tag), expected, "{values:?}");
        }
    }
}
