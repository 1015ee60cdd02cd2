//! What the parser refuses, in the form of every other refusal.

use std::error::Error as _;
use std::ffi::OsString;

use aisoc_files::shell_argument;
use aisoc_installation::escaped;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::ManualPage;
use clap::error::{ContextValue, ErrorKind};

use crate::args::Global;
use crate::args::plugin::ProgressForm;
use crate::clock;
use crate::commands::{COMMANDS, Suggestion, suggestion};
use crate::environment::{Environment, PATHS};
use crate::output::{self, Manner, Output, Reports};

/// Whether it is no refusal of the parser, but what was asked for: help, or the version.
pub(crate) fn is_answer(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

/// Prints help or the version, and gives the exit code.
///
/// # Errors
/// What the parser refuses.
pub(crate) fn answer(error: &clap::Error, environment: &Environment) -> Result<u8> {
    if is_answer(error) {
        return help(error.render().to_string(), environment);
    }
    // A value that one of our own types refused brings its own reason code.
    let own = error.source().and_then(|source| source.downcast_ref::<Fault>());
    Err(own.cloned().unwrap_or_else(|| usage_fault(error, environment)))
}

/// What clap renders of its own, in the form that was asked for.
fn help(text: String, environment: &Environment) -> Result<u8> {
    let name = command_words(environment);
    let name = name.strip_prefix("aisoc ").unwrap_or("help").to_owned();
    let global = Global { json: json_is_asked_for(environment), quiet: false };
    let manner = Manner { progress: ProgressForm::Auto, can_draw: false, clock: clock::now };
    Output::new(&global, Reports::default(), manner).answer(&ManualPage { name, text })
}

/// An argument, or a variable that holds a path, that is a private key, given where a path, a name or nothing is
/// expected. Looked for before anything else is, because every other message could quote it.
///
/// # Errors
/// `usage` for one that is.
pub(crate) fn refuse_key_material(environment: &Environment) -> Result<()> {
    let is_key = |argument: &OsString| {
        let argument = argument.to_string_lossy().into_owned();
        let value = argument
            .strip_prefix("--")
            .and_then(|option| option.split_once('='))
            .map_or(&*argument, |(_, value)| value);
        let value = value.trim();
        resembles_private_key(value.strip_prefix("env:").unwrap_or(value))
    };
    let is_typed = environment.words().any(is_key);
    let variable = PATHS.into_iter().find(|name| environment.named(name).as_ref().is_some_and(is_key));
    let what = match variable {
        _ if is_typed => "an argument is a private key, and not the path of one".to_owned(),
        Some(name) => format!("{name} is a private key, and not the path of a directory"),
        None => return Ok(()),
    };
    Err(Fault::new(Reason::Usage, what)
        .hint("every user of this machine can read arguments: make a new key with `aisoc plugin keygen --out PREFIX`, and pass its path"))
}

/// Without digests, which are arguments too, and tokens, which sign nothing.
fn resembles_private_key(value: &str) -> bool {
    let is_digest = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_public = crate::commands::is_bare_public_key(value);
    output::resembles_key(value) && !is_digest && !is_public && !std::path::Path::new(value).exists()
}

/// Whether `--json` stands where it can be an option.
pub(crate) fn json_is_asked_for(environment: &Environment) -> bool {
    environment.words().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

/// What was typed and is not understood is quoted, unless it may be a key.
fn without_keys(error: &clap::Error) -> String {
    let mut rendered = error.render().to_string();
    for (_, value) in error.context() {
        if let ContextValue::String(text) = value
            && output::resembles_key(text)
        {
            rendered = rendered.replace(text.as_str(), "[redacted]");
        }
    }
    rendered
}

fn usage_fault(error: &clap::Error, environment: &Environment) -> Fault {
    let rendered = without_keys(error);
    let what = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "a command is missing".to_owned()
        }
        ErrorKind::InvalidUtf8 => format!("an argument is not UTF-8, and has to be: {}", raw_words(environment)),
        _ => first_paragraph(&rendered),
    };
    Fault::new(Reason::Usage, what).hint(hint(environment))
}

/// The line that was meant, when there is one to copy, else where to read what can be typed.
fn hint(environment: &Environment) -> String {
    let words: Vec<OsString> = environment.words().cloned().collect();
    let line = match suggestion(COMMANDS, &words) {
        Some(Suggestion::Says(text)) => return text.to_owned(),
        Some(Suggestion::Command(command)) => {
            let command = command.join(" ");
            return format!("did you mean `aisoc {command}`? see `aisoc {command} --help`");
        }
        Some(Suggestion::Word(word, command)) => {
            return format!("did you mean `{word}`? see `aisoc {} --help`", command.join(" "));
        }
        Some(Suggestion::Line(words)) => words.iter().map(shell_argument).collect::<Vec<_>>().join(" "),
        None => String::new(),
    };
    // What is not shown cannot be copied.
    match line.is_empty() || output::redacted(&line) != line || words.iter().any(may_be_key) {
        true => format!("see `{} --help`", command_words(environment)),
        false => format!("did you mean `aisoc {line}`?"),
    }
}

fn may_be_key(word: &OsString) -> bool {
    word.to_string_lossy().split('=').any(output::resembles_key)
}

/// The arguments that are not UTF-8, any of which clap may mean.
fn raw_words(environment: &Environment) -> String {
    let raw = environment.words().filter(|word| word.to_str().is_none());
    raw.map(|word| format!("`{}`", escaped(word))).collect::<Vec<_>>().join(", ")
}

/// clap's message without its `error:` label, usage and tips, on one line.
fn first_paragraph(rendered: &str) -> String {
    let text = rendered.strip_prefix("error: ").unwrap_or(rendered);
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

/// `aisoc plugin sign`, as far as the words of the command line name commands.
fn command_words(environment: &Environment) -> String {
    let mut command = crate::commands::parser();
    let mut words = vec!["aisoc".to_owned()];
    let typed = environment.words().map_while(|word| word.to_str());
    for word in typed.filter(|word| !word.starts_with('-')) {
        match command.find_subcommand(word) {
            Some(found) => command = found.clone(),
            None => break,
        }
        words.push(word.to_owned());
    }
    words.join(" ")
}
