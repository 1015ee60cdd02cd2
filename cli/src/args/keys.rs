//! What the commands about trusted keys take.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::plugin::{RegistryArgs, SharingArgs, TrustArgs};

/// The keys of a site, and what is installed beside them.
#[derive(Debug, Args)]
pub(crate) struct HereArgs {
    /// The plugins directory [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shared: SharingArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListKeysArgs {
    #[command(flatten)]
    pub(crate) here: HereArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowKeyArgs {
    /// The key: its name, its file as listings print it (`ops.pem`, `staged/ops.pem`), its fingerprint, or at least the
    /// first eight digits of that
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) here: HereArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ImpactArgs {
    /// The keys that would be gone, together: each by its name, its file, or its fingerprint
    #[arg(value_name = "KEY", required = true)]
    pub(crate) keys: Vec<String>,
    /// Also ask of what is published: a reference, or all tags of a repository or a layout where none is named; an
    /// archive or a directory as well. May be repeated
    #[arg(long = "registry", value_name = "REF", num_args = 1..)]
    pub(crate) sources: Vec<OsString>,
    #[command(flatten)]
    pub(crate) here: HereArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
