//! A hint's commands, with the places that the user named: without them they would be about the default places.

use std::ffi::OsString;

use aisoc_files::{shell_argument, shell_word};

use super::declaration::{Commands, Domain};

/// Options that say where things are, and their other names.
const PLACES: [(&str, &[&str]); 3] = [("--plugins-dir", &[]), ("--trusted-keys", &["--keys"]), ("--ca-file", &[])];

/// The hint, in which each command that takes a place has the one that was typed.
pub(crate) fn with_places(commands: Commands, hint: &str, words: &[OsString]) -> String {
    let given: Vec<(usize, String)> =
        (0..PLACES.len()).filter_map(|at| Some((at, given(PLACES[at], words)?))).collect();
    let completed = |(at, part): (usize, &str)| match at % 2 {
        1 => completed(commands, part, &given),
        _ => part.to_owned(),
    };
    hint.split('`').enumerate().map(completed).collect::<Vec<_>>().join("`")
}

/// The option and its value, as words of a shell.
fn given((name, others): (&str, &[&str]), words: &[OsString]) -> Option<String> {
    let is_it = |word: &str| word == name || others.contains(&word);
    words.iter().enumerate().find_map(|(at, word)| {
        let bytes = word.as_encoded_bytes();
        let end = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
        let option = std::str::from_utf8(&bytes[..end]).ok().filter(|option| is_it(option))?;
        match end < bytes.len() {
            true => Some(shell_argument(word)),
            false => Some(format!("{option} {}", shell_word(words.get(at + 1)?))),
        }
    })
}

fn completed(commands: Commands, line: &str, given: &[(usize, String)]) -> String {
    let (mut command, mut words) = ((commands.parser)(), Vec::new());
    for word in line.strip_prefix("aisoc ").into_iter().flat_map(|words| words.split(' ')) {
        match command.find_subcommand(word) {
            Some(found) => command = found.clone(),
            None => break,
        }
        words.push(word);
    }
    let mut line = line.to_owned();
    // A publisher's command is for the publisher, who has none of the operator's places.
    let is_ours = (commands.declaration)(&words).is_some_and(|declared| declared.domain == Domain::Installation)
        || words == ["plugin", "verify"];
    if !is_ours || line.contains("--help") {
        return line;
    }
    for (at, option) in given {
        let (name, others) = PLACES[*at];
        let takes = command.get_arguments().any(|argument| argument.get_long() == name.strip_prefix("--"));
        let has = line.split(' ').any(|word| word.starts_with(name) || others.contains(&word));
        if takes && !has {
            line = format!("{line} {option}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::COMMANDS;

    #[test]
    fn a_command_of_a_hint_has_the_places_that_were_typed_and_it_takes() {
        let words = ["plugin", "install", "x", "--plugins-dir", "my plugins", "--keys=k", "--keep", "1"];
        let words = words.map(OsString::from);
        for (hint, expected) in [
            ("see `aisoc plugin list`", "see `aisoc plugin list --plugins-dir 'my plugins' --keys=k`"),
            ("run `aisoc plugin gc`, then `x`", "run `aisoc plugin gc --plugins-dir 'my plugins'`, then `x`"),
            ("`aisoc plugin list --plugins-dir y --keys z`", "`aisoc plugin list --plugins-dir y --keys z`"),
            ("see `aisoc plugin install --help`", "see `aisoc plugin install --help`"),
            ("see `aisoc help trust`", "see `aisoc help trust`"),
            ("see `aisoc plugin`, not `list`", "see `aisoc plugin`, not `list`"),
            ("have the publisher run `aisoc plugin package`", "have the publisher run `aisoc plugin package`"),
            ("nothing to type", "nothing to type"),
        ] {
            assert_eq!(with_places(COMMANDS, hint, &words), expected);
        }
        let none = [OsString::from("plugin"), OsString::from("--plugins-dir")];
        assert_eq!(with_places(COMMANDS, "`aisoc plugin list`", &none), "`aisoc plugin list`");
    }
}
