//! What the commands take that look a directory of keys over.

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;

use super::duration::duration;

/// The keys, and what is installed beside them.
#[derive(Debug, Args)]
pub(crate) struct LookedOverArgs {
    /// The directory of trusted keys, or one PEM file [env: PLUGIN_TRUSTED_KEYS_DIR, default /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "PATH")]
    pub(crate) trusted_keys: Option<PathBuf>,
    /// The plugins directory [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LintKeysArgs {
    #[command(flatten)]
    pub(crate) place: LookedOverArgs,
    /// Warn of keys that end within that time: hours, days or weeks
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    pub(crate) within: SignedDuration,
    /// Fail on warnings as well
    #[arg(long)]
    pub(crate) strict: bool,
}
