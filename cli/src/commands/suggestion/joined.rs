//! What stands beside an option and belongs to it, or to none: a value that has to be joined to it, and the name of a
//! form of output.

use std::ffi::OsString;

use super::reached::{Mended, Reached};
use crate::commands::declaration::Commands;

/// How other tools ask for a form of output.
const FORMS: [&str; 4] = ["-o", "--output", "--format", "--output-format"];
/// Another form is no slip of the hand.
const THE_FORMS: &str = "there are two forms: text, and one JSON document with `--json`";
/// What they call a text for people, which is what there is without an option.
const TEXTS: [&str; 5] = ["text", "table", "wide", "plain", "human"];

/// Puts right what the parser stumbled over at `typed`, or behind it.
pub(super) fn mended(commands: Commands, typed: &str, words: &[OsString]) -> Option<Mended> {
    let command = Reached::by(commands, words).command;
    form(&command, typed, words).or_else(|| with_value(&command, words))
}

/// `-o json` is `--json`, and `-o table` is nothing.
fn form(command: &clap::Command, typed: &str, words: &[OsString]) -> Option<Mended> {
    let option = *FORMS.iter().find(|option| **option == typed)?;
    // An option of the command is the parser's matter, as that for a directory is.
    let (at, attached) = words.iter().enumerate().find_map(|(at, word)| {
        let rest = word.to_str()?.strip_prefix(option)?;
        Some((at, rest.strip_prefix('=').unwrap_or(rest)))
    })?;
    let next = || words.get(at + 1).and_then(|word| word.to_str());
    let (form, count) = if attached.is_empty() { (next()?, 2) } else { (attached, 1) };
    let form = form.to_lowercase();
    let is_text = TEXTS.contains(&form.as_str());
    if !is_text && !["json", "yaml", "yml"].contains(&form.as_str()) || !takes_json(command) {
        return None;
    }
    let better = |put: &[&str]| {
        [&words[..at], &put.iter().map(OsString::from).collect::<Vec<_>>(), &words[at + count..]].concat()
    };
    Some(match form.as_str() {
        _ if is_text => Mended::Command(better(&[])),
        "json" => Mended::Word("--json".to_owned(), better(&["--json"])),
        _ => Mended::Says(THE_FORMS),
    })
}

fn takes_json(command: &clap::Command) -> bool {
    command.get_arguments().any(|argument| argument.get_long() == Some("json"))
}

/// An option that takes its value behind a `=` alone, with the next word for a value.
fn with_value(command: &clap::Command, words: &[OsString]) -> Option<Mended> {
    let needs_equals: Vec<String> = command
        .get_arguments()
        .filter(|argument| argument.is_require_equals_set())
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect();
    let at =
        words.iter().position(|word| word.to_str().is_some_and(|word| needs_equals.iter().any(|name| name == word)))?;
    let value = words.get(at + 1)?.to_str().filter(|value| !value.starts_with('-'))?;
    let joined = format!("{}={value}", words[at].to_str()?);
    let better = [&words[..at], &[OsString::from(&joined)], &words[at + 2..]].concat();
    Some(Mended::Word(joined, better))
}
