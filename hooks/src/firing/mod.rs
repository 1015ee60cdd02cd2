//! `fire`: what the answers of handlers come to, at each kind of hook.
//!
//! Nothing is called here: whoever fires a hook says how a handler is, and every way in which one can answer or fail is a
//! value.

use std::collections::BTreeMap;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::hook::{Hook, Semantic};
use serde_json::{Map, Value};

use crate::handler::Handler;

/// What a handler returned.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A vote for it.
    Allow,
    /// A vote against it, and why.
    Deny(String),
    /// Nothing.
    Nothing,
    /// A value.
    Value {
        /// The value.
        value: Value,
        /// Of which type it was, as Python calls it.
        type_name: String,
    },
}

impl Answer {
    fn type_name(&self) -> &str {
        match self {
            Self::Allow => "Allow",
            Self::Deny(_) => "Deny",
            Self::Nothing => "NoneType",
            Self::Value { type_name, .. } => type_name,
        }
    }
}

/// Why a handler has not returned anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It raised an exception.
    Raised {
        /// Of that type.
        error_type: String,
        /// With these words.
        message: String,
    },
    /// It did not return within so long.
    TimedOut(Duration),
    /// It could not be called, or has ended meanwhile.
    NotCalled(String),
}

/// What came of calling a handler.
#[derive(Debug, Clone, PartialEq)]
pub enum Invoked {
    /// It returned.
    Returned(Answer),
    /// It did not.
    Failed(Failure),
    /// It was not called because an operator does not want it to be.
    Skipped(String),
}

/// What the votes come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nobody is against it.
    Allow,
    /// Somebody is.
    Deny {
        /// Who.
        handler: String,
        /// Why.
        reason: String,
    },
}

/// What a hook comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A decision.
    Decided(Decision),
    /// What the last handler has made of the value.
    Value(Value),
    /// What is to be added to the score of each id.
    Deltas(BTreeMap<String, f64>),
    /// They were told.
    Told,
}

/// What came of one handler.
#[derive(Debug, Clone, PartialEq)]
pub struct HandlerOutcome {
    /// Which it was.
    pub handler: Handler,
    /// What came of calling it.
    pub invoked: Invoked,
    /// What is wrong with that, in the words of a host.
    pub error: Option<String>,
}

impl HandlerOutcome {
    /// Of which type that is: the exception's, `timeout`, or that of a host that cannot do anything with the answer.
    pub fn error_type(&self) -> Option<&str> {
        self.error.as_ref()?;
        Some(match &self.invoked {
            Invoked::Failed(Failure::Raised { error_type, .. }) => error_type,
            Invoked::Failed(Failure::TimedOut(_)) => "timeout",
            Invoked::Failed(Failure::NotCalled(_)) | Invoked::Returned(_) | Invoked::Skipped(_) => {
                "PluginExecutionError"
            }
        })
    }
}

/// A hook that was fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Fired {
    /// What it comes to, or the words of a host for what ended it.
    pub outcome: std::result::Result<Outcome, String>,
    /// What came of each handler whose turn it was, in their order.
    pub handlers: Vec<HandlerOutcome>,
}

/// Takes what a hook is given for whatever its handlers make something of, or nothing where they are given nothing.
///
/// # Errors
/// `other_hook_semantic` for a value too many, a missing one, and one of another form.
pub fn require_value(hook: Hook, value: Option<Value>) -> Result<Option<Value>> {
    let semantic = hook.semantic();
    let refused = |expected: &str, found: &str| {
        Err(Fault::new(Reason::OtherHookSemantic, format!("hook '{hook}' has semantic {semantic}"))
            .expected(expected, found))
    };
    match (semantic, value) {
        (Semantic::Voting | Semantic::FireAndForget, Some(_)) => refused("no value", "one"),
        (Semantic::Voting | Semantic::FireAndForget, None) => Ok(None),
        (Semantic::FilterChain | Semantic::ScoreDelta, None | Some(Value::Null)) => refused("a value", "none"),
        (Semantic::ScoreDelta, Some(value)) if !value.is_array() => refused("a list of results", "something else"),
        (Semantic::FilterChain | Semantic::ScoreDelta, value) => Ok(value),
    }
}

/// Fires a hook: calls its handlers, one after the other, and puts together what they answer. Which of them is called with
/// what, and what the answers are, follows from the hook's semantic alone.
///
/// A handler that fails ends it, unless nothing is asked of handlers there and the hook is not strict. Where nobody votes, it
/// is allowed. `value` is what [`require_value`] has taken.
pub fn fire(
    hook: Hook,
    handlers: Vec<Handler>,
    value: Option<Value>,
    invoke: impl FnMut(&Handler, Option<&Value>) -> Invoked,
) -> Fired {
    let is_passed_over = matches!(hook.semantic(), Semantic::FireAndForget) && !hook.is_strict();
    Firing { hook, value: value.unwrap_or_default(), deltas: BTreeMap::new(), is_passed_over }.fire(handlers, invoke)
}

/// As [`fire`], of a hook at which nothing is asked: every handler is told, whatever came of the one before it, also where the
/// hook is strict.
pub fn tell_each(hook: Hook, handlers: Vec<Handler>, invoke: impl FnMut(&Handler, Option<&Value>) -> Invoked) -> Fired {
    Firing { hook, value: Value::Null, deltas: BTreeMap::new(), is_passed_over: true }.fire(handlers, invoke)
}

/// A hook, while it is fired.
struct Firing {
    hook: Hook,
    value: Value,
    deltas: BTreeMap<String, f64>,
    /// Whether a handler that fails is passed over.
    is_passed_over: bool,
}

impl Firing {
    fn fire(mut self, handlers: Vec<Handler>, mut invoke: impl FnMut(&Handler, Option<&Value>) -> Invoked) -> Fired {
        let mut outcomes = Vec::with_capacity(handlers.len());
        let mut outcome = None;
        for handler in handlers {
            let given = self.hook.semantic().value().map(|_| &self.value);
            let invoked = invoke(&handler, given);
            let taken = self.take(&handler, &invoked);
            let error = taken.as_ref().err().cloned();
            outcomes.push(HandlerOutcome { handler, invoked, error });
            outcome = match taken {
                Ok(decided) => decided.map(|decision| Ok(Outcome::Decided(decision))),
                Err(_) if self.is_passed_over => None,
                Err(words) => Some(Err(words)),
            };
            if outcome.is_some() {
                break;
            }
        }
        Fired { outcome: outcome.unwrap_or_else(|| Ok(self.end())), handlers: outcomes }
    }

    /// Takes an answer; gives what ends it, if that does.
    fn take(&mut self, handler: &Handler, invoked: &Invoked) -> std::result::Result<Option<Decision>, String> {
        let answer = match invoked {
            Invoked::Returned(answer) => answer,
            Invoked::Skipped(_) => return Ok(None),
            Invoked::Failed(failure) => return Err(self.words(handler, failure)),
        };
        let (name, hook) = (&handler.name, self.hook);
        match (hook.semantic(), answer) {
            (Semantic::Voting, Answer::Allow) => Ok(None),
            (Semantic::Voting, Answer::Deny(reason)) => {
                Ok(Some(Decision::Deny { handler: name.clone(), reason: reason.clone() }))
            }
            (Semantic::Voting, Answer::Nothing) => {
                Err(format!("handler '{name}' returned None; expected VotingDecision"))
            }
            (Semantic::Voting, other) => {
                Err(format!("handler '{name}' returned {}; expected Allow or Deny", other.type_name()))
            }
            (Semantic::FilterChain, Answer::Value { value, .. }) if !value.is_null() => {
                self.value.clone_from(value);
                Ok(None)
            }
            (Semantic::FilterChain, Answer::Nothing | Answer::Value { .. }) => {
                Err(format!("handler '{name}' returned None for filter-chain hook '{hook}'"))
            }
            (Semantic::FilterChain, other) => {
                Err(format!("handler '{name}' returned {}; expected a value", other.type_name()))
            }
            (Semantic::ScoreDelta, Answer::Value { value: Value::Object(deltas), .. }) => {
                self.add(name, deltas).map(|()| None)
            }
            (Semantic::ScoreDelta, other) => {
                Err(format!("handler '{name}' returned {}; expected dict[str, float]", other.type_name()))
            }
            (Semantic::FireAndForget, _) => Ok(None),
        }
    }

    fn add(&mut self, handler: &str, deltas: &Map<String, Value>) -> std::result::Result<(), String> {
        for (id, delta) in deltas {
            let delta = delta.as_f64().ok_or_else(|| format!("handler '{handler}' returned no number for '{id}'"))?;
            let sum = self.deltas.entry(id.clone()).or_default();
            *sum += delta;
            if !sum.is_finite() {
                return Err(format!("handler '{handler}' returned too much for '{id}'"));
            }
        }
        Ok(())
    }

    /// What a host says of a handler that has failed.
    fn words(&self, handler: &Handler, failure: &Failure) -> String {
        let (name, hook) = (&handler.name, self.hook);
        let of = if hook.is_strict() { "audit hook" } else { "hook" };
        match failure {
            Failure::TimedOut(after) => {
                format!("handler '{name}' timed out for hook '{hook}' after {:.3}s", after.as_secs_f64())
            }
            Failure::Raised { message, .. } | Failure::NotCalled(message) => {
                format!("handler '{name}' failed for {of} '{hook}': {message}")
            }
        }
    }

    fn end(self) -> Outcome {
        match self.hook.semantic() {
            Semantic::Voting => Outcome::Decided(Decision::Allow),
            Semantic::FilterChain => Outcome::Value(self.value),
            Semantic::ScoreDelta => Outcome::Deltas(self.deltas),
            Semantic::FireAndForget => Outcome::Told,
        }
    }
}

#[cfg(test)]
mod tests;
