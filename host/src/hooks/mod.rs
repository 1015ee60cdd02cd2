//! Hooks: plugins that are called at points of the work of whoever asks this host.
//!
//! Who is registered, in which order handlers are called, and what answers come to, is [`aisoc_hooks`]'s; here plugins are
//! registered as they come into memory, and their handlers are called in the processes that hold them.
//!
//! The registry is filled while the host looks for plugins the first time, and frozen then. A plugin that was there keeps its
//! place: what is reloaded, restarted or started for a call registers anew, whole, in the place of what was there before, in
//! the moment in which its process takes the place of the other one.

mod firing;
mod health;
mod limiter;
mod listing;
mod metrics;
mod registering;
mod telling;

use std::sync::{Arc, Mutex};

use aisoc_hooks::{Registration, Registry};
use aisoc_manifests::dependencies::{Needs, in_order};
use aisoc_manifests::fault::Result;

pub use self::firing::Firing;
pub(crate) use self::health::Health;
pub(crate) use self::metrics::HookMetrics;
pub use self::telling::RegistryEvent;
use self::telling::Telling;
use crate::found::Found;
use crate::held::{Held, Now, locked};
use crate::host::Host;

/// What a host knows of hooks.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    registry: Mutex<Registry>,
    /// What plugins need, as they said when they were looked at last.
    needs: Mutex<Needs>,
    telling: Telling,
    pub(crate) metrics: Arc<HookMetrics>,
}

impl Hooks {
    /// Notes what plugins need that were looked at.
    pub(crate) fn note_needs(&self, needs: Needs) {
        *locked(&self.needs) = needs;
    }

    /// Brings plugins into the order in which they are registered: each behind those that it needs.
    pub(crate) fn sort(&self, found: &mut [&Found]) {
        let needs = locked(&self.needs);
        // What cannot be ordered was refused when it was looked at.
        let order = in_order(&needs).unwrap_or_default();
        let place = |found: &&Found| order.iter().position(|name| *name == found.about.id).unwrap_or(order.len());
        found.sort_by_cached_key(place);
    }

    /// Lets no plugin come any more that was not there.
    pub(crate) fn freeze(&self) {
        locked(&self.registry).freeze();
    }
}

impl Host {
    /// Takes what a plugin is registered as out, that is there no more.
    pub(crate) fn let_go_of_hooks(&self, held: &Held) {
        let hooks = {
            let mut now = locked(&held.now);
            now.health = None;
            now.hooks.take()
        };
        if let Some(hooks) = hooks {
            locked(&self.hooks.registry).remove(&hooks.name);
        }
    }

    /// Registers what takes the place of what was registered of a plugin, in the moment in which its process does.
    ///
    /// # Errors
    /// As [`Registry::register`].
    pub(crate) fn take_hooks(&self, now: &mut Now, hooks: Option<&Arc<Registration>>) -> Result<()> {
        let Some(hooks) = hooks else { return Ok(()) };
        locked(&self.hooks.registry).register(Arc::clone(hooks), now.hooks.is_some())?;
        (now.hooks, now.health) = (Some(Arc::clone(hooks)), None);
        Ok(())
    }
}
