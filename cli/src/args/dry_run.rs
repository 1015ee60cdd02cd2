//! Doing everything but the change.

use clap::Args;

/// Whether anything is changed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DryRunArgs {
    /// Change nothing: read, verify and ask what a real run would, say what it would do, and end with its exit code
    #[arg(long)]
    dry_run: bool,
}
