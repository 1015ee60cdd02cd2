//! What attesting takes.

use std::path::PathBuf;

use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::reference::Reference;
use aisoc_signing::AttestationType;
use clap::{Args, ValueEnum};

use super::dry_run::DryRunArgs;
use super::passphrase::PassphraseArgs;
use super::plugin::RegistryArgs;

#[derive(Debug, Args)]
#[command(
    override_usage = "aisoc plugin attest [OPTIONS] --type <TYPE> --predicate <FILE>\n                           <--private-key <KEY>|--keyless> <REF>"
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
    pub(crate) signer: AttestSignerArgs,
    /// Of an image index of several artifacts, attest the one for this platform
    #[arg(long, value_name = "OS/ARCHITECTURE[/VARIANT]")]
    pub(crate) platform: Option<PlatformName>,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// Who signs.
#[derive(Debug, Args)]
pub(crate) struct AttestSignerArgs {
    /// The private key: a path, `env:VARIABLE` holding the PEM text, or `-` for standard input; the text may have
    /// `\n` for its line breaks or be in base64. A file or standard input leaves no copy in this process; a
    /// variable stays in its environment. Or who holds the key: `exec:PROGRAM`,
    /// `ssh-agent:FINGERPRINT` or a `pkcs11:` URI (see `aisoc help signing-keys`)
    #[arg(long, value_name = "KEY", required_unless_present = "keyless")]
    pub(crate) private_key: Option<String>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    #[command(flatten)]
    pub(crate) keyless: KeylessArgs,
}

/// Signing without a key that stays.
#[derive(Debug, Args)]
pub(crate) struct KeylessArgs {
    /// Sign without a key of your own: who signs is who an identity token of this job names, and an entry of a public log
    /// keeps it. For builds with the feature `keyless`
    #[arg(long, conflicts_with_all = ["private_key", "passphrase"], requires_all = ["fulcio_url", "rekor_url"])]
    pub(crate) keyless: bool,
    /// With --keyless: who gives the certificate, the one service that sees the token
    #[arg(long, value_name = "URL", alias = "fulcio", requires = "keyless")]
    pub(crate) fulcio_url: Option<String>,
    /// With --keyless: the log
    #[arg(long, value_name = "URL", alias = "rekor", requires = "keyless")]
    pub(crate) rekor_url: Option<String>,
    /// With --keyless: the version of its interface, 1 or 2 [default: 1]; in the second the log vouches for no time, so
    /// `--timestamp-server-url` has to name who does
    #[arg(long, value_name = "VERSION", requires = "keyless", hide_possible_values = true)]
    pub(crate) rekor_version: Option<RekorVersion>,
    /// With --keyless: a timestamp authority that vouches for the time as well (RFC 3161)
    #[arg(long, value_name = "URL", alias = "timestamp-authority", requires = "keyless")]
    pub(crate) timestamp_server_url: Option<String>,
    /// With --keyless: the file of an identity token [default: SIGSTORE_ID_TOKEN, or what GitHub Actions gives the job]
    #[arg(long, value_name = "FILE", requires = "keyless")]
    pub(crate) identity_token_file: Option<String>,
    /// With --keyless: the trusted root by which the signature has to count before it is published [env:
    /// PLUGIN_SIGSTORE_ROOT]
    #[arg(long, value_name = "FILE", requires = "keyless")]
    pub(crate) trusted_root: Option<PathBuf>,
    /// With --keyless: the name that the certificate has to have [default: the one that follows of the token]
    #[arg(long, value_name = "NAME", requires = "keyless")]
    pub(crate) certificate_identity: Option<String>,
    /// With --keyless: who has to vouch for that name [default: the issuer of the token]
    #[arg(long, value_name = "URL", requires = "keyless")]
    pub(crate) certificate_oidc_issuer: Option<String>,
}

/// The version of a log's interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RekorVersion {
    #[value(name = "1")]
    One,
    #[value(name = "2")]
    Two,
}
