//! `Hooks`: what a host knows of hooks.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use aisoc_hooks::{Registration, Registry};
use aisoc_manifests::dependencies::{Needs, in_order};
use aisoc_pipeline::Discovered;

use super::event::RegistryEvent;
use super::limiter::Limiter;
use super::metrics::HookMetrics;
use crate::found::Found;

/// Most events that wait for handlers of `audit_emit`.
pub(super) const MAX_AUDIT_EVENTS: usize = 1024;

/// Which code says something: where it is, and what of it is loaded. Two may give themselves one name.
pub(crate) type CodePlace = (PathBuf, String);

/// Where the code of a plugin is.
pub(crate) fn place_of(plugin: &Discovered) -> CodePlace {
    (plugin.place.clone(), plugin.entry_point.clone())
}

/// Who is registered, and what is to be told.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    pub(super) registry: Mutex<Registry>,
    /// What each plugin said when its contract was checked last.
    checked: Mutex<BTreeMap<CodePlace, Registration>>,
    /// What plugins need, as they said when they were looked at last.
    needs: Mutex<Needs>,
    /// What handlers of `audit_emit` are told next, each with its time.
    pub(super) waiting: Mutex<VecDeque<(String, RegistryEvent)>>,
    pub(super) limiter: Mutex<Limiter>,
    pub(crate) metrics: Arc<HookMetrics>,
}

impl Hooks {
    /// Notes what plugins said whose contracts were checked, and so what they need.
    pub(crate) fn note_checked(&self, said: Vec<(CodePlace, Registration)>) {
        let needs = said.iter().map(|(_, said)| (said.name.clone(), said.depends_on.iter().cloned().collect()));
        *self.needs.lock().unwrap_or_else(PoisonError::into_inner) = needs.collect();
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.extend(said);
    }

    /// Whether a plugin said that when its contract was checked. What it says of itself once it runs is no ground for
    /// anything else: no gate has seen it.
    pub(super) fn was_checked(&self, plugin: &Discovered, registration: &Registration) -> bool {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.get(&place_of(plugin)) == Some(registration)
    }

    /// Brings plugins into the order in which they are registered: each behind those that it needs.
    pub(crate) fn sort(&self, found: &mut [&Found]) {
        let needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        // What cannot be ordered was refused when it was looked at.
        let order = in_order(&needs).unwrap_or_default();
        let place = |found: &&Found| order.iter().position(|name| *name == found.about.id).unwrap_or(order.len());
        found.sort_by_cached_key(place);
    }

    /// Lets no plugin come any more that was not there.
    pub(crate) fn freeze(&self) {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).freeze();
    }
}
