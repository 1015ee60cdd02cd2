//! What endorsing a key takes, and accepting one on the word of others.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::dry_run::DryRunArgs;
use super::duration::some_duration;
use super::key_change::KeyChangeArgs;
use super::passphrase::PassphraseArgs;
use super::plugin::RegistryArgs;

#[derive(Debug, Args)]
pub(crate) struct EndorseArgs {
    /// The public key that succeeds: a PEM file, or `-` for standard input
    #[arg(value_name = "NEW.pem")]
    pub(crate) successor: String,
    /// A private key whose word it is, as for `plugin sign`; once for each that signs now
    #[arg(long, value_name = "KEY", required = true)]
    pub(crate) private_key: Vec<String>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
    /// Sign this endorsement as well, which others have begun, and put it back; NEW.pem is compared with it. `-` takes
    /// it from standard input and prints it
    #[arg(long, value_name = "REF|FILE", conflicts_with = "terms")]
    pub(crate) add: Option<OsString>,
    /// Where it goes: a file, or a reference such as HOST/REPOSITORY:TAG or oci:DIR:TAG, which must not hold another one;
    /// `-` prints it [default: it is printed]
    #[arg(long, value_name = "REF|FILE")]
    pub(crate) out: Option<OsString>,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// What an endorsement says beside the key. It is fixed when the first of its keys signs.
#[derive(Debug, Args)]
#[group(id = "terms", multiple = true)]
pub(crate) struct TermsArgs {
    /// The public key of one more endorser, who signs later with `--add`: a PEM file; may be repeated
    #[arg(long = "endorser", value_name = "PEM")]
    pub(crate) endorsers: Vec<String>,
    /// How many of the endorsers have to sign [default: all]
    #[arg(long = "require", visible_alias = "required", value_name = "N")]
    pub(crate) required: Option<NonZeroUsize>,
    /// The new key counts from then on, RFC 3339 [default: when it is issued]
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<Timestamp>,
    /// How long the old and the new key both count, such as `30d` or `2w`; it is followed until then [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = some_duration, conflicts_with = "until")]
    pub(crate) overlap: Option<jiff::SignedDuration>,
    /// Until when both count, RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Timestamp>,
    /// What else there is to say, in one line
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// When it is issued, RFC 3339 [env: SOURCE_DATE_EPOCH, default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) issued_at: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(crate) struct AcceptArgs {
    /// The endorsement: a file, a reference such as HOST/REPOSITORY:TAG or oci:DIR:TAG, or `-` for standard input
    #[arg(value_name = "REF|FILE")]
    pub(crate) statement: OsString,
    /// Under which name the successor is trusted [default: the file's name, or the tag, up to its first dot]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// How many endorsers this site asks for, if the endorsement asks for fewer
    #[arg(long = "require", visible_alias = "required", value_name = "N", default_value = "1")]
    pub(crate) required: NonZeroUsize,
    /// Let the successor count until then, RFC 3339 [default: until its endorsers end, as their notes say]
    #[arg(long, value_name = "TIME")]
    pub(crate) not_after: Option<Timestamp>,
    /// The plugins directory whose last seen time guards against a clock that was set back [env: AISOC_PLUGINS_DIR,
    /// default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) change: KeyChangeArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
