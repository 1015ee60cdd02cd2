//! The arguments of `aisoc serve`

use std::net::SocketAddr;
use std::path::PathBuf;

use aisoc_installation::{DEFAULT_PREVIOUS_VERSIONS, MAX_PREVIOUS_VERSIONS};
use clap::Args;

use super::accepted::DiscoveredListArgs;
use super::plugin::{PlaceArgs, RegistryArgs};

#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    /// Where operators ask: an address of this machine's own and a port; port 0 is a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    pub(crate) listen: SocketAddr,
    /// The file in which it keeps which plugins are disabled; one host has it at a time
    #[arg(long, value_name = "FILE", default_value = "/var/lib/aisoc/host.json")]
    pub(crate) state: PathBuf,
    /// The file of the tokens that count, which `aisoc token create` makes; without it there is no login, which is for
    /// development alone
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) site: DiscoveredListArgs,
    #[command(flatten)]
    pub(crate) installing: HostInstallArgs,
}

/// How it goes about what operators install.
#[derive(Debug, Args)]
pub(crate) struct HostInstallArgs {
    /// How many versions that operators have replaced stay for a rollback, at most 32
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PREVIOUS_VERSIONS, value_parser = kept_versions())]
    pub(crate) keep: u8,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// One at least: it is put back where the one that has replaced it cannot be loaded.
fn kept_versions() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=i64::from(MAX_PREVIOUS_VERSIONS))
}
