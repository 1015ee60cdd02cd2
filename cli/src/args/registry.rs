//! The arguments of `aisoc registry …`

use std::net::SocketAddr;
use std::path::PathBuf;

use aisoc_manifests::reference::Reference;
use clap::Args;

/// A host as it stands in a reference: what cannot stand there would never be asked for.
fn host_name(text: &str) -> Result<String, String> {
    // The repository only completes the reference; the port keeps a single word from being one.
    let has_port = text.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let reference = if has_port { format!("{text}/x") } else { format!("{text}:1/x") };
    match reference.parse() {
        Ok(Reference::Registry(_)) => Ok(text.to_owned()),
        _ => Err("it is not `NAME` or `NAME:PORT`".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where the registry keeps its blobs
    #[arg(long, value_name = "DIR", default_value = "aisoc-registry")]
    pub(crate) dir: PathBuf,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    pub(crate) listen: SocketAddr,
    /// Another host name to answer to, as clients write it (may be repeated)
    #[arg(long = "allow-host", value_name = "NAME[:PORT]", value_parser = host_name)]
    pub(crate) allowed_hosts: Vec<String>,
}
