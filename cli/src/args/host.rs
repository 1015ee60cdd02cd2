//! The arguments of `aisoc serve`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::accepted::DiscoveredListArgs;

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
}
