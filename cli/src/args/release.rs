//! What a release takes.

use std::path::PathBuf;

use aisoc_manifests::plugin::Profile;
use aisoc_manifests::reference::Reference;
use clap::Args;

use super::directory::DirectoryArgs;
use super::dry_run::DryRunArgs;
use super::plugin::{RegistryArgs, SecretArgs};

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    pub(crate) directory: DirectoryArgs,
    /// Where to push; without a tag, under the plugin's version (`_` for `+`)
    #[arg(value_name = "REF")]
    pub(crate) reference: Reference,
    #[command(flatten)]
    pub(crate) keys: ReleaseKeyArgs,
    /// What is refused in the manifest: all that this reader refuses
    #[arg(long, default_value = "strict")]
    pub(crate) profile: Profile,
    /// Sign although YAML readers disagree on what the manifest says
    #[arg(long)]
    pub(crate) allow_ambiguous: bool,
    /// Import plugin.py in `$AISOC_PYTHON` first, as a host does and as `validate --load`: this runs its code
    #[arg(long)]
    pub(crate) load: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    /// Also write the signature into the directory, as `sign` does; it stays as it is otherwise
    #[arg(long)]
    pub(crate) update_checkout: bool,
    /// Move the tag if it names another digest
    #[arg(long)]
    pub(crate) replace_tag: bool,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// Who signs a release.
#[derive(Debug, Args)]
pub(crate) struct ReleaseKeyArgs {
    /// A private key, as for `sign`; repeat it to sign with several, the first of which is the first signer
    #[arg(long, value_name = "KEY")]
    pub(crate) private_key: Vec<String>,
    /// Make a new key pair and sign with it: PREFIX.key, to be kept secret, and PREFIX.pem for operators [default
    /// PREFIX: the plugin's id, beside its directory]
    #[arg(long, value_name = "PREFIX", num_args = 0..=1, require_equals = true, conflicts_with = "private_key")]
    pub(crate) new_key: Option<Option<PathBuf>>,
}
