//! Which lock, in which mode, and where plugins are looked for.

use std::path::PathBuf;

use aisoc_trust::PluginMode;
use clap::Args;

use super::known;

/// Which lock.
#[derive(Debug, Args)]
pub(crate) struct LockArgs {
    /// Path to plugins.lock; default ./plugins.lock, then $XDG_CONFIG_HOME/aisoc/plugins.lock or
    /// ~/.config/aisoc/plugins.lock
    #[arg(long, value_name = "PATH")]
    pub(crate) plugins_lock: Option<PathBuf>,
}

/// Whether what the lock does not accept is refused.
#[derive(Debug, Args)]
pub(crate) struct ModeArgs {
    /// dev|production; overrides $CAPA_PLUGIN_MODE and $AISOC_PLUGIN_MODE [default: dev]
    #[arg(long, value_name = "TEXT", value_parser = known::plugin_mode(), hide_possible_values = true)]
    pub(crate) plugin_mode: Option<PluginMode>,
}

/// Where plugins are looked for beside the plugins directory.
#[derive(Debug, Default, Args)]
pub(crate) struct SourceArgs {
    /// A directory of installed Python distributions; may be repeated [env: AISOC_SITE_PACKAGES, with `:` between them,
    /// default those of $VIRTUAL_ENV]
    #[arg(long, value_name = "DIR")]
    pub(crate) site_packages: Vec<PathBuf>,
}

/// What of a site is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum VerifiedPart {
    /// The signatures of what is installed.
    Signatures,
    /// What is here, by the lock.
    Lock,
}
