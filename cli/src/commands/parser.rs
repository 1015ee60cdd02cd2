//! The command line: the parser that is made of the table, and the command that it finds.

use std::ffi::OsString;

use aisoc_dispatch::{CommandTree, Given};
use aisoc_manifests::fault::Result;
use aisoc_platform as platform;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, FromArgMatches as _};

use super::command::Declared;
use super::declaration::{Commands, Declaration, HELP_COLUMNS};
use super::repeated::Repeated;
use super::table::{GROUPS, TABLE};
use super::tree::path;
use crate::args::Global;
use crate::args::plugin::ProgressForm;
use crate::context::Context;
use crate::environment::Environment;

const AFTER_HELP: &str = "Examples:
  aisoc demo                                      # the first hour
  aisoc plugin new my-enricher --type enricher    # begin a plugin
  aisoc plugin install registry.example/team/my-enricher:0.1.0
  aisoc help trust                                # a page of the manual

Exit codes: 0 done · 1 failed on what was given · 2 usage · 3 trust says no ·
4 registry or network unavailable · 5 a bug in aisoc ·
10 confirmation required · 130 interrupted";

/// What was typed: a command, its arguments, and the options that every command has.
pub(crate) struct Typed {
    pub(crate) global: Global,
    command: &'static dyn Declared,
    matches: ArgMatches,
}

impl Typed {
    /// Finds the command of a command line.
    ///
    /// # Errors
    /// What the parser refuses, and help and the version, which are answers.
    pub(crate) fn parse(mut parser: clap::Command, environment: &Environment) -> Result<Self, clap::Error> {
        let matches = parser.try_get_matches_from_mut(with_version_as_command(environment.arguments()))?;
        let global = Global::from_arg_matches(&matches).map_err(|error| error.format(&mut parser))?;
        let (mut words, mut innermost) = (Vec::new(), &matches);
        while let Some((word, inner)) = innermost.subcommand() {
            (words, innermost) = ([words, vec![word]].concat(), inner);
        }
        let command = find(&words).expect("the parser knows the words of the table only");
        let matches = innermost.clone();
        Ok(Self { global, command, matches })
    }

    /// Whether the command has an option `--dry-run`, and it was given.
    pub(crate) fn is_dry_run(&self) -> bool {
        matches!(self.matches.try_get_one("dry_run"), Ok(Some(true)))
    }

    /// In which form the command says how far its work is.
    pub(crate) fn progress_form(&self) -> ProgressForm {
        let typed = self.matches.try_get_one("progress");
        typed.ok().flatten().copied().unwrap_or_default()
    }

    /// What the hints of the command repeat of what was typed.
    pub(crate) fn repeated(&self) -> Repeated {
        Repeated::of(COMMANDS, self.command.declaration(), &self.matches)
    }

    /// The command by its name.
    pub(crate) fn name(&self) -> String {
        format!("aisoc {}", self.command.declaration().words.join(" "))
    }

    /// The command as policies name it.
    pub(crate) fn path(&self) -> String {
        path(self.command.declaration().words)
    }

    /// What policies judge: the command, and what the options that were typed make of it. A variable that lowers what is
    /// checked counts as the option would.
    pub(crate) fn given(&self, tree: &CommandTree, environment: &Environment) -> Given {
        let Declaration { words, raised_by, does_with, .. } = *self.command.declaration();
        let find = |words: &[&str]| tree.find(&path(words)).expect("the tree and the parser are made of one table");
        let is_raised = |option: &&str| self.is_typed(option) || environment.lowers(option);
        let raised = raised_by.iter().any(is_raised).then_some(platform::Risk::HighRiskWrite);
        let does = does_with.iter().filter(|(option, _)| self.has(option, environment)).map(|(_, words)| find(words));
        Given { id: find(words), raised, does: does.collect() }
    }

    /// Whether the command has that option: it was typed, and not to say no, or it is on in a job of CI.
    fn has(&self, option: &str, environment: &Environment) -> bool {
        match (self.is_typed(option), self.matches.try_get_one::<bool>(&option.replace('-', "_"))) {
            (true, Ok(Some(is_on))) => *is_on,
            (true, _) => true,
            (false, _) => environment.turns_on(option),
        }
    }

    /// Whether an option of the command was typed, with whatever value.
    fn is_typed(&self, option: &str) -> bool {
        let id = option.replace('-', "_");
        let source = || self.matches.value_source(&id);
        matches!(self.matches.try_contains_id(&id), Ok(true)) && source() == Some(ValueSource::CommandLine)
    }

    /// Runs the command and gives the exit code.
    ///
    /// # Errors
    /// Every refusal of the command.
    pub(crate) fn run(&self, context: &Context) -> Result<u8> {
        self.command.run(&self.matches, context)
    }
}

/// `--version` in the place of a command is the command `version`, which takes options of its own.
fn with_version_as_command(arguments: &[OsString]) -> Vec<OsString> {
    let mut arguments = arguments.to_vec();
    let is_global = |word: &OsString| ["--json", "--quiet", "-q"].iter().any(|global| word == global);
    if let Some(word) = arguments.iter_mut().skip(1).find(|word| !is_global(word))
        && (word == "--version" || word == "-V")
    {
        *word = "version".into();
    }
    arguments
}

/// The commands as the manual asks for them.
pub(crate) const COMMANDS: Commands =
    Commands { parser, groups: &GROUPS, declaration: |words| find(words).map(|command| command.declaration()), all };

fn all() -> Box<dyn Iterator<Item = &'static Declaration>> {
    Box::new(TABLE.iter().map(|command| command.declaration()))
}

/// The command of these words.
fn find(words: &[&str]) -> Option<&'static dyn Declared> {
    let is_it = |command: &&&dyn Declared| {
        let Declaration { words: first, also, .. } = *command.declaration();
        words == first || (words == also && !also.is_empty())
    };
    TABLE.iter().find(is_it).copied()
}

/// The parser of the whole command line.
pub(crate) fn parser() -> clap::Command {
    let root = clap::Command::new("aisoc").version(env!("CARGO_PKG_VERSION"));
    let root = Global::augment_args(root)
        .about("Sign plugins, ship them as OCI artifacts, and decide what a host may load")
        .after_help(AFTER_HELP)
        .disable_help_subcommand(true)
        // Whatever the terminal: a longer line is harder to read, and pages of the manual are as wide as that.
        .max_term_width(HELP_COLUMNS)
        .subcommand_required(true)
        .arg_required_else_help(true);
    with_subcommands(root, &[])
}

/// The groups and the commands whose words are these and one more.
fn with_subcommands(parser: clap::Command, words: &[&'static str]) -> clap::Command {
    let groups = GROUPS.iter().filter_map(|(group, about)| {
        let (name, before) = group.split_last()?;
        let parser = clap::Command::new(*name).about(*about).subcommand_required(true).arg_required_else_help(true);
        (before == words).then(|| with_subcommands(parser, group))
    });
    parser.subcommands(groups).subcommands(below(words))
}

/// The commands whose words are these and one more, each under its first words or its others.
fn below(group: &[&'static str]) -> Vec<clap::Command> {
    let mut parsers = Vec::new();
    for command in TABLE {
        let Declaration { words, also, about, .. } = *command.declaration();
        match (words.split_last(), also.split_last()) {
            (Some((name, before)), _) if before == group => parsers.push(with_own(command.parser(name), words)),
            (_, Some((name, before))) if before == group => {
                let same = format!("{about} (the same as `aisoc {}`)", words.join(" "));
                parsers.push(command.parser(name).about(same));
            }
            _ => {}
        }
    }
    parsers
}

/// A command below whose words others stand: it takes either its own arguments or one of those words.
fn with_own(parser: clap::Command, words: &'static [&'static str]) -> clap::Command {
    let others = below(words);
    match others.is_empty() {
        true => parser,
        false => parser.subcommands(others).args_conflicts_with_subcommands(true),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::declaration::{Domain, Risk};
    use super::*;

    /// The words of every command that the parser knows, with its parser.
    fn leaves(command: &clap::Command, words: &[String], found: &mut BTreeMap<Vec<String>, clap::Command>) {
        for inner in command.get_subcommands() {
            let words = [words, &[inner.get_name().to_owned()]].concat();
            if inner.has_subcommands() {
                leaves(inner, &words, found);
            }
            if !inner.is_subcommand_required_set() {
                assert!(found.insert(words, inner.clone()).is_none(), "{} stands twice", inner.get_name());
            }
        }
    }

    fn all() -> BTreeMap<Vec<String>, clap::Command> {
        let mut found = BTreeMap::new();
        leaves(&parser(), &[], &mut found);
        found
    }

    fn options(command: &clap::Command) -> Vec<&str> {
        command.get_arguments().filter_map(clap::Arg::get_long).collect()
    }

    #[test]
    fn every_command_of_the_parser_is_declared_once_and_every_declaration_is_in_the_parser() {
        parser().debug_assert();
        let mut declared = Vec::new();
        for command in TABLE {
            let Declaration { words, also, about, .. } = command.declaration();
            assert!(!words.is_empty() && !about.is_empty() && !about.ends_with('.'), "{words:?}");
            declared.push(words.to_vec());
            declared.extend(Some(also.to_vec()).filter(|also| !also.is_empty()));
        }
        declared.sort();
        let parsed = all();
        assert_eq!(declared, parsed.keys().cloned().collect::<Vec<_>>());
        for (group, _) in GROUPS {
            assert!(declared.iter().any(|words| words.starts_with(group)), "nothing stands below {group:?}");
        }
        for words in &declared {
            assert!(find(words).is_some(), "{words:?}");
        }
        assert!(find(&[]).is_none() && find(&["plugin"]).is_none() && find(&["plugin", "nope"]).is_none());
    }

    /// Changes that are only known once they are made.
    const WITHOUT_DRY_RUN: [(&[&str], &str); 15] = [
        (&["serve"], "it changes what its operators ask for, and goes on until it is stopped"),
        (&["registry", "serve"], "it changes what its clients ask for, and goes on until it is stopped"),
        (
            &["registry", "login"],
            "it asks the registry first, and writes one entry; `registry auth explain` shows the one before",
        ),
        (&["registry", "logout"], "it removes one entry, which `registry auth explain` shows"),
        (&["api", "discover"], "the host that is asked says what comes of it"),
        (&["api", "enable"], "the same"),
        (&["api", "disable"], "the same"),
        (&["api", "reload"], "the same"),
        (&["api", "unload"], "the same"),
        (&["api", "run"], "the same"),
        (&["api", "fire"], "the same"),
        (&["api", "install"], "the same"),
        (&["api", "rollback"], "the same"),
        (&["demo"], "what it shows is done in a temporary directory of its own, which it removes"),
        (&["docs"], "it is hidden: who works on the manual looks at what it has written with `git diff`"),
    ];

    #[test]
    fn every_command_that_changes_something_has_a_dry_run_or_a_reason() {
        for (words, parser) in all() {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let Declaration { risk, .. } = find(&words).expect("declared").declaration();
            let is_exempt = WITHOUT_DRY_RUN.iter().any(|(exempt, _)| *exempt == words);
            let is_asked_beforehand = words == ["plugins", "verify"];
            let changes = (*risk != Risk::Read && !is_exempt) || is_asked_beforehand;
            assert_eq!(options(&parser).contains(&"dry-run"), changes, "{words:?}");
            assert!(!is_exempt || *risk != Risk::Read, "{words:?} needs no exemption");
        }
        assert!(WITHOUT_DRY_RUN.iter().all(|(words, why)| find(words).is_some() && !why.is_empty()));
    }

    #[test]
    fn what_a_command_does_the_work_of_is_a_command() {
        let tree = super::super::tree::tree(COMMANDS);
        for command in TABLE {
            let Declaration { words, does, does_with, .. } = command.declaration();
            for other in does.iter().chain(does_with.iter().map(|(_, other)| other)) {
                assert!(find(other).is_some_and(|found| found.declaration().words == *other), "{words:?}: {other:?}");
            }
            let id = tree.find(&path(words)).expect("a command");
            assert_eq!(tree.does(id).count(), does.len(), "{words:?}");
        }
    }

    #[test]
    fn what_was_typed_is_judged_with_its_options() {
        let tree = super::super::tree::tree(COMMANDS);
        let given = |line: &str| {
            let words = std::iter::once("aisoc").chain(line.split(' ')).map(Into::into).collect();
            let environment = Environment::with_arguments(words);
            let typed = Typed::parse(parser(), &environment).expect(line);
            let Given { id, raised, does } = typed.given(&tree, &environment);
            let does: Vec<_> = does.into_iter().map(|id| tree.path(id).to_owned()).collect();
            (tree.path(id).to_owned(), raised.is_some(), does)
        };
        for (line, path, is_raised, does) in [
            ("plugin validate x", "plugin/validate", false, &[][..]),
            ("plugin validate x --load", "plugin/validate", true, &[]),
            ("--json keygen --out x", "plugin/keygen", false, &[]),
            ("plugin keygen --force --out x", "plugin/keygen", true, &[]),
            ("plugin install x", "plugin/install", false, &[]),
            ("plugin install x --trust-mode warn", "plugin/install", true, &[]),
            ("plugin install x --lock --reason y", "plugin/install", false, &["plugins/trust"]),
            ("plugin release x y.example/z:1.0.0", "plugin/release", false, &[]),
            ("plugin release x y.example/z:1.0.0 --sbom", "plugin/release", false, &["plugin/sbom", "plugin/attest"]),
            ("plugin release x y.example/z:1.0.0 --sbom=false --provenance=false", "plugin/release", false, &[]),
            ("plugin publish x y.example/z:1.0.0 --new-key", "plugin/release", false, &["plugin/keygen"]),
            ("plugin publish x y.example/z:1.0.0 --new-key=k --load", "plugin/release", true, &["plugin/keygen"]),
        ] {
            let does = does.iter().map(|path| (*path).to_owned()).collect();
            assert_eq!(given(line), (path.to_owned(), is_raised, does), "{line}");
        }
    }

    #[test]
    fn a_risk_is_no_less_than_what_the_options_say() {
        for (words, parser) in all() {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let Declaration { risk, raised_by, does_with, domain, .. } = find(&words).expect("declared").declaration();
            // Whether one was typed is asked by a name that is made of it.
            for option in raised_by.iter().chain(does_with.iter().map(|(option, _)| option)) {
                let id = option.replace('-', "_");
                let found = parser.get_arguments().find(|argument| argument.get_id() == id.as_str());
                assert_eq!(found.and_then(clap::Arg::get_long), Some(*option), "{words:?}");
            }
            let options = options(&parser);
            if options.contains(&"lock-timeout") {
                assert_ne!(*risk, Risk::Read, "{words:?} changes a plugins directory");
            }
            if options.contains(&"yes") {
                assert_eq!(*risk, Risk::HighRiskWrite, "{words:?} asks first");
            }
            for lowers in
                ["force", "lower-coverage", "replace-tag", "allow-secret", "allow-ambiguous", "load", "unsigned"]
            {
                let raises = raised_by.contains(&lowers) || *risk == Risk::HighRiskWrite;
                assert!(!options.contains(&lowers) || raises, "{words:?} with --{lowers}");
            }
            // Whoever installs may do so by less than the site asks for.
            if *domain == Domain::Installation && words[0] == "plugin" && *risk == Risk::Write {
                for lowers in ["trust-mode", "trust-coverage", "plugin-mode"] {
                    assert!(!options.contains(&lowers) || raised_by.contains(&lowers), "{words:?} with --{lowers}");
                }
            }
            for option in *raised_by {
                assert!(options.contains(option), "{words:?} has no --{option}");
                assert_ne!(*risk, Risk::HighRiskWrite, "{words:?} cannot become more");
            }
        }
    }
}
