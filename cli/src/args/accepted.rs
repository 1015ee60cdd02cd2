//! What the commands take that are about what this site has accepted.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::lock::{LockArgs, ModeArgs, SourceArgs};
use super::plugin::{ChangeArgs, RegistryArgs, SharingArgs, TrustArgs};

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

/// What a reviewer looks at, beside what.
#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// The plugins directory beside which it is judged [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shared: SharingArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// A directory, a reference, an archive that is offered, or the id of a plugin that is here where nothing else has that
    /// name
    #[arg(value_name = "ID|REF|DIR|ARCHIVE")]
    pub(crate) source: OsString,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) review: ReviewArgs,
    /// The state file of a host: what the plugin has really called there is held against what it declares [default:
    /// /var/lib/aisoc/host.json, where there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// A directory, a reference, an archive that is offered, or the id of an installed plugin where nothing else has that
    /// name. Without --to it is compared with what was accepted of it: by plugins.lock, else by its install
    #[arg(value_name = "ID|REF|DIR|ARCHIVE")]
    pub(crate) source: OsString,
    /// What comes after it: of an id, the accepted version is compared with this one; of anything else, that itself is
    #[arg(long, value_name = "REF|DIR|ARCHIVE")]
    pub(crate) to: Option<OsString>,
    /// End with 1 when they differ, as `git diff --exit-code` does, or when nobody can tell
    #[arg(long)]
    pub(crate) exit_code: bool,
    #[command(flatten)]
    pub(crate) review: ReviewArgs,
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
