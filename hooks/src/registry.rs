//! `Registry`: whose handlers are called at which hook, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::hook::{Hook, Ordering};

use crate::handler::Handler;
use crate::registration::Registration;
use crate::timeout::HandlerTimeout;

/// What is said to a plugin that comes too late.
pub const FROZEN: &str = "registry is frozen; cannot register handlers";

/// Who is registered.
///
/// It is filled while a host starts, and frozen then: who was not there by that time comes no more. Who was can be taken the
/// place of, by what runs of that plugin next, and can leave.
#[derive(Debug, Default)]
pub struct Registry {
    plugins: BTreeMap<String, Arc<Registration>>,
    /// Handlers of the host's own.
    core: Vec<Handler>,
    /// Everybody who was ever there, or is waited for.
    known: BTreeSet<String>,
    is_frozen: bool,
}

impl Registry {
    /// Refuses a plugin that may not be registered now, before anything is asked about it. `is_its_own` where what is
    /// registered under that name, if anything is, is that very plugin, whose place it takes.
    ///
    /// # Errors
    /// `registration_refused` once the registry is frozen, `duplicate_plugin_id`.
    pub fn require_free(&self, name: &str, is_its_own: bool) -> Result<()> {
        if self.is_frozen && !self.known.contains(name) {
            return Err(Fault::new(Reason::RegistrationRefused, FROZEN));
        }
        if is_its_own { Ok(()) } else { self.require_unregistered(name) }
    }

    /// Refuses what has the name of a plugin that is registered, and is not registered itself.
    ///
    /// # Errors
    /// `duplicate_plugin_id`.
    pub fn require_unregistered(&self, name: &str) -> Result<()> {
        if self.plugins.contains_key(name) {
            return Err(Fault::new(Reason::DuplicatePluginId, format!("plugin '{name}' is already registered")));
        }
        Ok(())
    }

    /// Registers a plugin, in the place of what was registered of it before: all of its handlers, and none of those.
    ///
    /// # Errors
    /// As [`Registry::require_free`]; `dependency_missing` where a plugin is not registered that it needs.
    pub fn register(&mut self, plugin: Arc<Registration>, is_its_own: bool) -> Result<()> {
        self.require_free(&plugin.name, is_its_own)?;
        self.require_dependencies(&plugin)?;
        self.known.insert(plugin.name.clone());
        self.plugins.insert(plugin.name.clone(), plugin);
        Ok(())
    }

    /// Refuses a plugin that needs one which is not registered.
    ///
    /// # Errors
    /// `dependency_missing`, naming all of them.
    pub fn require_dependencies(&self, plugin: &Registration) -> Result<()> {
        let is_missing = |name: &&String| !self.plugins.contains_key(*name);
        let missing: Vec<&str> = plugin.depends_on.iter().filter(is_missing).map(String::as_str).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let text = format!("missing plugin dependencies: {} missing {}", plugin.name, missing.join(", "));
        Err(Fault::new(Reason::DependencyMissing, text))
    }

    /// Registers a handler of the host's own, under a name by which it is ordered among its like.
    ///
    /// # Errors
    /// `registration_refused` once the registry is frozen.
    pub fn register_core(&mut self, hook: Hook, name: &str) -> Result<()> {
        if self.is_frozen {
            return Err(Fault::new(Reason::RegistrationRefused, FROZEN));
        }
        let (plugin, timeout) = ("core".to_owned(), HandlerTimeout::default());
        self.core.push(Handler { hook, plugin, name: name.to_owned(), timeout, is_core: true });
        Ok(())
    }

    /// Takes a plugin out, with all of its handlers. It may come back.
    pub fn remove(&mut self, name: &str) -> Option<Arc<Registration>> {
        self.plugins.remove(name)
    }

    /// Lets a plugin come whenever it does, that somebody waits for.
    pub fn await_plugin(&mut self, name: &str) {
        self.known.insert(name.to_owned());
    }

    /// Lets nobody come any more who was never here.
    pub fn freeze(&mut self) {
        self.is_frozen = true;
    }

    /// Whether it is.
    pub const fn is_frozen(&self) -> bool {
        self.is_frozen
    }

    /// Every plugin, by its name.
    pub fn plugins(&self) -> impl Iterator<Item = &Arc<Registration>> {
        self.plugins.values()
    }

    /// The plugin of that name.
    pub fn plugin(&self, name: &str) -> Option<&Arc<Registration>> {
        self.plugins.get(name)
    }

    /// The handlers of a hook, in the order in which they are called: of the host and of plugins as the hook has it, and
    /// within each by their names.
    pub fn handlers(&self, hook: Hook) -> Vec<Handler> {
        let of_plugins = self.plugins.values().filter_map(|plugin| plugin.handler(hook));
        let mut handlers: Vec<Handler> =
            of_plugins.chain(self.core.iter().filter(|handler| handler.hook == hook)).cloned().collect();
        handlers.sort_by(|one, other| key(one).cmp(&key(other)));
        handlers
    }
}

fn key(handler: &Handler) -> (bool, &str) {
    let is_last = match handler.hook.ordering() {
        Ordering::CoreFirst | Ordering::CoreOnlyDefault => !handler.is_core,
        Ordering::PluginsFirst => handler.is_core,
        Ordering::PluginOnly => false,
    };
    (is_last, &handler.name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::registration::tests::declared;

    fn plugin(name: &str, handlers: &[(&str, &str)]) -> Arc<Registration> {
        Arc::new(Registration::judge(declared(name, handlers)).expect("judged"))
    }

    fn names(registry: &Registry, hook: Hook) -> Vec<String> {
        registry.handlers(hook).into_iter().map(|handler| handler.name).collect()
    }

    #[test]
    fn the_host_and_plugins_come_in_the_order_of_the_hook_and_by_their_names() {
        let mut registry = Registry::default();
        let hooks = ["capability_check", "recall_filter", "audit_emit", "post_assert_persist"];
        for name in ["zzz", "aaa", "mmm"] {
            registry.register(plugin(name, &hooks.map(|hook| (hook, "f"))), false).expect("registered");
        }
        for hook in hooks {
            for name in ["core.002.b", "core.001.a"] {
                registry.register_core(hook.parse().expect("known"), name).expect("registered");
            }
        }
        let (core, plugins) = (["core.001.a", "core.002.b"], ["aaa.f", "mmm.f", "zzz.f"]);
        let core_first = [&core[..], &plugins].concat();
        assert_eq!(names(&registry, Hook::CapabilityCheck), core_first);
        assert_eq!(names(&registry, Hook::AuditEmit), core_first);
        assert_eq!(names(&registry, Hook::RecallFilter), [&plugins[..], &core].concat());
        // One partition, by their names alone.
        assert_eq!(names(&registry, Hook::PostAssertPersist), ["aaa.f", "core.001.a", "core.002.b", "mmm.f", "zzz.f"]);
        assert!(registry.handlers(Hook::RecallRank).is_empty());
    }

    #[test]
    fn who_was_not_there_when_it_was_frozen_comes_no_more_and_who_was_comes_back() {
        let mut registry = Registry::default();
        registry.register(plugin("aaa", &[("audit_emit", "f")]), false).expect("registered");
        let twice = registry.register(plugin("aaa", &[]), false).expect_err("twice");
        assert_eq!(
            (twice.reason(), twice.message()),
            (Reason::DuplicatePluginId, "plugin 'aaa' is already registered")
        );
        registry.freeze();
        let late = |fault: Fault| assert_eq!((fault.reason(), fault.message()), (Reason::RegistrationRefused, FROZEN));
        late(registry.register(plugin("bbb", &[]), false).expect_err("late"));
        late(registry.register_core(Hook::AuditEmit, "core.001.a").expect_err("late"));
        // What runs of it next takes its place whole.
        registry.register(plugin("aaa", &[("recall_filter", "g")]), true).expect("its own");
        assert_eq!(names(&registry, Hook::RecallFilter), ["aaa.g"]);
        assert!(registry.handlers(Hook::AuditEmit).is_empty(), "none of those before");
        assert!(registry.remove("aaa").is_some() && registry.remove("aaa").is_none());
        registry.register(plugin("aaa", &[]), false).expect("it was there");
        registry.await_plugin("bbb");
        registry.register(plugin("bbb", &[]), false).expect("it was waited for");
    }

    #[test]
    fn what_needs_what_is_not_registered_is_refused_with_all_of_it() {
        let mut registry = Registry::default();
        let mut needing = declared("aaa", &[]);
        needing.depends_on = ["ddd", "bbb", "ccc"].map(str::to_owned).to_vec();
        let needing = Arc::new(Registration::judge(needing).expect("judged"));
        registry.register(plugin("ccc", &[]), false).expect("registered");
        let fault = registry.register(Arc::clone(&needing), false).expect_err("two are missing");
        assert_eq!(fault.message(), "missing plugin dependencies: aaa missing bbb, ddd");
        registry.register(plugin("bbb", &[]), false).expect("registered");
        registry.register(plugin("ddd", &[]), false).expect("registered");
        registry.register(needing, false).expect("all are there");
    }

    proptest! {
        /// In whatever order they come, they are called in one.
        #[test]
        fn who_came_first_is_nothing_to_the_order(
            (first, second) in proptest::collection::btree_set("[a-z][a-z0-9-]{2,5}", 1..12)
                .prop_map(|names| names.into_iter().collect::<Vec<_>>())
                .prop_flat_map(|names| (Just(names.clone()).prop_shuffle(), Just(names).prop_shuffle())),
            at in 0..Hook::ALL.len(),
        ) {
            let hook = Hook::ALL[at];
            let of = |names: &[String]| {
                let mut registry = Registry::default();
                for name in names {
                    registry.register(plugin(name, &[(hook.as_str(), "f")]), false).expect("registered");
                }
                registry.register_core(hook, "core.001.a").expect("registered");
                registry.handlers(hook)
            };
            let handlers = of(&first);
            prop_assert_eq!(&handlers, &of(&second));
            prop_assert_eq!(handlers.len(), first.len() + 1);
            let plugins: Vec<&str> = handlers.iter().filter(|one| !one.is_core).map(|one| one.name.as_str()).collect();
            prop_assert!(plugins.is_sorted());
            let core = handlers.iter().position(|one| one.is_core).expect("there");
            match hook.ordering() {
                Ordering::CoreFirst | Ordering::CoreOnlyDefault => prop_assert_eq!(core, 0),
                Ordering::PluginsFirst => prop_assert_eq!(core, first.len()),
                Ordering::PluginOnly => {}
            }
        }
    }
}
