//! What a command takes. Parsing only: files, keys and the environment are resolved in `context`; the words
//! of commands are in `commands::table`.

pub(crate) mod accepted;
pub(crate) mod api;
pub(crate) mod attest;
pub(crate) mod bundle;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod copy;
mod directory;
pub(crate) mod doctor;
pub(crate) mod dry_run;
pub(crate) mod duration;
pub(crate) mod fleet;
pub(crate) mod host;
pub(crate) mod journal;
pub(crate) mod key_change;
pub(crate) mod key_lint;
pub(crate) mod keys;
pub(crate) mod keyset;
pub(crate) mod known;
mod listen;
pub(crate) mod lock;
pub(crate) mod passphrase;
pub(crate) mod plugin;
pub(crate) mod registry;
pub(crate) mod registry_place;
pub(crate) mod release;
pub(crate) mod resign;
pub(crate) mod rotate;
pub(crate) mod succession;
pub(crate) mod timestamp;
pub(crate) mod token;
pub(crate) mod trust_policy;
pub(crate) mod upgrade;

use std::path::PathBuf;

use clap::Args;

use dry_run::DryRunArgs;

/// Options that every command has.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Print one JSON document (with `schema_version`) instead of text; errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print no status lines, only results, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep everything in this directory, which must not exist yet
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReasonsArgs {
    /// Explain only this code
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CapabilitiesArgs {}

#[derive(Debug, Args)]
pub(crate) struct CommandListArgs {}

#[derive(Debug, Args)]
pub(crate) struct HooksArgs {}

#[derive(Debug, Args)]
pub(crate) struct ConfigShowArgs {}

#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// A page of the manual, or the words of a command
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// The words of a command, or another name of the list; the list itself when there is none
    #[arg(value_name = "NAME")]
    pub(crate) name: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DocsArgs {
    /// Where the pages go
    #[arg(long, value_name = "DIR")]
    pub(crate) write: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// Also the commit, its date, the target, the compiler and who does the cryptography of TLS
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Where the pages go: a directory, made when it is missing; older pages are replaced
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) dry_run: DryRunArgs,
}
