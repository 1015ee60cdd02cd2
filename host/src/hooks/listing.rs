//! Who is registered at which hook, as it is shown.

use aisoc_hooks::{Handler, Registration};
use aisoc_manifests::hook::Hook;
use aisoc_pipeline::documents::{HostedHook, HostedHooks, RegisteredHandler, RegisteredPlugin};

use super::reported::Health;
use crate::held::locked;
use crate::host::Host;

impl Host {
    /// Every hook with its handlers, and every plugin that is registered.
    pub(crate) fn hosted_hooks(&self) -> HostedHooks {
        let (is_frozen, handlers, plugins) = {
            let registry = locked(&self.hooks.registry);
            let handlers: Vec<(Hook, Vec<Handler>)> =
                Hook::ALL.iter().map(|hook| (*hook, registry.handlers(*hook))).collect();
            (registry.is_frozen(), handlers, registry.plugins().cloned().collect::<Vec<_>>())
        };
        let hooks = handlers.into_iter().map(|(hook, handlers)| HostedHook {
            hook: hook.into(),
            handlers: handlers.into_iter().map(shown).collect(),
            required: self.settings.required_handlers.get(&hook).into_iter().flatten().cloned().collect(),
        });
        let plugins = plugins.iter().map(|plugin| self.registered_plugin(plugin));
        let not_registered = self.hooks.not_registered(None);
        HostedHooks { is_frozen, hooks: hooks.collect(), plugins: plugins.collect(), not_registered }
    }

    fn registered_plugin(&self, registration: &Registration) -> RegisteredPlugin {
        let held = self.find_registered(&registration.name);
        let health = held.and_then(|held| locked(&held.now).health.clone());
        RegisteredPlugin {
            plugin_id: registration.name.clone(),
            version: registration.version.clone(),
            requires_stigmem: registration.requires.clone(),
            capabilities: registration.capabilities.iter().map(|capability| capability.as_str()).collect(),
            depends_on: registration.depends_on.clone(),
            hooks: registration.handlers.iter().map(|handler| handler.hook.as_str()).collect(),
            is_async_safe: registration.is_async_safe,
            health: Health::shown(health.as_ref()),
        }
    }

    /// Counts who is registered.
    pub(crate) fn count_hooks(&self) {
        let registry = locked(&self.hooks.registry);
        let of_hooks = Hook::ALL.iter().map(|hook| (*hook, registry.handlers(*hook).len()));
        self.hooks.metrics.stand(registry.plugins().count(), of_hooks);
    }
}

fn shown(handler: Handler) -> RegisteredHandler {
    let Handler { name, plugin, timeout, .. } = handler;
    RegisteredHandler { name, plugin_id: plugin, timeout_seconds: timeout.duration().as_secs_f64() }
}
