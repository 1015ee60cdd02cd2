//! Handlers of hooks: how one is called, and what it answers.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::process::{Ask, Reply};

/// One call of a handler.
pub struct HookCall<'a> {
    /// The name of its hook.
    pub hook: &'a str,
    /// What it is given first, where it makes something of a value.
    pub value: Option<&'a Value>,
    /// What it is given by name.
    pub payload: &'a Map<String, Value>,
    /// Whether it is asked about its own plugin, of which it is given the manifest.
    pub is_own: bool,
    /// How long it may take.
    pub patience: Duration,
    /// Set when it is to be cancelled.
    pub stop: &'a AtomicBool,
    /// Asked once it is its turn, just before the plugin sees it: whether it still may be called.
    pub may_begin: &'a dyn Fn() -> bool,
    /// Asked whatever the handler asks meanwhile, as [`Call::answer`](super::Call::answer) is.
    pub answer: &'a dyn Fn(&Ask) -> Reply,
}

impl fmt::Debug for HookCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is in it may be anybody's secret.
        f.debug_struct("HookCall").field("hook", &self.hook).field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// What a handler, or a health check, answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum HandlerAnswer {
    /// Nothing.
    Nothing {},
    /// A vote for it.
    Allow {},
    /// A vote against it, and why.
    Deny {
        /// Why.
        reason: String,
    },
    /// The same, raised: where nobody votes it is an exception as any other.
    Rejected {
        /// Why.
        reason: String,
    },
    /// Something else; what it is only where something is made of it.
    Value {
        /// Of which type it is, as Python calls it.
        type_name: String,
        /// What it is.
        value: Value,
    },
    /// An exception was raised.
    Raised {
        /// Of that type.
        error_type: String,
        /// With these words.
        message: String,
    },
    /// How a plugin does.
    Health {
        /// In one word.
        status: String,
        /// And beside that.
        message: String,
    },
}
