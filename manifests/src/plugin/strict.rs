//! The strict profile's reading rules: what two readers of one manifest could read differently.
//!
//! Each rule exists because some reader in use was seen to disagree with the host about it. They look at
//! the document as it is written, so that a problem names the line to change, and how to write it instead.

use std::collections::HashSet;

use super::core_schema;
use super::document::UNSIGNED_KEYS;
use super::file::ManifestFile;
use super::problem::Problem;
use super::refusal::{reason_of_oddity, refusal};
use crate::fault::{Location, Reason};
use crate::position::Position;
use crate::reader::value::{Integer, Node, Text, Tree, Value};
use crate::reader::yaml::{self, Kind, Style, Syntax, SyntaxNode, Tag};
use crate::reader::{ReadError, canonical, json};
use crate::text::shown;

/// More than this in a manifest is data that belongs into a file of its own.
pub(super) const MAX_STRICT_BYTES: usize = 256 << 10;
/// Deeper than this no manifest needs to nest.
const MAX_STRICT_DEPTH: usize = 64;

/// Every problem of this kind, in no particular order.
pub(super) fn problems(file: ManifestFile, bytes: &[u8]) -> Vec<Problem> {
    let mut lint = Lint { file, problems: Vec::new() };
    if bytes.len() > MAX_STRICT_BYTES {
        let message = format!("the manifest has {} bytes, more than {MAX_STRICT_BYTES}", bytes.len());
        lint.add(Reason::TooLarge, Position::START, message, "move data into a file of the plugin");
        return lint.problems;
    }
    match file {
        ManifestFile::Yaml => lint.yaml(bytes),
        ManifestFile::Json => lint.json(bytes),
    }
    lint.problems
}

struct Lint {
    file: ManifestFile,
    problems: Vec<Problem>,
}

impl Lint {
    fn add(&mut self, reason: Reason, position: Position, message: impl Into<String>, instead: impl Into<String>) {
        let location = Location::new(self.file.name(), position);
        self.problems.push(Problem { reason, location, message: message.into(), instead: Some(instead.into()) });
    }

    /// Adds what stopped the reader, unless a rule has named that place already.
    fn add_error(&mut self, error: &ReadError) {
        let problem = Problem::from(refusal(self.file, error));
        if !self.problems.iter().any(|known| known.location == problem.location) {
            self.problems.push(problem);
        }
    }

    fn yaml(&mut self, bytes: &[u8]) {
        self.characters(bytes);
        let syntax = match yaml::parse(bytes) {
            Ok(syntax) => syntax,
            Err(error) => return self.add_error(&error),
        };
        self.syntax(&syntax);
        match yaml::construct(syntax) {
            Ok(tree) => self.canonical(&tree),
            Err(error) => self.add_error(&error),
        }
    }

    fn json(&mut self, bytes: &[u8]) {
        let (tree, oddities) = match json::read(bytes) {
            Ok(read) => read,
            Err(error) => return self.add_error(&error),
        };
        for oddity in oddities {
            self.add(reason_of_oddity(oddity.kind), oddity.position, oddity.message, oddity.instead);
        }
        let root = tree.root();
        if !matches!(root.value(), Value::Mapping(_)) {
            let message = format!("the manifest is {}, not an object", root.value().kind());
            self.add(Reason::ManifestInvalid, root.position(), message, "write an object: { … }");
        }
        for (key, _) in root.members() {
            self.unsigned_key(key.as_str(), key.position());
        }
        self.json_depth(root, 1);
        self.canonical(&tree);
    }

    /// JSON is a tree without sharing, and the reader has bounded its depth.
    fn json_depth(&mut self, node: Node<'_>, depth: usize) {
        if depth > MAX_STRICT_DEPTH && matches!(node.value(), Value::List(_) | Value::Mapping(_)) {
            return self.too_deep(node.position());
        }
        node.items()
            .chain(node.members().map(|(_, value)| value))
            .for_each(|member| self.json_depth(member, depth + 1));
    }

    fn canonical(&mut self, tree: &Tree) {
        if let Err(error) = canonical::canonical(tree.root()) {
            self.add_error(&error);
        }
    }

    fn too_deep(&mut self, position: Position) {
        let message = format!("values are nested deeper than {MAX_STRICT_DEPTH} levels");
        self.add(Reason::TooDeep, position, message, "flatten the value");
    }

    fn unsigned_key(&mut self, key: Option<&str>, position: Position) {
        if let Some(key) = key.filter(|key| UNSIGNED_KEYS.contains(key)) {
            let message = format!("the top-level key `{key}` is left out of what is signed");
            self.add(Reason::UnsignedKey, position, message, "remove the key");
        }
    }
}

/// Characters, before anything else is looked at.
impl Lint {
    /// Characters at which some readers end a line, and others that some readers refuse.
    fn characters(&mut self, bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let mut position = Position::START;
        let mut characters = text.char_indices().peekable();
        while let Some((offset, c)) = characters.next() {
            let ends_in_lf = characters.peek().is_some_and(|(_, next)| *next == '\n');
            if let Some(what) = forbidden_character(c, offset, ends_in_lf) {
                let instead = match c {
                    '\r' => "end lines in LF or CR LF".to_owned(),
                    '\u{feff}' => "remove it".to_owned(),
                    _ => format!("write it as `\\u{:04x}` inside double quotes, or remove it", u32::from(c)),
                };
                self.add(Reason::ForbiddenCharacter, position, format!("{what} (U+{:04X})", u32::from(c)), instead);
            }
            position = match c {
                '\n' => Position { line: position.line + 1, column: 1 },
                '\r' if !ends_in_lf => Position { line: position.line + 1, column: 1 },
                '\u{feff}' => position,
                _ => Position { column: position.column + 1, ..position },
            };
        }
    }
}

fn forbidden_character(c: char, offset: usize, ends_in_lf: bool) -> Option<&'static str> {
    match c {
        '\r' if !ends_in_lf => Some("a carriage return alone ends a line in some readers only"),
        '\u{85}' | '\u{2028}' | '\u{2029}' => Some("this character ends a line in some readers only"),
        '\u{feff}' if offset > 0 => Some("a byte order mark inside the file is refused by some readers"),
        '\t' | '\n' | '\r' => None,
        '\u{fffe}' | '\u{ffff}' => Some("this character is not allowed in YAML"),
        c if c.is_control() => Some("a control character is not allowed in YAML"),
        _ => None,
    }
}

/// The document as it is written.
impl Lint {
    fn syntax(&mut self, syntax: &Syntax) {
        for position in &syntax.directives {
            self.add(
                Reason::Directive,
                *position,
                "a directive changes how some readers read the rest",
                "remove the line",
            );
        }
        for position in &syntax.aliases {
            self.add(
                Reason::Alias,
                *position,
                "an alias is read differently by different readers",
                "write the value out",
            );
        }
        if let Some(Kind::Mapping(members)) = syntax.root.map(|root| &syntax.nodes[root].kind) {
            for (key, _) in members {
                if let Kind::Scalar(text, _) = &syntax.nodes[*key].kind {
                    self.unsigned_key(text.as_str(), syntax.nodes[*key].position);
                }
            }
        }
        let keys = keys(syntax);
        for (id, node) in syntax.nodes.iter().enumerate() {
            self.properties(node);
            match &node.kind {
                Kind::Scalar(text, style) if keys.contains(&id) => self.key(node, text, *style),
                Kind::Scalar(text, style) => self.scalar(node, text, *style),
                _ if keys.contains(&id) => {
                    let message = "a list or a mapping is used as a key";
                    self.add(Reason::KeyType, node.position, message, "use a text as the key");
                }
                Kind::Mapping(members) => self.duplicates(syntax, members),
                Kind::Sequence(_) => {}
            }
        }
        self.yaml_depth(syntax);
    }

    /// Members are written inside their collection, so a node's depth is known before its members'.
    fn yaml_depth(&mut self, syntax: &Syntax) {
        let mut depths = vec![0; syntax.nodes.len()];
        for (id, node) in syntax.nodes.iter().enumerate() {
            let members: Vec<usize> = match &node.kind {
                Kind::Scalar(..) => continue,
                Kind::Sequence(items) => items.clone(),
                Kind::Mapping(members) => members.iter().flat_map(|(key, value)| [*key, *value]).collect(),
            };
            // An alias stands after its anchor, so it points back and cannot change what comes.
            members.into_iter().filter(|member| *member > id).for_each(|member| depths[member] = depths[id] + 1);
            if depths[id] == MAX_STRICT_DEPTH {
                self.too_deep(node.position);
            }
        }
    }

    fn properties(&mut self, node: &SyntaxNode) {
        if let Some(position) = node.anchor_position {
            self.add(
                Reason::Alias,
                position,
                "an anchor is read differently by different readers",
                "remove the anchor",
            );
        }
        let Some((name, position)) = &node.explicit_tag else { return };
        match (name.as_str(), &node.tag) {
            ("!", _) | (_, Tag::Unknown(_) | Tag::Merge | Tag::Value) => {
                let message =
                    format!("the tag `{}` changes the type of a value in some readers only", yaml::short_tag(name));
                self.add(Reason::Tag, *position, message, "remove the tag");
            }
            (_, Tag::Binary | Tag::Timestamp | Tag::Set | Tag::OrderedMap | Tag::Pairs) => {
                let message = format!(
                    "a value with the tag `{}` cannot be signed, or not by every reader",
                    yaml::short_tag(name)
                );
                self.add(Reason::ValueType, *position, message, "remove the tag, and put a text in quotes");
            }
            _ => {}
        }
    }

    fn duplicates(&mut self, syntax: &Syntax, members: &[(usize, usize)]) {
        let mut seen = HashSet::new();
        for (key, _) in members {
            let node = &syntax.nodes[*key];
            if let Kind::Scalar(text, _) = &node.kind
                && !seen.insert(text)
            {
                let message = format!("the key `{}` stands twice in this mapping", shown(&text.to_str_lossy(), 40));
                self.add(Reason::DuplicateKey, node.position, message, "delete one of the two");
            }
        }
    }

    fn key(&mut self, node: &SyntaxNode, text: &Text, style: Style) {
        let quoted = format!("write \"{}\": with quotes", shown(&text.to_str_lossy(), 40));
        match node.tag {
            Tag::Merge => {
                let message = "the merge key `<<` is kept as text by some readers";
                self.add(Reason::MergeKey, node.position, message, "write the merged keys out");
            }
            Tag::Text => self.text(node, text, style),
            Tag::Value => {
                self.add(Reason::AmbiguousScalar, node.position, "`=` is a special key in YAML 1.1", quoted);
            }
            _ => {
                let message = format!("the key `{}` is not text", shown(&text.to_str_lossy(), 40));
                self.add(Reason::KeyType, node.position, message, quoted);
            }
        }
    }

    fn scalar(&mut self, node: &SyntaxNode, text: &Text, style: Style) {
        let written = text.to_str_lossy();
        let quoted = format!("write \"{}\" with quotes", shown(&written, 40));
        match node.tag {
            Tag::Text => self.text(node, text, style),
            Tag::Bool | Tag::Integer | Tag::Float | Tag::Null => self.typed(node, &written),
            Tag::Timestamp if node.explicit_tag.is_none() => {
                let message = format!("`{}` is read as a date, which cannot be signed", shown(&written, 40));
                self.add(Reason::ValueType, node.position, message, quoted);
            }
            Tag::Merge => {
                self.add(Reason::MergeKey, node.position, "`<<` is a special word in YAML 1.1", quoted);
            }
            Tag::Value => {
                self.add(Reason::AmbiguousScalar, node.position, "`=` is a special word in YAML 1.1", quoted);
            }
            _ => {}
        }
    }

    /// Text: it must be text for a reader of YAML 1.2 too, and have only whole characters.
    fn text(&mut self, node: &SyntaxNode, text: &Text, style: Style) {
        let Some(written) = text.as_str() else {
            let instead = "write the whole character, or `\\U` and eight digits";
            return self.add(Reason::ForbiddenCharacter, node.position, "the text holds half a character", instead);
        };
        let is_plain = style == Style::Plain && node.explicit_tag.is_none();
        if is_plain && (core_schema::of(written) != core_schema::Type::Text || matches!(written, "y" | "Y" | "n" | "N"))
        {
            let message = format!("`{}` is text for the host and something else for other readers", shown(written, 40));
            self.add(Reason::AmbiguousScalar, node.position, message, instead_of(written));
        }
    }

    /// A boolean, number or null of YAML 1.1: it must be the same in YAML 1.2, and small enough for all.
    fn typed(&mut self, node: &SyntaxNode, written: &str) {
        let expected = match node.tag {
            Tag::Bool => core_schema::Type::Bool,
            Tag::Integer => core_schema::Type::Integer,
            Tag::Float => core_schema::Type::Float,
            _ => core_schema::Type::Null,
        };
        let is_octal = expected == core_schema::Type::Integer && has_leading_zero(written);
        if core_schema::of(written) != expected || is_octal {
            let message = format!("`{}` means one thing in YAML 1.1 and another in YAML 1.2", shown(written, 40));
            return self.add(Reason::AmbiguousScalar, node.position, message, instead_of(written));
        }
        let is_exact = match expected {
            core_schema::Type::Integer => {
                let digits = written.trim_start_matches(['-', '+']);
                digits.bytes().all(|b| b.is_ascii_digit()) && Integer::from_decimal(false, digits).is_exact_everywhere()
            }
            core_schema::Type::Float => written.parse().is_ok_and(f64::is_finite),
            _ => true,
        };
        if !is_exact {
            let message = format!("`{}` is a number that not every reader reproduces", shown(written, 40));
            let instead = format!("write \"{}\" with quotes, or a plain decimal number below 2^53", shown(written, 40));
            self.add(Reason::NumberForm, node.position, message, instead);
        }
    }
}

/// The nodes that are keys.
fn keys(syntax: &Syntax) -> HashSet<usize> {
    let members = syntax.nodes.iter().filter_map(|node| match &node.kind {
        Kind::Mapping(members) => Some(members),
        _ => None,
    });
    members.flatten().map(|(key, _)| *key).collect()
}

/// How to say without doubt what an ambiguous word may have been meant to say.
fn instead_of(written: &str) -> String {
    let text = shown(written, 40);
    match written.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" => format!("write \"{text}\" for the text or true for the boolean"),
        "no" | "off" | "n" => format!("write \"{text}\" for the text or false for the boolean"),
        _ => format!("write \"{text}\" for the text or a plain decimal number for the number"),
    }
}

fn has_leading_zero(written: &str) -> bool {
    let digits = written.trim_start_matches(['-', '+']).as_bytes();
    digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit()
}
