//! The aisoc command: parse, dispatch, and turn the result into an exit code. Nothing else.

mod args;
mod client;
mod commands;
mod context;
mod output;
mod runtime;
mod scaffold;
mod smoke;
mod usage;
mod waiting;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Cli;
use crate::context::Context;
use crate::output::Output;

fn main() -> ExitCode {
    report_panics_as_bugs();
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

/// A panic is a bug, and its exit code says so: it must never look like a verdict, and never like
/// success (release builds abort on panic, which a script could not tell from a crash).
fn report_panics_as_bugs() {
    std::panic::set_hook(Box::new(|info| {
        use aisoc_manifests::fault::{Fault, Reason};
        let fault = Fault::new(Reason::Internal, "aisoc has a bug").caused_by(info.to_string());
        output::report(&fault, false);
        #[expect(clippy::exit, reason = "with panic=abort the process would otherwise end by SIGABRT")]
        std::process::exit(fault.class().exit_code().into());
    }));
}
