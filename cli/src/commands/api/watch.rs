//! `aisoc api events`

use std::time::{Duration, Instant};

use aisoc_host_client::{HostClient, HostEvent, Watching};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::WatchedEvent;
use serde_json::{Map, Value};

use super::asking;
use crate::args::api::WatchArgs;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

/// How long a host that is gone is left alone first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MOST_PAUSE: Duration = Duration::from_secs(15);

impl Answer for WatchedEvent {
    /// When, what, of which plugin, and why.
    fn text(&self) -> String {
        let member = |name: &str| self.said.get(name).and_then(Value::as_str);
        let parts = [member("timestamp"), Some(self.name.as_str()), member("plugin_id"), member("message")];
        let parts: Vec<_> = parts.into_iter().flatten().map(printable).collect();
        format!("{}\n", parts.join(" "))
    }

    fn goes_on(&self) -> bool {
        true
    }
}

pub(crate) fn run(args: WatchArgs, context: &Context) -> Result<u8> {
    let client = asking::client(args.host, context)?;
    let mut watch = Watch { client: &client, context, seen: args.after };
    let ended = runtime::block_on(context.cancellation()?, watch.for_ever());
    match (ended, watch.seen) {
        // What has an id that could be read is no word of a shell's.
        (Err(fault), Some(seen)) if is_away(&fault) && is_plain(&seen) => {
            Err(fault.hint(format!("go on where it ended: `aisoc api events --after {seen}`")))
        }
        (ended, _) => ended.map(|()| 0).map_err(asking::hinted),
    }
}

/// Somebody who watches a host, and comes back to it.
struct Watch<'a> {
    client: &'a HostClient,
    context: &'a Context,
    /// The last event that was passed on, or behind which it began.
    seen: Option<String>,
}

impl<'a> Watch<'a> {
    /// Passes on what happens. A host that was there and is not is asked again, for as long as an answer is waited for.
    async fn for_ever(&mut self) -> Result<()> {
        let client = self.client;
        let mut watching = client.watch(self.seen.as_deref()).await?;
        loop {
            let Err(lost) = self.pass_on(&mut watching).await else { continue };
            if !is_away(&lost) {
                return Err(lost);
            }
            watching = self.come_back(lost).await?;
        }
    }

    async fn pass_on(&mut self, watching: &mut Watching<'_>) -> Result<()> {
        for HostEvent { id, name, data } in watching.next().await? {
            let said: Map<String, Value> = serde_json::from_str(&data).map_err(|error| {
                let what = format!("`{}` sends an event that cannot be read", self.client.place());
                Fault::new(Reason::HostProtocol, what).caused_by(error)
            })?;
            self.seen = id.clone().or(self.seen.take());
            self.context.output.answer(&WatchedEvent { event_id: id, name, said })?;
        }
        Ok(())
    }

    /// Asks again after a second, then after twice as long, and so on: whoever watches is not what keeps a host from
    /// coming up.
    async fn come_back(&self, lost: Fault) -> Result<Watching<'a>> {
        let (client, output) = (self.client, &self.context.output);
        let place = client.place();
        let (gone_since, mut pause, mut why) = (Instant::now(), FIRST_PAUSE, lost);
        loop {
            let left = client.patience().saturating_sub(gone_since.elapsed());
            if left.is_zero() {
                return Err(why);
            }
            let wait = pause.min(left);
            output.status("Lost", format!("`{place}`: {why}; it is asked again in {} s", wait.as_secs_f64().ceil()));
            tokio::time::sleep(wait).await;
            match tokio::time::timeout(MOST_PAUSE, client.watch(self.seen.as_deref())).await {
                Ok(Ok(watching)) => {
                    let behind = match &self.seen {
                        Some(seen) => format!("goes on behind the event {}", printable(seen)),
                        None => "what has happened meanwhile was not seen".to_owned(),
                    };
                    output.status("Watching", format!("`{place}` again: {behind}"));
                    return Ok(watching);
                }
                Ok(Err(fault)) if !is_away(&fault) => return Err(fault),
                Ok(Err(fault)) => why = fault,
                Err(_) => {
                    why = Fault::new(Reason::HostUnavailable, format!("`{place}` does not answer"));
                }
            }
            pause = (pause * 2).min(MOST_PAUSE);
        }
    }
}

/// Whether it may be there a moment later.
fn is_away(fault: &Fault) -> bool {
    matches!(fault.reason(), Reason::HostUnavailable | Reason::HostBusy)
}

fn is_plain(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}
