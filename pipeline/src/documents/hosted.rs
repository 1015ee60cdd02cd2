//! What a host says of the plugins that it holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SignatureJudgement;

/// A host that takes requests from now on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ServedHost {
    /// Where its API is, as an URL begins.
    pub address: String,
    /// The plugins directory.
    pub plugins_directory: String,
    /// The file in which it keeps what operators have said.
    pub state_path: String,
    /// The process that serves, for whoever ends it.
    pub process_id: u32,
}

/// One plugin that a host knows.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HostedPlugin {
    /// The plugin; of what cannot be read the name of what was looked at.
    pub id: String,
    /// What its manifest says, as far as it was read.
    pub manifest: HostedManifest,
    /// Whether it takes calls once it is in memory.
    pub enabled: bool,
    /// Since when it is in memory, in seconds since 1970.
    pub loaded_at: Option<f64>,
    /// Why it has failed, or why a reload of what is in memory has.
    pub error: Option<String>,
    /// The reason code of `error`, or where there is none of `no_longer_admitted`.
    pub reason_code: Option<&'static str>,
    /// Why what is in memory would not be admitted any more.
    pub no_longer_admitted: Option<String>,
    /// Whether it takes no calls for that.
    pub quarantined: bool,
    /// Whether what stands in its place is what is in memory: `same`, `differs` or `gone`, as of the last look at the
    /// disk. Nothing for what is not in memory.
    pub on_disk: Option<&'static str>,
    /// What the code that runs is held to: the `digest` that was judged; the `record` of its distribution, which is the
    /// digest that was judged; or `nothing`. Nothing for what has not run.
    pub code_checked_against: Option<&'static str>,
    /// What confines it: `full` for every layer, `partial` for those that this system gives, or `off`. Nothing for what has
    /// not run.
    pub sandbox: Option<&'static str>,
    /// The layers that are missing there, and why.
    pub sandbox_missing: Option<String>,
    /// `discovered`, `loaded`, `enabled`, `disabled`, `unloaded` or `failed`.
    pub state: &'static str,
    /// What its signature is worth.
    #[serde(flatten)]
    pub signature: SignatureJudgement,
    /// Where it was found: `dir`, `oci`, `entry_point` or `dropin`.
    pub source: &'static str,
    /// What it is to its host, when that is known.
    pub kind: Option<&'static str>,
    /// What it asks of the host.
    pub capabilities: Vec<String>,
    /// Its place, from which the path can be had back: bytes that are no UTF-8 are `\xNN`.
    pub place: String,
}

/// The plugins of a host; whoever asked one passes them on as they came.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HostedPlugins<P = HostedPlugin> {
    /// Every plugin that was asked for.
    pub plugins: Vec<P>,
}

/// A plugin that was taken out of memory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnloadedPlugin {
    /// The plugin.
    pub plugin_id: String,
}

/// What the manifest of a plugin says.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct HostedManifest {
    /// The plugin.
    pub id: String,
    /// Its name for people, when it was read.
    pub name: Option<String>,
    /// Its version, when it is known.
    pub version: Option<String>,
    /// What it does, when that is known.
    pub plugin_type: Option<&'static str>,
    /// One sentence or more.
    pub description: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// How it is configured.
    pub config_schema: Option<Value>,
}

/// What a discovery has brought into memory.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BroughtIn {
    /// The plugins, in the order in which they were found.
    pub discovered: Vec<String>,
}

/// A plugin that a host has installed, and holds.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BroughtPlugin {
    /// The plugin.
    pub plugin_id: String,
    /// Exactly this artifact, as it was named.
    pub oci_ref: String,
}

/// What a plugin answers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct CalledPlugin {
    /// The plugin.
    pub plugin_id: String,
    /// What it returned; what is no object is the one member `result` of one.
    pub result: Map<String, Value>,
}

/// What has happened on a host, as it said it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WatchedEvent {
    /// By which it is named to go on behind it; nothing of what says that something is missing.
    pub event_id: Option<String>,
    /// What hosts call it: `plugin.enabled` and its like, or `gap`.
    pub name: String,
    /// All that is said of it, as in a host's log.
    pub said: Map<String, Value>,
}

/// What a host does not do, in the words of its API.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RefusedRequest {
    /// Why.
    pub detail: String,
    /// Its reason code.
    pub reason_code: &'static str,
    /// The request, as `X-Request-Id` names it.
    pub request_id: Option<String>,
}
