//! What is copied out of a message is a command as a shell reads it: each value that a command between backquotes
//! takes from outside is quoted, or is of a kind that needs no quotes. Held in the sources, because no list of
//! refusals is ever whole.

mod support;

use support::workspace;

/// What a line that is copied begins with.
const COMMANDS: [&str; 12] =
    ["aisoc ", "--", "cat ", "chmod ", "fuser ", "mkdir ", "mv ", "printenv ", "rm ", "rmdir ", "tar ", "unzip "];
/// What makes one word of a shell.
const QUOTING: [&str; 2] = ["shell_word", "shell_argument"];

/// Modules that only tests compile.
const OF_TESTS: [&str; 1] = ["cli/src/commands/pages.rs"];

/// Where a value needs no quotes, the value, and why.
const PLAIN: &[(&str, &str, &str)] = &[
    ("cli/src/proofs.rs", "kind", "a word for a kind of proof"),
    ("cli/src/commands/verify.rs", "kind", "the same"),
    ("pipeline/src/provenance/job.rs", "name", "the name of a variable, and no command"),
    ("pipeline/src/provenance/job.rs", "what", "the same"),
    ("cli/src/commands/signed_set.rs", "command", "words of a command"),
    ("cli/src/commands/registry/login.rs", "host", "a host and a port that were read"),
    ("cli/src/commands/registry/logout.rs", "host", "the same"),
    ("cli/src/commands/registry/whoami.rs", "host", "the same"),
    ("manifests/src/registry_host.rs", "host", "the same"),
    ("registry-client/src/remote/auth.rs", "registry", "a host and a port that were read"),
    ("cli/src/context.rs", "said", "`true` or `false`"),
    ("registry-client/src/remote/catalog.rs", "host", "the same"),
    ("registry-client/src/remote/catalog.rs", "registry", "the same"),
    ("registry-client/src/remote/deletion.rs", "digest", "a digest that was read"),
    ("registry-client/src/remote/deletion.rs", "host", "a host and a port that were read"),
    ("registry-client/src/remote/deletion.rs", "repository", "a name that was read"),
    ("registry-client/src/remote/credentials/login_file.rs", "metadata.ino()", "a number"),
    ("registry-client/src/remote/credentials/source.rs", "registry", "a host and a port that were read"),
    ("cli/src/commands/api/asking.rs", "scope.as_str()", "a word of our own"),
    ("cli/src/commands/api/run.rs", "\\\"indicator\\\"", "no value: the braces of an object"),
    ("cli/src/commands/api/watch.rs", "seen", "digits and a `-`, which is looked at before"),
    ("host/src/access/jwt/mod.rs", "what", "a word of our own"),
    ("host/src/access/token_file.rs", "name", "a name of a token, which has letters, digits, `.`, `_` and `-` alone"),
    ("host/src/access/token_file.rs", "option", "quoted where it is made"),
    ("host/src/access/token_file.rs", "self.option()", "the same"),
    ("trust/src/keys/keyset/settings.rs", "command", "words of a command"),
    ("cli/src/commands/bench.rs", "profile", "the name of a profile"),
    ("cli/src/commands/demo.rs", "words.join(\" \")", "words of the demo itself"),
    ("cli/src/commands/docs.rs", "option", "an option of our own"),
    ("cli/src/commands/doctor/settings.rs", "name", "a variable of our own"),
    (
        "cli/src/commands/doctor/tokens.rs",
        "name",
        "a name of a token, which has letters, digits, `.`, `_` and `-` alone",
    ),
    ("cli/src/commands/doctor/tokens.rs", "path", "quoted where it is made"),
    ("cli/src/commands/sign.rs", "shipped", "an option of our own"),
    ("registry-client/src/remote/proxy/failure.rs", "self.host()", "a host and a port of a URL that was read"),
    ("registry-client/src/remote/proxy/failure.rs", "self.port()", "a host and a port of a URL that was read"),
    ("registry-client/src/remote/reach.rs", "host", "a host of a URL that was read"),
    (
        "registry-client/src/remote/refusal.rs",
        "authority(&connection.base)",
        "a host and a port of a URL that was read",
    ),
    ("keyless/src/token.rs", "AUDIENCE", "a word of our own"),
    ("signing/src/proof/artifact_signer.rs", "command", "a command with a quoted path"),
    ("signing/src/key_source.rs", "NEW_DIRECTORY", "a name of our own"),
    ("signing/src/key_source.rs", "SPLIT", "commands of our own"),
    ("signing/src/key_source.rs", "from", "a command with a quoted path"),
    ("signing/src/keyring/gathered.rs", "file", "the name of a file to look at, which no command takes"),
    ("cli/src/commands/listen_place.rs", "HANDED_ON", "a word of our own"),
    ("cli/src/commands/grants.rs", "asked", "an option of our own, and names that were quoted where they were listed"),
    ("cli/src/commands/github.rs", "reference", "a reference into a registry, which its grammar keeps plain"),
    ("cli/src/commands/help.rs", "meant", "words of our own commands, or the name of a page"),
    ("cli/src/commands/keygen.rs", "option", "an option of our own"),
    ("cli/src/commands/journal/export.rs", "P::GROUP", "a word of our own"),
    ("cli/src/commands/key_change/note.rs", "name", "an option of our own"),
    ("cli/src/commands/succession/accept.rs", "until", "a time"),
    ("cli/src/commands/key_change/rotate/next.rs", "line(&words)", "a command line that was quoted word by word"),
    ("cli/src/commands/mistagged.rs", "line", "a command line that was quoted word by word"),
    ("cli/src/commands/package.rs", "as_layout(path)", "quoted where it is made"),
    ("cli/src/commands/pull.rs", "archive", "quoted where it is made"),
    ("cli/src/commands/pull.rs", "directory", "quoted where it is made"),
    ("manifests/src/lock.rs", "path", "quoted by whoever holds the lock, because this crate knows no shell"),
    ("cli/src/commands/parser.rs", "words.join(\" \")", "words of our own commands"),
    ("cli/src/commands/untagged.rs", "reference", "a reference into a registry, which its grammar keeps plain"),
    (
        "cli/src/commands/untagged.rs",
        "with_reference(context, reference, &format!(\"{reference}:{newest}\"))",
        "a command line that was quoted word by word",
    ),
    ("cli/src/usage.rs", "command", "words of our own commands"),
    ("cli/src/usage.rs", "command.join(\" \")", "words of our own commands"),
    ("cli/src/usage.rs", "line", "a command line that was quoted word by word"),
    ("installation/src/floor.rs", "id", "an id"),
    ("installation/src/in_use.rs", "id", "an id"),
    ("installation/src/observed.rs", "name", "an id"),
    ("manifests/src/capability.rs", "near", "a capability of our own list"),
    ("manifests/src/reference.rs", "text", "a reference but for its host, which its grammar keeps plain"),
    ("packaging/src/search.rs", "path", "a line of .aisocignore, which no shell reads"),
    ("packaging/src/search.rs", "command", "`rmdir` or `find`, with the quoted path"),
    ("packaging/src/secrets/mod.rs", "path", "a line of .aisocignore, which no shell reads"),
    ("pipeline/src/install.rs", "id", "an id"),
    ("pipeline/src/publication.rs", "SIGNATURE_DIRECTORY", "a name of our own"),
    ("pipeline/src/rollback.rs", "id", "an id"),
    ("registry-client/src/layout/foreign.rs", "command", "the command that unpacks it, of our own"),
    (
        "registry-client/src/remote/repository.rs",
        "reference",
        "a reference into a registry, which its grammar keeps plain",
    ),
    ("signing/src/stamp.rs", "INTEGRITY_KEY", "a name of our own"),
];

/// A string literal: where it stands, its text, and what follows it.
struct Literal<'a> {
    before: &'a str,
    text: &'a str,
    after: &'a str,
}

/// The string literals of a source, comments and characters left out.
fn literals(code: &str) -> Vec<Literal<'_>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(next) = code[at..].find(['"', '/', '\'']) {
        let start = at + next;
        let rest = &code[start..];
        at = match rest.as_bytes()[0] {
            b'/' if rest.starts_with("//") => start + rest.find('\n').unwrap_or(rest.len()),
            b'\'' if rest.starts_with("'\"'") => start + 3,
            b'"' => {
                let end = start + 1 + end_of_literal(&rest[1..]);
                found.push(Literal { before: &code[..start], text: &code[start + 1..end], after: &code[end + 1..] });
                end + 1
            }
            _ => start + 1,
        };
    }
    found
}

fn end_of_literal(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.expect("a literal ends")
}

/// The values between `{` and `}` of a text, each empty where the next argument stands for it.
fn values(text: &str) -> Vec<&str> {
    let plain = text.split("{{").flat_map(|part| part.split('{').skip(1));
    plain
        .filter_map(|part| part.split_once('}'))
        .map(|(value, _)| value.split(':').next().unwrap_or_default())
        .collect()
}

/// The arguments of the macro behind the literal.
fn arguments(after: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut found) = (0_i32, 0, Vec::new());
    for (at, letter) in after.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => {
                found.push(after[begin..at].trim());
                break;
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(after[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.into_iter().skip(1).filter(|argument| !argument.is_empty()).collect()
}

/// Whether the name is bound to what is quoted.
fn is_bound_quoted(name: &str, before: &str) -> bool {
    let binding = before.rsplit_once(&format!("let {name} = ")).map(|(_, rest)| rest);
    binding
        .and_then(|rest| rest.split_once(';'))
        .is_some_and(|(value, _)| QUOTING.iter().any(|quote| value.contains(quote)))
}

/// The values of a source that stand in commands and in backquotes of hints, unquoted.
fn unquoted(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for literal in literals(code) {
        let context: String = literal.before.chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
        let is_hint = context.contains("hint(") || context.contains("hint = ");
        let (mut position, arguments) = (0, arguments(literal.after));
        for (at, span) in literal.text.split('`').enumerate() {
            let is_copied = match at % 2 {
                1 => is_hint || COMMANDS.iter().any(|command| span.starts_with(command)),
                _ => at == 0 && span.starts_with("aisoc plugin"),
            };
            for value in values(span) {
                let expression = match value {
                    "" => *arguments.get(position).unwrap_or(&""),
                    name => name,
                };
                position += usize::from(value.is_empty());
                let is_quoted = QUOTING.iter().any(|quote| expression.contains(quote))
                    || is_bound_quoted(expression, literal.before);
                if is_copied && !is_quoted {
                    found.push(expression.to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn what_is_read_of_a_source_is_what_stands_there() {
    let code = "
        // a \" in a comment
        let own = shell_word(path);
        x.hint(format!(\"see `{}` and `{own}`, {{{text}}}\", a(b, c)));
        let y = format!(\"`rm {other}`, {prose} `{prose}` \\\" `rm {}`\", shell_word(z));
        status(\"Next\", format!(\"aisoc plugin list {}\", path.display()));
    ";
    assert_eq!(unquoted(code), ["a(b, c)", "other", "path.display()"]);
}

#[test]
fn every_value_of_a_command_to_copy_is_quoted_or_needs_no_quotes() {
    let mut found = std::collections::BTreeSet::new();
    for (file, code) in workspace::sources().into_iter().filter(|(file, _)| !OF_TESTS.contains(&file.as_str())) {
        found.extend(unquoted(&code).into_iter().map(|value| (file.clone(), value)));
    }
    let listed: std::collections::BTreeSet<(String, String)> =
        PLAIN.iter().map(|(file, value, _)| ((*file).to_owned(), (*value).to_owned())).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(new.is_empty(), "quote it with `shell_word`, or say here why it needs no quotes: {new:#?}");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "listed, and nowhere to be found: {gone:#?}");
}
