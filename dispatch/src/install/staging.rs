//! What a plugin asks for while it is installed, before any of it comes about.

use std::collections::BTreeSet;
use std::sync::Arc;

use aisoc_manifests::fault::Reason;
use aisoc_platform::{
    Capabilities, LifecycleEvent, LifecycleHandler, Observer, Registrar, Rule, Selector, When, Wrapper, is_valid_name,
};

/// A plugin that can be installed whole.
pub(super) struct Staged {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) capabilities: Capabilities,
    pub(super) staging: Staging,
}

/// What a plugin has asked for, and the first that was wrong with it.
#[derive(Default)]
pub(super) struct Staging {
    pub(super) observers: Vec<(Arc<str>, When, Selector, Observer)>,
    pub(super) wrappers: Vec<(Arc<str>, Selector, Wrapper)>,
    pub(super) lifecycle: Vec<(Arc<str>, LifecycleEvent, LifecycleHandler)>,
    pub(super) rule: Option<Rule>,
    /// Whether it has handed over a rule, of whatever kind.
    pub(super) is_restricting: bool,
    pub(super) fault: Option<(Reason, String)>,
    names: BTreeSet<Arc<str>>,
}

impl Staging {
    /// The name of a hook that may be; one name is one hook, whatever it hooks.
    fn takes(&mut self, name: &str, selector: Option<&Selector>) -> Option<Arc<str>> {
        let kept: Arc<str> = Arc::from(name);
        if !is_valid_name(name) {
            self.refuse(Reason::InvalidHookName, format!("the hook name {name:?} has to match ^[a-z0-9][a-z0-9-]*$"));
        } else if !self.names.insert(Arc::clone(&kept)) {
            self.refuse(Reason::DuplicateHookName, format!("the hook {name:?} is there twice"));
        } else if selector.is_some_and(Selector::is_absent) {
            self.refuse(Reason::InvalidHookRegistration, format!("the hook {name:?} has no selector"));
        } else {
            return Some(kept);
        }
        None
    }

    fn refuse(&mut self, code: Reason, reason: String) {
        self.fault.get_or_insert((code, reason));
    }
}

impl Registrar for Staging {
    fn observe(&mut self, when: When, name: &str, selector: Selector, observer: Observer) {
        if let Some(name) = self.takes(name, Some(&selector)) {
            self.observers.push((name, when, selector, observer));
        }
    }

    fn wrap(&mut self, name: &str, selector: Selector, wrapper: Wrapper) {
        if let Some(name) = self.takes(name, Some(&selector)) {
            self.wrappers.push((name, selector, wrapper));
        }
    }

    fn on(&mut self, event: LifecycleEvent, name: &str, handler: LifecycleHandler) {
        if let Some(name) = self.takes(name, None) {
            self.lifecycle.push((name, event, handler));
        }
    }

    fn restrict(&mut self, rule: Rule) {
        if std::mem::replace(&mut self.is_restricting, true) {
            return self.refuse(Reason::DoubleRestrict, "`restrict` is called twice".to_owned());
        }
        self.rule = Some(rule);
    }
}
