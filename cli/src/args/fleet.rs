//! What signing and following a set of plugins takes.

use std::ffi::OsString;
use std::path::PathBuf;

use aisoc_installation::DEFAULT_PREVIOUS_VERSIONS;
use clap::Args;

use super::accepted::LockChangeArgs;
use super::keyset::{FollowedSetArgs, SignSetArgs};
use super::lock::{LockArgs, SourceArgs};
use super::plugin::{RegistryArgs, TrustArgs, kept_versions};

#[derive(Debug, Args)]
pub(crate) struct PushLockArgs {
    #[command(flatten)]
    pub(crate) sign: SignSetArgs,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// The trusted keys, by which the set that is there is verified [env: PLUGIN_TRUSTED_KEYS_DIR, default
    /// /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "DIR")]
    pub(crate) trusted_keys: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PullLockArgs {
    /// Where the set is: a file, a reference, or `-` for standard input [default: as LOCK.sync says]
    #[arg(value_name = "REF|FILE")]
    pub(crate) source: Option<OsString>,
    /// Put back the lock that stood there before the set came, floors and all; twice is where one was
    #[arg(long, requires = "reason", conflicts_with_all = ["source", "name", "required_signatures", "save"])]
    pub(crate) rollback: bool,
    #[command(flatten)]
    pub(crate) followed: FollowedSetArgs,
    /// The directory of trusted keys [env: PLUGIN_TRUSTED_KEYS_DIR, default /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "DIR")]
    pub(crate) trusted_keys: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) lock: LockChangeArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// Which lock the plugins are brought to.
#[derive(Debug, Args)]
pub(crate) struct SyncTargetArgs {
    /// Where the set is: a file, a reference, or `-` for standard input [default: as LOCK.sync says; without that the lock
    /// as it stands]
    #[arg(value_name = "REF|FILE")]
    pub(crate) source: Option<OsString>,
    /// Go back to the lock that stood there before the set came, and bring the plugins to that; where that was done, the
    /// lock stays
    #[arg(long, requires = "reason", conflicts_with_all = ["source", "name", "required_signatures", "save"])]
    pub(crate) rollback: bool,
    #[command(flatten)]
    pub(crate) followed: FollowedSetArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SyncPluginsArgs {
    #[command(flatten)]
    pub(crate) target: SyncTargetArgs,
    /// How many replaced versions of each plugin stay for `rollback`, at most 32
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PREVIOUS_VERSIONS, value_parser = kept_versions())]
    pub(crate) keep: u8,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) lock: LockChangeArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
