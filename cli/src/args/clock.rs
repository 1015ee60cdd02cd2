//! What the time of a site takes.

use aisoc_manifests::stated_reason::StatedReason;
use clap::Args;

use super::plugin::ChangeArgs;

#[derive(Debug, Args)]
pub(crate) struct ClockArgs {
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    /// Make what the clock says now the time that was seen last: after one that was wrong, or a year without a change
    #[arg(long, requires = "reason")]
    pub(crate) reset: bool,
    /// Why, in one line; it is kept in the site's journal (see `aisoc help journal`)
    #[arg(long, value_name = "TEXT", requires = "reset")]
    pub(crate) reason: Option<StatedReason>,
    /// Do not ask
    #[arg(long, short, requires = "reset")]
    pub(crate) yes: bool,
}
