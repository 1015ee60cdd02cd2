//! The arguments of `aisoc copy`.

use aisoc_manifests::reference::Reference;
use clap::Args;

use super::dry_run::DryRunArgs;
use super::plugin::RegistryArgs;

#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// What to copy: a reference, or with --all-tags a repository or a layout
    #[arg(value_name = "SRC")]
    pub(crate) source: Reference,
    /// Where to: a reference; without a tag, each artifact keeps its own
    #[arg(value_name = "DST")]
    pub(crate) destination: Reference,
    /// Also what refers to it, and what refers to that: signatures, attestations, bills of materials
    #[arg(long, short)]
    pub(crate) recursive: bool,
    /// Every tag of the repository or the layout
    #[arg(long)]
    pub(crate) all_tags: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    /// Move tags of the destination that name other artifacts
    #[arg(long)]
    pub(crate) replace_tag: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
