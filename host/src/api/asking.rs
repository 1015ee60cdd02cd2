//! `Api`: what every handler has, and how it asks the host.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aisoc_context::Caller;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::body::{Values, read_object};
use super::login::admit;
use super::metrics::Metrics;
use super::places::Places;
use super::problem::Problem;
use crate::access::{Logins, Permission};
use crate::feed::Feed;
use crate::host::Host;

/// Most requests that ask the host at a time, each on a thread of its own, calls of plugins aside.
const MAX_ASKING: usize = 64;

/// Most values of all bodies that are held at a time: each may take some hundred bytes in memory, and is written as often as a
/// handler makes something of it.
const MAX_VALUES: usize = 1_000_000;

/// What every handler has.
#[derive(Debug, Clone)]
pub(super) struct Api {
    host: Arc<Host>,
    asking: Arc<Semaphore>,
    calling: Arc<Places>,
    firing: Arc<Places>,
    values: Values,
    pub(super) logins: Option<Arc<Logins>>,
    pub(super) metrics: Arc<Metrics>,
}

impl Api {
    pub(super) fn new(host: Arc<Host>, logins: Option<Arc<Logins>>, metrics: Metrics) -> Self {
        let asking = Arc::new(Semaphore::new(MAX_ASKING));
        let (calling, firing) = (Arc::new(Places::of_calls()), Arc::new(Places::of_hooks()));
        let values = Arc::new(Semaphore::new(MAX_VALUES));
        Self { host, asking, calling, firing, values, logins, metrics: Arc::new(metrics) }
    }

    /// What happens.
    pub(super) fn feed(&self) -> &Arc<Feed> {
        self.host.feed()
    }

    /// The host, for what it says at once.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// Asks the host where nobody else waits for the answer.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Host) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let Ok(place) = Arc::clone(&self.asking).try_acquire_owned() else { return Err(Problem::busy()) };
        self.ask_in(place, ask).await
    }

    /// As [`Api::ask`], for a call of a plugin: however many of those there are, they keep nobody from asking, and those of
    /// one plugin or by one token keep nobody from calling others.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        plugin: &str,
        caller: &Caller,
        call: impl FnOnce(&Host) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = self.calling.take(plugin, caller, || self.host.is_over()).await?;
        self.ask_in(place, call).await
    }

    /// As [`Api::call`], for hooks: however many calls there are, they keep nobody from asking a guard, and neither does a hook
    /// at which somebody takes long.
    pub(super) async fn fire<T: Send + 'static>(
        &self,
        hook: &str,
        caller: &Caller,
        fire: impl FnOnce(&Host) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = self.firing.take(hook, caller, || self.host.is_over()).await?;
        self.ask_in(place, fire).await
    }

    /// Asks on a thread, which has that place meanwhile.
    async fn ask_in<T: Send + 'static>(
        &self,
        place: impl Send + 'static,
        ask: impl FnOnce(&Host) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let host = Arc::clone(&self.host);
        let asked = tokio::task::spawn_blocking(move || {
            let _place = place;
            ask(&host)
        });
        asked.await.map_err(|_| Problem::bug())
    }

    /// What a request says, and the room that it has as long as it is held, of whoever still may do what it asks for once it has come: a token may be revoked in between.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        headers: &HeaderMap,
        body: Body,
        permission: Permission,
    ) -> Result<Option<(T, OwnedSemaphorePermit)>, Problem> {
        let said = read_object(headers, body, &self.values).await?;
        admit(self.logins.as_ref(), headers, permission)?;
        Ok(said)
    }
}

pub(super) type Named = Result<Path<String>, PathRejection>;

/// An id, before anybody looks for it: [`PluginId`](aisoc_manifests::id::PluginId) of what is installed, and
/// [`HostedId`](aisoc_manifests::id::HostedId) of what is held.
pub(super) fn id<T: FromStr>(named: Named) -> Result<T, Problem> {
    let id = named.ok().and_then(|Path(id)| id.parse().ok());
    id.ok_or_else(|| Problem::of_request(StatusCode::BAD_REQUEST, "the path names no plugin id"))
}

/// Somebody who waits: a client that goes away drops it, and the call is cancelled.
#[derive(Debug, Default)]
pub(super) struct Waited {
    pub(super) is_over: Arc<AtomicBool>,
}

impl Drop for Waited {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}
