//! The arguments of `aisoc bundle …`

use std::path::PathBuf;

use aisoc_installation::DEFAULT_PREVIOUS_VERSIONS;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::reference::Reference;
use clap::Args;

use super::dry_run::DryRunArgs;
use super::lock::{LockArgs, ModeArgs};
use super::plugin::{ChangeArgs, ConsentArgs, FloorArgs, InstallArgs, RegistryArgs, TrustArgs, kept_versions};

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
    trust: TrustArgs,
    #[command(flatten)]
    change: ChangeArgs,
    /// How many replaced versions stay for `rollback`, at most 32
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PREVIOUS_VERSIONS, value_parser = kept_versions())]
    keep: u8,
    /// Accept what is installed: write it into plugins.lock, with where it is from and who has signed it, for the
    /// reason that is given
    #[arg(long, requires = "reason", conflicts_with = "locked")]
    lock: bool,
    /// Install exactly what plugins.lock accepts, and refuse anything else, as in production without --lock
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    plugins_lock: LockArgs,
    #[command(flatten)]
    mode: ModeArgs,
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    floor: FloorArgs,
}

impl BundleImportArgs {
    /// Whether capabilities are accepted, which is said of one plugin.
    pub(crate) fn accepts_capabilities(&self) -> bool {
        self.consent.accept_capabilities.is_some()
    }

    /// How each plugin is installed: as every install. No registry is asked for anything.
    pub(crate) fn into_install(self) -> InstallArgs {
        let Self { trust, change, keep, lock, locked, plugins_lock, mode, consent, floor, .. } = self;
        let registry = RegistryArgs::default();
        let (sources, require_digest) = (Vec::new(), None);
        InstallArgs {
            sources,
            trust,
            change,
            require_digest,
            keep,
            platform: None,
            lock,
            locked,
            plugins_lock,
            mode,
            consent,
            floor,
            registry,
        }
    }
}
