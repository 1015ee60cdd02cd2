//! `HookMetrics`: hooks in numbers. Labels are names of hooks, and of plugins that are registered: a registry is frozen, so
//! there are as many as an operator has installed. What a plugin calls its errors is told as far as Python has a name for it.

use std::time::Duration;

use aisoc_manifests::hook::Hook;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Seconds of a handler, up to as many as it may take, and of a hook.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];
/// What an error is counted as that Python has no name for.
const OTHER: &str = "other";
/// What errors are counted as: those that Python raises, and those of hosts.
const ERROR_TYPES: [&str; 31] = [
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "CancelledError",
    "CapabilityError",
    "ConnectionError",
    "Exception",
    "FileNotFoundError",
    "ImportError",
    "IndexError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PermissionError",
    "PluginExecutionError",
    "RecursionError",
    "RejectError",
    "RuntimeError",
    "SystemExit",
    "TypeError",
    "UnicodeDecodeError",
    "ValueError",
    "ZeroDivisionError",
    "timeout",
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HookLabels {
    hook: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandlerLabels {
    hook: &'static str,
    plugin: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    hook: &'static str,
    plugin: String,
    error_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    hook: &'static str,
    decision: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RegistrationLabels {
    outcome: &'static str,
    reason: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// What is counted.
#[derive(Debug)]
pub(crate) struct HookMetrics {
    fired: Family<HookLabels, Counter>,
    fire_seconds: Histograms<HookLabels>,
    invoked: Family<HandlerLabels, Counter>,
    handler_seconds: Histograms<HandlerLabels>,
    errors: Family<ErrorLabels, Counter>,
    decisions: Family<DecisionLabels, Counter>,
    registrations: Family<RegistrationLabels, Counter>,
    registered: Gauge,
    handlers: Family<HookLabels, Gauge>,
    dropped: Counter,
}

impl Default for HookMetrics {
    fn default() -> Self {
        Self {
            fired: Family::default(),
            fire_seconds: Family::new_with_constructor(seconds),
            invoked: Family::default(),
            handler_seconds: Family::new_with_constructor(seconds),
            errors: Family::default(),
            decisions: Family::default(),
            registrations: Family::default(),
            registered: Gauge::default(),
            handlers: Family::default(),
            dropped: Counter::default(),
        }
    }
}

impl HookMetrics {
    /// Lets them be collected.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("plugin_hook_fire", "Hooks that were fired", self.fired.clone());
        registry.register("plugin_hook_duration_seconds", "How long that took", self.fire_seconds.clone());
        registry.register("plugin_handler_invocation", "Calls of handlers", self.invoked.clone());
        registry.register("plugin_handler_duration_seconds", "How long they took", self.handler_seconds.clone());
        registry.register("plugin_handler_error", "Handlers that have failed", self.errors.clone());
        registry.register("plugin_voting_decision", "Votes of handlers", self.decisions.clone());
        registry.register(
            "plugin_registration",
            "Plugins that were registered, or were not",
            self.registrations.clone(),
        );
        registry.register("plugin_registered_count", "Plugins that are registered", self.registered.clone());
        registry.register("plugin_handlers_per_hook", "Handlers that are registered", self.handlers.clone());
        registry.register("plugin_audit_dropped", "Audit events that a handler was not told", self.dropped.clone());
    }

    pub(super) fn fired(&self, hook: Hook, took: Duration) {
        let labels = HookLabels { hook: hook.as_str() };
        self.fired.get_or_create(&labels).inc();
        self.fire_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(super) fn invoked(&self, hook: Hook, plugin: &str, took: Duration) {
        let labels = HandlerLabels { hook: hook.as_str(), plugin: plugin.to_owned() };
        self.invoked.get_or_create(&labels).inc();
        self.handler_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(super) fn failed(&self, hook: Hook, plugin: &str, error_type: &str) {
        let error_type = ERROR_TYPES.into_iter().find(|known| *known == error_type).unwrap_or(OTHER);
        let labels = ErrorLabels { hook: hook.as_str(), plugin: plugin.to_owned(), error_type };
        self.errors.get_or_create(&labels).inc();
    }

    pub(super) fn voted(&self, hook: Hook, decision: &'static str) {
        self.decisions.get_or_create(&DecisionLabels { hook: hook.as_str(), decision }).inc();
    }

    pub(super) fn registered(&self, outcome: &'static str, reason: &'static str) {
        self.registrations.get_or_create(&RegistrationLabels { outcome, reason }).inc();
    }

    pub(super) fn dropped(&self) {
        self.dropped.inc();
    }

    /// How many there are now.
    pub(super) fn stand(&self, plugins: usize, of_hooks: impl Iterator<Item = (Hook, usize)>) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.registered.set(number(plugins));
        for (hook, count) in of_hooks {
            self.handlers.get_or_create(&HookLabels { hook: hook.as_str() }).set(number(count));
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text::encode;

    use super::*;

    #[test]
    fn errors_that_plugins_think_up_are_one_kind_of_error() {
        assert!(ERROR_TYPES.is_sorted());
        let (metrics, mut registry, mut text) = (HookMetrics::default(), Registry::default(), String::new());
        metrics.register(&mut registry);
        for number in 0..100 {
            metrics.failed(Hook::RecallFilter, "lab", &format!("Error{number}"));
        }
        metrics.failed(Hook::RecallFilter, "lab", "ValueError");
        encode(&mut text, &registry).expect("encoded");
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("plugin_handler_error_total")).collect();
        assert_eq!(errors.len(), 2, "{text}");
        assert!(errors.iter().any(|line| line.contains("error_type=\"other\"") && line.ends_with(" 100")), "{text}");
    }
}
