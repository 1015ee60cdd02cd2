//! The routes of the operator's API. A handler asks the host, on a thread where it may wait, and shows what comes of it.

use std::sync::Arc;
use std::time::Instant;

use aisoc_manifests::id::HostedId;
use aisoc_pipeline::documents::{
    AuditPage, BroughtIn, BroughtPlugin, CalledPlugin, FiredHook, HostedHooks, HostedPlugin,
};
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::handler::Handler;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::asking::{Api, Named, Waited, id};
use super::audit;
use super::body::{ReloadRequest, RunQuery, RunRequest};
use super::events::events;
use super::hooks;
use super::installing;
use super::listing::{list, show};
use super::login::Needs;
use super::openapi::{Document, Does};
use super::problem::Problem;
use super::request::{Asking, Calling, guard};
use crate::access::Permission;
use crate::asker::Asker;
use crate::host::Host;
use crate::lifecycle::Verb;
use crate::refusal::Refusal;
use crate::settings::Invocation;

/// Routes, each with what it asks of whoever asks it, and with what it does: there is none without.
pub(super) struct Routes {
    router: Router<Api>,
    api: Api,
    document: Document,
}

impl Routes {
    fn get<T: 'static>(self, path: &str, needs: Needs, does: &Does, handler: impl Handler<T, Api>) -> Self {
        self.route(("get", path), needs, does, get(handler))
    }

    fn post<T: 'static>(self, path: &str, needs: Needs, does: &Does, handler: impl Handler<T, Api>) -> Self {
        self.route(("post", path), needs, does, post(handler))
    }

    fn delete<T: 'static>(self, path: &str, needs: Needs, does: &Does, handler: impl Handler<T, Api>) -> Self {
        self.route(("delete", path), needs, does, delete(handler))
    }

    /// Of a path that is a word of ours where others have an id: a plugin that is called like that is shown and let go of
    /// there as every other one. Nothing but `POST` is ours.
    fn of_a_plugin_too(self, path: &str) -> Self {
        let [read, _, admin, _] = Permission::ALL.map(Needs::permission);
        let id = path.rsplit('/').next().unwrap_or_default();
        let named = |id: &str| {
            let id = id.to_owned();
            move || -> Named { Ok(Path(id.clone())) }
        };
        let (to_show, to_unload) = (named(id), named(id));
        let showing = get(move |api: State<Api>, headers: HeaderMap| show(api, to_show(), headers));
        let unloading = delete(move |api: State<Api>, by: Asking| unload(api, to_unload(), by));
        self.at(path, read.to("api/get"), showing).at(path, admin.to("api/unload"), unloading)
    }

    fn route(mut self, (method, path): (&str, &str), needs: Needs, does: &Does, handler: MethodRouter<Api>) -> Self {
        self.document.add(method, path, needs.held(), does);
        self.at(path, needs, handler)
    }

    fn at(self, path: &str, needs: Needs, handler: MethodRouter<Api>) -> Self {
        let handler = match needs.command() {
            Some(command) => {
                let judged = (self.api.clone(), command);
                handler.route_layer(middleware::from_fn_with_state(judged, require_allowed))
            }
            None => handler,
        };
        // Who it is comes before what they may ask for.
        let handler = needs.before(handler, self.api.logins.as_ref());
        Self { router: self.router.route(path, handler), ..self }
    }

    /// What does not change anything.
    fn looking(self) -> Self {
        let [read, _, admin, _] = Permission::ALL.map(Needs::permission);
        let hooks = Does::shows::<HostedHooks>("Every hook, and who is registered at it", 200);
        let plugins = Does::shows::<Vec<HostedPlugin>>("Every plugin, or a page of them", 200);
        let plugins = plugins.asked(&PAGE).headed(&["If-None-Match"]).or(&[400]).unless_changed();
        let plugin = Does::shows::<HostedPlugin>("One plugin", 200);
        let plugin = plugin.headed(&["If-None-Match"]).or(&[400, 404]).unless_changed();
        let audit = Does::shows::<AuditPage>("The journal of the site, the newest line first", 200).asked(&LINES);
        self.get("/healthz", Needs::NOTHING, &Does::shows::<Standing>("Whether it answers", 200), healthy)
            .get(
                "/readyz",
                Needs::NOTHING,
                &Does::shows::<Standing>(
                    "Whether it has looked for plugins, and those are there that are required",
                    200,
                )
                .or(&[503]),
                ready,
            )
            .get("/metrics", read, &Does::text("How the host does, in numbers", "text/plain"), metrics)
            .get("/api/v1/audit", admin.to("plugins/journal/show"), &audit.or(&[400, 500]), audit::audit)
            .get(
                "/api/v1/events",
                read.to("api/events"),
                &Does::text("What happens, as it happens", "text/event-stream").headed(&["Last-Event-ID"]).or(&[400]),
                events,
            )
            .get("/api/v1/hooks", read.to("api/hooks"), &hooks, hooks::list)
            .get("/api/v1/plugins", read.to("api/list"), &plugins, list)
            .get("/api/v1/plugins/{id}", read.to("api/get"), &plugin, show)
    }

    /// What does.
    fn changing(self) -> Self {
        let [_, execute, admin, fire] = Permission::ALL.map(Needs::permission);
        let install = |summary| {
            Does::shows::<BroughtPlugin>(summary, 201)
                .takes::<installing::InstallRequest>()
                .or(&[400, 408, 413, 415, 500])
        };
        let (first, second) = (install("Installs a plugin, and loads it"), install("The same, by its other name"));
        let switched = |summary| Does::shows::<HostedPlugin>(summary, 200).or(&[400, 404, 409, 500]);
        let loaded = |summary| Does::shows::<HostedPlugin>(summary, 200).or(&[400, 408, 413, 415, 500]);
        let reloads = loaded("Loads what is on the disk in place of what is in memory").takes::<ReloadRequest>();
        let goes_back = loaded("Puts a version back, and loads it").takes::<installing::RollbackRequest>();
        let calls = Does::shows::<CalledPlugin>("Calls a plugin", 200).takes::<RunRequest>().asked(&CALL);
        let fires = Does::shows::<FiredHook>("Fires a hook", 200).takes::<hooks::FireRequest>().asked(&FIRE);
        let unloads = Does::nothing("Takes a plugin out of memory", 204).or(&[400, 404, 409, 500]);
        let discovers = Does::shows::<BroughtIn>("Looks at every source, and loads what is admitted", 200);
        self.post("/api/v1/plugins/discover", admin.to("api/discover"), &discovers.or(&[400, 500]), discover)
            .post("/api/v1/plugins/install_from_oci", admin.to("api/install"), &first, installing::install)
            .of_a_plugin_too("/api/v1/plugins/discover")
            .of_a_plugin_too("/api/v1/plugins/install_from_oci")
            .post("/api/v1/plugins/install/oci", admin.to("api/install"), &second, installing::install)
            .delete("/api/v1/plugins/{id}", admin.to("api/unload"), &unloads, unload)
            .post("/api/v1/plugins/{id}/enable", admin.to("api/enable"), &switched("Lets a plugin take calls"), enable)
            .post(
                "/api/v1/plugins/{id}/disable",
                admin.to("api/disable"),
                &switched("Lets a plugin take no calls"),
                disable,
            )
            .post("/api/v1/plugins/{id}/reload", admin.to("api/reload"), &reloads, reload)
            .post("/api/v1/plugins/{id}/rollback", admin.to("api/rollback"), &goes_back, installing::roll_back)
            // Which plugin it is decides, and what that declares.
            .post("/api/v1/plugins/{id}/run", execute, &calls.or(&[400, 408, 413, 415, 422, 429]), run)
            .post(
                "/api/v1/hooks/{hook}",
                fire.to("api/fire"),
                &fires.or(&[400, 404, 408, 413, 415, 422, 503]),
                hooks::fire,
            )
    }

    /// The table itself.
    fn described(mut self) -> Router<Api> {
        let (path, does) = ("/openapi.json", Does::shows::<Map<String, Value>>("This document", 200));
        self.document.add("get", path, None, &does);
        let text: Arc<str> = self.document.text().into();
        let kind = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let shown = move || async move { (kind, text.to_string()) };
        self.router.route(path, get(shown))
    }
}

/// Parameters of the list, of a call, of a hook, and of the journal.
const PAGE: [(&str, &str); 4] =
    [("plugin_type", "string"), ("state", "string"), ("limit", "integer"), ("after", "string")];
const CALL: [(&str, &str); 1] = [("expect_type", "string")];
const FIRE: [(&str, &str); 1] = [("expect_semantic", "string")];
const LINES: [(&str, &str); 2] = [("limit", "integer"), ("after", "integer")];

/// Whether the host is there.
#[derive(Serialize, JsonSchema)]
struct Standing {
    /// `ok`, `ready` or `not ready`.
    status: &'static str,
}

/// All routes. At which address one is reached, a request says: `Connections` puts it there.
pub(super) fn router(api: Api) -> Router {
    Routes { router: Router::new(), api: api.clone(), document: Document::new() }
        .looking()
        .changing()
        .described()
        .fallback(|| async { Problem::of_request(StatusCode::NOT_FOUND, "there is no such path") })
        .method_not_allowed_fallback(|| async {
            Problem::of_request(StatusCode::METHOD_NOT_ALLOWED, "the path is not asked like that")
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&api.metrics), guard))
        .with_state(api)
}

/// Refuses what a policy denies.
async fn require_allowed(State((api, command)): State<(Api, &'static str)>, request: Request, next: Next) -> Response {
    match api.host().denial(command) {
        Some(fault) => Problem::of_denial(&fault).into_response(),
        None => next.run(request).await,
    }
}

async fn healthy() -> Json<Standing> {
    Json(Standing { status: "ok" })
}

async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let look = |host: &Host| {
        host.count_hooks();
        (host.shown(), host.restarts())
    };
    let (plugins, restarts) = api.ask(look).await?;
    let states: Vec<&str> = plugins.states().map(crate::lifecycle::State::as_str).collect();
    let failed = |_| Problem::bug();
    api.metrics.answer(&states, restarts).map_err(failed)
}

async fn ready(State(api): State<Api>) -> Response {
    match api.host().is_ready() {
        true => Json(Standing { status: "ready" }).into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, Json(Standing { status: "not ready" })).into_response(),
    }
}

async fn discover(State(api): State<Api>, Asking(by): Asking) -> Result<Json<BroughtIn>, Problem> {
    let discovered = api.ask(move |host| host.discover(&by)).await?.map_err(|fault| Problem::of_host(&fault))?;
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
    let said: Option<(ReloadRequest, _)> = api.read(&headers, body, Permission::Admin).await?;
    let from = said.and_then(|(ReloadRequest { from }, _)| from);
    let Some(from) = from else { return ask(&api, named, Verb::Reload, by, Problem::of_reload).await.map(Json) };
    let id: HostedId = id(named)?;
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
    let id: HostedId = id(named)?;
    let asked = id.clone();
    api.ask(move |host| host.ask(asked.as_str(), verb, &by)).await?.map_err(|refusal| problem(id.as_str(), &refusal))
}

async fn run(
    State(api): State<Api>,
    named: Named,
    Calling(caller): Calling,
    query: Result<Query<RunQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<CalledPlugin>, Problem> {
    let id: HostedId = id(named)?;
    let expected = RunQuery::read(query)?;
    let (said, room) = api.read(&headers, body, Permission::Execute).await?.unzip();
    let RunRequest { payload, context } = said.unwrap_or_default();
    let (asked, waited) = (id.clone(), Waited::default());
    let stop = Arc::clone(&waited.is_over);
    let began = Instant::now();
    let by = caller.clone();
    let called = api
        .call(id.as_str(), &by, move |host| {
            let _room = room;
            let (payload, context, caller) = (&payload, &context, &caller);
            host.run(asked.as_str(), &Invocation { payload, caller, context, expected, stop: &stop })
        })
        .await?;
    api.metrics.called(began, &called);
    match called {
        Ok(result) => Ok(Json(CalledPlugin { plugin_id: id.to_string(), result })),
        Err(refusal) => Err(Problem::of_call(id.as_str(), &refusal)),
    }
}
