//! `Command`: a declaration, and what runs.

use aisoc_manifests::fault::{Fault, Reason, Result};
use clap::{ArgMatches, Args};

use super::declaration::Declaration;
use crate::context::Context;

/// A declaration and what runs. The arguments are those that `run` takes, so the two cannot differ.
pub(super) struct Command<A> {
    pub(super) is: Declaration,
    pub(super) run: fn(A, &Context) -> Result<u8>,
}

/// A command of any arguments.
pub(crate) trait Declared: Sync {
    /// What is said of it.
    fn declaration(&self) -> &Declaration;

    /// The parser of the command, by the name of its last word or of its other last word.
    fn parser(&self, name: &'static str) -> clap::Command;

    /// Runs it with what was parsed, and gives the exit code.
    ///
    /// # Errors
    /// Every refusal of the command.
    fn run(&self, matches: &ArgMatches, context: &Context) -> Result<u8>;
}

impl<A: Args> Declared for Command<A> {
    fn declaration(&self) -> &Declaration {
        &self.is
    }

    fn parser(&self, name: &'static str) -> clap::Command {
        let Declaration { about, examples, alias, is_hidden, .. } = self.is;
        // The options first: a group of them would leave its own description behind.
        let parser = A::augment_args(clap::Command::new(name)).about(about).long_about(None).hide(is_hidden);
        let parser = alias.map_or(parser.clone(), |alias| parser.visible_alias(alias));
        if examples.is_empty() { parser } else { parser.after_help(examples) }
    }

    fn run(&self, matches: &ArgMatches, context: &Context) -> Result<u8> {
        let arguments = A::from_arg_matches(matches).map_err(|error| {
            Fault::new(Reason::Internal, "what was parsed is not what the command takes").caused_by(error)
        })?;
        (self.run)(arguments, context)
    }
}
