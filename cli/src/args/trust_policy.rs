//! The arguments of `aisoc trust policy …`

use std::path::PathBuf;

use aisoc_manifests::id::PluginId;
use aisoc_manifests::reference::Reference;
use clap::Args;

/// Which rules.
#[derive(Debug, Args)]
pub(crate) struct TrustRulesArgs {
    /// The file of trust rules [env: PLUGIN_TRUST_POLICY]
    #[arg(long, value_name = "FILE")]
    pub(crate) trust_policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowTrustArgs {
    #[command(flatten)]
    pub(crate) rules: TrustRulesArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainTrustArgs {
    /// The id of a plugin
    #[arg(value_name = "PLUGIN")]
    pub(crate) plugin: PluginId,
    /// Where it comes from [default: from nowhere that is known, as a directory does]
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) from: Option<Reference>,
    #[command(flatten)]
    pub(crate) rules: TrustRulesArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TestTrustArgs {
    /// What is expected of which plugin
    #[arg(value_name = "FILE")]
    pub(crate) cases: PathBuf,
    #[command(flatten)]
    pub(crate) rules: TrustRulesArgs,
}
