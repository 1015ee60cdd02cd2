//! A rule in a file of its own: what it has to look like, then what it has to mean.

use std::collections::BTreeMap;
use std::fmt;

use aisoc_manifests::position::Position;
use aisoc_manifests::reader::read_plain_yaml;
use aisoc_manifests::value::{Node, Value};
use aisoc_platform::{Identity, Risk, Rule};

/// How long the file may be.
pub const MAX_POLICY_BYTES: usize = 1 << 20;

/// What is wrong with the file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// Where it stands.
    pub position: Position,
    /// What it is, in words.
    pub message: String,
}

impl PolicyFault {
    fn at(position: Position, message: impl Into<String>) -> Self {
        Self { position, message: aisoc_manifests::text::shown(&message.into(), MAX_MESSAGE) }
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        write!(formatter, "line {line}, column {column}: {}", self.message)
    }
}

impl std::error::Error for PolicyFault {}

/// Reads a policy: one document of flat keys, each known and of its type; then a rule without a fault.
///
/// # Errors
/// Everything that the first of the two steps finds, or everything that the second does.
pub fn read_policy(bytes: &[u8]) -> Result<Rule, Vec<PolicyFault>> {
    if bytes.len() > MAX_POLICY_BYTES {
        let message = format!("the policy has {} bytes, more than {MAX_POLICY_BYTES}", bytes.len());
        return Err(vec![PolicyFault::at(Position::START, message)]);
    }
    let tree = read_plain_yaml(bytes).map_err(|error| {
        // The reader is that of manifests.
        let message = error.message().replace("a manifest", "a policy").replace("the manifest", "the policy");
        vec![PolicyFault::at(error.position(), message)]
    })?;
    let mut written = Written::default();
    tree.root().members().for_each(|(key, value)| written.take(key, value));
    if !written.faults.is_empty() {
        return Err(written.faults);
    }
    let faults = written.rule.faults();
    let placed = faults.iter().map(|fault| PolicyFault::at(written.place(fault.place()), fault.to_string()));
    match placed.collect::<Vec<_>>() {
        faults if faults.is_empty() => Ok(written.rule),
        faults => Err(faults),
    }
}

const KEYS: &str = "name, description, allow, deny, max_risk, identities, allow_unannotated";

/// What the file says, and where each of it stands.
#[derive(Default)]
struct Written {
    rule: Rule,
    places: BTreeMap<(&'static str, Option<usize>), Position>,
    faults: Vec<PolicyFault>,
}

impl Written {
    fn take(&mut self, key: Node<'_>, value: Node<'_>) {
        // A key without a value says nothing: somebody has put a mark before each of its entries.
        let is_known = |key: &str| KEYS.split(", ").any(|known| known == key);
        if matches!(value.value(), Value::Null) && key.as_str().is_some_and(is_known) {
            return;
        }
        match key.as_str() {
            Some("name") => self.rule.name = self.text("name", value),
            Some("description") => self.rule.description = self.text("description", value),
            Some("allow") => self.rule.allow = self.texts("allow", value),
            Some("deny") => self.rule.deny = self.texts("deny", value),
            Some("max_risk") => {
                let text = self.text("max_risk", value);
                self.rule.max_risk = Some(Risk::from(text.as_str())).filter(|_| !text.is_empty());
            }
            Some("identities") => {
                let texts = self.texts("identities", value);
                self.rule.identities = texts.iter().map(|text| Identity::from(text.as_str())).collect();
            }
            Some("allow_unannotated") => match value.value() {
                Value::Bool(allows) => self.rule.allow_unannotated = *allows,
                other => self.is_not("allow_unannotated", "true or false", other, value.position()),
            },
            Some(unknown) => {
                let shown = aisoc_manifests::text::shown(unknown, MAX_SHOWN);
                let message = format!("unknown key `{shown}`: the keys are {KEYS}");
                self.faults.push(PolicyFault::at(key.position(), message));
            }
            None => self.faults.push(PolicyFault::at(key.position(), format!("a key has to be a text: {KEYS}"))),
        }
    }

    fn text(&mut self, key: &'static str, value: Node<'_>) -> String {
        self.places.insert((key, None), value.position());
        match value.as_str() {
            Some(text) => text.to_owned(),
            None => {
                self.is_not(key, "a text", value.value(), value.position());
                String::new()
            }
        }
    }

    fn texts(&mut self, key: &'static str, value: Node<'_>) -> Vec<String> {
        if !matches!(value.value(), Value::List(_)) {
            self.is_not(key, "a list of texts", value.value(), value.position());
        }
        let mut texts = Vec::new();
        for (entry, item) in value.items().enumerate() {
            self.places.insert((key, Some(entry)), item.position());
            match item.as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => self.is_not(key, "a list of texts", item.value(), item.position()),
            }
        }
        texts
    }

    fn is_not(&mut self, key: &str, wanted: &str, found: &Value, position: Position) {
        self.faults
            .push(PolicyFault::at(position, format!("`{key}` has to be {wanted}, and here is {}", found.kind())));
    }

    fn place(&self, place: (&'static str, Option<usize>)) -> Position {
        self.places.get(&place).copied().unwrap_or(Position::START)
    }
}

/// How long a message is: it may hold what is written, which may be anything.
const MAX_MESSAGE: usize = 400;
/// How much of an unknown key is shown.
const MAX_SHOWN: usize = 80;
