//! What making and following a set of keys takes.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_manifests::text::shown;
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::dry_run::DryRunArgs;
use super::duration::some_duration;
use super::key_change::GuardArgs;
use super::passphrase::PassphraseArgs;
use super::plugin::RegistryArgs;

/// Until when a set can be relied on: so long, or until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// So long from when it is made.
    In(SignedDuration),
    /// Until then.
    At(Timestamp),
}

impl Expiry {
    /// When that is, of a set that is made at `from`.
    ///
    /// # Errors
    /// `usage` for a time that no calendar has.
    pub(crate) fn after(self, from: Timestamp) -> Result<Timestamp> {
        match self {
            Self::At(at) => Ok(at),
            Self::In(duration) => from.checked_add(duration).map_err(|error| {
                Fault::new(Reason::Usage, "the set would expire when no calendar goes").caused_by(error)
            }),
        }
    }
}

impl FromStr for Expiry {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        some_duration(text).map(Self::In).map_err(|_| {
            Fault::new(Reason::Usage, format!("`{}` is neither a time nor how long something is", shown(text, 40)))
                .expected("12h, 30d, 4w, or a time as 2027-01-01T00:00:00Z", shown(text, 40))
        })
    }
}

/// How a set is signed, and where it goes.
#[derive(Debug, Args)]
pub(crate) struct SignSetArgs {
    /// Where the set goes: a file, a reference such as HOST/REPOSITORY:TAG or oci:DIR:TAG, or `-` for standard output. A
    /// set that is there is verified first, and gives way to the next version alone
    #[arg(value_name = "REF|FILE")]
    pub(crate) destination: OsString,
    /// Who signs, as for `sign`; may be repeated
    #[arg(long = "private-key", value_name = "KEY", required = true)]
    pub(crate) private_keys: Vec<String>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    /// Which set it is: the same in every version [default: that of the version before]
    #[arg(long, value_name = "NAME", conflicts_with = "add")]
    pub(crate) name: Option<String>,
    /// Until when it can be relied on: 12h, 30d, 4w, or a time. Then every command that judges by it warns
    #[arg(long, value_name = "TIME", required_unless_present = "add", conflicts_with = "add")]
    pub(crate) expires: Option<Expiry>,
    /// The version, which has to be newer [default: one more than the one that is there]
    #[arg(long, value_name = "N", conflicts_with = "add", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) set_version: Option<u64>,
    /// Sign the set that is there as well, where several have to; nothing else of it changes. With `-` it comes from
    /// standard input
    #[arg(long)]
    pub(crate) add: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExportKeysArgs {
    #[command(flatten)]
    pub(crate) sign: SignSetArgs,
    /// The directory of keys that becomes the set [env: PLUGIN_TRUSTED_KEYS_DIR, default /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "DIR")]
    pub(crate) trusted_keys: Option<PathBuf>,
    /// Sign a set that revokes although no key of it counts for plugins any more: for keys in the wrong hands
    #[arg(long)]
    pub(crate) force: bool,
}

/// Which set is followed.
#[derive(Debug, Args)]
pub(crate) struct FollowedSetArgs {
    /// Which set is followed [default: as is written down]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How many distinct keys that may sign sets here have to have signed it [default: as is written down]
    #[arg(long, value_name = "K")]
    pub(crate) required_signatures: Option<NonZeroUsize>,
    /// Write source, name and number down, so that the command is enough from then on
    #[arg(long)]
    pub(crate) save: bool,
    /// Why, in one line, for the journal [default: the set and its version]
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<StatedReason>,
}

#[derive(Debug, Args)]
pub(crate) struct SyncKeysArgs {
    /// Where the set is: a file, a reference, or `-` for standard input [default: as KEYS/.aisoc/sync.json says]
    #[arg(value_name = "REF|FILE")]
    pub(crate) source: Option<OsString>,
    #[command(flatten)]
    pub(crate) followed: FollowedSetArgs,
    /// The directory of trusted keys [env: PLUGIN_TRUSTED_KEYS_DIR, default /opt/aisoc/plugin-keys]
    #[arg(long = "trusted-keys", visible_alias = "keys", value_name = "DIR")]
    pub(crate) trusted_keys: Option<PathBuf>,
    /// How long to wait while another command changes the keys; 0 does not wait
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) lock_timeout: u64,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
    #[command(flatten)]
    pub(crate) guard: GuardArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_time_or_how_long() {
        let from: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        for (text, at) in [
            ("12h", "2026-01-01T12:00:00Z"),
            ("30d", "2026-01-31T00:00:00Z"),
            ("4w", "2026-01-29T00:00:00Z"),
            ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            let expiry: Expiry = text.parse().expect(text);
            assert_eq!(expiry.after(from).expect(text), at.parse::<Timestamp>().expect("a time"), "{text}");
        }
        for text in ["", "d", "0d", "-1d", "30", "1.5mo", "36501d", "99999999999d", "tomorrow", "2027-01-01"] {
            assert_eq!(text.parse::<Expiry>().expect_err(text).reason(), Reason::Usage, "{text}");
        }
    }
}
