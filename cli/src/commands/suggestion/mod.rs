//! What a command line that is not understood may have meant. A line is suggested when the parser takes it, with
//! every other word as it was typed; else the command is, whose help says what it takes.

mod elsewhere;
mod joined;
mod nearest;
mod options;
mod reached;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use self::elsewhere::{BELOW_REGISTRY, COMMANDS, Meant};
pub(super) use self::nearest::nearest;
use self::reached::{Mended, Reached, is_option, parsed};
use super::declaration::Commands;

/// How many words of one line are put right. More are no slips.
const MAX_MENDED: usize = 4;

/// What was meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Suggestion {
    /// These words after `aisoc`, which the parser takes.
    Line(Vec<OsString>),
    /// The command of these words, which takes something else than what was typed.
    Command(Vec<String>),
    /// This option or value, to the command of these words, which takes something else besides.
    Word(String, Vec<String>),
    /// Why there is nothing to type in its place.
    Says(&'static str),
}

/// What was meant by the words after `aisoc`, which the parser refuses.
pub(crate) fn suggestion(commands: Commands, words: &[OsString]) -> Option<Suggestion> {
    let mut words = words.to_vec();
    // What was put right first: what is refused after that is another matter.
    let mut first: Option<Option<String>> = None;
    for _ in 0..=MAX_MENDED {
        let Err(error) = parsed(commands, &words) else {
            return first.is_some().then_some(Suggestion::Line(words));
        };
        let (word, better) = match mended(commands, &error, &words) {
            Some(Mended::Says(text)) => return Some(Suggestion::Says(text)),
            Some(Mended::Command(better)) => (None, better),
            Some(Mended::Word(word, better)) => (Some(word), better),
            None => break,
        };
        words = better;
        first.get_or_insert(word);
    }
    let command = Reached::by(commands, &words).names;
    Some(match first? {
        Some(word) => Suggestion::Word(word, command),
        None => Suggestion::Command(command),
    })
}

/// The words of the command that is meant, whatever else it takes.
pub(super) fn meant_command(commands: Commands, words: &[String]) -> Option<Vec<String>> {
    let mut words: Vec<OsString> = words.iter().map(OsString::from).collect();
    for _ in 0..MAX_MENDED {
        let reached = Reached::by(commands, &words);
        match mended_command(commands, &words) {
            Some(Mended::Command(better)) => words = better,
            _ => return (reached.next.is_none() && !reached.names.is_empty()).then_some(reached.names),
        }
    }
    None
}

fn mended(commands: Commands, error: &clap::Error, words: &[OsString]) -> Option<Mended> {
    if let Some(better) = with_plain_dashes(words) {
        return Some(Mended::Command(better));
    }
    match error.kind() {
        ErrorKind::InvalidSubcommand => mended_command(commands, words),
        ErrorKind::UnknownArgument => {
            let typed = text_of(error, ContextKind::InvalidArg)?;
            joined::mended(commands, &typed, words).or_else(|| options::mended(commands, &typed, words))
        }
        ErrorKind::InvalidValue => mended_value(error, words),
        _ => None,
    }
}

/// The long dashes that a word processor makes of two short ones.
fn with_plain_dashes(words: &[OsString]) -> Option<Vec<OsString>> {
    let plain = |word: &OsString| {
        let rest = word.to_str()?.strip_prefix(['–', '—'])?;
        Some(OsString::from(format!("--{}", rest.trim_start_matches(['-', '–', '—']))))
    };
    let better: Vec<OsString> = words.iter().map(|word| plain(word).unwrap_or_else(|| word.clone())).collect();
    (better != words).then_some(better)
}

/// Puts the word right that names no command where it stands.
fn mended_command(commands: Commands, words: &[OsString]) -> Option<Mended> {
    let reached = Reached::by(commands, words);
    let at = reached.next?;
    let path = match command_meant(commands, words[at].to_str()?, &reached)? {
        Named::Command(path) => path,
        Named::Says(text) => return Some(Mended::Says(text)),
    };
    let options = words[..at].iter().filter(|word| is_option(word)).cloned();
    let path = path.into_iter().map(OsString::from);
    Some(Mended::Command(options.chain(path).chain(words[at + 1..].iter().cloned()).collect()))
}

/// What a word names.
#[derive(Clone)]
enum Named {
    Command(Vec<String>),
    Says(&'static str),
}

/// One of the names where the word stands, a word of another tool, a name that stands elsewhere; then the same for
/// what is nearly one.
fn command_meant(commands: Commands, typed: &str, reached: &Reached) -> Option<Named> {
    let typed = typed.to_lowercase();
    let shown = reached.command.get_subcommands().filter(|command| !command.is_hide_set());
    let here: Vec<&str> = shown.flat_map(clap::Command::get_name_and_visible_aliases).collect();
    let at_home = |name: &str| Named::Command([&reached.names[..], &[name.to_owned()]].concat());
    if here.contains(&typed.as_str()) {
        return Some(at_home(&typed));
    }
    let abroad = abroad(commands, &reached.names);
    let told = |name: &str| abroad.iter().find(|(known, _)| known == name).map(|(_, meant)| meant.clone());
    told(&typed)
        .or_else(|| nearest(&typed, here).map(at_home))
        .or_else(|| told(nearest(&typed, abroad.iter().map(|(name, _)| name.as_str()))?))
}

/// Words of other tools, and the last words of our own commands. Below `registry` nothing of a plugin is meant.
fn abroad(commands: Commands, group: &[String]) -> Vec<(String, Named)> {
    let path = |words: &[&str]| Named::Command(words.iter().map(|word| (*word).to_owned()).collect());
    let is_below_registry = group.first().is_some_and(|first| first == "registry");
    let rows = if is_below_registry { BELOW_REGISTRY } else { &[] };
    let foreign = rows
        .iter()
        .chain(COMMANDS)
        .flat_map(|(words, meant)| words.iter().map(move |word| ((*word).to_owned(), *meant)));
    let foreign = foreign.filter_map(|(word, meant)| match meant {
        Meant::Command(words) => Some((word, path(words))),
        Meant::Says(text) => Some((word, Named::Says(text))),
        Meant::Option(_) => None,
    });
    let own = every_command(&(commands.parser)(), &[]).into_iter();
    let own = own.filter_map(|words| Some((words.last()?.clone(), Named::Command(words))));
    let is_of_group = |(_, named): &(String, Named)| match named {
        Named::Command(words) if is_below_registry => words[0] == "registry",
        Named::Says(_) if is_below_registry => false,
        _ => true,
    };
    let aliases = every_alias(&(commands.parser)(), &[]);
    foreign.chain(own).chain(aliases).filter(is_of_group).collect()
}

/// The words of every command that listings show.
fn every_command(command: &clap::Command, words: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        let words = [words, &[inner.get_name().to_owned()]].concat();
        match inner.has_subcommands() {
            true => found.extend(every_command(inner, &words)),
            false => found.push(words),
        }
    }
    found
}

/// The other names of the commands below a group, which stand elsewhere in other tools.
fn every_alias(command: &clap::Command, words: &[String]) -> Vec<(String, Named)> {
    let mut found = Vec::new();
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        let words = [words, &[inner.get_name().to_owned()]].concat();
        found.extend(inner.get_visible_aliases().map(|alias| (alias.to_owned(), Named::Command(words.clone()))));
        found.extend(every_alias(inner, &words));
    }
    found
}

/// Puts a value right that is none of those that an option takes.
fn mended_value(error: &clap::Error, words: &[OsString]) -> Option<Mended> {
    let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue) else { return None };
    let typed = text_of(error, ContextKind::InvalidValue)?;
    let meant = nearest(&typed, valid.iter().map(String::as_str))?;
    let better = |word: &str| match word.strip_suffix(&typed)? {
        "" => Some(meant.to_owned()),
        option => option.ends_with('=').then(|| format!("{option}{meant}")),
    };
    let (at, better) = words.iter().enumerate().find_map(|(at, word)| Some((at, better(word.to_str()?)?)))?;
    let mut words = words.to_vec();
    words[at] = better.into();
    Some(Mended::Word(meant.to_owned(), words))
}

fn text_of(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::commands::{COMMANDS as OURS, parser};

    fn meant(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let joined = |words: Vec<OsString>| words.join(OsStr::new(" ")).into_string().expect("UTF-8");
        match suggestion(OURS, &words) {
            Some(Suggestion::Line(words)) => joined(words),
            Some(Suggestion::Command(words)) => format!("? {}", words.join(" ")),
            Some(Suggestion::Word(word, command)) => format!("? {word} of {}", command.join(" ")),
            Some(Suggestion::Says(text)) => text.split(' ').next().expect("a word").to_owned() + " …",
            None => String::new(),
        }
    }

    #[test]
    fn what_was_meant_is_a_line_that_the_parser_takes_with_the_other_words_as_they_were() {
        for (typed, expected) in [
            ("plugins instal localhost/x:1 --keys k", "plugin install localhost/x:1 --keys k"),
            ("--json plugin remove shodan --yes", "--json plugin uninstall shodan --yes"),
            ("remove shodan --json", "plugin uninstall shodan --json"),
            ("Plugin LIST", "plugin list"),
            ("plguin lst", "plugin list"),
            ("plguin ls --pluginsdir p", "plugin list --plugins-dir p"),
            ("plugins lst", "plugins list"),
            ("registry srve", "registry serve"),
            ("registry list r.example", "registry ls r.example"),
            ("registry rm r.example/x:1 --yes", "registry delete r.example/x:1 --yes"),
            ("catalog r.example", "registry ls r.example"),
            ("tags r.example/x", "registry tags r.example/x"),
            ("rm demo --yes", "plugin uninstall demo --yes"),
            ("regstry serve --listen 127.0.0.1:0", "registry serve --listen 127.0.0.1:0"),
            ("keygen --output release", "keygen --out release"),
            ("key --out release", "plugin keygen --out release"),
            ("plugin list -json", "plugin list --json"),
            ("plugin gc —json", "plugin gc --json"),
            ("plugin list --format", "plugin list --json"),
            ("plugin list --format json", "plugin list --json"),
            ("plugin list -o json", "plugin list --json"),
            ("plugin list -ojson", "plugin list --json"),
            ("plugin list -o=json", "plugin list --json"),
            ("plugin list --output=json", "plugin list --json"),
            ("plugin list --output json --plugins-dir p", "plugin list --json --plugins-dir p"),
            ("plugin inspect demo -o JSON", "plugin inspect demo --json"),
            ("plugin list -o table", "plugin list"),
            ("list -o wide", "plugin list"),
            ("plugin release demo localhost:1/x --new-key fresh", "plugin release demo localhost:1/x --new-key=fresh"),
            ("plugin release --new-key fresh demo localhost:1/x", "plugin release --new-key=fresh demo localhost:1/x"),
            ("plugin release demo --new-key ../k localhost:1/x", "plugin release demo --new-key=../k localhost:1/x"),
            ("plugin push demo localhost:1/x --plain-http true", "plugin push demo localhost:1/x --plain-http=true"),
            ("publish demo localhost:1/x --new-key", "plugin release demo localhost:1/x --new-key"),
            ("scaffold x --type widget", "plugin new x --type widget"),
            ("--plugins-dir p plugin list", "plugin list --plugins-dir p"),
            ("plugin --plugins-dir=p list", "plugin list --plugins-dir=p"),
            ("plugin sign --key=k.key", "plugin sign --private-key=k.key"),
            ("plugin install localhost/x:1 --key k", "plugin install localhost/x:1 --trusted-keys k"),
            ("plugin new x --type=enrcher", "plugin new x --type=enricher"),
            ("plugin new x --type enrcher", "plugin new x --type enricher"),
            ("plugin new x --kind widgit", "plugin new x --type widget"),
            ("install --help", "plugin install --help"),
            ("--verison", "--version"),
            ("plugin --version", "--version"),
            ("-v", "--version"),
        ] {
            assert_eq!(meant(typed), expected, "{typed}");
        }
    }

    #[test]
    fn where_more_is_missing_the_command_is_named_and_where_nothing_is_meant_nothing_is() {
        for (typed, expected) in [
            ("sign", "? plugin sign"),
            ("publish", "? plugin release"),
            ("plugin list -o yaml", "there …"),
            ("plugin singn", "? plugin sign"),
            ("plguin sing", "? plugin sign"),
            ("plugin update", "? plugin upgrade"),
            ("plugin updates", "plugin outdated"),
            ("plugin remvoe", "? plugin uninstall"),
            ("plugin install --pluginsdir y", "? --plugins-dir of plugin install"),
            ("plugin new --type enrcher", "? enricher of plugin new"),
            ("plugin search x", "plugins search x"),
            ("plugin login", "? registry login"),
            ("login", "? registry login"),
            ("plugin install x --insecure", "certificates …"),
            ("plugin install x --registry=r", "registry, …"),
            ("plugin install x --yes", "this …"),
            ("plugin zzz", ""),
            ("zzz", ""),
            ("plugin", ""),
            ("registry rm x", "? registry delete"),
            ("registry add x", ""),
            ("registry login", ""),
            ("plugin list --zzz", ""),
            ("plugin list extra", ""),
            ("plugin install", ""),
            ("plugin keygen --out x --key-size 2048", ""),
            ("a b c d e f", ""),
        ] {
            assert_eq!(meant(typed), expected, "{typed}");
        }
    }

    #[test]
    fn a_word_of_another_tool_is_none_of_ours_and_what_it_means_is_there() {
        let mut seen = std::collections::BTreeSet::new();
        let commands = every_command(&parser(), &[]);
        // Words that stand further on are looked for where a group has them.
        let groups = ["api", "bundle", "config", "keys", "token", "registry"];
        let is_looked_for = |words: &&Vec<String>| words.len() < 3 && !groups.contains(&&*words[0]);
        let looked_for = commands.iter().filter(is_looked_for).flatten().map(String::as_str);
        let every: Vec<&str> = looked_for.chain(groups).collect();
        for (words, meaning) in COMMANDS {
            for word in *words {
                assert!(seen.insert(*word) && !every.contains(word), "{word}");
            }
            match meaning {
                Meant::Command(path) => assert!(commands.iter().any(|words| words == path), "{path:?}"),
                Meant::Says(text) => explained(text),
                Meant::Option(_) => panic!("{words:?} stand in the place of a command"),
            }
        }
    }

    #[test]
    fn a_word_below_registry_means_a_command_there() {
        let own: Vec<_> = every_command(&parser(), &[]).into_iter().filter(|words| words[0] == "registry").collect();
        for (words, meaning) in BELOW_REGISTRY {
            let Meant::Command(path) = meaning else { panic!("{words:?}") };
            assert!(own.iter().any(|own| own == path), "{path:?}");
            assert!(words.iter().all(|word| own.iter().all(|own| own[1] != *word)), "{words:?}");
        }
    }

    #[test]
    fn an_option_of_another_tool_means_one_that_a_command_has() {
        let mut seen = std::collections::BTreeSet::new();
        let mut root = parser();
        root.build();
        let taken = every_option(&root);
        for (words, meaning) in elsewhere::OPTIONS {
            assert!(words.iter().all(|word| word.starts_with('-') && seen.insert(*word)), "{words:?}");
            match meaning {
                Meant::Option(options) => {
                    assert!(options.iter().all(|option| taken.contains(*option)), "{options:?}");
                }
                Meant::Says(text) => explained(text),
                Meant::Command(_) => panic!("{words:?} stand in the place of an option"),
            }
        }
    }

    fn every_option(command: &clap::Command) -> std::collections::BTreeSet<String> {
        let below = command.get_subcommands().flat_map(every_option);
        options::known(command).into_iter().chain(below).collect()
    }

    /// Every command between backquotes is one.
    #[track_caller]
    fn explained(text: &str) {
        for line in text.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.strip_prefix("aisoc ")) {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert!(parsed(OURS, &words).is_ok(), "{line}");
        }
    }
}
