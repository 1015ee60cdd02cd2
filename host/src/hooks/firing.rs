//! A hook is fired: its handlers are called where they run, one after the other.
//!
//! Who has fired it decides by what it comes to, so what cannot be asked counts as failed, and not as absent: a plugin that has
//! ended, or is quarantined, lets nothing pass. Only what an operator has disabled is passed over.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use aisoc_context::{Caller, CallerKind, Waiting};
use aisoc_hooks::{
    Answer, Decision, Failure, Fired, Handler, HandlerOutcome, HandlerTimeout, Invoked, Outcome, Registration, fire,
    require_value, tell_each,
};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::hook::{Hook, Semantic};
use aisoc_manifests::text::shown;
use aisoc_pipeline::documents::{CalledHandler, FiredHook};
use aisoc_worker::Error;
use aisoc_worker::serving::{HandlerAnswer, HookCall};
use serde_json::{Map, Value};

use crate::asker::Actor;
use crate::held::locked;
use crate::host::Host;
use crate::lifecycle::State;
use crate::refusal::Refusal;

/// How long all handlers of a hook may take.
const FIRE_PATIENCE: Duration = Duration::from_secs(120);
/// Most characters that are shown of what a handler says.
const MAX_SHOWN: usize = 1000;

/// With what a hook is fired.
#[derive(Debug)]
pub struct Firing<'a> {
    /// What its handlers make something of, where they do.
    pub value: Option<Value>,
    /// What they are given by name.
    pub payload: &'a Map<String, Value>,
    /// Who fires it, on whose behalf handlers ask.
    pub caller: &'a Caller,
    /// Set when nobody waits for what it comes to any more.
    pub stop: &'a AtomicBool,
}

/// Which handlers of a hook are called, and how.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Among<'a> {
    /// Not those of this plugin.
    pub(super) left_out: Option<&'a str>,
    /// Whether each is told, whatever came of the one before it: nobody waits for what it comes to.
    pub(super) is_each_told: bool,
}

/// A hook that was fired, and how long each handler took.
pub(super) struct Timed {
    pub(super) fired: Fired,
    took: Vec<Duration>,
}

impl Host {
    /// Fires a hook.
    ///
    /// # Errors
    /// `other_hook_semantic` for a value too many or a missing one, `host_busy` where not everybody is registered yet who may
    /// be against it, `execution_failed` for a handler that ends it, and for one that an operator requires and is not there.
    pub fn fire(&self, hook: Hook, firing: Firing<'_>) -> Result<FiredHook> {
        let firing = Firing { value: require_value(hook, firing.value)?, ..firing };
        if !self.hooks.is_frozen() {
            let what = format!("hook '{hook}' cannot be fired before the host has looked for its plugins");
            return Err(Fault::new(Reason::HostBusy, what));
        }
        let timed = self.fire_untold(hook, firing);
        self.tell_fired(hook, &timed.fired);
        let document = timed.document(hook)?;
        Ok(FiredHook { not_registered: self.hooks.not_registered(Some(hook)), ..document })
    }

    /// As [`Host::fire`], of which nothing is told. The value is one that it takes.
    pub(super) fn fire_untold(&self, hook: Hook, firing: Firing<'_>) -> Timed {
        self.fire_among(hook, firing, &Among::default())
    }

    /// As [`Host::fire_untold`], of those handlers alone.
    pub(super) fn fire_among(&self, hook: Hook, firing: Firing<'_>, among: &Among<'_>) -> Timed {
        let Among { left_out, is_each_told } = *among;
        let mut handlers = locked(&self.hooks.registry).handlers(hook);
        handlers.retain(|handler| Some(handler.plugin.as_str()) != left_out);
        let required = self.settings.required_handlers.get(&hook);
        let is_required = |plugin: &str| required.is_some_and(|required| required.contains(plugin));
        // Who is required and not there is asked all the same, before the others, and has failed.
        let is_there = |plugin: &String| handlers.iter().any(|handler| handler.plugin == *plugin);
        let absent = required.into_iter().flatten().filter(|plugin| !is_there(plugin));
        let absent: Vec<Handler> = absent.map(|plugin| absent_handler(hook, plugin)).collect();
        handlers.splice(0..0, absent);
        let Firing { value, payload, caller, stop } = firing;
        let (begun, mut took) = (Instant::now(), Vec::with_capacity(handlers.len()));
        let metrics = &self.hooks.metrics;
        let invoke = |handler: &Handler, value: Option<&Value>| {
            let began = Instant::now();
            // Who waits for nobody behind it takes nobody's time.
            let spent = if is_each_told { Duration::ZERO } else { begun.elapsed() };
            let left = FIRE_PATIENCE.saturating_sub(spent);
            let invoked = match self.invoke(handler, &Given { value, payload, caller, left, stop }) {
                Invoked::Skipped(why) if is_required(&handler.plugin) => {
                    Invoked::Failed(Failure::NotCalled(format!("{why}, and the operator requires it here")))
                }
                invoked => invoked,
            };
            took.push(began.elapsed());
            if !matches!(invoked, Invoked::Skipped(_)) {
                metrics.invoked(hook, &handler.plugin, began.elapsed());
            }
            invoked
        };
        let fired = if is_each_told { tell_each(hook, handlers, invoke) } else { fire(hook, handlers, value, invoke) };
        metrics.fired(hook, begun.elapsed());
        for called in &fired.handlers {
            if let Some(error_type) = called.error_type() {
                metrics.failed(hook, &called.handler.plugin, error_type);
            }
            match (hook.semantic(), &called.invoked) {
                (Semantic::Voting, Invoked::Returned(Answer::Allow)) => metrics.voted(hook, "allow"),
                (Semantic::Voting, Invoked::Returned(Answer::Deny(_))) => metrics.voted(hook, "deny"),
                _ => {}
            }
        }
        Timed { fired, took }
    }

    /// Calls a handler. Whatever keeps it from being called is something that it has failed by, but for an operator's word.
    fn invoke(&self, handler: &Handler, given: &Given<'_>) -> Invoked {
        match self.call_handler(handler, given) {
            Ok(Some(answer)) => invoked(handler.hook, answer),
            Ok(None) => Invoked::Skipped("the plugin has no handler for it".to_owned()),
            Err(NotAnswered::TimedOut(after)) => Invoked::Failed(Failure::TimedOut(after)),
            Err(NotAnswered::Refused(Refusal::NotNow(State::Disabled))) => {
                Invoked::Skipped("plugin is disabled".to_owned())
            }
            Err(NotAnswered::Refused(refusal)) => Invoked::Failed(Failure::NotCalled(refusal.whole())),
        }
    }

    /// What a handler answers; nothing where what runs of its plugin by now has none for that hook.
    fn call_handler(
        &self,
        handler: &Handler,
        given: &Given<'_>,
    ) -> std::result::Result<Option<HandlerAnswer>, NotAnswered> {
        let Given { value, payload, caller, left, stop } = *given;
        let held = match self.find_registered(&handler.plugin) {
            Some(registered) => registered,
            None => self.find(&handler.plugin)?,
        };
        self.notice_end(&held);
        loop {
            let running = self.called(&held, None, stop)?;
            let registered = running.hooks.as_ref().and_then(|hooks| hooks.handler(handler.hook));
            let Some(registered) = registered else {
                let registered = locked(&self.hooks.registry).plugin(&handler.plugin).cloned();
                require_registered(&handler.plugin, registered.as_ref(), running.hooks.as_ref())?;
                return Ok(None);
            };
            let patience = registered.timeout.duration();
            if left < patience {
                // It would be ended for the time that others have taken.
                let why = format!("of {} seconds for all handlers too little is left for it", FIRE_PATIENCE.as_secs());
                return Err(Refusal::Plugin(Fault::new(Reason::ExecutionFailed, why)).into());
            }
            let waiting = Waiting::begin(patience, stop);
            let may_begin = || self.is_called(&held, &running);
            let call = HookCall {
                hook: handler.hook.as_str(),
                value,
                payload,
                is_own: false,
                patience,
                stop,
                may_begin: &may_begin,
                answer: &|ask| self.answer(&running.granted, caller, ask, waiting),
            };
            let called = running.worker.fire(&call);
            running.is_used();
            match called {
                Ok(answer) => return Ok(Some(held.masked.answer(answer))),
                // While it waited for its turn somebody has taken the plugin's calls away, or another version its place.
                Err(Error::Withdrawn) => {}
                Err(Error::TimedOut { patience }) => {
                    // Whether it has let go of it is seen by whoever looks for ends.
                    let _ = self.failed(&held, &running, Error::TimedOut { patience });
                    return Err(NotAnswered::TimedOut(patience));
                }
                Err(error) => return Err(self.failed(&held, &running, error).into()),
            }
        }
    }
}

/// Refuses to pass a handler over because what runs of its plugin has none for that hook, unless that is what is registered:
/// what is not says nothing for it.
fn require_registered(
    id: &str,
    registered: Option<&Arc<Registration>>,
    runs: Option<&Arc<Registration>>,
) -> std::result::Result<(), Refusal> {
    match registered.zip(runs).is_some_and(|(registered, runs)| Arc::ptr_eq(registered, runs)) {
        true => Ok(()),
        false => {
            let what = format!("what runs of '{id}' is not what is registered");
            Err(Refusal::Plugin(Fault::new(Reason::ExecutionFailed, what)))
        }
    }
}

/// In the place of a handler that an operator requires.
fn absent_handler(hook: Hook, plugin: &str) -> Handler {
    let (plugin, timeout) = (plugin.to_owned(), HandlerTimeout::default());
    Handler { hook, name: plugin.clone(), plugin, timeout, is_core: false }
}

/// What a handler is called with.
struct Given<'a> {
    value: Option<&'a Value>,
    payload: &'a Map<String, Value>,
    caller: &'a Caller,
    left: Duration,
    stop: &'a AtomicBool,
}

/// Why a handler has not answered.
enum NotAnswered {
    TimedOut(Duration),
    Refused(Refusal),
}

impl From<Refusal> for NotAnswered {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The host, where it calls handlers by itself.
pub(super) fn of_host() -> Caller {
    let name = Actor::Host.as_str().to_owned();
    Caller { kind: CallerKind::Host, name, tenant: None, request_id: None }
}

/// What a handler answers, as the hook takes it.
pub(super) fn invoked(hook: Hook, answer: HandlerAnswer) -> Invoked {
    let is_vote = hook.semantic() == Semantic::Voting;
    Invoked::Returned(match answer {
        HandlerAnswer::Nothing {} => Answer::Nothing,
        HandlerAnswer::Allow {} => Answer::Allow,
        HandlerAnswer::Deny { reason } => Answer::Deny(reason),
        HandlerAnswer::Rejected { reason } if is_vote => Answer::Deny(reason),
        HandlerAnswer::Rejected { reason } => {
            return Invoked::Failed(Failure::Raised { error_type: "RejectError".to_owned(), message: reason });
        }
        HandlerAnswer::Value { type_name, value } => Answer::Value { value, type_name },
        HandlerAnswer::Health { .. } => Answer::Value { value: Value::Null, type_name: "PluginHealth".to_owned() },
        HandlerAnswer::Raised { error_type, message } => {
            return Invoked::Failed(Failure::Raised { error_type, message });
        }
    })
}

impl Timed {
    /// As whoever has fired it is told.
    fn document(self, hook: Hook) -> Result<FiredHook> {
        let Self { fired: Fired { outcome, handlers }, took } = self;
        let outcome = outcome.map_err(|words| Fault::new(Reason::ExecutionFailed, shown(&words, MAX_SHOWN)))?;
        let handlers = handlers.into_iter().zip(took).map(|(called, took)| called_handler(called, took)).collect();
        let mut document = FiredHook {
            hook: hook.to_string(),
            semantic: hook.semantic().to_string(),
            decision: None,
            reason: None,
            value: None,
            score_deltas: None,
            handlers,
            not_registered: Vec::new(),
        };
        match outcome {
            Outcome::Decided(Decision::Allow) => document.decision = Some("allow".to_owned()),
            Outcome::Decided(Decision::Deny { reason, .. }) => {
                (document.decision, document.reason) = (Some("deny".to_owned()), Some(reason));
            }
            Outcome::Value(value) => document.value = Some(value),
            Outcome::Deltas(deltas) => document.score_deltas = Some(deltas),
            Outcome::Told => {}
        }
        Ok(document)
    }
}

fn called_handler(called: HandlerOutcome, took: Duration) -> CalledHandler {
    let error_type = called.error_type().map(str::to_owned);
    let HandlerOutcome { handler, invoked, error } = called;
    let is_vote = handler.hook.semantic() == Semantic::Voting;
    let (outcome, message) = match invoked {
        _ if error.is_some() => ("failed", error.map(|error| shown(&error, MAX_SHOWN))),
        Invoked::Skipped(why) => ("skipped", Some(why)),
        Invoked::Returned(Answer::Allow) if is_vote => ("allow", None),
        Invoked::Returned(Answer::Deny(reason)) if is_vote => ("deny", Some(reason)),
        Invoked::Returned(_) | Invoked::Failed(_) => ("returned", None),
    };
    CalledHandler {
        name: handler.name,
        plugin_id: handler.plugin,
        outcome: outcome.to_owned(),
        message,
        error_type,
        seconds: took.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration() -> Arc<Registration> {
        Arc::new(Registration {
            name: "lab-guard".to_owned(),
            version: "1.0.0".to_owned(),
            requires: String::new(),
            capabilities: Vec::new(),
            depends_on: Vec::new(),
            is_async_safe: false,
            handlers: Vec::new(),
            has_health_check: false,
        })
    }

    #[test]
    fn a_handler_is_passed_over_by_what_is_registered_alone() {
        let (registered, namesake) = (registration(), registration());
        require_registered("lab-guard", Some(&registered), Some(&registered)).expect("it has no handler any more");
        for (registered, runs) in [
            (None, None),
            (None, Some(&registered)),
            (Some(&registered), None),
            // It says the same, and is another one.
            (Some(&registered), Some(&namesake)),
        ] {
            let refused =
                require_registered("lab-guard", registered, runs).expect_err("nobody has said that it may be");
            assert_eq!(refused.reason(), Reason::ExecutionFailed);
            assert!(refused.words().contains("is not what is registered"), "{refused:?}");
        }
    }
}
