//! The aisoc command: parse, dispatch, and turn the result into an exit code. Nothing else.

mod allowed_secrets;
mod args;
mod client;
mod commands;
mod context;
mod output;
mod private_key;
mod runtime;
mod scaffold;
mod smoke;
mod usage;
mod waiting;

use std::process::ExitCode;

use aisoc_manifests::fault::{Fault, Reason, Result};
use clap::Parser as _;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use crate::args::Cli;
use crate::context::Context;
use crate::output::Output;

fn main() -> ExitCode {
    report_panics_as_bugs();
    if let Err(fault) = keep_memory_private() {
        output::report(&fault, false);
        return ExitCode::from(fault.class().exit_code());
    }
    if let Some(code) = usage::refuse_key_material() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::answer(&error),
    };
    let output = Output::new(&cli.global);
    let json = output.json();
    let code = match commands::run(cli.command, &Context::new(output)) {
        Ok(code) => code,
        Err(fault) => {
            output::report(&fault, json);
            fault.class().exit_code()
        }
    };
    ExitCode::from(code)
}

/// A signing key and passwords pass through this process: it leaves no core dump, and no other process of
/// the same user reads its memory or its environment.
fn keep_memory_private() -> Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable)).map_err(
        |error| {
            Fault::new(Reason::IoError, "the system does not let this process keep its memory private").caused_by(error)
        },
    )
}

/// A panic is a bug, and its exit code says so: it must never look like a verdict, and never like
/// success (release builds abort on panic, which a script could not tell from a crash).
fn report_panics_as_bugs() {
    std::panic::set_hook(Box::new(|info| {
        let fault = Fault::new(Reason::Internal, "aisoc has a bug").caused_by(info.to_string());
        output::report(&fault, false);
        #[expect(clippy::exit, reason = "with panic=abort the process would otherwise end by SIGABRT")]
        std::process::exit(fault.class().exit_code().into());
    }));
}
