//! The audit log of a host: what plugins report, and what was denied to them.

mod event;
mod files;
mod log;
mod reader;
mod share;

use aisoc_manifests::capability::Capability;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::event::{Event, MAX_EVENT_BYTES, MAX_METADATA_BYTES, MAX_TARGET_BYTES, Outcome};
pub(crate) use self::log::AuditLog;
use self::log::By;
pub(crate) use self::reader::AuditReader;
use crate::asking::{Asking, Handle, no_method};
use crate::caller::Caller;
use crate::granted::Granted;
use crate::refusal::{Refusal, Why};

/// How the names of events begin that the host itself writes.
const OF_HOST: &str = "plugin.";

impl AuditLog {
    /// Writes down that something was denied. That it cannot be written changes nothing about that.
    pub(crate) fn denied(&self, plugin: &Granted, caller: &Caller, capability: Capability, at: Timestamp) {
        let mut metadata = Map::new();
        metadata.insert("capability".to_owned(), json!(capability.as_str()));
        let event =
            Event { event: "plugin.capability_denied", target: None, outcome: Outcome::Denied, metadata: &metadata };
        let _ = self.write(By::Host, plugin, caller, &event, at);
    }
}

/// How the three events of one way out are called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutgoingEvents {
    leaves: &'static str,
    ended: &'static str,
    refused: &'static str,
}

impl OutgoingEvents {
    pub(crate) const NETWORK: Self =
        Self { leaves: "plugin.network_outbound", ended: "plugin.network_ended", refused: "plugin.network_refused" };
    pub(crate) const PROVIDER: Self =
        Self { leaves: "plugin.provider_asked", ended: "plugin.provider_ended", refused: "plugin.provider_refused" };
}

/// What is said of a request beside its line.
type Said = Map<String, Value>;

impl AuditLog {
    /// Writes down that the host is about to ask somebody for a plugin, and gives the number of the line.
    ///
    /// # Errors
    /// `unavailable` where it is not written, `rate_limited` beyond the plugin's share: then nobody is asked.
    pub(crate) fn leaves(
        &self,
        events: OutgoingEvents,
        asking: &Asking<'_>,
        said: &Said,
        at: Timestamp,
    ) -> Result<u64, Refusal> {
        let event = Event { event: events.leaves, target: None, outcome: Outcome::Success, metadata: said };
        self.write(By::Plugin, asking.plugin, asking.caller, &event, at)
    }

    /// Writes down what came of it.
    ///
    /// # Errors
    /// `unavailable` where it is not written.
    pub(crate) fn ended(
        &self,
        events: OutgoingEvents,
        asking: &Asking<'_>,
        said: &Said,
        is_answered: bool,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let outcome = if is_answered { Outcome::Success } else { Outcome::Failure };
        let event = Event { event: events.ended, target: None, outcome, metadata: said };
        self.write(By::Host, asking.plugin, asking.caller, &event, at).map(drop)
    }

    /// Writes down that nobody was asked. That it cannot be written changes nothing about that.
    pub(crate) fn refused(&self, events: OutgoingEvents, asking: &Asking<'_>, said: &Said, at: Timestamp) {
        let event = Event { event: events.refused, target: None, outcome: Outcome::Denied, metadata: said };
        let _ = self.write(By::Host, asking.plugin, asking.caller, &event, at);
    }
}

/// `audit.emit`.
#[derive(Debug)]
pub(crate) struct AuditEmitter {
    log: AuditLog,
    clock: fn() -> Timestamp,
}

impl AuditEmitter {
    pub(crate) fn of(log: AuditLog, clock: fn() -> Timestamp) -> Self {
        Self { log, clock }
    }
}

impl Handle for AuditEmitter {
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal> {
        if asking.method != "emit" {
            return Err(no_method(&["emit"]));
        }
        let arguments = asking.arguments(&["event", "target", "outcome", "metadata"])?;
        let event = arguments.text("event", 1..=MAX_EVENT_BYTES)?;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !event.bytes().all(is_word) || event.starts_with(OF_HOST) {
            let form = "`event` is made of letters, digits, `.`, `_` and `-`, and does not begin with";
            return Err(Refusal::invalid(format!("{form} `{OF_HOST}`")));
        }
        let outcome = match arguments.optional_text("outcome", 1..=MAX_EVENT_BYTES)? {
            None => Outcome::Success,
            Some(word) => {
                Outcome::read(word).ok_or_else(|| Refusal::invalid("`outcome` is `success`, `failure` or `denied`"))?
            }
        };
        let (target, metadata) =
            (arguments.optional_text("target", 1..=MAX_TARGET_BYTES)?, arguments.object("metadata")?);
        if serde_json::to_string(&metadata).map_or(usize::MAX, |text| text.len()) > MAX_METADATA_BYTES {
            return Err(Refusal::invalid(format!("`metadata` has more than {MAX_METADATA_BYTES} bytes")));
        }
        if !asking.plugin.events.take() {
            return Err(Refusal::Failed(Why::RateLimited, "the plugin reports too often".to_owned()));
        }
        let event = Event { event, target, outcome, metadata: &metadata };
        let line = self.log.write(By::Plugin, asking.plugin, asking.caller, &event, (self.clock)())?;
        Ok(json!(line))
    }
}
