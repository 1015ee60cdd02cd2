//! What signing and following a set of plugins takes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::accepted::LockChangeArgs;
use super::keyset::{FollowedSetArgs, SignSetArgs};
use super::lock::LockArgs;
use super::plugin::RegistryArgs;

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
