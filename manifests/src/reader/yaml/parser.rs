//! Tokens to nodes: the grammar of YAML 1.1 by recursive descent.

use std::collections::{BTreeMap, HashMap};

use super::resolve::{self, Tag};
use super::scanner::{Directive, Scanner, Style, TagName, Token};
use super::source::{Mark, Source};
use super::syntax::{Kind, Syntax, SyntaxNode};
use crate::position::Position;
use crate::reader::error::{Defect, ReadError};
use crate::reader::value::Text;

/// Deeper nesting than this would exhaust the reference's stack, and could exhaust ours.
pub(super) const MAX_DEPTH: usize = 400;

/// Where a node stands, which decides what it may be.
///
/// Three of the reference's entry points (`parse_flow_node`, `parse_block_node`,
/// `parse_block_node_or_indentless_sequence`), as a value that is handed on.
#[derive(Clone, Copy, PartialEq)]
enum Context {
    /// Inside brackets: no blocks.
    Flow,
    /// A block may begin.
    Block,
    /// A value or key of a block mapping: a list may stand at the indentation of its key.
    BlockValue,
}

/// The anchor and the tag before a node.
///
/// With their places, because the strict profile has to name the line of a tag or an anchor to be removed.
#[derive(Default)]
struct Properties {
    anchor: Option<(String, Position)>,
    tag: Option<(String, Position)>,
}

/// Grammar and composition in one. The reference makes events first and nodes of them; nobody else here asks
/// for events, and what both steps refuse is refused at the same place.
pub(super) struct Parser {
    scanner: Scanner,
    syntax: Syntax,
    anchors: HashMap<String, usize>,
    tag_handles: BTreeMap<String, String>,
    depth: usize,
}

type Parse<T = usize> = Result<T, ReadError>;

impl Parser {
    pub(super) fn new(source: Source) -> Self {
        Self {
            scanner: Scanner::new(source),
            syntax: Syntax { nodes: Vec::new(), root: None, aliases: Vec::new(), directives: Vec::new() },
            anchors: HashMap::new(),
            tag_handles: default_handles(),
            depth: 0,
        }
    }

    /// Exactly one document, or none.
    ///
    /// What follows the document is read up to its next token and no further, as `get_single_node` does:
    /// whatever it is but the end, it is an error, however it goes on.
    pub(super) fn parse(mut self) -> Parse<Syntax> {
        let root = match self.peek()? {
            Token::StreamEnd => None,
            Token::Directive(_) | Token::DocumentStart => Some(self.explicit_document()?),
            _ => Some(self.node(Context::Block)?),
        };
        while *self.peek()? == Token::DocumentEnd {
            self.take()?;
        }
        self.syntax.root = root;
        let (token, mark) = self.scanner.take()?;
        match token {
            Token::StreamEnd => Ok(self.syntax),
            Token::DocumentStart | Token::Directive(_) => {
                Err(ReadError::at(mark, "a second document begins here; a manifest is one document"))
            }
            _ => Err(ReadError::at(mark, "this does not belong to the document; check the indentation")),
        }
    }

    /// A document behind `---`. With nothing behind that it is the empty scalar, and so null, which no
    /// manifest can be.
    fn explicit_document(&mut self) -> Parse {
        self.directives()?;
        let mark = self.expect(Token::DocumentStart, "`---` is expected after a directive")?;
        match self.peek()? {
            Token::Directive(_) | Token::DocumentStart | Token::DocumentEnd | Token::StreamEnd => {
                Ok(self.empty_scalar(mark))
            }
            _ => self.node(Context::Block),
        }
    }

    /// (`process_directives`.) The handles of this document are put over the two that always are there, so
    /// that `!!` may be redefined, and only once.
    fn directives(&mut self) -> Parse<()> {
        let mut has_version = false;
        let mut handles = BTreeMap::new();
        while let Token::Directive(directive) = self.peek()?.clone() {
            let mark = self.take()?;
            self.syntax.directives.push(mark.into());
            match directive {
                Directive::Yaml { .. } if has_version => {
                    return Err(ReadError::at(mark, "a second %YAML directive"));
                }
                Directive::Yaml { major } if major.trim_start_matches('0') != "1" => {
                    return Err(ReadError::at(mark, "only YAML 1 can be read"));
                }
                Directive::Yaml { .. } => has_version = true,
                Directive::Tag { handle, prefix } => {
                    if handles.insert(handle, prefix).is_some() {
                        return Err(ReadError::at(mark, "a second %TAG directive for the same handle"));
                    }
                }
                Directive::Other => {}
            }
        }
        self.tag_handles.extend(handles);
        Ok(())
    }

    fn peek(&mut self) -> Parse<&Token> {
        Ok(&self.scanner.peek()?.0)
    }

    fn take(&mut self) -> Parse<Mark> {
        Ok(self.scanner.take()?.1)
    }

    fn expect(&mut self, token: Token, otherwise: &str) -> Parse<Mark> {
        let (found, mark) = self.scanner.peek()?;
        if *found != token {
            return Err(ReadError::at(*mark, otherwise));
        }
        self.take()
    }
}

/// The collections, by how they are written.
#[derive(Clone, Copy)]
enum Shape {
    BlockSequence,
    IndentlessSequence,
    BlockMapping,
    FlowSequence,
    FlowMapping,
}

/// What begins at a place.
enum Start {
    /// A scalar or an alias, which ends there too.
    Whole(usize),
    /// A collection whose members follow.
    Collection(usize, Shape),
}

/// Nodes. Only `node` and the functions of collections call each other again, and they hold little: 400
/// levels of them fit into the stack of any thread.
impl Parser {
    /// One node with all that is in it. The depth is counted where a collection begins and given back where
    /// it ends, so that it is the one number that stands for the stack.
    fn node(&mut self, context: Context) -> Parse {
        match self.start(context)? {
            Start::Whole(id) => Ok(id),
            Start::Collection(id, shape) => {
                let kind = match shape {
                    Shape::BlockSequence => self.block_sequence()?,
                    Shape::IndentlessSequence => self.indentless_sequence()?,
                    Shape::BlockMapping => self.block_mapping()?,
                    Shape::FlowSequence => self.flow_sequence()?,
                    Shape::FlowMapping => self.flow_mapping()?,
                };
                Ok(self.finish(id, kind))
            }
        }
    }

    /// What begins here, without its members.
    ///
    /// The reference raises `RecursionError` at some depth that hangs on the interpreter and on who called
    /// it. A fixed bound below it is stricter for documents that no person writes, and is the same on every
    /// machine.
    fn start(&mut self, context: Context) -> Parse<Start> {
        if let (Token::Alias(name), mark) = self.scanner.peek()?.clone() {
            self.take()?;
            return self.alias(&name, mark).map(Start::Whole);
        }
        let properties = self.properties()?;
        if let Some((text, style, mark)) = self.scanner.take_scalar()? {
            return Ok(Start::Whole(self.scalar(properties, text, style, mark)));
        }
        let (token, mark) = self.scanner.peek()?;
        let mark = *mark;
        let shape = match token {
            // A list at the column of its key opens no block of its own, so there is no token for its start.
            Token::BlockEntry if context == Context::BlockValue => Shape::IndentlessSequence,
            Token::FlowSequenceStart => Shape::FlowSequence,
            Token::FlowMappingStart => Shape::FlowMapping,
            Token::BlockSequenceStart if context != Context::Flow => Shape::BlockSequence,
            Token::BlockMappingStart if context != Context::Flow => Shape::BlockMapping,
            // An anchor with nothing behind it is null; a tag says what becomes of the empty text, and
            // `!!str` keeps it.
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                return Ok(Start::Whole(self.scalar(properties, Text::default(), Style::Plain, mark)));
            }
            _ => return Err(ReadError::at(mark, "a value is expected here")),
        };
        let kind = match shape {
            Shape::BlockMapping | Shape::FlowMapping => Kind::Mapping(Vec::new()),
            Shape::BlockSequence | Shape::IndentlessSequence | Shape::FlowSequence => Kind::Sequence(Vec::new()),
        };
        Ok(Start::Collection(self.begin(kind, properties, mark)?, shape))
    }

    /// The place of the node with that anchor, and never a copy of it: nine lines of nine aliases each are a
    /// document of some 90 nodes, and written out nearly 400 million. What writes values out has a bound of
    /// its own for that.
    ///
    /// An anchor is known as soon as its node begins, so that a collection can contain itself. The reference
    /// makes such a value; it is refused where it would be signed.
    fn alias(&mut self, name: &str, mark: Mark) -> Parse {
        self.syntax.aliases.push(mark.into());
        let known = self.anchors.get(name).copied();
        known.ok_or_else(|| ReadError::at(mark, format!("no anchor `&{}` stands before this alias", beginning(name))))
    }

    /// An anchor and a tag, in either order, each at most once.
    ///
    /// An anchor that stands twice is refused by the composer of the reference, although the specification
    /// lets the later one win: an alias would mean what it means for the reader that keeps the other.
    fn properties(&mut self) -> Parse<Properties> {
        let mut properties = Properties::default();
        loop {
            match self.scanner.peek()?.clone() {
                (Token::Anchor(name), mark) if properties.anchor.is_none() => {
                    if self.anchors.contains_key(&name) {
                        return Err(ReadError::at(
                            mark,
                            format!("the anchor `&{}` is defined twice", beginning(&name)),
                        ));
                    }
                    properties.anchor = Some((name, mark.into()));
                }
                (Token::Tag(name), mark) if properties.tag.is_none() => {
                    properties.tag = Some((self.full_tag(name, mark)?, mark.into()));
                }
                _ => return Ok(properties),
            }
            self.take()?;
        }
    }

    /// The tag with its handle written out. What is longer than any known tag is cut, and stays unknown:
    /// otherwise every use of one long prefix would take its length again.
    fn full_tag(&self, TagName { handle, suffix }: TagName, mark: Mark) -> Parse<String> {
        let Some(handle) = handle else { return Ok(beginning(&suffix).to_owned()) };
        match self.tag_handles.get(&handle) {
            Some(prefix) => Ok([beginning(prefix), beginning(&suffix)].concat()),
            None => Err(ReadError::at(mark, format!("the tag handle `{}` is not defined", beginning(&handle)))),
        }
    }

    /// Its type is found here and not while reading tokens, since a tag before it can say another.
    fn scalar(&mut self, properties: Properties, text: Text, style: Style, mark: Mark) -> usize {
        // A lone `!` asks for the typing of a plain scalar, even for a quoted one.
        let tag = match (properties.tag.as_ref().map(|(tag, _)| tag.as_str()), style) {
            (Some("!"), _) | (None, Style::Plain) => resolve::plain(&text),
            (None, Style::Text) => Tag::Text,
            (Some(tag), _) => Tag::named(tag),
        };
        self.add(Kind::Scalar(text, style), tag, properties, mark)
    }

    /// What stands for nothing: the value of a key without one, an item of only a `-`. It is null and not the
    /// empty text.
    fn empty_scalar(&mut self, mark: Mark) -> usize {
        self.add(Kind::Scalar(Text::default(), Style::Plain), Tag::Null, Properties::default(), mark)
    }

    fn add(&mut self, kind: Kind, tag: Tag, properties: Properties, mark: Mark) -> usize {
        let id = self.syntax.nodes.len();
        let anchor_position = properties.anchor.map(|(name, position)| {
            self.anchors.insert(name, id);
            position
        });
        let explicit_tag = properties.tag;
        self.syntax.nodes.push(SyntaxNode { kind, tag, position: mark.into(), explicit_tag, anchor_position });
        id
    }
}

/// Collections. Each is added before its members, so that they can refer to it.
impl Parser {
    fn begin(&mut self, kind: Kind, properties: Properties, mark: Mark) -> Parse {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("values are nested deeper than {MAX_DEPTH} levels");
            return Err(ReadError::at(mark, message).because(Defect::TooDeep));
        }
        let default = if matches!(kind, Kind::Mapping(_)) { Tag::Mapping } else { Tag::Sequence };
        let tag = match properties.tag.as_ref().map(|(tag, _)| tag.as_str()) {
            None | Some("!") => default,
            Some(tag) => Tag::named(tag),
        };
        Ok(self.add(kind, tag, properties, mark))
    }

    fn finish(&mut self, id: usize, kind: Kind) -> usize {
        self.depth -= 1;
        self.syntax.nodes[id].kind = kind;
        id
    }

    fn block_sequence(&mut self) -> Parse<Kind> {
        self.take()?;
        let mut items = Vec::new();
        while *self.peek()? == Token::BlockEntry {
            let mark = self.take()?;
            items.push(match self.peek()? {
                Token::BlockEntry | Token::BlockEnd => self.empty_scalar(mark),
                _ => self.node(Context::Block)?,
            });
        }
        self.expect(Token::BlockEnd, "a list item (`- `) is expected here; check the indentation")?;
        Ok(Kind::Sequence(items))
    }

    /// Items at the column of their key. It ends at anything else that such a place can hold, without a token
    /// for its end.
    fn indentless_sequence(&mut self) -> Parse<Kind> {
        let mut items = Vec::new();
        while *self.peek()? == Token::BlockEntry {
            let mark = self.take()?;
            items.push(match self.peek()? {
                Token::BlockEntry | Token::Key | Token::Value | Token::BlockEnd => self.empty_scalar(mark),
                _ => self.node(Context::Block)?,
            });
        }
        Ok(Kind::Sequence(items))
    }

    fn block_mapping(&mut self) -> Parse<Kind> {
        self.take()?;
        let mut members = Vec::new();
        while *self.peek()? == Token::Key {
            let mark = self.take()?;
            let key = self.block_member(mark)?;
            let value = if *self.peek()? == Token::Value {
                let mark = self.take()?;
                self.block_member(mark)?
            } else {
                self.empty_scalar(mark)
            };
            members.push((key, value));
        }
        self.expect(Token::BlockEnd, "a key with its `:` is expected here; check the indentation")?;
        Ok(Kind::Mapping(members))
    }

    /// A key or a value: nothing, when the next token is the turn of another.
    fn block_member(&mut self, mark: Mark) -> Parse {
        match self.peek()? {
            Token::Key | Token::Value | Token::BlockEnd => Ok(self.empty_scalar(mark)),
            _ => self.node(Context::BlockValue),
        }
    }

    /// A comma behind the last item is no item more; two of them are an error, and so is one before the
    /// first.
    fn flow_sequence(&mut self) -> Parse<Kind> {
        self.take()?;
        let mut items = Vec::new();
        while *self.peek()? != Token::FlowSequenceEnd {
            if !items.is_empty() {
                self.expect(Token::FlowEntry, "`,` or `]` is expected here")?;
            }
            match self.peek()? {
                Token::Key => items.push(self.single_pair()?),
                Token::FlowSequenceEnd => {}
                _ => items.push(self.node(Context::Flow)?),
            }
        }
        self.take()?;
        Ok(Kind::Sequence(items))
    }

    /// `key: value` inside `[ ]`: a mapping of its own.
    fn single_pair(&mut self) -> Parse {
        let mark = self.take()?;
        let id = self.begin(Kind::Mapping(Vec::new()), Properties::default(), mark)?;
        let key = self.flow_member(mark)?;
        let value = self.flow_value(mark)?;
        Ok(self.finish(id, Kind::Mapping(vec![(key, value)])))
    }

    /// `{a, b: c}` has the key `a` with null for its value: allowed by the grammar, and a typing error more
    /// often than not.
    fn flow_mapping(&mut self) -> Parse<Kind> {
        let mark = self.take()?;
        let mut members = Vec::new();
        while *self.peek()? != Token::FlowMappingEnd {
            if !members.is_empty() {
                self.expect(Token::FlowEntry, "`,` or `}` is expected here")?;
            }
            match self.peek()? {
                Token::Key => {
                    let mark = self.take()?;
                    let key = self.flow_member(mark)?;
                    members.push((key, self.flow_value(mark)?));
                }
                Token::FlowMappingEnd => {}
                _ => {
                    let key = self.node(Context::Flow)?;
                    members.push((key, self.empty_scalar(mark)));
                }
            }
        }
        self.take()?;
        Ok(Kind::Mapping(members))
    }

    fn flow_value(&mut self, mark: Mark) -> Parse {
        if *self.peek()? != Token::Value {
            return Ok(self.empty_scalar(mark));
        }
        let mark = self.take()?;
        self.flow_member(mark)
    }

    fn flow_member(&mut self, mark: Mark) -> Parse {
        match self.peek()? {
            Token::Value | Token::FlowEntry | Token::FlowSequenceEnd | Token::FlowMappingEnd => {
                Ok(self.empty_scalar(mark))
            }
            _ => self.node(Context::Flow),
        }
    }
}

/// A name, or the first 100 bytes of one that nobody means: far more than any known tag has.
fn beginning(name: &str) -> &str {
    &name[..name.floor_char_boundary(100)]
}

fn default_handles() -> BTreeMap<String, String> {
    [("!", "!"), ("!!", "tag:yaml.org,2002:")].map(|(handle, prefix)| (handle.to_owned(), prefix.to_owned())).into()
}
