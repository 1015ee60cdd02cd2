//! `Handle`: what one capability lets plugins do, and an ask of it that was granted.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use aisoc_manifests::capability::Capability;
use serde_json::{Map, Value};

use crate::arguments::Arguments;
use crate::caller::Caller;
use crate::granted::Granted;
use crate::refusal::Refusal;

/// What one capability lets plugins do.
pub(crate) trait Handle: fmt::Debug + Send + Sync {
    /// Whether a host gives this one to that plugin.
    fn is_provided(&self, _plugin: &Granted) -> bool {
        true
    }

    /// Does it, of what was granted.
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal>;
}

/// How long a call waits for what its plugin asks.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// Until then, and no longer.
    pub until: Instant,
    /// Set when nobody waits any more.
    pub stop: &'a AtomicBool,
}

impl<'a> Waiting<'a> {
    /// From now on so long. A call's own time begins with its turn, which is no sooner.
    #[must_use]
    pub fn begin(patience: Duration, stop: &'a AtomicBool) -> Self {
        Self { until: Instant::now() + patience, stop }
    }

    /// How long that is.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// An ask that was granted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) plugin: &'a Granted,
    pub(crate) caller: &'a Caller,
    pub(crate) waiting: Waiting<'a>,
    /// By which it was granted.
    pub(crate) capability: Capability,
    pub(crate) method: &'a str,
    pub(crate) given: &'a Map<String, Value>,
}

impl<'a> Asking<'a> {
    pub(crate) fn arguments(&self, known: &[&str]) -> Result<Arguments<'a>, Refusal> {
        Arguments::of(self.given, known)
    }
}

pub(crate) fn no_method(known: &[&str]) -> Refusal {
    Refusal::invalid(format!("its methods are `{}`", known.join("`, `")))
}
