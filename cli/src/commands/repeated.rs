//! A hint's commands, with what the user typed and they need as well: without it they would be about the default
//! places, another plugin, or a registry that is reached in another way.

use std::ffi::OsString;
use std::path::Path;

use aisoc_files::shell_word;
use aisoc_manifests::fault::Fault;
use clap::ArgMatches;
use clap::parser::ValueSource;

use super::declaration::{Commands, Declaration, Domain};

/// When an option that was typed is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// What asks for more is; what asks for less is said by a person each time, and never by a hint.
    Only(&'static str),
}

/// The options that a command of a hint needs as well, with their other names, and when.
const REPEATED: [(&str, &[&str], When); 29] = [
    // Where things are.
    ("plugins-lock", &[], When::Always),
    ("plugins-dir", &[], When::Always),
    ("site-packages", &[], When::Always),
    ("trusted-keys", &["keys"], When::Always),
    ("timestamp-root", &[], When::Always),
    // How registries are reached.
    ("ca-file", &[], When::Always),
    ("plain-http", &[], When::Always),
    ("also-reach", &[], When::Always),
    ("timeout", &[], When::Always),
    // Which host, and what is shown to it.
    ("url", &[], When::Always),
    ("token-file", &[], When::Always),
    // What is asked for.
    ("profile", &[], When::Always),
    ("require", &[], When::Always),
    ("trusted-root", &[], When::Always),
    ("trust-policy", &[], When::Always),
    // Who is asked, where somebody signs without a key.
    ("fulcio-url", &["fulcio"], When::Always),
    ("rekor-url", &["rekor"], When::Always),
    ("rekor-version", &[], When::Always),
    ("timestamp-server-url", &["timestamp-authority"], When::Always),
    ("identity-token-file", &[], When::Always),
    ("keyless", &[], When::Always),
    ("proof-key", &[], When::Always),
    ("certificate-identity", &[], When::Always),
    ("certificate-identity-regexp", &[], When::Always),
    ("certificate-oidc-issuer", &[], When::Always),
    ("certificate-oidc-issuer-regexp", &[], When::Always),
    ("deny-capabilities", &[], When::Always),
    ("trust-mode", &[], When::Only("strict")),
    ("trust-coverage", &[], When::Only("full")),
];

/// Options that some commands take beside another one alone: who signs names authorities for the timestamp that he asks for.
const BESIDE: [(&str, &str); 1] = [("timestamp-root", "timestamp")];

/// Arguments that name an author's directory.
const DIRECTORIES: [&str; 6] = ["plugin_dir", "dir", "path", "first", "source", "sources"];

/// What a command line says that its hints repeat.
#[derive(Debug, Clone)]
pub(crate) struct Repeated {
    commands: Commands,
    /// Whether an author typed it, whose commands a hint then completes.
    is_author: bool,
    /// Each option by its name, and as words of a shell.
    options: Vec<(&'static str, String)>,
    /// An author's directory, and whether it is one, and not a manifest.
    directory: Option<(String, bool)>,
}

impl Repeated {
    /// Of what was parsed for the command of that declaration.
    pub(super) fn of(commands: Commands, declaration: &Declaration, matches: &ArgMatches) -> Self {
        Self {
            commands,
            is_author: matches!(declaration.domain, Domain::Author | Domain::Artifact),
            options: REPEATED
                .iter()
                .filter_map(|(name, _, when)| Some((*name, as_typed(name, *when, &values(matches, name)?)?)))
                .collect(),
            directory: directory(matches),
        }
    }

    /// The refusal, and each that it stands for, with commands that can be copied.
    pub(crate) fn in_fault(&self, fault: &Fault) -> Fault {
        let problems = fault.problems().iter().map(|problem| self.in_fault(problem)).collect();
        fault.clone().hint(self.in_hint(fault.next_step())).problems_are(problems)
    }

    /// The hint, with commands that can be copied.
    pub(crate) fn in_hint(&self, hint: &str) -> String {
        let completed = |(at, part): (usize, &str)| match at % 2 {
            1 => self.completed(part),
            _ => part.to_owned(),
        };
        hint.split('`').enumerate().map(completed).collect::<Vec<_>>().join("`")
    }

    fn completed(&self, line: &str) -> String {
        let Some((command, words)) = self.command_of(line) else { return line.to_owned() };
        let takes = |id: &str| command.get_arguments().any(|argument| argument.get_id() == id);
        let mut line = line.to_owned();
        if takes("plugin_dir") {
            line = self.with_directory(&line, &words);
        }
        for (name, typed) in &self.options {
            let has = |name: &str| command.get_arguments().any(|argument| argument.get_long() == Some(name));
            let is_of_another = BESIDE.iter().any(|(of, other)| {
                of == name && has(other) && !line.split(' ').any(|word| word == format!("--{other}"))
            });
            if has(name) && !is_of_another {
                line = with_option(&line, name, typed);
            }
        }
        line
    }

    /// The command of a line, and its words, if the line is for whoever reads it. A publisher's command is for the
    /// publisher, who has none of the operator's places.
    fn command_of(&self, line: &str) -> Option<(clap::Command, String)> {
        let (mut command, mut words) = ((self.commands.parser)(), Vec::new());
        for word in line.strip_prefix("aisoc ")?.split(' ') {
            match command.find_subcommand(word) {
                Some(found) => command = found.clone(),
                None => break,
            }
            words.push(command.get_name().to_owned());
        }
        let names: Vec<&str> = words.iter().map(String::as_str).collect();
        let declared = (self.commands.declaration)(&names)?;
        let is_for_everybody = matches!(declared.domain, Domain::Installation | Domain::Keys)
            || matches!(names[..], ["plugin", "verify" | "inspect" | "pull"]);
        ((is_for_everybody || self.is_author) && !line.contains("--help")).then(|| (command, words.join(" ")))
    }

    /// An author's directory, where the line names none or has `DIR` in its place.
    fn with_directory(&self, line: &str, words: &str) -> String {
        let Some((directory, is_directory)) = &self.directory else { return line.to_owned() };
        let beginning = format!("aisoc {words}");
        let rest = line.strip_prefix(&beginning).unwrap_or_default();
        if !is_directory && words != "plugin validate" {
            return line.to_owned();
        }
        match rest.strip_prefix(" DIR") {
            Some(rest) => format!("{beginning} {directory}{rest}"),
            None if (rest.is_empty() || rest.starts_with(" -")) && !rest.contains("--plugin-dir") => {
                format!("{beginning} {directory}{rest}")
            }
            None => line.to_owned(),
        }
    }
}

/// The line with the option, unless it has it, with another value than the word that stands for one.
fn with_option(line: &str, name: &str, typed: &str) -> String {
    let others = REPEATED.iter().find(|(repeated, ..)| *repeated == name).map_or(&[][..], |(_, others, _)| others);
    for option in others.iter().chain([&name]).map(|name| format!("--{name}")) {
        let placeholder = format!(" {option} KEYS");
        if line.contains(&placeholder) {
            return line.replacen(&placeholder, &format!(" {typed}"), 1);
        }
        if line.split(' ').any(|word| word == option || word.starts_with(&format!("{option}="))) {
            return line.to_owned();
        }
    }
    format!("{line} {typed}")
}

/// The values of an argument that was typed. Arguments are known by their names with `_`.
fn values(matches: &ArgMatches, name: &str) -> Option<Vec<OsString>> {
    // The option `--require` says what is required.
    let id = if name == "require" { "required".to_owned() } else { name.replace('-', "_") };
    let is_typed = matches.try_contains_id(&id).ok()? && matches.value_source(&id) == Some(ValueSource::CommandLine);
    is_typed.then(|| matches.get_raw(&id).into_iter().flatten().map(OsString::from).collect())
}

fn as_typed(name: &str, when: When, values: &[OsString]) -> Option<String> {
    let repeats = |value: &&OsString| match when {
        When::Always => true,
        When::Only(only) => *value == only,
    };
    let option = |value: &OsString| match name {
        "plain-http" if *value == "true" => "--plain-http".to_owned(),
        "plain-http" => format!("--plain-http={}", shell_word(value)),
        _ => format!("--{name} {}", shell_word(value)),
    };
    let typed: Vec<String> = values.iter().filter(repeats).map(option).collect();
    (!typed.is_empty()).then(|| typed.join(" "))
}

/// The one word that was typed for a directory and is one, or for a manifest.
fn directory(matches: &ArgMatches) -> Option<(String, bool)> {
    let named: Vec<OsString> = DIRECTORIES.iter().filter_map(|id| values(matches, id)).flatten().collect();
    // Of a release the word alone is the reference, and may be a directory's name all the same.
    let is_alone = |id| values(matches, id).is_none();
    if named.len() != 1 || (values(matches, "first").is_some() && is_alone("second")) {
        return None;
    }
    let path = Path::new(&named[0]);
    let is_manifest = path.is_file() && values(matches, "path").is_some();
    (path.is_dir() || is_manifest).then(|| (shell_word(path), path.is_dir()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::COMMANDS;

    /// What each option that is not repeated is about.
    const OTHERS: [(&str, &[&str]); 11] = [
        (
            "help of every command, and how it speaks",
            &["help", "json", "quiet", "progress", "verbose", "explain", "versions"],
        ),
        (
            "what this one command makes or changes",
            &[
                "out",
                "output-dir",
                "username",
                "password-stdin",
                "offline",
                "grace",
                "untagged",
                "older-than",
                "type",
                "author",
                "tag",
                "tag-suffix",
                "threads",
                "keep",
                "to",
                "write",
                "dry-run",
                "check",
                "add",
                "coverage",
                "cosign",
                "timestamp",
                "canonical",
                "source",
                "commit",
                "load",
                "run",
                "update-checkout",
                "sbom",
                "provenance",
                "predicate",
                "bundle",
                "new-key",
                "dir",
                "listen",
                "state",
                "tokens",
                "on-revoked",
                "lazy",
                "idle",
                "workers",
                "jwks",
                "jwt-issuer",
                "jwt-audience",
                "config",
                "tls-certificate",
                "tls-private-key",
                "htpasswd",
                "rights",
                "access-log",
                "read-only",
                "payload",
                "value",
                "expect-semantic",
                "from",
                "context",
                "expect-type",
                "plugin-type",
                "scope",
                "role",
                "allow-host",
                "id",
                "action",
                "since",
                "limit",
                "includes",
                "index",
                "tenant",
                "operator",
                "with-successors",
                "keep-successors",
                "endorser",
                "overlap",
                "until",
                "issued-at",
                "name",
                "expires",
                "set-version",
                "required-signatures",
                "save",
            ],
        ),
        ("the artifact that was asked for this time", &["require-digest", "platform"]),
        ("what is asked about this time, by the one command that takes it", &["policy", "capabilities"]),
        ("how long this command waits", &["lock-timeout", "timeout"]),
        ("who signs, which is said each time, and may be a secret", &["private-key", "passphrase", "encrypt"]),
        (
            "a consent, which is given each time",
            &[
                "force",
                "reset",
                "yes",
                "replace-tag",
                "allow-secret",
                "allow-ambiguous",
                "allow-downgrade",
                "allow-signer-change",
                "accept-capabilities",
                "lower-coverage",
                "reason",
                "unsigned",
                "accept-network-file-system",
                "accept-shared-directory",
                "no-login",
                "no-tls",
                "with-tags",
                "unlogged",
            ],
        ),
        (
            "how far and how strictly this command looks, this once",
            &["within", "strict", "format", "only", "plugin-mode", "exit-code", "shared", "pre", "all"],
        ),
        (
            "what is accepted, and how much of it is written down, this once",
            &["all-tags", "recursive", "from-installed", "with-provenance", "lock", "locked", "rollback"],
        ),
        ("what is named by the word before it, or by the hint itself", &["plugin-dir", "as-shipped"]),
        (
            "what is said of one key or asked about it, this once",
            &[
                "after",
                "clear",
                "comment",
                "may-sign",
                "new",
                "not-after",
                "not-before",
                "overlap",
                "owner",
                "plugin",
                "registry",
                "repository",
                "retire",
                "revoke",
            ],
        ),
    ];

    fn longs(command: &clap::Command, found: &mut std::collections::BTreeSet<String>) {
        found.extend(command.get_arguments().filter_map(|argument| argument.get_long().map(str::to_owned)));
        command.get_subcommands().for_each(|inner| longs(inner, found));
    }

    #[test]
    fn every_option_is_repeated_or_has_a_reason_not_to_be() {
        let mut parser = (COMMANDS.parser)();
        parser.build();
        let mut taken = std::collections::BTreeSet::new();
        longs(&parser, &mut taken);
        let decided =
            REPEATED.iter().map(|(name, ..)| *name).chain(OTHERS.iter().flat_map(|(_, names)| *names).copied());
        let decided: std::collections::BTreeSet<String> = decided.chain(["version"]).map(str::to_owned).collect();
        assert_eq!(taken, decided);
    }

    #[track_caller]
    fn repeated(line: &str) -> Repeated {
        let words = ["aisoc"].into_iter().chain(line.split(' ')).map(|word| word.replace('~', " "));
        let matches = (COMMANDS.parser)().try_get_matches_from(words).expect("a line");
        let (mut names, mut innermost) = (Vec::new(), &matches);
        while let Some((name, inner)) = innermost.subcommand() {
            names.push(name);
            innermost = inner;
        }
        Repeated::of(COMMANDS, (COMMANDS.declaration)(&names).expect("declared"), innermost)
    }

    #[test]
    fn who_administers_keys_is_led_to_the_keys_that_were_named() {
        let of = repeated("keys lint --keys my~keys --plugins-dir p");
        for (hint, expected) in [
            (
                "`aisoc keys revoke a.pem --reason TEXT`",
                "`aisoc keys revoke a.pem --reason TEXT --plugins-dir p --trusted-keys 'my keys'`",
            ),
            (
                "`aisoc keys annotate a --reason TEXT`",
                "`aisoc keys annotate a --reason TEXT --plugins-dir p --trusted-keys 'my keys'`",
            ),
            ("`aisoc keys promote a --reason TEXT`", "`aisoc keys promote a --reason TEXT --trusted-keys 'my keys'`"),
            ("`aisoc keys list --trusted-keys other`", "`aisoc keys list --trusted-keys other --plugins-dir p`"),
        ] {
            assert_eq!(of.in_hint(hint), expected);
        }
        let of = repeated("plugin install x --plugins-dir p --keys k");
        assert_eq!(of.in_hint("see `aisoc keys list`"), "see `aisoc keys list --plugins-dir p --trusted-keys k`");
    }

    #[test]
    fn a_command_of_a_hint_has_what_was_typed_and_it_takes() {
        let of = repeated("plugin install x --plugins-dir my~plugins --keys=k --keep 1 --require 2");
        for (hint, expected) in [
            (
                "see `aisoc plugin list`",
                "see `aisoc plugin list --plugins-dir 'my plugins' --trusted-keys k --require 2`",
            ),
            ("run `aisoc plugin gc`, then `x`", "run `aisoc plugin gc --plugins-dir 'my plugins'`, then `x`"),
            (
                "`aisoc plugin list --plugins-dir y --keys z`",
                "`aisoc plugin list --plugins-dir y --keys z --require 2`",
            ),
            (
                "`aisoc plugin verify x --keys KEYS`",
                "`aisoc plugin verify x --trusted-keys k --plugins-dir 'my plugins' --require 2`",
            ),
            ("see `aisoc plugin install --help`", "see `aisoc plugin install --help`"),
            ("see `aisoc help trust`", "see `aisoc help trust`"),
            ("see `aisoc plugin`, not `list`", "see `aisoc plugin`, not `list`"),
            ("have the publisher run `aisoc plugin package`", "have the publisher run `aisoc plugin package`"),
            ("nothing to type", "nothing to type"),
        ] {
            let fault = Fault::new(aisoc_manifests::fault::Reason::Usage, "x").hint(hint);
            assert_eq!(of.in_fault(&fault).next_step(), expected, "{hint}");
        }
    }

    #[test]
    fn what_lowers_trust_is_never_repeated_and_what_raises_it_is() {
        for (typed, expected) in [
            ("--trust-mode warn --trust-coverage code", ""),
            ("--trust-mode strict --trust-coverage full", " --trust-mode strict --trust-coverage full"),
            (
                "--plain-http --also-reach a.test --also-reach b.test",
                " --plain-http --also-reach a.test --also-reach b.test",
            ),
            ("--plain-http=false --accept-shared-directory --allow-downgrade", " --plain-http=false"),
        ] {
            let of = repeated(&format!("plugin install x {typed}"));
            assert_eq!(
                of.in_hint("`aisoc plugin install x`"),
                format!("`aisoc plugin install x{expected}`"),
                "{typed}"
            );
        }
    }

    #[test]
    fn an_author_is_sent_back_to_the_directory_that_was_named() {
        let place = tempfile::Builder::new().prefix("a plugin").tempdir().expect("made");
        let typed = place.path().display().to_string().replace(' ', "~");
        let shown = shell_word(place.path());
        for line in [
            format!("plugin validate {typed} --profile cli"),
            format!("plugin sign --plugin-dir {typed} --private-key k --profile cli"),
            format!("plugin release {typed} localhost:1/x --profile cli"),
            format!("plugin push {typed} localhost:1/x --profile cli"),
        ] {
            let of = repeated(&line);
            let expected = format!("`aisoc plugin validate {shown} --profile cli`");
            assert_eq!(of.in_hint("`aisoc plugin validate`"), expected, "{line}");
            assert_eq!(of.in_hint("`aisoc plugin validate DIR --profile cli`"), expected, "{line}");
            assert_eq!(of.in_hint("`aisoc plugin validate x`"), "`aisoc plugin validate x --profile cli`", "{line}");
        }
        for line in ["plugin install localhost:1/x:1".to_owned(), format!("plugin release {typed} --new-key")] {
            assert_eq!(repeated(&line).in_hint("`aisoc plugin validate`"), "`aisoc plugin validate`", "{line}");
        }
    }
}
