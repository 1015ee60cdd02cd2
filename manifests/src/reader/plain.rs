//! YAML of our own: files that people write for aisoc, and that nobody signs.
//!
//! Read by the grammar of manifests, and more strictly: whatever two readers could read in two ways is refused, since
//! nobody has to read it as it stands.

use std::collections::HashSet;

use super::error::ReadError;
use super::value::Tree;
use super::yaml::{self, Kind, Syntax};
use crate::position::Position;
use crate::text::shown;

/// How much of a tag is shown.
const MAX_SHOWN: usize = 80;

/// Reads a document that is a mapping, without anchors, directives, tags and keys that are written twice.
///
/// # Errors
/// The first of what is refused, and where it is.
pub fn read_plain_yaml(bytes: &[u8]) -> Result<Tree, ReadError> {
    let syntax = yaml::parse(bytes)?;
    let Some(root) = syntax.root else { return Err(ReadError::at(Position::START, "there is nothing in the file")) };
    if !matches!(syntax.nodes[root].kind, Kind::Mapping(_)) {
        return Err(ReadError::at(syntax.nodes[root].position, "the file has to be a mapping of keys to values"));
    }
    match oddity(&syntax) {
        Some(error) => Err(error),
        None => yaml::construct(syntax),
    }
}

fn oddity(syntax: &Syntax) -> Option<ReadError> {
    let at = |position: &Position, message: &str| ReadError::at(*position, message);
    if let Some(position) = syntax.directives.first() {
        return Some(at(position, "a directive changes how the rest is read"));
    }
    if let Some(position) = syntax.aliases.first() {
        return Some(at(position, "an alias stands where a value has to be"));
    }
    syntax.nodes.iter().find_map(|node| {
        if let Some((tag, position)) = &node.explicit_tag {
            return Some(ReadError::at(
                *position,
                format!("the tag `{}` says what the value does not", shown(tag, MAX_SHOWN)),
            ));
        }
        if let Some(position) = &node.anchor_position {
            return Some(at(position, "an anchor stands before a value"));
        }
        let Kind::Mapping(members) = &node.kind else { return None };
        let mut seen = HashSet::new();
        members.iter().find_map(|(key, _)| {
            let key = &syntax.nodes[*key];
            match &key.kind {
                Kind::Scalar(text, _) if seen.insert(text) => None,
                Kind::Scalar(..) => Some(at(&key.position, "the key is written twice")),
                Kind::Sequence(_) | Kind::Mapping(_) => Some(at(&key.position, "a key has to be a text")),
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_document_is_read() {
        let tree = read_plain_yaml(b"name: agents\nallow:\n  - plugin/**\n").expect("a document");
        let keys: Vec<_> = tree.root().members().filter_map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["name", "allow"]);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused_where_it_stands() {
        for (text, line, column, says) in [
            ("", 1, 1, "nothing"),
            ("# only a comment\n", 1, 1, "nothing"),
            ("- a\n", 1, 1, "mapping"),
            ("a: 1\n---\nb: 2\n", 2, 1, "second document"),
            ("%YAML 1.1\n---\na: 1\n", 1, 1, "directive"),
            ("a: &x 1\nb: *x\n", 2, 4, "alias"),
            ("a: &x 1\n", 1, 4, "anchor"),
            ("a: !!str 1\n", 1, 4, "tag"),
            ("a: 1\nb: 2\na: 3\n", 3, 1, "twice"),
            ("a:\n  b: 1\n  'b': 2\n", 3, 3, "twice"),
            ("? [a]\n: 1\n", 1, 3, "text"),
            ("a: [1\n", 2, 1, ""),
        ] {
            let error = read_plain_yaml(text.as_bytes()).expect_err(text);
            assert_eq!(error.position(), Position { line, column }, "{text:?}: {error}");
            assert!(error.message().contains(says), "{text:?}: {error}");
        }
    }
}
