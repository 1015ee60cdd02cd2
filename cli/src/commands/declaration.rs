//! `Declaration`: what is said of a command: its words, how much harm it can do, what it is about.

/// How wide help is, at most.
pub(super) const HELP_COLUMNS: usize = 80;

use aisoc_platform::Identity;
use serde_json::Value;

/// The most harm that a command can do, when it is typed as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Risk {
    /// Nobody has said it, which no command leaves at that: a test walks through all of them.
    Unsaid,
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
            Self::Unsaid => "",
            Self::Read => "read",
            Self::Write => "write",
            Self::HighRiskWrite => "high-risk-write",
        }
    }
}

/// What a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    /// Nobody has said it, which no command leaves at that.
    Unsaid,
    /// A plugin's directory, and the keys that sign it.
    Author,
    /// What is packed, and what is in registries.
    Artifact,
    /// What is in a plugins directory.
    Installation,
    /// Whom a site trusts.
    Keys,
    /// Registries: the one that comes with aisoc, logins, and what others hold.
    Registry,
    /// aisoc itself.
    Manual,
}

impl Domain {
    /// The domain in one word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unsaid => "",
            Self::Author => "author",
            Self::Artifact => "artifact",
            Self::Installation => "installation",
            Self::Keys => "keys",
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
    /// Commands that it does the work of: whoever may not give one of them may not give it either.
    pub(crate) does: &'static [&'static [&'static str]],
    /// The same, with an option.
    pub(crate) does_with: &'static [(&'static str, &'static [&'static str])],
    /// What it is about.
    pub(crate) domain: Domain,
    /// For whom it is; for everybody when empty.
    pub(crate) identities: &'static [Identity],
    /// The schema of what it prints with `--json`; none for what prints text alone.
    pub(crate) document: Option<fn() -> Value>,
}

impl Declaration {
    /// Other words that are typed for the command.
    pub(super) fn others(&self) -> Vec<Vec<&'static str>> {
        let aliased = self.alias.map(|alias| [&self.words[..self.words.len() - 1], &[alias]].concat());
        let also = Some(self.also.to_vec()).filter(|also| !also.is_empty());
        also.into_iter().chain(aliased).collect()
    }
}

/// What most commands have none of.
pub(super) const PLAIN: Declaration = Declaration {
    words: &[],
    also: &[],
    alias: None,
    is_hidden: false,
    about: "",
    examples: "",
    risk: Risk::Unsaid,
    raised_by: &[],
    does: &[],
    does_with: &[],
    domain: Domain::Unsaid,
    identities: &[],
    document: None,
};

/// Words that commands stand below, and what these have in common.
pub(crate) type Group = (&'static [&'static str], &'static str);

/// The commands as the manual asks for them, which is a command itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Commands {
    /// The parser of the whole command line.
    pub(crate) parser: fn() -> clap::Command,
    /// Words that commands stand below, each behind those that it stands below itself.
    pub(crate) groups: &'static [Group],
    /// What is said of the command of these words.
    pub(crate) declaration: fn(&[&str]) -> Option<&'static Declaration>,
    /// What is said of every command.
    pub(crate) all: fn() -> Box<dyn Iterator<Item = &'static Declaration>>,
}
