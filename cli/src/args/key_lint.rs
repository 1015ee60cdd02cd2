//! What the commands take that look keys over.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::shown;
use clap::Args;
use clap::builder::TypedValueParser;
use jiff::SignedDuration;

use super::duration::duration;
use super::known::Known;
use super::plugin::RegistryArgs;

/// The keys, and what is installed beside them.
#[derive(Debug, Args)]
pub(crate) struct LookedOverArgs {
    /// The directory of trusted keys, or one PEM file [env: PLUGIN_TRUSTED_KEYS_DIR, default /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "PATH")]
    pub(crate) trusted_keys: Option<PathBuf>,
    /// The plugins directory [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LintKeysArgs {
    #[command(flatten)]
    pub(crate) place: LookedOverArgs,
    /// Warn of keys that end within that time: hours, days or weeks
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    pub(crate) within: SignedDuration,
    /// Fail on warnings as well
    #[arg(long)]
    pub(crate) strict: bool,
    /// How the findings are printed: text, json (as `--json` does) or sarif
    #[arg(long, value_name = "FORMAT", value_parser = format(), hide_possible_values = true)]
    pub(crate) format: Option<LintFormat>,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LintFormat {
    Text,
    Json,
    Sarif,
}

impl FromStr for LintFormat {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "sarif" => Ok(Self::Sarif),
            _ => Err(Fault::new(Reason::Usage, format!("`{}` is no format of findings", shown(text, 40)))
                .expected("text, json or sarif", format!("`{}`", shown(text, 40)))
                .hint("code scanning reads `--format sarif`")),
        }
    }
}

fn format() -> impl TypedValueParser<Value = LintFormat> {
    Known::words(["text", "json", "sarif"]).try_map(|text| text.parse::<LintFormat>())
}

#[derive(Debug, Args)]
pub(crate) struct CalendarArgs {
    #[command(flatten)]
    pub(crate) place: LookedOverArgs,
    /// How far ahead to look: hours, days or weeks
    #[arg(long, value_name = "DURATION", default_value = "365d", value_parser = duration)]
    pub(crate) within: SignedDuration,
}

#[derive(Debug, Args)]
pub(crate) struct FingerprintArgs {
    /// A public key file, `-` for standard input, or a reference, a directory or an archive whose signatures name keys
    #[arg(value_name = "FILE|REF|DIR|ARCHIVE", required = true)]
    pub(crate) sources: Vec<OsString>,
    /// Also say under which name each key stands there: a directory of trusted keys, or one PEM file
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "PATH")]
    pub(crate) trusted_keys: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
