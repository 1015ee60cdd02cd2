//! The arguments of `aisoc config …`

use std::path::PathBuf;

use clap::Args;

use super::dry_run::DryRunArgs;
use super::known::{self, Capabilities};
use crate::config_directory::StrictModeSetting;

#[derive(Debug, Args)]
pub(crate) struct ShowPolicyArgs {}

#[derive(Debug, Args)]
pub(crate) struct ValidatePolicyArgs {
    /// The policy [default: policy.yml in the directory of AISOC_CONFIG_DIR, else in ~/.aisoc]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainPolicyArgs {
    /// The command, as it is typed or as policies name it: plugin sign, or plugin/sign; or a call of a plugin:
    /// plugin/ID/run
    #[arg(value_name = "COMMAND", required = true)]
    pub(crate) command: Vec<String>,
    /// What the plugin declares that is called, with commas between
    #[arg(long, value_name = "LIST", value_parser = known::capabilities(), hide_possible_values = true)]
    pub(crate) capabilities: Option<Capabilities>,
}

#[derive(Debug, Args)]
pub(crate) struct TestPolicyArgs {
    /// What is expected of which command
    #[arg(value_name = "FILE")]
    pub(crate) cases: PathBuf,
    /// The policy to test [default: the one that counts here]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowCompiledArgs {}

#[derive(Debug, Args)]
pub(crate) struct StrictModeArgs {
    /// The identity that this site is bound to: user, bot or off [default: change nothing, and say which it is]
    #[arg(value_name = "IDENTITY")]
    pub(crate) setting: Option<StrictModeSetting>,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}
