//! `Plugins`: who is installed, and all that they are called at.

use std::fmt;
use std::sync::Arc;

use aisoc_platform::{Capabilities, LifecycleEvent, LifecycleHandler, Observer, Rule, Selector, When, Wrapper};

use super::staging::Staged;
use crate::guard::let_go;

/// Who is installed, in the order in which they came.
#[derive(Default)]
pub struct Plugins {
    listed: Vec<InstalledPlugin>,
    hooks: Hooks,
}

/// One plugin that is installed, for listings.
#[derive(Debug, Clone)]
pub struct InstalledPlugin {
    /// What it is called.
    pub name: String,
    /// Its own version; empty when it does not say.
    pub version: String,
    /// What it says of itself.
    pub capabilities: Capabilities,
    /// The rule that it has handed over.
    pub rule: Option<Rule>,
    /// The names of its observers, and when each is called.
    pub observers: Vec<(Arc<str>, When)>,
    /// The names of its wrappers.
    pub wrappers: Vec<Arc<str>>,
    /// The names of its lifecycle hooks, and at what each is called.
    pub lifecycle: Vec<(Arc<str>, LifecycleEvent)>,
}

/// All hooks of all plugins, in the order in which they were asked for.
#[derive(Default)]
pub struct Hooks {
    /// Who looks on.
    pub observers: Vec<ObserverHook>,
    /// Who stands around commands.
    pub wrappers: Vec<WrapperHook>,
    /// Who is called once in a process.
    pub lifecycle: Vec<LifecycleHook>,
}

impl Drop for Hooks {
    fn drop(&mut self) {
        let Self { observers, wrappers, lifecycle } = self;
        observers.drain(..).for_each(let_go);
        wrappers.drain(..).for_each(let_go);
        lifecycle.drain(..).for_each(let_go);
    }
}

/// What a hook is called by others, shown as `plugin.hook`. There are thousands in a process that runs for a millisecond, and
/// few are ever named: it is put together when it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookName {
    plugin: Arc<str>,
    hook: Arc<str>,
}

impl fmt::Display for HookName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.plugin, self.hook)
    }
}

/// An observer, and the commands that it is for.
pub struct ObserverHook {
    /// What others call it.
    pub name: HookName,
    /// When it is called.
    pub when: When,
    /// The commands.
    pub selector: Selector,
    /// What is called.
    pub observer: Observer,
}

/// A wrapper, and the commands that it is for.
pub struct WrapperHook {
    /// What others call it.
    pub name: HookName,
    /// The commands.
    pub selector: Selector,
    /// What is called.
    pub wrapper: Wrapper,
}

/// What is called once in a process.
pub struct LifecycleHook {
    /// What others call it.
    pub name: HookName,
    /// At what.
    pub event: LifecycleEvent,
    /// What is called.
    pub handler: LifecycleHandler,
}

impl Plugins {
    /// Who is installed.
    pub fn listed(&self) -> &[InstalledPlugin] {
        &self.listed
    }

    /// All that they are called at.
    pub const fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// The rule, and the plugin that has handed it over; one does at most.
    pub fn rule(&self) -> Option<(&str, &Rule)> {
        self.listed.iter().find_map(|plugin| Some((plugin.name.as_str(), plugin.rule.as_ref()?)))
    }

    /// Those that have handed over a rule.
    pub(super) fn restricting(&self) -> impl Iterator<Item = &str> {
        self.listed.iter().filter(|plugin| plugin.rule.is_some()).map(|plugin| plugin.name.as_str())
    }

    /// Takes all of a plugin.
    pub(super) fn commit(&mut self, staged: Staged) {
        let Staged { name: plugin, version, capabilities, staging } = staged;
        self.listed.push(InstalledPlugin {
            observers: staging.observers.iter().map(|(name, when, ..)| (name.clone(), *when)).collect(),
            wrappers: staging.wrappers.iter().map(|(name, ..)| name.clone()).collect(),
            lifecycle: staging.lifecycle.iter().map(|(name, event, _)| (name.clone(), *event)).collect(),
            name: plugin.clone(),
            version,
            capabilities,
            rule: staging.rule,
        });
        let plugin: Arc<str> = Arc::from(plugin);
        let of = |hook| HookName { plugin: Arc::clone(&plugin), hook };
        let Hooks { observers, wrappers, lifecycle } = &mut self.hooks;
        observers.extend(staging.observers.into_iter().map(|(name, when, selector, observer)| ObserverHook {
            name: of(name),
            when,
            selector,
            observer,
        }));
        wrappers.extend(staging.wrappers.into_iter().map(|(name, selector, wrapper)| WrapperHook {
            name: of(name),
            selector,
            wrapper,
        }));
        lifecycle.extend(staging.lifecycle.into_iter().map(|(name, event, handler)| LifecycleHook {
            name: of(name),
            event,
            handler,
        }));
    }
}
