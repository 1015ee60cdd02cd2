//! `Tree`: a manifest as the values that the host's language would hold.
//!
//! The tree is an arena, so that an alias is a shared index: a document that refers to itself, or
//! that would expand a million times, costs no more memory than its text.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use crate::position::Position;

/// A Python `str`: any sequence of code points, lone surrogates included.
///
/// Invariant: the bytes are UTF-8 in which a surrogate is encoded like any other code point, in three
/// bytes, and never joined with its neighbour. Byte order therefore is code point order.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// The text of an operating system's name, as Python's `surrogateescape` decodes it: every byte
    /// that is not UTF-8 becomes a code point from U+DC80 to U+DCFF.
    pub fn from_os_bytes(bytes: &[u8]) -> Self {
        let mut text = Self::default();
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            for byte in chunk.invalid() {
                text.push_code_point(0xDC00 + u32::from(*byte));
            }
        }
        text
    }

    /// The text as `str`, unless it holds a lone surrogate.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text with every lone surrogate replaced by U+FFFD.
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        match self.as_str() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(
                self.code_points().map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
            ),
        }
    }

    /// The generalised UTF-8 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The code points, surrogates one by one.
    pub fn code_points(&self) -> impl Iterator<Item = u32> + '_ {
        let mut rest = self.0.iter().map(|byte| u32::from(*byte));
        std::iter::from_fn(move || {
            let lead = rest.next()?;
            let (mut code, following) = match lead {
                0..0x80 => (lead, 0),
                0x80..0xE0 => (lead & 0x1F, 1),
                0xE0..0xF0 => (lead & 0x0F, 2),
                _ => (lead & 0x07, 3),
            };
            for _ in 0..following {
                code = code << 6 | rest.next().unwrap_or_default() & 0x3F;
            }
            Some(code)
        })
    }

    /// Appends a character.
    pub fn push(&mut self, c: char) {
        self.0.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Appends text.
    pub fn push_str(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Appends another text.
    pub fn push_text(&mut self, text: &Self) {
        self.0.extend_from_slice(&text.0);
    }

    /// Appends a code point up to U+10FFFF, which may be a surrogate.
    pub fn push_code_point(&mut self, code: u32) {
        match char::from_u32(code) {
            Some(c) => self.push(c),
            None => {
                let tail = |shift: u32| 0x80 | (code >> shift & 0x3F) as u8;
                self.0.extend_from_slice(&[0xE0 | (code >> 12 & 0x0F) as u8, tail(6), tail(0)]);
            }
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str_lossy())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for code in self.code_points() {
            match char::from_u32(code) {
                Some(c) => write!(f, "{}", c.escape_debug())?,
                None => write!(f, "\\u{{{code:x}}}")?,
            }
        }
        f.write_str("\"")
    }
}

/// A whole number of any size that Python would still print: at most 4,300 decimal digits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Integer {
    negative: bool,
    /// Decimal digits without leading zeros; zero is "0" and not negative.
    digits: String,
}

/// The longest integer, in decimal digits, that Python converts from or to text.
pub const MAX_INTEGER_DIGITS: usize = 4300;

impl Integer {
    /// The integer of a sign and decimal digits.
    pub fn from_decimal(negative: bool, digits: &str) -> Self {
        match digits.trim_start_matches('0') {
            "" => Self { negative: false, digits: "0".to_owned() },
            digits => Self { negative, digits: digits.to_owned() },
        }
    }

    /// The integer that a float without fraction is equal to, or `None` for any other float.
    pub fn from_whole(value: f64) -> Option<Self> {
        let whole = value.is_finite() && value.fract() == 0.0;
        whole.then(|| Self::from_decimal(value < 0.0, &format!("{:.0}", value.abs())))
    }

    /// How many decimal digits it has.
    pub fn digits(&self) -> usize {
        self.digits.len()
    }

    /// Whether every reader holds it exactly, a double included: below 2^53.
    pub fn is_exact_everywhere(&self) -> bool {
        self.digits.parse::<u64>().is_ok_and(|value| value < 1 << 53)
    }

    /// Exact comparison with a float that is not NaN.
    pub fn compare_float(&self, value: f64) -> Ordering {
        let Some(whole) = Self::from_whole(value.trunc()) else {
            return if value > 0.0 { Ordering::Less } else { Ordering::Greater };
        };
        self.cmp(&whole).then_with(|| 0.0.partial_cmp(&value.fract()).unwrap_or(Ordering::Equal))
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitude = || self.digits.len().cmp(&other.digits.len()).then_with(|| self.digits.cmp(&other.digits));
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => magnitude(),
            (true, true) => magnitude().reverse(),
        }
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        f.write_str(&self.digits)
    }
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(Integer),
    /// A whole number that was read, but is too long to be written in decimal.
    Unprintable,
    /// A double.
    Float(f64),
    /// Text.
    Text(Text),
    /// A list; the two-element members of an ordered mapping are lists too.
    List(Vec<NodeId>),
    /// A mapping in the order of insertion, its keys unequal in Python's sense.
    Mapping(Vec<(NodeId, NodeId)>),
    /// A date, with or without time; it has no canonical form.
    Date,
    /// Bytes; they have no canonical form.
    Bytes,
    /// A set; it has no canonical form.
    Set,
}

impl Value {
    /// The kind of value in words, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Unprintable => "an integer",
            Self::Float(_) => "a decimal number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Mapping(_) => "a mapping",
            Self::Date => "a date",
            Self::Bytes => "binary data",
            Self::Set => "a set",
        }
    }
}

/// The place of a node in its [`Tree`].
pub type NodeId = usize;

/// A document: nodes that refer to each other by place.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: Vec<(Value, Position)>,
    root: NodeId,
}

impl Tree {
    /// A tree of these nodes.
    pub(crate) fn new(nodes: Vec<(Value, Position)>, root: NodeId) -> Self {
        Self { nodes, root }
    }

    /// The outermost node.
    pub fn root(&self) -> Node<'_> {
        self.node(self.root)
    }

    /// The node at a place.
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node { tree: self, id }
    }
}

/// One node of a [`Tree`].
#[derive(Clone, Copy)]
pub struct Node<'tree> {
    tree: &'tree Tree,
    id: NodeId,
}

impl<'tree> Node<'tree> {
    /// Its place in the tree, equal for every alias of it.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The tree it is part of.
    pub fn tree(self) -> &'tree Tree {
        self.tree
    }

    /// What it holds.
    pub fn value(self) -> &'tree Value {
        &self.tree.nodes[self.id].0
    }

    /// Where it begins in the file.
    pub fn position(self) -> Position {
        self.tree.nodes[self.id].1
    }

    /// The text, when it is text without lone surrogates.
    pub fn as_str(self) -> Option<&'tree str> {
        match self.value() {
            Value::Text(text) => text.as_str(),
            _ => None,
        }
    }

    /// The members of a list; empty for anything else.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let items: &[NodeId] = if let Value::List(items) = self.value() { items } else { &[] };
        items.iter().map(move |id| self.tree.node(*id))
    }

    /// The members of a mapping, key and value; empty for anything else.
    pub fn members(self) -> impl Iterator<Item = (Self, Self)> {
        let members: &[(NodeId, NodeId)] = if let Value::Mapping(members) = self.value() { members } else { &[] };
        members.iter().map(move |(key, value)| (self.tree.node(*key), self.tree.node(*value)))
    }

    /// The member of a mapping under that text.
    pub fn get(self, name: &str) -> Option<Self> {
        self.members().find(|(key, _)| matches!(key.value(), Value::Text(text) if text == name)).map(|(_, value)| value)
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{}", self.value().kind(), self.position().line, self.position().column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_is_code_point_order_and_surrogates_stay_apart() {
        let of = |codes: &[u32]| {
            let mut text = Text::default();
            codes.iter().for_each(|code| text.push_code_point(*code));
            text
        };
        let ordered = [0x41, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFF, 0x1_0000, 0x10_FFFF];
        for pair in ordered.windows(2) {
            assert!(of(&pair[..1]) < of(&pair[1..]), "{pair:x?}");
        }
        let pair = of(&[0xD83D, 0xDE00]);
        assert_ne!(pair, Text::from("\u{1f600}"));
        assert_eq!(pair.code_points().collect::<Vec<_>>(), [0xD83D, 0xDE00]);
        assert_eq!((pair.as_str(), pair.to_string().as_str()), (None, "\u{fffd}\u{fffd}"));
    }

    #[test]
    fn bad_bytes_become_low_surrogates() {
        let text = Text::from_os_bytes(b"a\xff\xc3\xa9");
        assert_eq!(text.code_points().collect::<Vec<_>>(), [0x61, 0xDCFF, 0xE9]);
    }

    #[test]
    fn integers_compare_exactly_with_floats() {
        let large = Integer::from_decimal(false, "9007199254740993");
        assert_eq!(large.compare_float(9_007_199_254_740_992.0), Ordering::Greater);
        assert_eq!(Integer::from_decimal(true, "1").compare_float(-1.5), Ordering::Greater);
        assert_eq!(Integer::from_decimal(false, "1").compare_float(1.0), Ordering::Equal);
        assert_eq!(large.compare_float(f64::INFINITY), Ordering::Less);
        assert!(Integer::from_decimal(true, "10") < Integer::from_decimal(true, "9"));
    }
}
