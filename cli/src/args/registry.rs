//! `aisoc registry …`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Serve an OCI registry from a directory
    #[command(after_help = "Examples:
  aisoc registry serve
  aisoc registry serve --dir ./registry --listen 127.0.0.1:0    a free port; the address is printed

There is no login: whoever reaches the address can push and delete. Listen on loopback only.")]
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where the registry keeps its blobs
    #[arg(long, value_name = "DIR", default_value = "aisoc-registry")]
    pub(crate) dir: PathBuf,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    pub(crate) listen: SocketAddr,
}
