//! What signing again takes.

use std::ffi::OsString;
use std::path::PathBuf;

use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::reference::Tag;
use clap::Args;

use super::dry_run::DryRunArgs;
use super::passphrase::PassphraseArgs;
use super::plugin::RegistryArgs;
use super::timestamp::TimestampArgs;

#[derive(Debug, Args)]
#[command(override_usage = "aisoc plugin resign [OPTIONS] --private-key <KEY> --trusted-keys <PATH>\n         \
                            <--tag <TAG>|--tag-suffix <SUFFIX>|--replace-tag> <REF>...")]
pub(crate) struct ResignArgs {
    /// Published versions: references, or layouts such as `oci:DIR:TAG`; each on its own, and all are tried
    #[arg(value_name = "REF", required = true)]
    pub(crate) sources: Vec<OsString>,
    /// The new private key, as for `sign`; the old one is not needed
    #[arg(long, value_name = "KEY")]
    pub(crate) private_key: String,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    /// The public keys of whoever has signed it so far (a directory, or one file): what none of them vouches for is
    /// not signed, unless the new key has signed it before
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "PATH")]
    pub(crate) trusted_keys: PathBuf,
    /// Keep the signatures that are there, and add this one; without it the new key is the only signer
    #[arg(long)]
    pub(crate) add: bool,
    #[command(flatten)]
    pub(crate) timestamp: TimestampArgs,
    #[command(flatten)]
    pub(crate) naming: NamingArgs,
    /// Of an image index of several artifacts, sign the one for this platform; the result is that one alone, under a tag of
    /// its own
    #[arg(long, value_name = "OS/ARCHITECTURE[/VARIANT]")]
    pub(crate) platform: Option<PlatformName>,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// Under which tag the result is found.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct NamingArgs {
    /// Push it under this tag, in the same repository
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<Tag>,
    /// Push each under its own tag with this behind it, for example `-resigned`
    #[arg(long, value_name = "SUFFIX", allow_hyphen_values = true)]
    pub(crate) tag_suffix: Option<String>,
    /// Move the tag that was named, as long as it names what was read
    #[arg(long)]
    pub(crate) replace_tag: bool,
}
