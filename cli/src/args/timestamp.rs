//! The timestamp of a new signature.

use std::path::PathBuf;

use clap::Args;

/// Where it comes from, and whose counts.
#[derive(Debug, Clone, Args)]
pub(crate) struct TimestampArgs {
    /// Put a timestamp beside the signature (RFC 3161): of the authority at this URL, which is asked, or the answer of one
    /// in this file
    #[arg(long, value_name = "URL|FILE")]
    pub(crate) timestamp: Option<String>,
    /// Timestamp authorities, one of which has to have signed that timestamp [env: PLUGIN_TIMESTAMP_ROOT]
    #[arg(long, value_name = "FILE", requires = "timestamp")]
    pub(crate) timestamp_root: Option<PathBuf>,
}
