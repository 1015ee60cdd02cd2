//! What this site has accepted, and what is here.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Objection, SignatureJudgement};

/// Everything that is here, from every source, beside what plugins.lock accepts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DiscoveredPlugins {
    /// `dev`, or `production`: whether what the lock does not accept is refused.
    pub plugin_mode: &'static str,
    /// The lock, if there is one.
    pub plugins_lock: Option<PluginsLock>,
    /// Everything that is here, in the order of the sources; what would be refused too.
    pub plugins: Vec<DiscoveredPlugin>,
    /// Where the lock differs from what is here: in its order, then what it does not list.
    pub drift: Vec<LockDrift>,
}

/// A lock file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PluginsLock {
    /// Where it is.
    pub path: String,
    /// Its schema version, which is none of this document.
    pub lock_schema: String,
}

/// One plugin that is here.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DiscoveredPlugin {
    /// The plugin; of what cannot be read the name of what was looked at.
    pub id: String,
    /// Where it was found: `compiled`, `dir`, `oci`, `entry_point` or `dropin`.
    pub source: &'static str,
    /// What it is to its host, when that is known.
    pub kind: Option<&'static str>,
    /// What it came in, when that is known.
    pub package: Option<String>,
    /// Its version, when that is known.
    pub version: Option<String>,
    /// What a host would load of it, when that is known.
    pub entry_point: Option<String>,
    /// Its content, as a lock compares it.
    pub hash: Option<String>,
    /// Its place, from which the path can be had back: bytes that are no UTF-8 are `\xNN`.
    pub place: String,
    /// `discovered`, or `failed` for what a host would refuse.
    pub state: &'static str,
    /// Whether the lock lists it, as it is or otherwise.
    pub is_locked: bool,
    /// What its signature is worth; of what has none by its kind, nothing.
    #[serde(flatten)]
    pub signature: SignatureJudgement,
    /// What the code that a host would run is held to: `digest`, the `record` of its distribution, or `nothing`, which its
    /// distribution does not state. Of what is refused, or is data, nothing.
    pub code_checked_against: Option<&'static str>,
    /// Why a host would refuse it.
    pub error: Option<Objection>,
}

/// A difference between the lock and what is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LockDrift {
    /// The plugin.
    pub id: String,
    /// `missing_from_install`, `missing_from_lock`, `version_mismatch`, `hash_mismatch` or `entry_point_mismatch`.
    pub kind: &'static str,
    /// What the lock says.
    pub expected: Option<String>,
    /// What is here.
    pub actual: Option<String>,
    /// Whether it keeps the plugin from being loaded in production.
    pub blocks: bool,
}

/// What was accepted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AcceptedPlugins {
    /// The lock, as it is now.
    pub plugins_lock: PluginsLock,
    /// The journal beside it.
    pub journal: String,
    /// The entries that were written.
    pub plugins: Vec<AcceptedPlugin>,
}

/// An entry of the lock.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AcceptedPlugin {
    /// The plugin.
    pub id: String,
    /// What it came in.
    pub package: String,
    /// The version that was accepted.
    pub version: String,
    /// What a host loads of it.
    pub entry_point: String,
    /// Its content.
    pub hash: String,
}

/// What is accepted no more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RevokedPlugin {
    /// The plugin.
    pub id: String,
    /// The entry that was there; nothing when somebody had taken it out by hand.
    pub removed: Option<AcceptedPlugin>,
    /// Where the lock is.
    pub lock: String,
    /// The journal beside it.
    pub journal: String,
}

/// Whether what is here is what the lock accepts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LockVerdict {
    /// The lock.
    pub plugins_lock: PluginsLock,
    /// The journal beside it.
    pub journal: String,
    /// Every difference, in the order of the lock.
    pub drift: Vec<LockDrift>,
    /// What should be a plugin and cannot be read.
    pub unreadable: Vec<UnreadablePlugin>,
    /// Changes of the lock without a line in its journal.
    pub unjournaled: Vec<UnjournaledChange>,
}

/// What should be a plugin, and cannot be read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnreadablePlugin {
    /// The id, or the name of what was looked at.
    pub id: String,
    /// Where it was found.
    pub source: &'static str,
    /// Why.
    pub error: Objection,
}

/// An entry of which the journal says something else.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnjournaledChange {
    /// The plugin.
    pub id: String,
    /// What differs, in words: the hashes may be the same where something else was changed.
    pub message: String,
    /// The hash that the journal says is accepted; nothing for a revocation, or without a line.
    pub journaled: Option<String>,
    /// The hash that the lock accepts; nothing without an entry.
    pub locked: Option<String>,
    /// When the journal says that it was revoked, where its last line about the plugin does.
    pub revoked_at: Option<String>,
}
