//! `aisoc api events`

use aisoc_host_client::HostEvent;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::WatchedEvent;
use serde_json::{Map, Value};

use super::asking;
use crate::args::api::WatchArgs;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

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
    let mut seen = args.after.clone();
    let watched = client.watch(args.after.as_deref(), |event| {
        let HostEvent { id, name, data } = event;
        let said: Map<String, Value> = serde_json::from_str(&data).map_err(|error| {
            let what = format!("`{}` sends an event that cannot be read", client.place());
            Fault::new(Reason::HostProtocol, what).caused_by(error)
        })?;
        seen = id.clone().or(seen.take());
        context.output.answer(&WatchedEvent { event_id: id, name, said }).map(drop)
    });
    let ended = runtime::block_on(context.cancellation()?, watched);
    match (ended, seen) {
        // What has an id that could be read is no word of a shell's.
        (Err(fault), Some(seen)) if fault.reason() == Reason::HostUnavailable && is_plain(&seen) => {
            Err(fault.hint(format!("go on where it ended: `aisoc api events --after {seen}`")))
        }
        (ended, _) => ended.map(|()| 0).map_err(asking::hinted),
    }
}

fn is_plain(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}
