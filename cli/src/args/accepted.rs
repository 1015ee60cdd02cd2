//! What the commands take that are about what this site has accepted.

use std::path::PathBuf;

use clap::Args;

use super::lock::{LockArgs, ModeArgs, SourceArgs};
use super::plugin::{ChangeArgs, SharingArgs, TrustArgs};

#[derive(Debug, Args)]
pub(crate) struct DiscoveredListArgs {
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
    /// The plugins directory [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) shared: SharingArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// What every change of a lock takes.
#[derive(Debug, Args)]
pub(crate) struct LockChangeArgs {
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

/// What is here, and whom to trust, for an entry that says more than capa's.
#[derive(Debug, Args)]
pub(crate) struct AcceptArgs {
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    /// Also write down where it is from, who has signed it and what it asks for: makes the lock one of schema version 2,
    /// which capa does not read
    #[arg(long)]
    pub(crate) with_provenance: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TrustPluginArgs {
    /// Plugin id to add to plugins.lock
    #[arg(value_name = "PLUGIN_ID")]
    pub(crate) id: String,
    /// Audit text recorded alongside the trust grant. Required
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) lock: LockChangeArgs,
    #[command(flatten)]
    pub(crate) accept: AcceptArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UntrustPluginArgs {
    /// Plugin id to take out of plugins.lock
    #[arg(value_name = "PLUGIN_ID")]
    pub(crate) id: String,
    /// Audit text recorded alongside the revocation. Required
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) lock: LockChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NewLockArgs {
    /// Accept everything that is here
    #[arg(long, requires = "reason")]
    pub(crate) from_installed: bool,
    /// Audit text recorded alongside each entry
    #[arg(long, value_name = "TEXT", requires = "from_installed")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) lock: LockChangeArgs,
    #[command(flatten)]
    pub(crate) accept: AcceptArgs,
}
