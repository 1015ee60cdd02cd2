//! The arguments of `aisoc plugin outdated` and `aisoc plugin upgrade`

use std::path::PathBuf;

use clap::Args;

use crate::args::known::{self, Capabilities};
use crate::args::lock::{LockArgs, ModeArgs};
use crate::args::plugin::{GuardArgs, RegistryArgs, SharingArgs, TrustArgs};

/// Which versions are looked for.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PreReleaseArgs {
    /// Take pre-releases as well; without it those alone of the release that the installed version is a pre-release of
    #[arg(long)]
    pub(crate) pre: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OutdatedArgs {
    /// These plugins alone [default: all]
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) pre_releases: PreReleaseArgs,
    /// End with 1 when a newer version of one is published, whether or not it would be let in
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// The plugins directory [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shared: SharingArgs,
    #[command(flatten)]
    pub(crate) plugins_lock: LockArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UpgradeArgs {
    /// The plugins' ids; each on its own, and all are tried
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub(crate) ids: Vec<String>,
    /// All plugins that are installed
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) pre_releases: PreReleaseArgs,
    #[command(flatten)]
    pub(crate) guards: GuardArgs,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Let a plugin come from others than those who have signed what is installed of it
    #[arg(long)]
    pub(crate) allow_signer_change: bool,
    /// Let the one plugin that is named ask for more of the host than before: all that is new, and nothing else, with
    /// commas between them
    #[arg(long, value_name = "LIST", conflicts_with = "all", value_parser = known::capabilities(), hide_possible_values = true)]
    pub(crate) accept_capabilities: Option<Capabilities>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
