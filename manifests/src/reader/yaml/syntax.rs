//! A document as it is written: between the grammar, which makes it, and the values that are made of it.
//! The strict profile looks at it too, because values no longer show how they were written.

use super::resolve::Tag;
use super::scanner::Style;
use crate::position::Position;
use crate::reader::value::Text;

/// A document as it is written: types are known, values are not made yet.
///
/// An arena: an alias is an index, so that a document that refers to itself is no cycle to be freed, and one
/// that would unfold a million times takes no more room than its text.
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
    /// Its shape, whatever its tag says that it is.
    pub(crate) kind: Kind,
    /// Its type: stated, or found from its text.
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
    /// In words, for messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Scalar(..) => "a single value",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}
