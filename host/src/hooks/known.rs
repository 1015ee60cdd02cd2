//! `Hooks`: what a host knows of hooks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use aisoc_hooks::Registry;
use aisoc_manifests::dependencies::{Needs, in_order};
use aisoc_manifests::hook::Hook;

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
    /// Plugins that are there and were not registered, with the hooks that each has handlers for, where it has said so.
    refused: Mutex<BTreeMap<String, Option<BTreeSet<Hook>>>>,
    /// What handlers of `audit_emit` are told next, each with its time.
    pub(super) waiting: Mutex<VecDeque<(String, RegistryEvent)>>,
    pub(super) limiter: Mutex<Limiter>,
    pub(crate) metrics: Arc<HookMetrics>,
}

impl Hooks {
    /// Notes that a plugin is there, and is not registered.
    pub(crate) fn note_refused(&self, found: &Found) {
        let said = found.registration.as_ref();
        let at_hooks = said.map(|said| said.handlers.iter().map(|handler| handler.hook).collect());
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(found.about.id.clone(), at_hooks);
    }

    /// What is not there any more is not missed.
    pub(crate) fn forget_refused_but(&self, there: &BTreeSet<&str>) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|id, _| there.contains(id.as_str()));
    }

    /// Notes that a plugin is registered, or that an operator has taken it out.
    pub(super) fn forget_refused(&self, id: &str) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Plugins that are there and not registered: those that have handlers for that hook, or have not said for which; all of
    /// them where none is named.
    pub(super) fn not_registered(&self, hook: Option<Hook>) -> Vec<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let is_missed = |at_hooks: &Option<BTreeSet<Hook>>| {
            at_hooks.as_ref().zip(hook.as_ref()).is_none_or(|(at_hooks, hook)| at_hooks.contains(hook))
        };
        let missed = refused.into_iter().filter(|(id, at_hooks)| is_missed(at_hooks) && registry.plugin(id).is_none());
        missed.map(|(id, _)| id).collect()
    }

    /// Whether every plugin that may be registered was looked for.
    pub(crate) fn is_frozen(&self) -> bool {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).is_frozen()
    }

    /// Lets no plugin come any more that was not there, but for those that an operator requires.
    pub(crate) fn freeze<'a>(&self, required: impl Iterator<Item = &'a String>) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        required.for_each(|name| registry.await_plugin(name));
        registry.freeze();
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
