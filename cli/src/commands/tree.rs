//! The tree of commands as data, made of the table: what policies judge, and what plugins see.

use aisoc_dispatch::{Command, CommandTree, Denials};
use aisoc_platform::Identity;

use super::declaration::{Commands, Declaration};

/// The path of a command: its words, with `/` between.
pub(super) fn path(words: &[&str]) -> String {
    words.join("/")
}

/// Every command and every group, each below what it stands in. Other words for a command lead to the same one.
pub(crate) fn tree(commands: Commands) -> CommandTree {
    let mut tree = CommandTree::new(Command { name: "aisoc".to_owned(), ..Command::default() });
    let groups = commands.groups.iter().map(|(words, _)| (*words, Command::default()));
    let declared = (commands.all)().map(|declaration| (declaration.words, command(declaration)));
    let mut all: Vec<(&[&str], Command)> = groups.chain(declared).collect();
    // A command may stand below another, which has to be there first.
    all.sort_by_key(|(words, _)| words.len());
    for (words, command) in all {
        let Some((name, above)) = words.split_last() else { continue };
        let parent = tree.find(&path(above)).unwrap_or(tree.root());
        tree.add(parent, Command { name: (*name).to_owned(), ..command });
    }
    for declaration in (commands.all)() {
        let Some(id) = tree.find(&path(declaration.words)) else { continue };
        declaration.others().iter().for_each(|words| tree.also(&path(words), id));
    }
    tree
}

fn command(declaration: &Declaration) -> Command {
    let identities: Vec<&str> = declaration.identities.iter().map(Identity::as_str).collect();
    Command {
        risk: declaration.risk.as_str().to_owned(),
        domain: declaration.domain.as_str().to_owned(),
        identities: identities.join(","),
        does: declaration.does.iter().map(|words| path(words)).collect(),
        is_runnable: true,
        ..Command::default()
    }
}

/// The parser whose help leaves out what is denied. It is found all the same, and so is its own help.
pub(crate) fn without_denied(parser: clap::Command, tree: &CommandTree, denials: &Denials) -> clap::Command {
    hidden(parser, &[], &|words| denials.get(tree.typed(words).0).is_some())
}

fn hidden(parser: clap::Command, above: &[&str], is_denied: &dyn Fn(&[&str]) -> bool) -> clap::Command {
    parser.mut_subcommands(|inner| {
        let name = inner.get_name().to_owned();
        let words = [above, &[name.as_str()]].concat();
        let is_hidden = inner.is_hide_set() || is_denied(&words);
        hidden(inner.hide(is_hidden), &words, is_denied)
    })
}

#[cfg(test)]
mod tests {
    use aisoc_platform::{CommandView as _, Risk};

    use super::super::parser::COMMANDS;
    use super::*;

    /// The paths of a parser's commands, and whether each does something itself. The first words of a command are its
    /// path; others lead to the same.
    fn parsed(parser: &clap::Command, above: &[String], found: &mut Vec<(String, bool)>) {
        for inner in parser.get_subcommands() {
            let words = [above, &[inner.get_name().to_owned()]].concat();
            let typed: Vec<&str> = words.iter().map(String::as_str).collect();
            let is_first = (COMMANDS.declaration)(&typed).is_none_or(|declaration| declaration.words == typed);
            if is_first {
                found.push((words.join("/"), !inner.is_subcommand_required_set()));
            }
            parsed(inner, &words, found);
        }
    }

    #[test]
    fn the_tree_is_what_can_be_typed() {
        let tree = tree(COMMANDS);
        let ids = tree.ids().filter(|id| *id != tree.root());
        let mut found: Vec<_> = ids.map(|id| (tree.path(id).to_owned(), tree.is_runnable(id))).collect();
        let mut typed = Vec::new();
        parsed(&(COMMANDS.parser)(), &[], &mut typed);
        found.sort();
        typed.sort();
        assert_eq!(found, typed);
        assert!(found.len() > 90 && found.contains(&("plugins/lock".to_owned(), true)), "{}", found.len());
    }

    #[test]
    fn other_words_lead_to_the_command_that_they_are_for() {
        let tree = tree(COMMANDS);
        for (words, command) in [
            (&["keygen", "--out", "x"][..], "plugin/keygen"),
            (&["plugin", "scaffold"], "plugin/new"),
            (&["plugin", "publish", "x"], "plugin/release"),
            (&["plugins", "doctor"], "doctor"),
            (&["plugins", "lock", "push"], "plugins/lock/push"),
        ] {
            assert_eq!(tree.path(tree.typed(words).0), command, "{words:?}");
        }
    }

    #[test]
    fn every_command_says_its_risk_and_what_it_is_about() {
        let tree = tree(COMMANDS);
        for id in tree.ids().filter(|id| tree.is_runnable(*id)) {
            let view = tree.view(id);
            assert!(view.risk().is_some_and(|risk| risk.is_valid()), "{} does not say its risk", view.path());
            assert!(!view.domain().is_empty(), "{} does not say what it is about", view.path());
            let identities = view.identities();
            assert!(
                identities.is_none_or(|all| !all.is_empty() && all.iter().all(Identity::is_valid)),
                "{}",
                view.path()
            );
        }
    }

    #[test]
    fn what_lets_others_in_is_for_people() {
        let tree = tree(COMMANDS);
        let for_people = tree.ids().filter(|id| tree.view(*id).identities() == Some(vec![Identity::User]));
        let mut paths: Vec<&str> = for_people.map(|id| tree.path(id)).collect();
        paths.sort_unstable();
        assert_eq!(
            paths,
            ["config/strict-mode", "keys/accept", "keys/add", "keys/restore", "plugins/trust", "token/create"]
        );
        let sign = tree.view(tree.find("plugin/sign").expect("a command"));
        assert_eq!((sign.risk(), sign.domain().as_str()), (Some(Risk::Write), "author"));
    }
}
