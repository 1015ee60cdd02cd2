//! The hooks of a host: which there are, who is registered at each, and what came of one that was fired.

use std::collections::BTreeMap;

use aisoc_manifests::hook::Hook;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Every hook that there is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HookList {
    /// The hooks, in the order of the reference.
    pub hooks: Vec<KnownHook>,
}

/// One hook, and how the answers of handlers are put together. Part of other documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KnownHook {
    /// Its name in a manifest.
    pub name: &'static str,
    /// How answers are put together: `voting`, `filter_chain`, `score_delta` or `fire_and_forget`.
    pub semantic: &'static str,
    /// Who is called first: `core_first`, `plugins_first`, `core_only_default` or `plugin_only`.
    pub ordering: &'static str,
    /// Where in a host's work it is: `AUTHN` to `OBSERVE`.
    pub band: &'static str,
    /// The number of that: 10 to 90.
    pub band_number: u8,
    /// Whether a handler that fails ends it although nothing is asked of handlers.
    pub is_strict: bool,
    /// What a handler is given behind its context: `value`, `scored_results`, or nothing. All else it is given by name.
    pub value: Option<&'static str>,
    /// When it is.
    pub meaning: &'static str,
}

impl From<Hook> for KnownHook {
    fn from(hook: Hook) -> Self {
        Self {
            name: hook.as_str(),
            semantic: hook.semantic().as_str(),
            ordering: hook.ordering().as_str(),
            band: hook.band().as_str(),
            band_number: hook.band().number(),
            is_strict: hook.is_strict(),
            value: hook.semantic().value(),
            meaning: hook.meaning(),
        }
    }
}

/// Who is registered at the hooks of a host; whoever asked one passes them on as they came.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HostedHooks<H = HostedHook, P = RegisteredPlugin> {
    /// Whether nobody comes any more who was not there when the host had started.
    pub is_frozen: bool,
    /// Every hook, in the order of the reference.
    pub hooks: Vec<H>,
    /// Every plugin that is registered, in the order of the names.
    pub plugins: Vec<P>,
    /// Plugins that are there and have handlers, and are not registered: each says why where it is listed.
    #[serde(default)]
    pub not_registered: Vec<String>,
}

/// A hook, with its handlers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HostedHook {
    /// The hook.
    #[serde(flatten)]
    pub hook: KnownHook,
    /// Its handlers, in the order in which they are called.
    pub handlers: Vec<RegisteredHandler>,
    /// Plugins without which it comes to nothing, because an operator says so.
    pub required: Vec<String>,
}

/// A handler, where it is registered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RegisteredHandler {
    /// `PLUGIN.FUNCTION`.
    pub name: String,
    /// Whose it is.
    pub plugin_id: String,
    /// How many seconds it may take.
    pub timeout_seconds: f64,
}

/// A plugin that is registered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RegisteredPlugin {
    /// The plugin.
    pub plugin_id: String,
    /// Its version, as its manifest has it.
    pub version: String,
    /// The versions of its host that it works with.
    pub requires_stigmem: String,
    /// What it asks for.
    pub capabilities: Vec<&'static str>,
    /// The plugins that it needs.
    pub depends_on: Vec<String>,
    /// The hooks that it has handlers for.
    pub hooks: Vec<&'static str>,
    /// Whether its handlers may be called beside each other.
    pub is_async_safe: bool,
    /// How it does, as it said last. Nothing follows from it.
    pub health: RegisteredHealth,
}

/// How a plugin does. Part of other documents.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RegisteredHealth {
    /// `healthy`, `degraded`, `unhealthy` or `unknown`.
    pub status: &'static str,
    /// What it says beside that.
    pub message: String,
    /// What went wrong with asking it.
    pub error: Option<String>,
    /// When it was asked; nothing where it was not yet.
    pub checked_at: Option<String>,
}

/// What came of a hook that was fired.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct FiredHook {
    /// The hook.
    pub hook: String,
    /// How answers were put together.
    pub semantic: String,
    /// `allow` or `deny`, where they vote.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decision: Option<String>,
    /// Why it is denied, in the words of the first that denies it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What was made of the value, where each makes something of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<Value>,
    /// What is to be added to the score of each id, where they give that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score_deltas: Option<BTreeMap<String, f64>>,
    /// What came of each handler whose turn it was, in their order.
    pub handlers: Vec<CalledHandler>,
    /// Plugins that are there and were not asked because they are not registered: those that have handlers for this hook, or
    /// have not said for which.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_registered: Vec<String>,
}

/// What came of a handler. Part of other documents.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct CalledHandler {
    /// `PLUGIN.FUNCTION`.
    pub name: String,
    /// Whose it is.
    pub plugin_id: String,
    /// `allow` or `deny` for a vote, `returned`, `failed`, or `skipped` where an operator has disabled the plugin.
    pub outcome: String,
    /// Why it denies, what went wrong, or why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// Of which type that is which went wrong: an exception's, or `timeout`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error_type: Option<String>,
    /// How long it took.
    pub seconds: f64,
}
