//! What the commands take that change who is trusted.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use aisoc_manifests::stated_reason::StatedReason;
use aisoc_signing::{KeyCoverage, SignatureKind};
use aisoc_trust::{CoverageRule, TrustMode};
use clap::Args;
use clap::builder::TypedValueParser;
use jiff::Timestamp;

use super::dry_run::DryRunArgs;
use super::known::{self, Known};
use super::plugin::SharingArgs;

/// Which keys are changed, and why.
#[derive(Debug, Args)]
pub(crate) struct KeyChangeArgs {
    /// The directory of trusted keys [env: PLUGIN_TRUSTED_KEYS_DIR, default /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "DIR")]
    pub(crate) trusted_keys: Option<PathBuf>,
    /// Why, in one line; it is kept in KEYS/keys.journal (see `aisoc help journal`)
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: StatedReason,
    /// How long to wait while another command changes the keys; 0 does not wait
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) lock_timeout: u64,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}

/// What is asked before a key is taken away.
#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    /// Take it away although something depends on it, or nothing is left that counts: for a key in the wrong hands
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) installed: InstalledArgs,
}

/// What is installed beside the keys, and how it is judged.
#[derive(Debug, Args)]
pub(crate) struct InstalledArgs {
    /// The plugins directory that is asked what depends on the key [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    /// strict or warn [env: PLUGIN_TRUST_MODE, default strict]
    #[arg(long, value_name = "MODE", value_parser = known::trust_mode(), hide_possible_values = true)]
    pub(crate) trust_mode: Option<TrustMode>,
    /// What a signature must cover: full, inert (all but documents) or code [env: PLUGIN_TRUST_COVERAGE, default inert]
    #[arg(long, value_name = "COVERAGE", value_parser = known::coverage_rule(), hide_possible_values = true)]
    pub(crate) trust_coverage: Option<CoverageRule>,
    /// How many distinct trusted keys must have signed
    #[arg(long = "require", value_name = "N", default_value = "1")]
    pub(crate) required_signers: NonZeroUsize,
    #[command(flatten)]
    pub(crate) shared: SharingArgs,
}

/// What is written of a key.
#[derive(Debug, Default, Args)]
pub(crate) struct NoteArgs {
    /// Whose key it is
    #[arg(long, value_name = "TEXT")]
    pub(crate) owner: Option<String>,
    /// What else there is to say
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// It counts from then on, RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<Timestamp>,
    /// It counts until then, RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(crate) not_after: Option<Timestamp>,
    /// It signs these plugins alone: an id, or a glob such as `acme-*`; may be repeated
    #[arg(long = "plugin", value_name = "GLOB")]
    pub(crate) plugins: Vec<String>,
    /// It signs what comes from there alone: HOST or HOST/REPOSITORY; may be repeated
    #[arg(long = "repository", value_name = "PREFIX")]
    pub(crate) repositories: Vec<String>,
    /// How much its signatures have to cover: full demands every file, code accepts the manifest and *.py
    #[arg(long, value_name = "COVERAGE", value_parser = coverage(), hide_possible_values = true)]
    pub(crate) coverage: Option<KeyCoverage>,
    /// It signs this and nothing that is not named: plugin, succession, keyset, lock or dropin; may be repeated
    #[arg(long = "may-sign", value_name = "KIND", value_parser = kind(), hide_possible_values = true)]
    pub(crate) may_sign: Vec<SignatureKind>,
}

fn coverage() -> impl TypedValueParser<Value = KeyCoverage> {
    let words = [KeyCoverage::Full, KeyCoverage::Code].map(KeyCoverage::as_str);
    Known::words(words).try_map(|text| text.parse::<KeyCoverage>())
}

fn kind() -> impl TypedValueParser<Value = SignatureKind> {
    Known::words(SignatureKind::ALL.map(SignatureKind::as_str)).try_map(|text| text.parse::<SignatureKind>())
}

#[derive(Debug, Args)]
pub(crate) struct KeyAddArgs {
    /// The public key: a PEM file, or `-` for standard input
    #[arg(value_name = "PEM")]
    pub(crate) pem: String,
    /// Under which name it is trusted [default: the file's name without its suffix]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) note: NoteArgs,
    #[command(flatten)]
    pub(crate) change: KeyChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeyIdArgs {
    /// The key: its id, its file such as `staged/new.pem`, or its fingerprint
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) change: KeyChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeyRetireArgs {
    /// The key: its id, its file such as `old.pem`, or its fingerprint
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Let it count until then, RFC 3339 [default: it is retired now]
    #[arg(long, value_name = "TIME")]
    pub(crate) after: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) change: KeyChangeArgs,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeyRevokeArgs {
    /// The key: its id, its file such as `old.pem`, or its fingerprint
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Since when somebody else may have had it, RFC 3339: what it signed before counts where an authority of
    /// PLUGIN_TIMESTAMP_ROOT says when that was, and nowhere else
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Timestamp>,
    /// Revoke the keys as well that were accepted on its word, and on theirs [default: they are named, and at a terminal
    /// it is asked]
    #[arg(long, conflicts_with = "keep_successors")]
    pub(crate) with_successors: bool,
    /// Leave them as they are, and do not ask
    #[arg(long)]
    pub(crate) keep_successors: bool,
    #[command(flatten)]
    pub(crate) change: KeyChangeArgs,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeyRestoreArgs {
    /// The key: its id, its file such as `retired/old.pem`, or its fingerprint
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) change: KeyChangeArgs,
    /// Do not ask before a revoked key is trusted again
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeyAnnotateArgs {
    /// The key: its id, its file such as `staged/new.pem`, or its fingerprint
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) note: NoteArgs,
    /// Say no more about this: owner, comment, not-before, not-after, plugin, repository, coverage or may-sign; may be
    /// repeated
    #[arg(long, value_name = "MEMBER", value_parser = member(), hide_possible_values = true)]
    pub(crate) clear: Vec<String>,
    #[command(flatten)]
    pub(crate) change: KeyChangeArgs,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
}

/// What a note can say no more about: the options that say it.
pub(crate) const MEMBERS: [&str; 8] =
    ["owner", "comment", "not-before", "not-after", "plugin", "repository", "coverage", "may-sign"];

fn member() -> impl TypedValueParser<Value = String> {
    Known::words(MEMBERS).try_map(|text| match MEMBERS.contains(&text.as_str()) {
        true => Ok(text),
        false => Err(format!("it is one of {}", MEMBERS.join(", "))),
    })
}
