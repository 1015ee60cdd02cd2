//! The cases of `aisoc config policy test`: which command, and what is expected of it.

use aisoc_dispatch::{CommandId, CommandTree};
use aisoc_manifests::fault::Reason;
use aisoc_manifests::position::Position;
use aisoc_manifests::reader::read_plain_yaml;
use aisoc_manifests::text::shown;
use aisoc_manifests::value::{Node, Value};

use super::command;

/// Most cases of a file: each is held against the whole policy.
const MAX_CASES: usize = 10_000;
/// How much of a word that is none is shown.
const MAX_SHOWN: usize = 80;
/// What can come of a command that is denied.
const CODES: [Reason; 9] = [
    Reason::RiskInvalid,
    Reason::RiskNotAnnotated,
    Reason::CommandDenylisted,
    Reason::DomainNotAllowed,
    Reason::WriteNotAllowed,
    Reason::RiskTooHigh,
    Reason::IdentityMismatch,
    Reason::IdentityNotSupported,
    Reason::AggregateAllDenied,
];

/// One case.
pub(super) struct Case {
    /// The command.
    pub(super) id: CommandId,
    /// The line that it begins in.
    pub(super) line: usize,
    /// `allowed`, `denied`, or a code.
    pub(super) expected: String,
}

/// What is wrong with a file, and where.
pub(super) type CaseFault = (Position, String);

/// Reads a file of cases.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn read_cases(bytes: &[u8], tree: &CommandTree) -> Result<Vec<Case>, Vec<CaseFault>> {
    let document = read_plain_yaml(bytes).map_err(|error| {
        let message = error.message().replace("a manifest", "a file of cases").replace("the manifest", "the file");
        vec![(error.position(), message)]
    })?;
    let (mut cases, mut faults) = (Vec::new(), Vec::new());
    let mut list = None;
    for (key, value) in document.root().members() {
        match key.as_str() {
            Some("cases") => list = Some(value),
            _ => faults.push(unknown(key, "cases")),
        }
    }
    match list.map(|list| (list, list.value())) {
        Some((list, Value::List(_))) if list.items().count() > MAX_CASES => {
            faults.push((list.position(), format!("more than {MAX_CASES} cases")));
        }
        Some((list, Value::List(_))) if list.items().next().is_none() => {
            faults.push((list.position(), "there is no case in the list".to_owned()));
        }
        Some((list, Value::List(_))) => list.items().for_each(|item| match case(item, tree) {
            Ok(case) => cases.push(case),
            Err(wrong) => faults.extend(wrong),
        }),
        Some((list, other)) => {
            faults.push((list.position(), format!("`cases` has to be a list, and here is {}", other.kind())));
        }
        None => faults.push((Position::START, "`cases` is missing: a list of `command` and `expect`".to_owned())),
    }
    if faults.is_empty() { Ok(cases) } else { Err(faults) }
}

fn case(item: Node<'_>, tree: &CommandTree) -> Result<Case, Vec<CaseFault>> {
    let (mut id, mut expected, mut faults) = (None, None, Vec::new());
    for (key, value) in item.members() {
        let text = value.as_str();
        match (key.as_str(), text) {
            (Some("command"), Some(text)) => match command(tree, &[text]) {
                Ok(found) => id = Some(found),
                Err(fault) => faults.push((value.position(), fault.to_string())),
            },
            (Some("expect"), Some(text)) if is_verdict(text) => expected = Some(text.to_owned()),
            (Some("expect"), Some(text)) => {
                let codes = CODES.map(Reason::as_str).join(", ");
                let text = shown(text, MAX_SHOWN);
                let message = format!("`expect` has to be allowed, denied, or one of {codes}, and here is `{text}`");
                faults.push((value.position(), message));
            }
            (Some(key @ ("command" | "expect")), None) => {
                let found = value.value().kind();
                faults.push((value.position(), format!("`{key}` has to be a text, and here is {found}")));
            }
            _ => faults.push(unknown(key, "command, expect")),
        }
    }
    match (id, expected) {
        (Some(id), Some(expected)) if faults.is_empty() => Ok(Case { id, line: item.position().line, expected }),
        _ if faults.is_empty() => Err(vec![(item.position(), "a case has to say `command` and `expect`".to_owned())]),
        _ => Err(faults),
    }
}

fn is_verdict(text: &str) -> bool {
    ["allowed", "denied"].contains(&text) || CODES.iter().any(|code| code.as_str() == text)
}

fn unknown(key: Node<'_>, known: &str) -> CaseFault {
    let found =
        key.as_str().map_or_else(|| key.value().kind().to_owned(), |key| format!("`{}`", shown(key, MAX_SHOWN)));
    (key.position(), format!("unknown key {found}: the keys are {known}"))
}
