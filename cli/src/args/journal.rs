//! The arguments of `aisoc plugins journal …` and `aisoc keys journal …`

use std::path::PathBuf;
use std::str::FromStr;

use aisoc_manifests::digest::ChainDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_trust::journal::{Action, JournalTime};
use clap::Args;
use clap::builder::TypedValueParser;

use crate::args::known::Known;

/// Most entries that are shown at once; `export` has no bound.
const MAX_ENTRIES: u32 = 10_000;

/// Which journal of a site.
#[derive(Debug, Args)]
pub(crate) struct PluginsJournalArgs {
    /// The plugins directory [env: AISOC_PLUGINS_DIR, default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
    /// The journal beside this lock file alone, FILE.journal [default: the plugins directory's own, and that beside the
    /// lock that is found where other commands look for it]
    #[arg(long, value_name = "FILE")]
    pub(crate) plugins_lock: Option<PathBuf>,
}

/// Which journal of keys.
#[derive(Debug, Args)]
pub(crate) struct KeysJournalArgs {
    /// The directory of trusted keys [env: PLUGIN_TRUSTED_KEYS_DIR, default /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "DIR")]
    pub(crate) trusted_keys: Option<PathBuf>,
    /// The plugins directory, where the journal stands when that of the keys cannot be written [env: AISOC_PLUGINS_DIR,
    /// default /opt/aisoc/plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
}

/// What a journal is held to.
#[derive(Debug, Args)]
pub(crate) struct JournalVerifyArgs<P: Args> {
    #[command(flatten)]
    pub(crate) place: P,
    /// Also require that the chain has this hash, which somebody has kept elsewhere
    #[arg(long, value_name = "HASH", value_parser = chain_digest)]
    pub(crate) includes: Option<ChainDigest>,
}

/// Which lines.
#[derive(Debug, Args)]
pub(crate) struct JournalFilterArgs {
    /// Lines of that time or later: a date, or 2026-05-24T14:32:00 with an offset or in UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Since>,
    /// Lines about that plugin or key
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Lines of that action
    #[arg(long, value_name = "ACTION", value_parser = action(), hide_possible_values = true)]
    pub(crate) action: Option<Action>,
}

#[derive(Debug, Args)]
pub(crate) struct JournalShowArgs<P: Args> {
    #[command(flatten)]
    pub(crate) place: P,
    #[command(flatten)]
    pub(crate) filter: JournalFilterArgs,
    /// At most so many lines, the newest
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=MAX_ENTRIES as i64))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct JournalExportArgs<P: Args> {
    #[command(flatten)]
    pub(crate) place: P,
    #[command(flatten)]
    pub(crate) filter: JournalFilterArgs,
}

/// A time from which on lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since(pub(crate) JournalTime);

impl FromStr for Since {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let midnight = || JournalTime::read(&format!("{text}T00:00:00Z"));
        JournalTime::read(text).or_else(midnight).map(Self).ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{}` is no time", shown(text, 40)))
                .hint("write a date or a time, for example `--since 2026-05-24`")
        })
    }
}

fn action() -> impl TypedValueParser<Value = Action> {
    Known::words(Action::ALL.iter().map(|action| action.as_str())).try_map(|word| -> Result<Action> {
        Action::from_word(&word).ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{}` is no action of a journal", shown(&word, 40)))
                .hint("`aisoc help journal` has the list")
        })
    })
}

fn chain_digest(text: &str) -> Result<ChainDigest> {
    text.parse().map_err(|_| {
        Fault::new(Reason::Usage, format!("`{}` is no hash of a journal", shown(text, 80)))
            .hint("a hash is `sha256:` and 64 lower-case hexadecimal digits, as `verify` prints the newest")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_begins_at_midnight_in_utc() {
        let since = |text: &str| text.parse::<Since>().expect(text).0.instant().to_string();
        assert_eq!(since("2026-05-24"), "2026-05-24T00:00:00Z");
        assert_eq!(since("2026-05-24T14:32:00+02:00"), "2026-05-24T12:32:00Z");
        assert_eq!(since("2026-05-24T14:32:00"), "2026-05-24T14:32:00Z");
        for bad in ["", "yesterday", "2026", "2026-13-01", "24.5.2026", "2026-05-24T"] {
            assert_eq!(bad.parse::<Since>().expect_err(bad).reason(), Reason::Usage);
        }
    }
}
