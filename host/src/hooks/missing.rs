//! Plugins with handlers that are missed: they were there when the host looked for them and nobody is against them, and they do not
//! run. Whoever fires a hook of theirs is told so, and not that nobody denies it.

use std::sync::Arc;

use aisoc_manifests::fault::Reason;
use aisoc_manifests::hook::Hook;

use crate::asker::Asker;
use crate::found::{Found, Verdict};
use crate::held::{Held, locked};
use crate::host::Host;
use crate::lifecycle::{Event, State};
use crate::refusal::Refusal;

impl Host {
    /// Has a plugin that could not be loaded missed until it comes, unless that is somebody's word against it.
    pub(crate) fn miss_unless_refused(&self, held: &Held, found: Option<&Found>, why: &Refusal) {
        if let Some(found) = found.filter(|_| !held.is_registered() && !is_word_against(why)) {
            // Who does not know whether it is set up as it has to be is asked about no other plugin before it does.
            self.miss(held, found, !matches!(why, Refusal::Unasked { is_itself: true, .. }));
        }
    }

    /// Has a plugin of the gates' and of nobody's word against it missed: it is registered as what it said when its contract was
    /// checked, as one is that has ended. One that has said nothing, or may not be registered, is not.
    fn miss(&self, held: &Held, found: &Found, is_asked_about_others: bool) {
        let (Some(said), Some(distribution)) = (&found.registration, found.distribution()) else { return };
        if said.name != held.id {
            return;
        }
        let mut said = said.as_ref().clone();
        said.handlers.retain(|handler| is_asked_about_others || handler.hook != Hook::ConfigValidate);
        let said = Arc::new(said);
        let mut now = locked(&held.now);
        let is_taken = locked(&self.hooks.registry).register(Arc::clone(&said), now.hooks.is_some()).is_ok();
        if is_taken {
            (now.hooks, now.distribution) = (Some(said), Some(distribution.to_owned()));
        }
    }

    /// Misses those whose ids something else has taken, whatever has become of that: they were there before, or have said at
    /// which hooks they are.
    pub(crate) fn miss_those_without_their_ids(&self, found: &[&Found]) {
        for found in found {
            let Verdict::Refused(fault) = &found.verdict else { continue };
            if fault.reason() != Reason::DuplicatePluginId {
                continue;
            }
            let held = self.held(found);
            let _changing = locked(&held.changing);
            self.miss(&held, found, true);
            if held.is_registered() {
                // By now it is awaited.
                let _ = self.drive(&held, Event::Refused(fault.into()), None, &Asker::host());
            }
        }
    }

    /// Whether a plugin that is registered takes calls.
    fn is_asked(&self, id: &str) -> bool {
        self.find_registered(id).is_some_and(|held| {
            let now = locked(&held.now);
            let is_quarantined = now.no_longer_admitted.is_some() && self.quarantines();
            now.life.state() == State::Enabled && !is_quarantined
        })
    }

    /// Whether everybody is there without whom a hook comes to nothing, because an operator says so.
    pub(crate) fn has_required(&self) -> bool {
        let is_there = |hook: Hook, id: &String| {
            let has_handler = locked(&self.hooks.registry).plugin(id).is_some_and(|said| said.handler(hook).is_some());
            has_handler && self.is_asked(id)
        };
        let required = &self.settings.required_handlers;
        required.iter().all(|(hook, ids)| ids.iter().all(|id| is_there(*hook, id)))
    }
}

/// Whether somebody is against it: the plugin itself by what it says, one that is registered, or an order that it does not keep.
/// Hosts of Stigmem go on without it then. Who could not be asked has said nothing.
fn is_word_against(why: &Refusal) -> bool {
    let Refusal::Plugin(fault) = why else { return false };
    matches!(
        fault.reason(),
        Reason::RegistrationRefused
            | Reason::ContractCheckFailed
            | Reason::UnknownCapability
            | Reason::DependencyMissing
            | Reason::DuplicatePluginId
    )
}
