//! The arguments of `aisoc bundle …`

use std::path::PathBuf;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::reference::Reference;
use clap::Args;

use super::dry_run::DryRunArgs;
use super::plugin::{ConsentArgs, GuardArgs, RegistryArgs};

#[derive(Debug, Args)]
pub(crate) struct BundleExportArgs {
    /// The plugins, each of another id: references, layouts, archives
    #[arg(value_name = "REF", required = true)]
    pub(crate) references: Vec<Reference>,
    /// The file to write, which must not exist: an archive of an OCI image layout
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The public keys that have signed them: a directory, or one file [env: PLUGIN_TRUSTED_KEYS_DIR, default
    /// /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "PATH")]
    pub(crate) trusted_keys: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BundleImportArgs {
    /// The bundle
    #[arg(id = "sources", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// These plugins alone [default: all of the bundle]
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Refuse any other bundle than the one of this digest, which `bundle export` printed
    #[arg(long, value_name = "DIGEST")]
    pub(crate) require_digest: Option<ArtifactDigest>,
    #[command(flatten)]
    pub(crate) guards: GuardArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}
