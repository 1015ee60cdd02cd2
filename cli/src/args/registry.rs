//! The arguments of `aisoc registry …`

use std::path::PathBuf;

use clap::Args;

use super::listen::{Listen, host_name};

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where the registry keeps its blobs
    #[arg(long, value_name = "DIR", default_value = "aisoc-registry")]
    pub(crate) dir: PathBuf,
    /// Where to listen: HOST:PORT, HOST or PORT, with a name or an address; without a host it is
    /// `localhost`, and port 0 is a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    pub(crate) listen: Listen,
    /// Another host name to answer to, as clients write it (may be repeated)
    #[arg(long = "allow-host", value_name = "NAME[:PORT]", value_parser = host_name)]
    pub(crate) allowed_hosts: Vec<String>,
}
