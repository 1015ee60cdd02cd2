//! The verbs. Each file is one command: resolve what was typed, call the library, answer.

mod bench;
mod demo;
mod digest;
mod docs;
mod explanation;
mod gc;
mod help;
mod inspect;
mod install;
mod keygen;
mod list;
mod new;
mod package;
mod pull;
mod push;
mod reasons;
mod registry;
mod release;
mod rollback;
mod sign;
mod uninstall;
mod validate;
mod verify;
mod verify_at_rest;
mod versions;

use aisoc_manifests::fault::Result;

use crate::args::Command;
use crate::args::plugin::{PluginCommand, PluginsCommand};
use crate::args::registry::RegistryCommand;
use crate::context::Context;

/// Runs a command and gives the exit code.
pub(crate) fn run(command: Command, context: &Context) -> Result<u8> {
    match command {
        Command::Plugin { command } => run_plugin(*command, context),
        Command::Plugins { command: PluginsCommand::List(args) } => list::run(args, context),
        Command::Plugins { command: PluginsCommand::Verify(args) } => verify_at_rest::run(args, context),
        Command::Registry { command: RegistryCommand::Serve(args) } => registry::serve(args, context),
        Command::Keygen(args) => keygen::run(args, context),
        Command::Demo(args) => demo::run(args, context),
        Command::Reasons(args) => reasons::run(args, context),
        Command::Help(args) => help::run(&args),
        Command::Docs(args) => docs::run(&args),
    }
}

fn run_plugin(command: PluginCommand, context: &Context) -> Result<u8> {
    match command {
        PluginCommand::New(args) => new::run(args, context),
        PluginCommand::Validate(args) => validate::run(&args, context),
        PluginCommand::Keygen(args) => keygen::run(args, context),
        PluginCommand::Digest(args) => digest::run(&args, context),
        PluginCommand::Sign(args) => sign::run(args, context),
        PluginCommand::Verify(args) => verify::run(args, context),
        PluginCommand::Inspect(args) => inspect::run(&args, context),
        PluginCommand::Package(args) => package::run(args, context),
        PluginCommand::Push(args) => push::run(args, context),
        PluginCommand::Pull(args) => pull::run(args, context),
        PluginCommand::Install(args) => install::run(args, context),
        PluginCommand::List(args) => list::run(args, context),
        PluginCommand::Rollback(args) => rollback::run(args, context),
        PluginCommand::Gc(args) => gc::run(args, context),
        PluginCommand::Uninstall(args) => uninstall::run(args, context),
        PluginCommand::Release(args) => release::run(args, context),
    }
}
