//! plugin.yaml as the host reads it: YAML 1.1, with the grammar and the typing of the host's reader.
//!
//! Every YAML crate that we measured types some scalar otherwise, or accepts what the host refuses; a
//! signature over another reading is no signature. So the reader is written by hand, in the order
//! `source` (characters), `scanner`, `name` and `scalar` (tokens), `parser` (structure), `resolve`
//! (types of plain scalars) and `construct` (values, merge keys, equal keys).

mod construct;
mod name;
mod number;
mod parser;
mod resolve;
mod scalar;
mod scanner;
mod source;
mod timestamp;

use crate::reader::value::{Position, SyntaxError, Text, Tree};

pub(crate) use construct::short_tag;
pub(crate) use resolve::Tag;
pub(crate) use scanner::Style;
pub(crate) use source::byte_of;

/// A document as it is written: types are known, values are not made yet.
pub(crate) struct Syntax {
    /// Every node, in the order in which they begin. An alias is a second use of the same place.
    pub(crate) nodes: Vec<SyntaxNode>,
    /// The outermost node; none for an empty file.
    pub(crate) root: Option<usize>,
    /// Where `*name` stands.
    pub(crate) aliases: Vec<Position>,
    /// Where a line begins with `%`.
    pub(crate) directives: Vec<Position>,
}

/// One written node.
pub(crate) struct SyntaxNode {
    pub(crate) kind: Kind,
    pub(crate) tag: Tag,
    /// Where the node's content begins.
    pub(crate) position: Position,
    /// Its explicit tag, with the handle written out, and where that stands.
    pub(crate) explicit_tag: Option<(String, Position)>,
    /// Where its anchor stands.
    pub(crate) anchor_position: Option<Position>,
}

/// The three shapes of a node.
#[derive(Clone)]
pub(crate) enum Kind {
    Scalar(Text, Style),
    Sequence(Vec<usize>),
    Mapping(Vec<(usize, usize)>),
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Scalar(..) => "a single value",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// Reads the structure of a document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Syntax, SyntaxError> {
    parser::Parser::new(source::Source::new(bytes)?).parse()
}

/// Makes the values of a document, whose root must be a mapping.
pub(crate) fn construct(syntax: Syntax) -> Result<Tree, SyntaxError> {
    construct::construct(syntax)
}

/// Reads a document.
pub(crate) fn read(bytes: &[u8]) -> Result<Tree, SyntaxError> {
    construct(parse(bytes)?)
}
