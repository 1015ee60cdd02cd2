//! Nodes to values: explicit types, merge keys, equal keys.
//!
//! The reference makes the members of a collection only after everything around it, in the order of
//! breadth, and changes nodes on the way (a merge key is replaced by what it names). Both can be seen
//! from outside when an alias shares a node, so both are done here in the same order.

use std::collections::{HashMap, VecDeque};

use super::resolve::Tag;
use super::syntax::{Kind, Syntax};
use super::{number, timestamp};
use crate::position::Position;
use crate::reader::error::{Defect, ReadError};
use crate::reader::value::{Integer, NodeId, Text, Tree, Value};
use crate::text::shown;

/// Members that merge keys may copy into one document, and move in it: a `<<` counts what it names and what
/// stands from it to the end of its mapping. Lists of merges could double them without end.
const MAX_MERGED: usize = 1_000_000;

/// Makes the values of a document, whose root must be a mapping.
pub(super) fn construct(syntax: Syntax) -> Result<Tree, ReadError> {
    let not_a_mapping = |position| ReadError::at(position, "the manifest must be a mapping of keys to values");
    let Some(root) = syntax.root else { return Err(not_a_mapping(Position::START)) };
    let position = syntax.nodes[root].position;
    let mut constructor = Constructor::new(syntax);
    let root = constructor.value_of(root)?;
    while let Some((written, made)) = constructor.pending.pop_front() {
        constructor.fill(written, made)?;
    }
    match constructor.made[root].0 {
        Value::Mapping(_) => Ok(Tree::new(constructor.made, root)),
        _ => Err(not_a_mapping(position)),
    }
}

/// Two arenas: what was written, and what is made of it. A written node has one value however many aliases
/// name it (`constructed_objects`), so that sharing survives and nothing is made twice.
struct Constructor {
    written: Syntax,
    made: Vec<(Value, Position)>,
    /// What was made of each written node.
    values: Vec<Option<NodeId>>,
    /// Collections whose members are still to be made.
    pending: VecDeque<(usize, NodeId)>,
    /// The one object that every plain `.nan` is; as a key it is equal to itself only.
    nan: Option<NodeId>,
    merged: usize,
}

type Construct<T = ()> = Result<T, ReadError>;

impl Constructor {
    fn new(written: Syntax) -> Self {
        let count = written.nodes.len();
        Self {
            written,
            made: Vec::with_capacity(count),
            values: vec![None; count],
            pending: VecDeque::new(),
            nan: None,
            merged: 0,
        }
    }

    /// The value of a written node: made now, except for the members of collections.
    ///
    /// (`construct_object`.) A collection is put down empty and filled from the queue, as the reference does
    /// it with its generators: it can then be met again inside itself, and depth costs no stack.
    fn value_of(&mut self, written: usize) -> Construct<NodeId> {
        if let Some(known) = self.values[written] {
            return Ok(known);
        }
        let value = match self.written.nodes[written].tag {
            Tag::Sequence | Tag::OrderedMap | Tag::Pairs => Value::List(Vec::new()),
            Tag::Mapping => Value::Mapping(Vec::new()),
            // Members of sets are made, and with them their errors, although nothing of a set can be signed.
            Tag::Set => Value::Set,
            _ => self.scalar_value(written)?,
        };
        let made = match (&value, self.nan) {
            (Value::Float(float), Some(nan)) if float.is_nan() && self.is_the_nan(written) => nan,
            _ => self.add(value, self.written.nodes[written].position),
        };
        if self.nan.is_none() && self.is_the_nan(written) {
            self.nan = Some(made);
        }
        if matches!(self.made[made].0, Value::List(_) | Value::Mapping(_) | Value::Set) {
            self.pending.push_back((written, made));
        }
        self.values[written] = Some(made);
        Ok(made)
    }

    fn add(&mut self, value: Value, position: Position) -> NodeId {
        self.made.push((value, position));
        self.made.len() - 1
    }

    /// Makes the members of a collection.
    fn fill(&mut self, written: usize, made: NodeId) -> Construct {
        let value = match self.written.nodes[written].tag {
            Tag::Sequence => self.list(written)?,
            Tag::OrderedMap | Tag::Pairs => self.pairs(written)?,
            Tag::Set => {
                self.mapping(written)?;
                Value::Set
            }
            _ => self.mapping(written)?,
        };
        self.made[made].0 = value;
        Ok(())
    }

    /// A tag can say of a mapping that it is a list, so that what a node is has to be asked again here.
    fn list(&mut self, written: usize) -> Construct<Value> {
        let Kind::Sequence(items) = &self.written.nodes[written].kind else {
            return Err(self.wrong_kind(written, "a list"));
        };
        let items = items.clone();
        Ok(Value::List(items.into_iter().map(|item| self.value_of(item)).collect::<Result<_, _>>()?))
    }

    /// `!!omap` and `!!pairs`: a list of mappings with one member each.
    ///
    /// `json.dumps` writes the tuples of the reference as lists of two. Equal keys stay, each in its pair.
    fn pairs(&mut self, written: usize) -> Construct<Value> {
        let Kind::Sequence(items) = &self.written.nodes[written].kind else {
            return Err(self.wrong_kind(written, "a list"));
        };
        let mut pairs = Vec::new();
        for item in items.clone() {
            let Kind::Mapping(members) = &self.written.nodes[item].kind else {
                return Err(self.wrong_kind(item, "a mapping with one key"));
            };
            let [(key, value)] = members[..] else {
                return Err(self.wrong_kind(item, "a mapping with one key"));
            };
            let pair = Value::List(vec![self.value_of(key)?, self.value_of(value)?]);
            pairs.push(self.add(pair, self.written.nodes[item].position));
        }
        Ok(Value::List(pairs))
    }

    /// (`construct_mapping`.) Keys are made and judged one by one before their values, since either can be an
    /// error and the first in the document is the one that is told.
    fn mapping(&mut self, written: usize) -> Construct<Value> {
        self.flatten(written, 0)?;
        let Some(members) = self.members(written).map(<[_]>::to_vec) else {
            return Err(self.wrong_kind(written, "a mapping"));
        };
        let mut result: Vec<(NodeId, NodeId)> = Vec::with_capacity(members.len());
        let mut places = HashMap::with_capacity(members.len());
        for (key, value) in members {
            let position = self.written.nodes[key].position;
            let key = self.value_of(key)?;
            let identity = self
                .key_identity(key)
                .ok_or_else(|| ReadError::at(position, format!("{} cannot be a key", self.made[key].0.kind())))?;
            let value = self.value_of(value)?;
            // Of equal keys the first stays, with the last value.
            // The oldest way to show two readers two manifests: `plugin_type` written twice.
            let place = *places.entry(identity).or_insert(result.len());
            match result.get_mut(place) {
                Some(member) => member.1 = value,
                None => result.push((key, value)),
            }
        }
        Ok(Value::Mapping(result))
    }

    fn wrong_kind(&self, written: usize, wanted: &str) -> ReadError {
        let node = &self.written.nodes[written];
        ReadError::at(node.position, format!("{wanted} is expected here, but this is {}", node.kind.name()))
    }
}

/// Merge keys.
impl Constructor {
    /// Replaces every merge key by the members that it names, before the mapping's own.
    ///
    /// A merge key is taken out before what it names is looked at, so a mapping that is met inside
    /// itself shows its other members, and this comes to an end.
    fn flatten(&mut self, written: usize, depth: usize) -> Construct {
        if depth > super::parser::MAX_DEPTH {
            let position = self.written.nodes[written].position;
            return Err(ReadError::at(position, "merge keys are nested too deep").because(Defect::TooDeep));
        }
        let (mut merged, mut place) = (Vec::new(), 0);
        while let Some((key, value)) = self.member(written, place) {
            match self.written.nodes[key].tag {
                Tag::Merge => {
                    self.count_merged(value, self.members(written).map_or(0, |members| members.len() - place))?;
                    if let Kind::Mapping(members) = &mut self.written.nodes[written].kind {
                        members.remove(place);
                    }
                    self.merge(value, depth, &mut merged)?;
                    continue;
                }
                Tag::Value => self.written.nodes[key].tag = Tag::Text,
                _ => {}
            }
            place += 1;
        }
        if let Kind::Mapping(members) = &mut self.written.nodes[written].kind {
            members.splice(0..0, merged);
        }
        Ok(())
    }

    fn members(&self, written: usize) -> Option<&[(usize, usize)]> {
        match &self.written.nodes[written].kind {
            Kind::Mapping(members) => Some(members),
            _ => None,
        }
    }

    fn member(&self, written: usize, place: usize) -> Option<(usize, usize)> {
        self.members(written)?.get(place).copied()
    }

    /// What merging has cost so far. Copies are counted, and moves too: taking a key out of the front of a
    /// mapping moves all that stand behind it, so that many `<<` in one long mapping are quadratic without
    /// copying a thing.
    fn count_merged(&mut self, source: usize, members: usize) -> Construct {
        self.merged += members;
        if self.merged > MAX_MERGED {
            let position = self.written.nodes[source].position;
            let message = format!("merge keys copy or move more than {MAX_MERGED} members; see `aisoc help limits`");
            return Err(ReadError::at(position, message).because(Defect::TooLarge));
        }
        Ok(())
    }

    /// Appends the members of a mapping, or of a list of mappings whose first ones win.
    ///
    /// (`flatten_mapping`.) Of a list the first mapping wins, so it has to come last among equal keys; the
    /// mapping's own keys come after all of them. Several `<<` in one mapping all count, the last one most.
    fn merge(&mut self, source: usize, depth: usize, members: &mut Vec<(usize, usize)>) -> Construct {
        let mappings = match &self.written.nodes[source].kind {
            Kind::Mapping(_) => vec![source],
            Kind::Sequence(items) => items.clone(),
            Kind::Scalar(..) => return Err(self.wrong_kind(source, "a mapping to merge")),
        };
        let mut parts = Vec::new();
        for mapping in mappings {
            if self.members(mapping).is_none() {
                return Err(self.wrong_kind(mapping, "a mapping to merge"));
            }
            self.flatten(mapping, depth + 1)?;
            let part = self.members(mapping).unwrap_or_default().to_vec();
            self.count_merged(source, part.len())?;
            parts.push(part);
        }
        members.extend(parts.into_iter().rev().flatten());
        Ok(())
    }
}

/// Scalars and keys.
impl Constructor {
    /// The value of a scalar, or the error that Python raises: `KeyError`, `ValueError`, `IndexError` and
    /// more, all of which the host takes for a manifest that cannot be read.
    fn scalar_value(&self, written: usize) -> Construct<Value> {
        let node = &self.written.nodes[written];
        let refused = |message: String| ReadError::at(node.position, message);
        if let Tag::Unknown(tag) = &node.tag {
            let position = node.explicit_tag.as_ref().map_or(node.position, |(_, position)| *position);
            return Err(ReadError::at(position, format!("the tag `{}` is not known", short_tag(tag))));
        }
        let text = self.scalar_text(written, 0)?;
        let ascii = text.as_str().unwrap_or("\u{fffd}");
        let body = ascii.strip_suffix('\n').unwrap_or(ascii);
        let value = match node.tag {
            Tag::Null => Some(Value::Null),
            Tag::Bool => boolean(ascii),
            Tag::Integer => number::integer(ascii),
            Tag::Float => number::float(ascii).map(Value::Float),
            Tag::Binary => is_base64(ascii.as_bytes()).then_some(Value::Bytes),
            // The reference looks for the date in the node itself, even where the text is found deeper.
            Tag::Timestamp => timestamp::is_valid(body.as_bytes()).then_some(Value::Date),
            Tag::Merge => return Err(refused("`<<` is a key, not a value; put it in quotes".to_owned())),
            Tag::Value => return Err(refused("`=` alone is not a value; put it in quotes".to_owned())),
            _ => Some(Value::Text(text.clone())),
        };
        value.ok_or_else(|| {
            let (shown, kind) = (shown(&text.to_str_lossy(), 40), kind_of(&node.tag));
            refused(format!("`{shown}` is not {kind}; put it in quotes to mean the text"))
        })
    }

    /// The text of a scalar, or of the member `=` of a mapping.
    ///
    /// The key `=` is a custom of YAML 1.1 for values with more to say. It makes `!!str {=: x, …}` the text
    /// `x`, which a reader that knows no `=` takes for an error or for a mapping.
    fn scalar_text(&self, written: usize, depth: usize) -> Construct<&Text> {
        match &self.written.nodes[written].kind {
            Kind::Scalar(text, _) => Ok(text),
            Kind::Mapping(members) if depth <= super::parser::MAX_DEPTH => {
                match members.iter().find(|(key, _)| self.written.nodes[*key].tag == Tag::Value) {
                    Some((_, value)) => self.scalar_text(*value, depth + 1),
                    None => Err(self.wrong_kind(written, "a single value")),
                }
            }
            _ => Err(self.wrong_kind(written, "a single value")),
        }
    }

    /// Whether this is `.nan`, for which the reference has one object (`!!float nan` makes a new one).
    fn is_the_nan(&self, written: usize) -> bool {
        self.written.nodes[written].tag == Tag::Float
            && self.scalar_text(written, 0).is_ok_and(|text| {
                let text = text.to_str_lossy().replace('_', "").to_lowercase();
                text.strip_prefix(['-', '+']).unwrap_or(&text) == ".nan"
            })
    }

    /// What makes two keys equal; `None` for what cannot be a key.
    ///
    /// `1`, `true` and `1.0` are equal in Python and have one hash, so they are one key, under the name of
    /// the first. A reader that keeps types apart sees three.
    fn key_identity(&self, key: NodeId) -> Option<KeyIdentity> {
        Some(match &self.made[key].0 {
            Value::Null => KeyIdentity::Null,
            Value::Bool(value) => KeyIdentity::Whole(Integer::from_decimal(false, if *value { "1" } else { "0" })),
            Value::Integer(value) => KeyIdentity::Whole(value.clone()),
            Value::Float(value) if value.is_nan() => KeyIdentity::Itself(key),
            Value::Float(value) => match Integer::from_whole(*value) {
                Some(whole) => KeyIdentity::Whole(whole),
                None => KeyIdentity::Fraction(value.to_bits()),
            },
            Value::Text(text) => KeyIdentity::Text(text.clone()),
            // None of these can be written, equal or not.
            Value::Date | Value::Bytes | Value::Unprintable => KeyIdentity::Itself(key),
            Value::List(_) | Value::Mapping(_) | Value::Set => return None,
        })
    }
}

/// Keys with equal identities are one key, as in a Python `dict`.
#[derive(PartialEq, Eq, Hash)]
enum KeyIdentity {
    Null,
    Whole(Integer),
    Fraction(u64),
    Text(Text),
    Itself(NodeId),
}

/// A tag as it is usually written.
pub(crate) fn short_tag(name: &str) -> String {
    let short = match name.strip_prefix("tag:yaml.org,2002:") {
        Some(rest) => format!("!!{rest}"),
        None => name.to_owned(),
    };
    shown(&short, 60)
}

fn kind_of(tag: &Tag) -> &'static str {
    match tag {
        Tag::Bool => "a boolean",
        Tag::Integer => "an integer that the host can read",
        Tag::Float => "a decimal number",
        Tag::Binary => "base64",
        Tag::Timestamp => "a date that exists",
        _ => "a value of its type",
    }
}

/// In any mixture of cases, for `!!bool YeS`: the pattern for plain scalars is narrower.
fn boolean(text: &str) -> Option<Value> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" => Some(Value::Bool(true)),
        "no" | "false" | "off" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// Whether Python's lenient decoder takes it: other characters are skipped, padding must add up.
///
/// The bytes themselves are of no use here, since they have no canonical form; but a text that Python refuses
/// makes the whole manifest unreadable, and one that it takes does not.
fn is_base64(text: &[u8]) -> bool {
    if !text.is_ascii() {
        return false;
    }
    let (mut place, mut padding) = (0, 0);
    for byte in text {
        match byte {
            b'=' => {
                padding += usize::from(place >= 2);
                if place >= 2 && place + padding >= 4 {
                    return true;
                }
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                padding = 0;
                place = (place + 1) % 4;
            }
            _ => {}
        }
    }
    place == 0
}
