//! What attesting takes.

use std::path::PathBuf;

use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::reference::Reference;
use aisoc_signing::AttestationType;
use clap::Args;

use super::dry_run::DryRunArgs;
use super::plugin::{RegistryArgs, SignerArgs};

#[derive(Debug, Args)]
#[command(
    override_usage = "aisoc plugin attest [OPTIONS] --type <TYPE> --predicate <FILE>\n                           --private-key <KEY> <REF>"
)]
pub(crate) struct AttestArgs {
    /// What something is said of: a reference, or a layout such as `oci:DIR:TAG`; a tag is resolved once, and what is
    /// signed names the digest
    #[arg(value_name = "REF")]
    pub(crate) reference: Reference,
    /// What is said: slsa (how it was made), sbom (what is in it: CycloneDX or SPDX), vex (which weaknesses matter), or the
    /// URI of another type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) attestation_type: AttestationType,
    /// The predicate: one JSON object, of the type that is named
    #[arg(long, value_name = "FILE")]
    pub(crate) predicate: PathBuf,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// Of an image index of several artifacts, attest the one for this platform
    #[arg(long, value_name = "OS/ARCHITECTURE[/VARIANT]")]
    pub(crate) platform: Option<PlatformName>,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
