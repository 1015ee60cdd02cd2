//! The routes of the operator's API. A handler asks the host, on a thread where it may wait, and shows what comes of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use aisoc_pipeline::documents::{BroughtIn, CalledPlugin, HostedPlugin};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Json, Router};
use serde_json::json;

use super::asking::{Api, Named, Waited, id};
use super::audit::audit;
use super::body::{ReloadRequest, RunRequest, read_object};
use super::events::events;
use super::installing;
use super::listing::{list, show};
use super::login::{Needs, admit};
use super::problem::Problem;
use super::request::{Asking, guard};
use crate::access::{Logins, Permission};
use crate::asker::Asker;
use crate::found::reason_of;
use crate::host::{Host, Invocation};
use crate::lifecycle::Verb;
use crate::refusal::Refusal;

/// Routes, each with what it asks of whoever asks it.
pub(super) struct Routes {
    router: Router<Api>,
    logins: Option<Arc<Logins>>,
}

impl Routes {
    fn route(self, path: &str, needs: Needs, handler: MethodRouter<Api>) -> Self {
        let handler = needs.before(handler, self.logins.as_ref());
        Self { router: self.router.route(path, handler), ..self }
    }
}

/// All routes. At which address one is reached, a request says: `Connections` puts it there.
pub(super) fn router(api: Api) -> Router {
    let [read, execute, admin] = Permission::ALL.map(Needs::Permission);
    Routes { router: Router::new(), logins: api.logins.clone() }
        .route("/healthz", Needs::Nothing, get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/readyz", Needs::Nothing, get(ready))
        .route("/metrics", read, get(metrics))
        .route("/api/v1/audit", admin, get(audit))
        .route("/api/v1/events", read, get(events))
        .route("/api/v1/plugins", read, get(list))
        .route("/api/v1/plugins/discover", admin, post(discover))
        .route("/api/v1/plugins/install_from_oci", admin, post(installing::install))
        .route("/api/v1/plugins/install/oci", admin, post(installing::install))
        .route("/api/v1/plugins/{id}", read, get(show))
        .route("/api/v1/plugins/{id}", admin, delete(unload))
        .route("/api/v1/plugins/{id}/enable", admin, post(enable))
        .route("/api/v1/plugins/{id}/disable", admin, post(disable))
        .route("/api/v1/plugins/{id}/reload", admin, post(reload))
        .route("/api/v1/plugins/{id}/rollback", admin, post(installing::roll_back))
        .route("/api/v1/plugins/{id}/run", execute, post(run))
        .router
        .fallback(|| async { Problem::of_request(StatusCode::NOT_FOUND, "there is no such path") })
        .method_not_allowed_fallback(|| async {
            Problem::of_request(StatusCode::METHOD_NOT_ALLOWED, "the path is not asked like that")
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&api.metrics), guard))
        .with_state(api)
}

async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let (plugins, restarts) = api.ask(|host: &Host| (host.plugins(), host.restarts())).await?;
    let states: Vec<&str> = plugins.iter().map(|plugin| plugin.state).collect();
    let failed = |_| Problem::of_request(StatusCode::INTERNAL_SERVER_ERROR, "the host has a bug");
    api.metrics.answer(&states, restarts).map_err(failed)
}

async fn ready(State(api): State<Api>) -> Response {
    match api.is_ready.load(Ordering::SeqCst) {
        true => Json(json!({ "status": "ready" })).into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready" }))).into_response(),
    }
}

async fn discover(State(api): State<Api>, Asking(by): Asking) -> Result<Json<BroughtIn>, Problem> {
    let failed = |fault| Problem::of_request(StatusCode::INTERNAL_SERVER_ERROR, reason_of(&fault));
    let discovered = api.ask(move |host| host.discover(&by)).await?.map_err(failed)?;
    Ok(Json(BroughtIn { discovered }))
}

async fn enable(State(api): State<Api>, named: Named, Asking(by): Asking) -> Result<Json<HostedPlugin>, Problem> {
    ask(&api, named, Verb::Enable, by, Problem::of_plugin).await.map(Json)
}

async fn disable(State(api): State<Api>, named: Named, Asking(by): Asking) -> Result<Json<HostedPlugin>, Problem> {
    ask(&api, named, Verb::Disable, by, Problem::of_plugin).await.map(Json)
}

async fn reload(
    State(api): State<Api>,
    named: Named,
    Asking(by): Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<HostedPlugin>, Problem> {
    let ReloadRequest { from } = read_object(&headers, body).await?.unwrap_or_default();
    admit(api.logins.as_ref(), &headers, Permission::Admin)?;
    let Some(from) = from else { return ask(&api, named, Verb::Reload, by, Problem::of_reload).await.map(Json) };
    let id = id(named)?;
    let asked = id.clone();
    let reloaded = api.ask(move |host| host.reload_from(asked.as_str(), &from, &by)).await?;
    reloaded.map(Json).map_err(|refusal| Problem::of_reload(id.as_str(), &refusal))
}

async fn unload(State(api): State<Api>, named: Named, Asking(by): Asking) -> Result<StatusCode, Problem> {
    ask(&api, named, Verb::Unload, by, Problem::of_plugin).await.map(|_| StatusCode::NO_CONTENT)
}

async fn ask(
    api: &Api,
    named: Named,
    verb: Verb,
    by: Asker,
    problem: fn(&str, &Refusal) -> Problem,
) -> Result<HostedPlugin, Problem> {
    let id = id(named)?;
    let asked = id.clone();
    api.ask(move |host| host.ask(asked.as_str(), verb, &by)).await?.map_err(|refusal| problem(id.as_str(), &refusal))
}

async fn run(
    State(api): State<Api>,
    named: Named,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<CalledPlugin>, Problem> {
    let id = id(named)?;
    let RunRequest { payload, context } = read_object(&headers, body).await?.unwrap_or_default();
    admit(api.logins.as_ref(), &headers, Permission::Execute)?;
    let (asked, waited) = (id.clone(), Waited::default());
    let stop = Arc::clone(&waited.is_over);
    let began = Instant::now();
    let called = api
        .ask(move |host| host.run(asked.as_str(), &Invocation { payload: &payload, context: &context, stop: &stop }))
        .await?;
    api.metrics.called(began, &called);
    match called {
        Ok(result) => Ok(Json(CalledPlugin { plugin_id: id.to_string(), result })),
        Err(refusal) => Err(Problem::of_call(id.as_str(), &refusal)),
    }
}
