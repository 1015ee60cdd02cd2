//! Options that a command does not have.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::elsewhere::{Meant, OPTIONS};
use super::nearest::nearest;
use super::reached::{Mended, Reached, parsed};
use crate::commands::declaration::Commands;

/// Puts the option `typed` right, as the parser quotes it.
pub(super) fn mended(commands: Commands, typed: &str, words: &[OsString]) -> Option<Mended> {
    let at = words.iter().position(|word| word.to_str().is_some_and(|word| begins_with(word, typed)))?;
    if Reached::by(commands, &words[..at]).command.has_subcommands()
        && let Some(better) = version(&words[at]).or_else(|| moved(commands, words, at))
    {
        return Some(better);
    }
    let word = words[at].to_str()?;
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    let option = match option_meant(name, &known(&Reached::by(commands, words).command))? {
        Found::Option(option) => option,
        Found::Says(text) => return Some(Mended::Says(text)),
    };
    let mut words = words.to_vec();
    words[at] = value.map_or(option.clone(), |value| format!("{option}={value}")).into();
    Some(Mended::Word(option, words))
}

/// The options of a command, in their long form.
pub(super) fn known(command: &clap::Command) -> BTreeSet<String> {
    let names = |argument: &clap::Arg| argument.get_long_and_visible_aliases().unwrap_or_default().join(" ");
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set()).map(names);
    shown
        .flat_map(|names| names.split(' ').map(|name| format!("--{name}")).collect::<Vec<_>>())
        .filter(|name| name != "--")
        .collect()
}

/// Of `-json` the parser quotes the first letter that is no option.
fn begins_with(word: &str, typed: &str) -> bool {
    let rest = word.strip_prefix(typed);
    let letter = typed.strip_prefix('-').filter(|letter| !letter.starts_with('-'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        || letter.is_some_and(|letter| word.starts_with('-') && !word.starts_with("--") && word.contains(letter))
}

enum Found {
    Option(String),
    Says(&'static str),
}

fn option_meant(typed: &str, known: &BTreeSet<String>) -> Option<Found> {
    let with_two_dashes = format!("-{typed}");
    if known.contains(&with_two_dashes) {
        return Some(Found::Option(with_two_dashes));
    }
    match OPTIONS.iter().filter(|(words, _)| words.contains(&typed)).find_map(|(_, meant)| had(*meant, known)) {
        None if typed.starts_with("--") => {
            nearest(typed, known.iter().map(String::as_str)).map(|name| Found::Option(name.to_owned()))
        }
        told => told,
    }
}

fn had(meant: Meant, known: &BTreeSet<String>) -> Option<Found> {
    match meant {
        Meant::Option(options) => {
            let option = options.iter().find(|option| known.contains(**option))?;
            Some(Found::Option((*option).to_owned()))
        }
        Meant::Says(text) => Some(Found::Says(text)),
        Meant::Command(_) => None,
    }
}

/// The version is of all commands.
fn version(word: &OsString) -> Option<Mended> {
    (word == "--version" || word == "-V").then(|| Mended::Command(vec!["--version".into()]))
}

/// An option that stands before the command whose it is, with what may be its value, goes behind it.
fn moved(commands: Commands, words: &[OsString], at: usize) -> Option<Mended> {
    let behind = |count: usize| {
        let mut rest = words.to_vec();
        let option: Vec<OsString> = rest.drain(at..(at + count).min(words.len())).collect();
        [rest, option].concat()
    };
    [1, 2].into_iter().map(behind).find(|line| parsed(commands, line).is_ok()).map(Mended::Command)
}
