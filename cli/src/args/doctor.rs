//! What the command takes that looks a site over.

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;

use super::duration::duration;
use super::key_lint::LookedOverArgs;
use super::lock::{LockArgs, ModeArgs, SourceArgs};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
    #[command(flatten)]
    pub(crate) place: LookedOverArgs,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
    /// The file of tokens that a host lets operators in by [default: /var/lib/aisoc/tokens.json, where there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,
    /// Warn of keys that end within that time: hours, days or weeks
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    pub(crate) within: SignedDuration,
    /// Others than its operators use the host: drop-ins are faults there, and plugins without signatures are counted
    #[arg(long)]
    pub(crate) shared: bool,
    /// Fail on warnings as well
    #[arg(long)]
    pub(crate) strict: bool,
}
