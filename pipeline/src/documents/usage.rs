//! What plugins have really called of their host.

use schemars::JsonSchema;
use serde::Serialize;

/// Which accessors a plugin has really called, beside what it declares.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UsedPlugin {
    /// Its id.
    pub id: String,
    /// The state file of the host that has counted.
    pub state_path: String,
    /// By who has signed it: plugins of one id may have been of several publishers. None where no host has run it.
    pub publishers: Vec<PublisherUsage>,
}

/// What the plugin of one publisher has called.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PublisherUsage {
    /// The key that its line of signers began with, or `unsigned`.
    pub signed_by: String,
    /// What it declares or has called.
    pub accessors: Vec<UsedAccessor>,
    /// What it declares and has never called.
    pub never_used: Vec<&'static str>,
}

/// How often one accessor was called.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UsedAccessor {
    /// The capability.
    pub capability: &'static str,
    /// Its accessor.
    pub accessor: &'static str,
    /// Whether the plugin declared it when it ran last.
    pub is_declared: bool,
    /// How often the accessor was called, and gave something or nothing.
    pub opened_count: u64,
    /// How often a method of what it gives was done.
    pub used_count: u64,
    /// How often one was not done, for whatever reason.
    pub failed_count: u64,
    /// How often it was denied.
    pub denied_count: u64,
    /// When it was called last.
    pub last_used_at: Option<String>,
    /// When a denial was written down last.
    pub last_denied_at: Option<String>,
}
