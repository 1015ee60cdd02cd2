//! The arguments of `aisoc registry …`

use std::path::PathBuf;

use aisoc_manifests::reference::Reference;
use clap::Args;

use super::listen::Listen;

/// A host as it stands in a reference: what cannot stand there would never be asked for.
pub(super) fn host_name(text: &str) -> Result<String, String> {
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
    /// Where to listen: HOST:PORT, HOST or PORT, with a name or an address; without a host it is
    /// `localhost`, and port 0 is a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    pub(crate) listen: Listen,
    /// Another host name to answer to, as clients write it (may be repeated)
    #[arg(long = "allow-host", value_name = "NAME[:PORT]", value_parser = host_name)]
    pub(crate) allowed_hosts: Vec<String>,
}
