//! `GET /api/v1/events`: what happens, as it happens (server-sent events).

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use aisoc_connections::{Slot, Work};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::asking::Api;
use super::login::admit;
use super::problem::Problem;
use crate::access::{Logins, Permission};
use crate::feed::{EventId, Told, Watching};

/// In which a client says what it has seen.
const LAST: HeaderName = HeaderName::from_static("last-event-id");
/// How often something is said where nothing happens, so that whoever stands between does not hang up.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often whoever watches is asked for their token again.
const ROUND: Duration = Duration::from_secs(1);
/// What is missing, by the name of its event.
const GAP: &str = "gap";

/// A client that watches.
struct Watcher {
    watching: Watching,
    logins: Option<Arc<Logins>>,
    headers: HeaderMap,
    round: Interval,
    /// Its connection is in nobody's way: it has nothing to ask for.
    _work: Work,
}

pub(super) async fn events(
    State(api): State<Api>,
    Extension(slot): Extension<Arc<Slot>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = last(&headers)?;
    let watching = api.feed().watch(after).ok_or_else(Problem::busy)?;
    let Some(work) = slot.work() else { return pending().await };
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watcher = Watcher { watching, logins: api.logins, headers, round, _work: work };
    let told = stream::unfold(watcher, |mut watcher| async move {
        let told = watcher.next().await?;
        Some((Ok::<_, Infallible>(event(&told)), watcher))
    });
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

impl Watcher {
    /// What it is told next; nothing once it is over, or its token counts no more.
    async fn next(&mut self) -> Option<Told> {
        loop {
            tokio::select! {
                told = self.watching.next() => return told,
                _ = self.round.tick() => drop(admit(self.logins.as_ref(), &self.headers, Permission::Read).ok()?),
            }
        }
    }
}

/// The last event that a client has seen, if it has seen one.
fn last(headers: &HeaderMap) -> Result<Option<EventId>, Problem> {
    let mut given = headers.get_all(LAST).iter();
    let (first, second) = (given.next(), given.next());
    let Some(first) = first else { return Ok(None) };
    let id = first.to_str().ok().filter(|_| second.is_none()).and_then(|text| text.parse().ok());
    let refused = || Problem::of_request(StatusCode::BAD_REQUEST, "Last-Event-ID names no event of a host");
    id.map(Some).ok_or_else(refused)
}

fn event(told: &Told) -> Event {
    match told {
        Told::Event(event) => Event::default().id(event.id.to_string()).event(&event.name).data(&event.line),
        Told::Gap { after } => {
            Event::default().event(GAP).data(json!({ "event": GAP, "after": after.to_string() }).to_string())
        }
    }
}
