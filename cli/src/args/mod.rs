//! What can be typed. Parsing only: files, keys and the environment are resolved in `context`.

pub(crate) mod plugin;
pub(crate) mod registry;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Sign plugins, ship them as OCI artifacts, and decide what a host may load.
#[derive(Debug, Parser)]
#[command(name = "aisoc", version, propagate_version = false, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = "Examples:
  aisoc demo                                             the whole main job, in a temporary directory
  aisoc plugin new my-enricher --type enricher           begin a plugin
  aisoc plugin install registry.example/team/my-enricher:0.1.0
  aisoc help trust                                       a page of the manual

Exit codes: 0 done · 1 failed on what was given · 2 usage · 3 trust says no · 4 registry or network
unavailable · 5 a bug in aisoc · 10 confirmation required · 130 interrupted")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

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

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One plugin on the bench: make, check, sign, ship, install
    Plugin {
        #[command(subcommand)]
        command: Box<plugin::PluginCommand>,
    },
    /// All installed plugins
    Plugins {
        #[command(subcommand)]
        command: plugin::PluginsCommand,
    },
    /// The registry that comes with aisoc, for development and air-gapped benches
    Registry {
        #[command(subcommand)]
        command: registry::RegistryCommand,
    },
    /// Make a signing key pair (the same as `aisoc plugin keygen`)
    #[command(after_help = plugin::KEYGEN_EXAMPLES)]
    Keygen(plugin::KeygenArgs),
    /// Run the whole main job in a fresh temporary directory, over real HTTP
    #[command(after_help = "Examples:
  aisoc demo
  aisoc demo --keep /tmp/aisoc-demo     keep registry, keys and plugins to play with")]
    Demo(DemoArgs),
    /// Explain reason codes: what each `error[code]` means and what to do
    #[command(after_help = "Examples:
  aisoc reasons
  aisoc reasons signature_invalid")]
    Reasons(ReasonsArgs),
    /// Print a page of the manual, or the help of a command
    #[command(after_help = "Examples:
  aisoc help                 the pages
  aisoc help signing-format")]
    Help(HelpArgs),
    /// Write the generated pages of the manual
    #[command(hide = true)]
    Docs(DocsArgs),
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
pub(crate) struct HelpArgs {
    /// A page of the manual, or the words of a command
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DocsArgs {
    /// Where the pages go
    #[arg(long, value_name = "DIR")]
    pub(crate) write: PathBuf,
}
