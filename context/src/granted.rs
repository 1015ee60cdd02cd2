//! `Granted`: a plugin that runs, and what it may ask for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::Result;
use serde_json::{Map, Value};

use crate::facts::Store;
use crate::rate::Rate;

/// Most asks of a plugin in a second, over all of its calls.
const MAX_ASKS_A_SECOND: u32 = 5_000;
/// And at once.
const MAX_ASKS_AT_ONCE: u32 = 5_000;
/// Most audit events of a plugin in a second.
const MAX_EVENTS_A_SECOND: u32 = 50;
/// And at once.
const MAX_EVENTS_AT_ONCE: u32 = 200;

/// Says what a plugin is configured with at this moment.
pub type Configured = dyn Fn() -> Result<Map<String, Value>> + Send + Sync;

/// A plugin that runs.
pub struct Granted {
    /// Its id.
    pub(crate) id: String,
    /// Its line of signers: what another publisher's plugin of the same id does not share.
    pub(crate) line: String,
    pub(crate) declared: BTreeSet<Capability>,
    /// What it keeps.
    pub(crate) facts: Arc<Store>,
    pub(crate) configured: Arc<Configured>,
    pub(crate) asks: Rate,
    pub(crate) events: Rate,
    /// Held by whoever reads the audit log for it.
    pub(crate) reading: Mutex<()>,
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted").field("id", &self.id).field("declared", &self.declared).finish_non_exhaustive()
    }
}

impl Granted {
    /// What the manifest declares that was admitted with its bytes, and nothing else. A tag of a connector grants nothing.
    pub(crate) fn of<'a>(
        (id, line): (&str, &str),
        facts: Arc<Store>,
        declared: impl IntoIterator<Item = &'a String>,
        configured: Arc<Configured>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            line: line.to_owned(),
            declared: declared.into_iter().filter_map(|name| name.parse().ok()).collect(),
            facts,
            configured,
            asks: Rate::of(MAX_ASKS_A_SECOND, MAX_ASKS_AT_ONCE),
            events: Rate::of(MAX_EVENTS_A_SECOND, MAX_EVENTS_AT_ONCE),
            reading: Mutex::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it declares, and may ask for.
    pub fn declared(&self) -> &BTreeSet<Capability> {
        &self.declared
    }

    pub(crate) fn may(&self, capability: Capability) -> bool {
        self.declared.contains(&capability)
    }
}
