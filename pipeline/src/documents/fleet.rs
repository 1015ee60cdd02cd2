//! Sets of plugins, as they are signed and as they are followed.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Objection, PluginsLock, Signer};

/// A set of plugins that was signed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PushedPluginSet {
    /// Which set it is.
    pub name: String,
    /// Its version.
    pub set_version: u64,
    /// The version that was there before.
    pub previous_set_version: Option<u64>,
    /// When it was made.
    pub issued_at: String,
    /// Until when it can be relied on.
    pub expires_at: String,
    /// How many plugins it accepts.
    pub plugin_count: usize,
    /// What was signed, by content.
    pub payload_digest: String,
    /// Who has signed it.
    pub signers: Vec<Signer>,
    /// Where it is: the file, or the reference; nothing when it was printed.
    pub destination: Option<String>,
    /// The artifact that holds it; nothing for a file.
    pub artifact_digest: Option<String>,
    /// The content of the file, where it was printed: an envelope of DSSE v1, one line.
    pub statement: Option<String>,
    /// The lock that it is.
    pub lock: String,
}

/// What a set of plugins has made of the lock of a site.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PulledPluginSet {
    /// Which set it is.
    pub name: String,
    /// Its version.
    pub set_version: u64,
    /// The version that was applied before.
    pub previous_set_version: Option<u64>,
    /// Until when it can be relied on.
    pub expires_at: String,
    /// What was signed, by content.
    pub payload_digest: String,
    /// Where it was: the file, or the reference.
    pub source: String,
    /// Whose signatures counted; nobody's where it is what was applied before.
    pub signers: Vec<Signer>,
    /// How many have to sign.
    pub required_signature_count: usize,
    /// Whether anything was written.
    pub changed: bool,
    /// Whether this site has gone back from that version, and stays so until a newer one comes.
    pub is_rolled_back: bool,
    /// What became of the entries: those of the set in its order, then those that went.
    pub changes: Vec<ChangedEntry>,
    /// The lock, as it is now.
    pub plugins_lock: PluginsLock,
    /// The journal beside it.
    pub journal: String,
    /// Why, as it is written down.
    pub reason: String,
}

/// An entry of a lock that is not what it was.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangedEntry {
    /// The plugin.
    pub id: String,
    /// `accepted`, `changed` or `revoked`.
    pub change: &'static str,
    /// The version that was accepted before.
    pub previous_version: Option<String>,
    /// The version that is accepted.
    pub version: Option<String>,
    /// The content that is accepted.
    pub hash: Option<String>,
}

/// What was done so that what is here is what a lock accepts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SyncedPlugins {
    /// The lock.
    pub plugins_lock: PluginsLock,
    /// What the set that it follows has made of it before; nothing where it follows none.
    pub followed: Option<PulledPluginSet>,
    /// What became of each plugin that the lock accepts, in its order.
    pub plugins: Vec<SyncedPlugin>,
    /// What is here, and is not in the lock. It stays.
    pub extras: Vec<ExtraPlugin>,
    /// Whether everything that the lock accepts is here now, as it was accepted. A command that was stopped has not
    /// looked at the end, and cannot tell.
    pub is_complete: bool,
}

/// What became of one plugin, or in a dry run would.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SyncedPlugin {
    /// The plugin.
    pub id: String,
    /// The version that is accepted.
    pub version: String,
    /// `keep`, `install`, `upgrade`, `downgrade` or `replace`; `refuse` for what no sync can mend.
    pub action: &'static str,
    /// Why.
    pub why: String,
    /// The version that was here before.
    pub previous_version: Option<String>,
    /// Where the artifact is that is accepted, by its digest; nothing where the lock says of none.
    pub reference: Option<String>,
    /// Whether the plugin is here now, as it was accepted.
    pub is_done: bool,
    /// Why it is not, where it was tried, cannot be, or was not begun because the command was stopped.
    pub objection: Option<Objection>,
}

/// A plugin that is here, and is not in the lock.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExtraPlugin {
    /// Its id; of what cannot be read, its name.
    pub id: String,
    /// Its version, where that is known.
    pub version: Option<String>,
    /// Where it was found: `compiled`, `dir`, `oci`, `entry_point` or `dropin`.
    pub source: &'static str,
    /// Why nobody can tell what it is.
    pub objection: Option<Objection>,
}
