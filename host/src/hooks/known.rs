//! `Hooks`: what a host knows of hooks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aisoc_hooks::Registry;
use aisoc_manifests::dependencies::{Needs, in_order};

use super::event::RegistryEvent;
use super::limiter::Limiter;
use super::metrics::HookMetrics;
use crate::found::Found;

/// Most events that wait for handlers of `audit_emit`.
pub(super) const MAX_AUDIT_EVENTS: usize = 1024;

/// Who is registered, and what is to be told.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    pub(super) registry: Mutex<Registry>,
    /// What handlers of `audit_emit` are told next, each with its time.
    pub(super) waiting: Mutex<VecDeque<(String, RegistryEvent)>>,
    pub(super) limiter: Mutex<Limiter>,
    pub(crate) metrics: Arc<HookMetrics>,
}

impl Hooks {
    /// Lets no plugin come any more that was not there.
    pub(crate) fn freeze(&self) {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).freeze();
    }
}

/// Brings plugins into the order in which they are registered: each behind those that it needs.
pub(crate) fn in_order_of_needs(found: &mut [&Found]) {
    let said = found.iter().filter_map(|found| found.registration.as_deref());
    let needs: Needs = said.map(|said| (said.name.clone(), said.depends_on.iter().cloned().collect())).collect();
    // What cannot be ordered was refused when it was looked at.
    let order = in_order(&needs).unwrap_or_default();
    let place = |found: &&Found| order.iter().position(|name| *name == found.about.id).unwrap_or(order.len());
    found.sort_by_cached_key(place);
}
