//! What is told of hooks: to whoever watches at once, and to handlers of `audit_emit` a moment later, on a thread of its own:
//! nobody whose work is told waits for them, and what they do is not told again.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use aisoc_hooks::{Answer, Fired, HandlerOutcome, Invoked, Registration};
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::hook::{Hook, Semantic};
use aisoc_pipeline::{Discovered, Origin};
use aisoc_trust::journal::Action;
use aisoc_trust::{PluginMode, TrustDecision};
use serde_json::{Map, Value, json};

use super::event::RegistryEvent;
use super::firing::{Among, Firing, of_host};
use super::known::MAX_AUDIT_EVENTS;
use crate::audit::Subject;
use crate::found::reason_of;
use crate::held::locked;
use crate::host::Host;
use crate::settings::Happening;

/// Why a plugin is not registered, as hosts count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Another one has its name.
    Duplicate,
    /// What its manifest says is not as it has to be, or the registry is frozen.
    ManifestInvalid,
    /// A handler of `config_validate` denies it.
    ConfigValidate,
    /// Its own raised an exception, or another one could not be asked.
    ConfigException,
    /// Its own returned no vote.
    ConfigResult,
}

impl Why {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::ManifestInvalid => "manifest_invalid",
            Self::ConfigValidate => "config_validate",
            Self::ConfigException => "config_exception",
            Self::ConfigResult => "config_result",
        }
    }
}

/// What is known of a plugin that is registered, or is not.
pub(super) struct Registering<'a> {
    /// As it was admitted.
    pub(super) plugin: &'a Discovered,
    /// What its manifest says, where that could be judged.
    pub(super) registration: Option<&'a Registration>,
}

impl Host {
    /// Says that a plugin was registered, or why not.
    pub(super) fn tell_registered(&self, of: &Registering<'_>, failed: Option<(Why, &Fault)>) {
        let (outcome, reason) = failed.map_or(("success", ""), |(why, _)| ("failure", why.as_str()));
        self.hooks.metrics.registered(outcome, reason);
        let mut metadata = self.metadata_of(of);
        if let Some((why, fault)) = failed {
            metadata.insert("reason".to_owned(), why.as_str().into());
            metadata.insert("validation_failure".to_owned(), reason_of(fault).into());
        }
        // One that could not be asked has said nothing, and is asked again.
        if let Some((why, fault)) = failed.filter(|(why, _)| *why != Why::ConfigException) {
            let words = format!("{}: {}: {}", Reason::RegistrationRefused, why.as_str(), reason_of(fault));
            self.decided.deny((self.settings.clock)(), Action::Refuse, Subject::of(of.plugin), &words);
        }
        let name = if failed.is_some() { "plugin.registration_failed" } else { "plugin.registered" };
        let plugin = of.registration.map_or(&of.plugin.id, |registration| &registration.name).clone();
        let failure = failed.map(|(why, _)| why.as_str().to_owned());
        self.tell_registry(RegistryEvent { name, plugin, failure, exception_type: None, metadata });
    }

    fn metadata_of(&self, of: &Registering<'_>) -> Map<String, Value> {
        let Registering { plugin, registration } = of;
        // Nobody signs a distribution: it was let in by the lock, or because nobody asks.
        let (decision, reason) = match self.mode() {
            PluginMode::Production => (TrustDecision::OperatorOverride, "accepted in plugins.lock"),
            PluginMode::Dev => {
                (TrustDecision::DevelopmentUnsignedOverride, "the plugin mode dev asks for no signature")
            }
        };
        let source = match &plugin.origin {
            Origin::EntryPoint { name, .. } => json!({
                "type": "python_entry_point", "entry_point_name": name, "entry_point_value": plugin.entry_point,
                "distribution": plugin.package,
            }),
            _ => json!({ "type": plugin.source.as_str() }),
        };
        let mut metadata = json!({
            "plugin_name": plugin.id,
            "signed_by": "unsigned",
            "discovery_source": source,
            "signing": { "trust_decision": decision.as_str(), "trust_reason": reason },
        });
        if let Some(registration) = registration {
            let Registration { name, version, requires, capabilities, handlers, is_async_safe, .. } = registration;
            let said = json!({
                "plugin_name": name,
                "version": version,
                "capabilities": capabilities.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
                "hooks": hooks_of(registration, handlers.len()),
                "async_safe": is_async_safe,
                "requires_stigmem": requires,
            });
            if let (Value::Object(metadata), Value::Object(said)) = (&mut metadata, said) {
                metadata.extend(said);
            }
        }
        let Value::Object(metadata) = metadata else { return Map::new() };
        metadata
    }

    /// Says what handlers have denied, and which have failed; of each plugin no more than somebody reads.
    pub(super) fn tell_fired(&self, hook: Hook, fired: &Fired) {
        fired
            .handlers
            .iter()
            .filter_map(|called| self.bounded(hook, called))
            .for_each(|event| self.tell_registry(event));
    }

    /// What is told of a handler, where anything is, and no more was told of its plugin than somebody reads.
    fn bounded(&self, hook: Hook, called: &HandlerOutcome) -> Option<RegistryEvent> {
        let mut event = event_of(hook, called)?;
        let passed_over = locked(&self.hooks.limiter).take(&called.handler.plugin, Instant::now())?;
        if passed_over > 0 {
            event.metadata.insert("passed_over".to_owned(), passed_over.into());
        }
        Some(event)
    }

    fn tell_registry(&self, event: RegistryEvent) {
        self.tell_of(&Happening::Hooks { event: &event });
        let mut waiting = locked(&self.hooks.waiting);
        if waiting.len() == MAX_AUDIT_EVENTS {
            waiting.pop_front();
            self.hooks.metrics.dropped();
        }
        waiting.push_back(((self.settings.clock)().to_string(), event));
    }

    /// Tells handlers of `audit_emit` what has happened, once all that there will be are there; for whoever asks again and
    /// again. Each is told, whatever came of the one before it. Who was not is counted, and told to those who watch: handlers
    /// would be told of themselves.
    pub(crate) fn audit_round(&self) {
        if !locked(&self.hooks.registry).is_frozen() {
            return;
        }
        while let Some((timestamp, event)) = { locked(&self.hooks.waiting).pop_front() } {
            let said = json!({
                "event_type": event.name,
                "actor_uri": RegistryEvent::ACTOR,
                "target_uri": event.target(),
                "tenant_id": RegistryEvent::TENANT,
                "timestamp": timestamp,
                "outcome": event.outcome(),
                "metadata": event.metadata,
            });
            let payload = Map::from_iter([("event".to_owned(), said)]);
            let stop: &AtomicBool = self.stopped();
            let firing = Firing { value: None, payload: &payload, caller: &of_host(), stop };
            let among = Among { is_each_told: true, ..Among::default() };
            let fired = self.fire_among(Hook::AuditEmit, firing, &among).fired;
            for called in fired.handlers.iter().filter(|called| called.error.is_some()) {
                self.hooks.metrics.dropped();
                if let Some(event) = self.bounded(Hook::AuditEmit, called) {
                    self.tell_of(&Happening::Hooks { event: &event });
                }
            }
        }
    }
}

fn hooks_of(registration: &Registration, count: usize) -> Vec<&'static str> {
    let mut hooks = Vec::with_capacity(count);
    hooks.extend(registration.handlers.iter().map(|handler| handler.hook.as_str()));
    hooks.sort_unstable();
    hooks
}

/// What is told of a handler: that it denies, or has failed.
fn event_of(hook: Hook, called: &HandlerOutcome) -> Option<RegistryEvent> {
    let HandlerOutcome { handler, invoked, error } = called;
    let event = |name, failure: &str, exception_type: Option<&str>, more: Value| {
        let mut metadata =
            json!({ "plugin_name": handler.plugin, "hook": hook.as_str(), "handler_name": handler.name });
        if let (Value::Object(metadata), Value::Object(more)) = (&mut metadata, more) {
            metadata.extend(more);
        }
        let Value::Object(metadata) = metadata else { return None };
        let (plugin, failure) = (handler.plugin.clone(), Some(failure.to_owned()));
        Some(RegistryEvent { name, plugin, failure, exception_type: exception_type.map(str::to_owned), metadata })
    };
    match (error, invoked) {
        (Some(error), _) => {
            let error_type = called.error_type().unwrap_or_default();
            let more = json!({ "error_type": error_type, "error": error });
            event("plugin.handler_error", error, Some(error_type), more)
        }
        (None, Invoked::Returned(Answer::Deny(reason))) if is_vote(hook) => {
            event("plugin.handler_denied", reason, None, json!({ "reason": reason }))
        }
        (None, _) => None,
    }
}

fn is_vote(hook: Hook) -> bool {
    hook.semantic() == Semantic::Voting
}
