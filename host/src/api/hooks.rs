//! `GET /api/v1/hooks` and `POST /api/v1/hooks/HOOK`: who is registered, and what those come to that are fired.

use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::hook::{Hook, Semantic};
use aisoc_pipeline::documents::{FiredHook, HostedHooks};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::asking::{Api, Named, Waited};
use super::problem::Problem;
use super::request::Calling;
use crate::access::Permission;
use crate::hooks::firing::Firing;
use crate::host::Host;

/// With what a hook is fired.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FireRequest {
    /// What handlers make something of; of hooks of the semantics `filter_chain` and `score_delta`, and of no other.
    pub(super) value: Option<Value>,
    /// What they are given by name.
    pub(super) payload: Map<String, Value>,
}

/// As what a hook is fired.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FireQuery {
    expect_semantic: Option<String>,
}

impl FireQuery {
    /// Refuses a hook of another semantic than whoever fires it expects.
    fn require(query: Result<Query<Self>, QueryRejection>, hook: Hook) -> Result<(), Problem> {
        let refused = |why: String| Problem::of_request(StatusCode::BAD_REQUEST, why);
        let Query(Self { expect_semantic }) = query.map_err(|error| refused(error.body_text()))?;
        let Some(expected) = expect_semantic else { return Ok(()) };
        let expected: Semantic = expected.parse().map_err(|fault| Problem::of_fault(&fault))?;
        let found = hook.semantic();
        if found == expected {
            return Ok(());
        }
        let text = format!("hook '{hook}' has semantic {found}; cannot fire as {expected}");
        Err(Problem::of_fault(&Fault::new(Reason::OtherHookSemantic, text)))
    }
}

pub(super) async fn list(State(api): State<Api>) -> Result<Json<HostedHooks>, Problem> {
    api.ask(|host: &Host| host.hosted_hooks()).await.map(Json)
}

pub(super) async fn fire(
    State(api): State<Api>,
    named: Named,
    Calling(caller): Calling,
    query: Result<Query<FireQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FiredHook>, Problem> {
    let name = named.map_or_else(|_| String::new(), |Path(name)| name);
    let hook: Hook = name.parse().map_err(|fault: Fault| Problem::of_firing(&fault))?;
    FireQuery::require(query, hook)?;
    let (said, room) = api.read(&headers, body, Permission::Fire).await?.unzip();
    let FireRequest { value, payload } = said.unwrap_or_default();
    let waited = Waited::default();
    let stop = Arc::clone(&waited.is_over);
    let by = caller.clone();
    let fire = move |host: &Host| {
        let _room = room;
        host.fire(hook, Firing { value, payload: &payload, caller: &caller, stop: &stop })
    };
    let fired = api.fire(hook.as_str(), &by, fire).await?;
    fired.map(Json).map_err(|fault| Problem::of_firing(&fault))
}
