//! The cases of `aisoc config policy test`: which command or call, and what is expected of it.

use std::collections::BTreeSet;

use aisoc_dispatch::CommandTree;
use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::position::Position;
use aisoc_manifests::reader::read_plain_yaml;
use aisoc_manifests::text::shown;
use aisoc_manifests::value::{Node, Value};
use aisoc_platform::Identity;

use super::judged::Judged;

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
    /// The command, or the call.
    pub(super) judged: Judged,
    /// What the plugin declares that is called.
    pub(super) capabilities: BTreeSet<Capability>,
    /// Who calls it.
    pub(super) identity: Identity,
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

/// What a case says, as far as it has been read.
#[derive(Default)]
struct Draft {
    judged: Option<Judged>,
    expected: Option<String>,
    capabilities: Option<BTreeSet<Capability>>,
    identity: Option<Identity>,
}

impl Draft {
    /// Takes what a key says.
    fn take(&mut self, (key, value): (Node<'_>, Node<'_>), tree: &CommandTree) -> Result<(), CaseFault> {
        let at_value = |fault: Fault| (value.position(), fault.message().to_owned());
        match (key.as_str(), value.as_str()) {
            (Some("command"), Some(text)) => self.judged = Some(Judged::named(tree, &[text]).map_err(at_value)?),
            (Some("expect"), Some(text)) => self.expected = Some(verdict(text, value.position())?),
            (Some("capabilities"), Some(text)) => {
                self.capabilities = Some(Capability::read_list(text).map_err(at_value)?);
            }
            (Some("identity"), Some(text)) => self.identity = Some(identity(text, value.position())?),
            (Some(key @ ("command" | "expect" | "capabilities" | "identity")), None) => {
                let found = value.value().kind();
                return Err((value.position(), format!("`{key}` has to be a text, and here is {found}")));
            }
            _ => return Err(unknown(key, "command, expect, capabilities, identity")),
        }
        Ok(())
    }

    fn finish(self, position: Position) -> Result<Case, CaseFault> {
        let Self { judged, expected, capabilities, identity } = self;
        let (Some(judged), Some(expected)) = (judged, expected) else {
            return Err((position, "a case has to say `command` and `expect`".to_owned()));
        };
        if matches!(judged, Judged::Command(_)) && (capabilities.is_some() || identity.is_some()) {
            let message = "`capabilities` and `identity` are of calls, plugin/ID/run, and here is a command";
            return Err((position, message.to_owned()));
        }
        let (capabilities, identity) = (capabilities.unwrap_or_default(), identity.unwrap_or(Identity::Bot));
        Ok(Case { judged, capabilities, identity, line: position.line, expected })
    }
}

fn case(item: Node<'_>, tree: &CommandTree) -> Result<Case, Vec<CaseFault>> {
    let mut draft = Draft::default();
    let faults: Vec<CaseFault> = item.members().filter_map(|member| draft.take(member, tree).err()).collect();
    if faults.is_empty() { draft.finish(item.position()).map_err(|fault| vec![fault]) } else { Err(faults) }
}

fn verdict(text: &str, position: Position) -> Result<String, CaseFault> {
    if is_verdict(text) {
        return Ok(text.to_owned());
    }
    let (codes, text) = (CODES.map(Reason::as_str).join(", "), shown(text, MAX_SHOWN));
    Err((position, format!("`expect` has to be allowed, denied, or one of {codes}, and here is `{text}`")))
}

fn identity(text: &str, position: Position) -> Result<Identity, CaseFault> {
    Identity::parse(text).ok().flatten().ok_or_else(|| {
        (position, format!("`identity` has to be user or bot, and here is `{}`", shown(text, MAX_SHOWN)))
    })
}

fn is_verdict(text: &str) -> bool {
    ["allowed", "denied"].contains(&text) || CODES.iter().any(|code| code.as_str() == text)
}

fn unknown(key: Node<'_>, known: &str) -> CaseFault {
    let found =
        key.as_str().map_or_else(|| key.value().kind().to_owned(), |key| format!("`{}`", shown(key, MAX_SHOWN)));
    (key.position(), format!("unknown key {found}: the keys are {known}"))
}
