//! `GET /api/v1/audit`: what was changed on the site, by whom and why, as its journal says.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use aisoc_pipeline::documents::AuditPage;

use super::asking::Api;
use super::problem::Problem;
use crate::host::Host;

/// How many lines are shown where nobody says how many.
const USUAL_LINES: usize = 100;
/// Most lines of one answer.
const MAX_LINES: usize = 1_000;

/// Which lines are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    limit: Option<usize>,
    after: Option<u64>,
}

pub(super) async fn audit(
    State(api): State<Api>,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Json<AuditPage>, Problem> {
    let refused = |why: String| Problem::of_request(StatusCode::BAD_REQUEST, why);
    let Query(AuditQuery { limit, after }) = query.map_err(|error| refused(error.body_text()))?;
    let limit = limit.unwrap_or(USUAL_LINES);
    if !(1..=MAX_LINES).contains(&limit) {
        return Err(refused(format!("`limit` is from 1 to {MAX_LINES}")));
    }
    let read = api.ask(move |host: &Host| host.audit(limit, after)).await?;
    read.map(Json).map_err(|fault| Problem::of_host(&fault))
}
