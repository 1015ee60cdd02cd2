//! What comes with a request: read to its end within its bounds, or not at all.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use aisoc_manifests::plugin::PluginType;
use aisoc_worker::exact_json::require_exact;
use aisoc_worker::serving::MAX_CALL_BYTES;
use axum::body::Body;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::login::shows_token;
use super::problem::Problem;
use crate::strict_json;

/// How long a request may take to come.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// What a plugin is called with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RunRequest {
    pub(super) payload: Map<String, Value>,
    pub(super) context: Map<String, Value>,
}

/// As what a plugin is called. A query that says something else says something that nobody has understood.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunQuery {
    expect_type: Option<String>,
}

impl RunQuery {
    /// Of which type the plugin has to be; of any where nothing is said.
    pub(super) fn read(query: Result<Query<Self>, QueryRejection>) -> Result<Option<PluginType>, Problem> {
        let refused = |why: String| Problem::of_request(StatusCode::BAD_REQUEST, why);
        let Query(Self { expect_type }) = query.map_err(|error| refused(error.body_text()))?;
        let known = || PluginType::ALL.map(PluginType::as_str).join(", ");
        let read = |text: String| text.parse().map_err(|_| refused(format!("`expect_type` is one of {}", known())));
        expect_type.map(read).transpose()
    }
}

/// From where a plugin is loaded: its own place where nothing is said.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReloadRequest {
    /// The name of a directory in the plugins directory.
    pub(super) from: Option<String>,
}

/// How many values bodies may have at a time.
pub(super) type Values = Arc<Semaphore>;

/// What a request says, and the room that its values have in memory, for as long as they are held; nothing of what has no body,
/// which asks for nothing in particular.
pub(super) async fn read_object<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    values: &Values,
) -> Result<Option<(T, OwnedSemaphorePermit)>, Problem> {
    let bytes = read(body).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    require_json(headers)?;
    let unread =
        |error: &dyn Display| Problem::of_request(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}"));
    let most = require_exact(&bytes).map_err(|error| unread(&error))?;
    let most = u32::try_from(most).map_err(|error| unread(&error))?;
    let room = Arc::clone(values).try_acquire_many_owned(most).map_err(|_| Problem::busy())?;
    let said = parse(&bytes).map_err(|error| unread(&error))?;
    Ok(Some((said, room)))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let value = strict_json::value(bytes)?;
    // Derived readers take a list for an object as well.
    match value {
        Value::Object(_) => serde_json::from_value(value),
        other => Err(serde_json::Error::custom(format_args!("an object is expected, and not `{other}`"))),
    }
}

/// Every byte, of a body that is not larger than one call may be.
async fn read(body: Body) -> Result<Bytes, Problem> {
    let limited = Limited::new(body, MAX_CALL_BYTES);
    match tokio::time::timeout(BODY_PATIENCE, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("the body has more than {MAX_CALL_BYTES} bytes");
            Err(Problem::of_request(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
        Ok(Err(_)) => Err(Problem::of_request(StatusCode::BAD_REQUEST, "the body did not come whole")),
        Err(_) => Err(Problem::of_request(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}

/// A page of another site can send forms and plain text without being asked, and JSON not.
///
/// Whoever shows a token is no page, which would have to ask before it sends that header: so what `curl -d` declares when
/// nobody tells it anything is taken as the JSON that it is.
fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    if shows_token(headers) {
        return Ok(());
    }
    let Some(kind) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(Problem::of_request(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is to be application/json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RunRequest, String> {
        parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn bodies_have_so_many_values_at_a_time() {
        let values: Values = Arc::new(Semaphore::new(10));
        let read = |text: &'static str| {
            let values = Arc::clone(&values);
            async move { read_object::<RunRequest>(&HeaderMap::new(), Body::from(text), &values).await }
        };
        // The body, its member and five in that; and of the second one four.
        let first = read(r#"{"payload": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}}"#).await.expect("seven of ten");
        read(r#"{"payload": {"a": 1, "b": 2}}"#).await.expect_err("four more are one too many");
        drop(read(r#"{"payload": {"a": 1}}"#).await.expect("three are left").expect("a body"));
        read("").await.expect("what says nothing takes nothing");
        drop(first);
        assert_eq!(values.available_permits(), 10, "once it is over");
    }

    #[test]
    fn what_is_left_out_is_empty_and_what_is_not_understood_is_refused() {
        assert!(read("{}").expect("empty").payload.is_empty());
        let request = read(r#"{"payload": {"a": [1, -1, 1.5, null, true, "x", {"b": {}}]}}"#).expect("read");
        assert_eq!(request.payload["a"].as_array().map(Vec::len), Some(7));
        let deep = |levels: usize| format!(r#"{{"payload": {{"a": {}{}}}}}"#, "[".repeat(levels), "]".repeat(levels));
        read(&deep(60)).expect("deep enough");
        for (text, why) in [
            ("[]", "an object is expected"),
            ("{} {}", "trailing characters"),
            (r#"{"payload": []}"#, "invalid type"),
            (r#"{"payload": null}"#, "invalid type"),
            (r#"{"payload": {}, "payload": {}}"#, "`payload` stands twice"),
            (r#"{"payload": {"a": {"b": 1, "b": 2}}}"#, "`b` stands twice"),
            (r#"{"other": 1}"#, "unknown field"),
            (r#"{"payload": {"a": NaN}}"#, "expected value"),
            (r#"{"payload": {"a": 18446744073709551616}}"#, "more than 64 bits"),
            (&format!(r#"{{"payload": {{"a": [{}0]}}}}"#, "0,".repeat(50_000)), "more than 50000 values"),
            (r#"{"payload": {"a": "\ud800"}}"#, "hex escape"),
            (&deep(65), "deeper than 64"),
            (&deep(40_000), "deeper than 64"),
            (&deep(100_000), "more than 50000 values"),
        ] {
            let error = read(text).expect_err(&text[..text.len().min(40)]);
            assert!(error.contains(why), "{error}");
        }
    }
}
