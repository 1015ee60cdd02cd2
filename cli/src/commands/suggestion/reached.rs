//! How far a command line was understood, and what it is after one word was put right.

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;

use crate::commands::declaration::Commands;

/// One word put right, or why there is nothing to be put right.
pub(super) enum Mended {
    Command(Vec<OsString>),
    Word(String, Vec<OsString>),
    Says(&'static str),
}

/// How far the words name commands.
pub(super) struct Reached {
    pub(super) command: clap::Command,
    pub(super) names: Vec<String>,
    /// Where the word stands that is to name the next one and does not.
    pub(super) next: Option<usize>,
}

impl Reached {
    pub(super) fn by(commands: Commands, words: &[OsString]) -> Self {
        let mut reached = Self { command: (commands.parser)(), names: Vec::new(), next: None };
        // Built, it knows the options that every command has.
        reached.command.build();
        for (at, word) in words.iter().enumerate().filter(|(_, word)| !is_option(word)) {
            if !reached.command.has_subcommands() {
                break;
            }
            let Some(found) = reached.command.find_subcommand(word).cloned() else {
                return Self { next: Some(at), ..reached };
            };
            reached.names.push(found.get_name().to_owned());
            reached.command = found;
        }
        reached
    }
}

pub(super) fn is_option(word: &OsString) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

/// Whether the parser takes the words. Help is an answer.
pub(super) fn parsed(commands: Commands, words: &[OsString]) -> Result<(), clap::Error> {
    let line = std::iter::once(OsStr::new("aisoc")).chain(words.iter().map(OsString::as_os_str));
    match (commands.parser)().try_get_matches_from(line) {
        Err(error) if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => Err(error),
        _ => Ok(()),
    }
}
