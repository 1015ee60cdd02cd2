//! What the parser refuses, in the form of every other refusal.

use std::error::Error as _;
use std::process::ExitCode;

use aisoc_manifests::fault::{Fault, Reason};
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::output;

/// Prints help, the version, or the refusal, and gives the exit code.
pub(crate) fn answer(error: &clap::Error) -> ExitCode {
    // The command line was not understood, so `--json` is looked for by hand.
    let json = std::env::args_os().any(|argument| argument == "--json");
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let printed = output::print(&error.render().to_string());
            return ExitCode::from(printed.map_or_else(|fault| fault.class().exit_code(), |()| 0));
        }
        _ => {}
    }
    // A value that one of our own types refused brings its own reason code.
    if let Some(fault) = error.source().and_then(|source| source.downcast_ref::<Fault>()) {
        output::report(fault, json);
        return ExitCode::from(fault.class().exit_code());
    }
    let fault = usage_fault(error);
    output::report(&fault, json);
    ExitCode::from(fault.class().exit_code())
}

fn usage_fault(error: &clap::Error) -> Fault {
    let rendered = error.render().to_string();
    let what = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "a command is missing".to_owned()
        }
        _ => first_paragraph(&rendered),
    };
    let fault = Fault::new(Reason::Usage, what);
    let nearest = match error.get(ContextKind::SuggestedSubcommand).or_else(|| error.get(ContextKind::SuggestedArg)) {
        Some(ContextValue::Strings(names)) => names.last().cloned(),
        Some(ContextValue::String(name)) => Some(name.clone()),
        _ => None,
    };
    match nearest {
        Some(name) => fault.hint(format!("did you mean `{name}`?")),
        None => fault.hint(format!("see `{} --help`", command_words())),
    }
}

/// clap's message without its `error:` label, usage and tips, on one line.
fn first_paragraph(rendered: &str) -> String {
    let text = rendered.strip_prefix("error: ").unwrap_or(rendered);
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

/// `aisoc plugin sign`, as far as the words of the command line name commands.
fn command_words() -> String {
    use clap::CommandFactory as _;
    let mut command = crate::args::Cli::command();
    let mut words = vec!["aisoc".to_owned()];
    for word in std::env::args().skip(1).filter(|word| !word.starts_with('-')) {
        match command.find_subcommand(&word) {
            Some(found) => command = found.clone(),
            None => break,
        }
        words.push(word);
    }
    words.join(" ")
}
