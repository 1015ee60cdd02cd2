//! Requests that change what is on the disk: an install, and a rollback.

use aisoc_manifests::id::PluginId;
use aisoc_pipeline::documents::{BroughtPlugin, HostedPlugin};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::asking::{Api, Named, Waited, id};
use super::problem::Problem;
use super::request::Asking;
use crate::access::Permission;
use crate::installing::{Wanted, cancellation};

/// What is to be installed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstallRequest {
    /// The reference into a registry.
    oci_ref: String,
    /// The only plugin that is acceptable.
    plugin_id: Option<String>,
}

/// To which version.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RollbackRequest {
    /// A version, or a digest.
    to: Option<String>,
}

pub(super) async fn install(
    State(api): State<Api>,
    Asking(by): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<BroughtPlugin>), Problem> {
    let request: Option<(InstallRequest, _)> = api.read(&headers, body, Permission::Admin).await?;
    let missing = || Problem::of_request(StatusCode::BAD_REQUEST, "the body names no `oci_ref`");
    let (InstallRequest { oci_ref, plugin_id }, _) = request.ok_or_else(missing)?;
    let wanted = Wanted::read(&oci_ref, plugin_id.as_deref()).map_err(|fault| Problem::of_fault(&fault))?;
    // A client that goes away stops it, up to the moment in which it is installed.
    let cancellation = cancellation();
    let _waited = Waited { is_over: cancellation.flag() };
    let installed = api.ask(move |host| host.install(&wanted, &by, &cancellation)).await?;
    installed.map(|installed| (StatusCode::CREATED, Json(installed))).map_err(|refusal| Problem::of_change(&refusal))
}

pub(super) async fn roll_back(
    State(api): State<Api>,
    named: Named,
    Asking(by): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<HostedPlugin>, Problem> {
    let id: PluginId = id(named)?;
    let said: Option<(RollbackRequest, _)> = api.read(&headers, body, Permission::Admin).await?;
    let to = said.and_then(|(RollbackRequest { to }, _)| to);
    let cancellation = cancellation();
    let _waited = Waited { is_over: cancellation.flag() };
    let rolled_back = api.ask(move |host| host.roll_back(&id, to, &by, &cancellation)).await?;
    rolled_back.map(Json).map_err(|refusal| Problem::of_change(&refusal))
}
