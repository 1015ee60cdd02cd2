//! `Command`: one command, declared once: its words, what it takes, how much harm it can do, and what runs.

use aisoc_manifests::fault::{Fault, Reason, Result};
use clap::{ArgMatches, Args};

use crate::context::Context;

/// The most harm that a command can do, when it is typed as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Risk {
    /// Changes nothing.
    Read,
    /// Makes or changes something.
    Write,
    /// Is there to destroy something, lowers what is checked or trusted, publishes what looks like a secret, or
    /// runs a plugin's code.
    HighRiskWrite,
}

impl Risk {
    /// The risk in one word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::HighRiskWrite => "high-risk-write",
        }
    }
}

/// What a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    /// A plugin's directory, and the keys that sign it.
    Author,
    /// What is packed, and what is in registries.
    Artifact,
    /// What is in a plugins directory.
    Installation,
    /// The registry that comes with aisoc.
    Registry,
    /// aisoc itself.
    Manual,
}

impl Domain {
    /// The domain in one word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Artifact => "artifact",
            Self::Installation => "installation",
            Self::Registry => "registry",
            Self::Manual => "manual",
        }
    }
}

/// What is said of a command.
#[derive(Debug)]
pub(crate) struct Declaration {
    /// What is typed after `aisoc`.
    pub(crate) words: &'static [&'static str],
    /// Other words for the same command; none when empty.
    pub(crate) also: &'static [&'static str],
    /// Another name for the last word.
    pub(crate) alias: Option<&'static str>,
    /// Whether listings leave it out.
    pub(crate) is_hidden: bool,
    /// One line.
    pub(crate) about: &'static str,
    /// What follows the options in its help.
    pub(crate) examples: &'static str,
    /// The most harm it can do.
    pub(crate) risk: Risk,
    /// Options with which it is a [`Risk::HighRiskWrite`].
    pub(crate) raised_by: &'static [&'static str],
    /// What it is about.
    pub(crate) domain: Domain,
}

/// What most commands have none of.
pub(super) const PLAIN: Declaration = Declaration {
    words: &[],
    also: &[],
    alias: None,
    is_hidden: false,
    about: "",
    examples: "",
    risk: Risk::Read,
    raised_by: &[],
    domain: Domain::Manual,
};

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
