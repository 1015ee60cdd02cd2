//! Characters to tokens, with the indentation turned into explicit starts and ends.
//!
//! YAML announces a key only by the `:` behind it. The scanner therefore remembers where a key may
//! have begun, one place per level of brackets, and puts the key token there when the `:` comes.

use std::collections::VecDeque;

use super::source::{END, Mark, Source, is_blank_or_end, is_break_or_end};
use crate::reader::error::ReadError;
use crate::reader::value::Text;

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: its type is found from its text.
    Plain,
    /// Quoted, or a block: always text.
    Text,
}

/// The name of a tag before its handle is looked up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TagName {
    /// `!`, `!!` or `!name!`; none for `!<…>` and the lone `!`.
    pub(super) handle: Option<String>,
    pub(super) suffix: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Directive {
    Yaml { major: String },
    Tag { handle: String, prefix: String },
    Other,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    StreamEnd,
    Directive(Directive),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag(TagName),
    Scalar(Text, Style),
}

/// A place where a key may have begun.
struct PossibleKey {
    /// The number of the token that would be the key.
    token: usize,
    /// How many brackets are open around it.
    level: usize,
    /// Whether nothing else may stand there.
    required: bool,
    mark: Mark,
}

/// A key and its `:` are at most this many characters apart.
const MAX_KEY_CHARACTERS: usize = 1024;

pub(super) struct Scanner {
    pub(super) source: Source,
    tokens: VecDeque<(Token, Mark)>,
    /// How many tokens were handed out.
    taken: usize,
    finished: bool,
    /// How many brackets are open.
    pub(super) flow_level: usize,
    /// The column of the current block; `None` outside of any.
    pub(super) indent: Option<usize>,
    outer_indents: Vec<Option<usize>>,
    /// Whether a key may begin here. In block context: whether a block may begin here.
    pub(super) key_allowed: bool,
    /// Oldest and outermost first, at most one per level.
    possible_keys: VecDeque<PossibleKey>,
}

type Scan<T = ()> = Result<T, ReadError>;

impl Scanner {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            tokens: VecDeque::new(),
            taken: 0,
            finished: false,
            flow_level: 0,
            indent: None,
            outer_indents: Vec::new(),
            key_allowed: true,
            possible_keys: VecDeque::new(),
        }
    }

    /// The next token, left in place.
    pub(super) fn peek(&mut self) -> Scan<&(Token, Mark)> {
        while !self.finished && self.needs_more()? {
            self.fetch()?;
        }
        Ok(self.tokens.front().expect("the end of the stream is never taken"))
    }

    /// The next token, taken. The end of the stream stays.
    pub(super) fn take(&mut self) -> Scan<(Token, Mark)> {
        let next = self.peek()?;
        if next.0 == Token::StreamEnd {
            return Ok(next.clone());
        }
        self.taken += 1;
        Ok(self.tokens.pop_front().expect("it was just looked at"))
    }

    /// The next token, taken, when it is a scalar.
    pub(super) fn take_scalar(&mut self) -> Scan<Option<(Text, Style, Mark)>> {
        match self.peek()?.0 {
            Token::Scalar(..) => match self.take()? {
                (Token::Scalar(text, style), mark) => Ok(Some((text, style, mark))),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Whether the next token may still turn out to have a key token before it, or is not known.
    fn needs_more(&mut self) -> Scan<bool> {
        if self.tokens.is_empty() {
            return Ok(true);
        }
        self.drop_stale_keys()?;
        Ok(self.possible_keys.front().is_some_and(|key| key.token == self.taken))
    }

    fn fetch(&mut self) -> Scan {
        self.skip_to_token();
        self.drop_stale_keys()?;
        let Mark { column, .. } = self.source.mark();
        self.close_blocks_right_of(Some(column));
        let (c, next) = (self.source.peek(), self.source.peek_at(1));
        let in_flow = self.flow_level > 0;
        match c {
            END => self.fetch_stream_end(),
            '%' if column == 0 => self.fetch_directive(),
            '-' if column == 0 && self.source.at_document_marker('-') => self.fetch_document(Token::DocumentStart),
            '.' if column == 0 && self.source.at_document_marker('.') => self.fetch_document(Token::DocumentEnd),
            '[' => self.fetch_flow_start(Token::FlowSequenceStart),
            '{' => self.fetch_flow_start(Token::FlowMappingStart),
            ']' => self.fetch_flow_end(Token::FlowSequenceEnd),
            '}' => self.fetch_flow_end(Token::FlowMappingEnd),
            ',' => self.fetch_flow_entry(),
            '-' if is_blank_or_end(next) => self.fetch_block_entry(),
            '?' if in_flow || is_blank_or_end(next) => self.fetch_key(),
            ':' if in_flow || is_blank_or_end(next) => self.fetch_value(),
            '*' | '&' => self.fetch_node_part(Self::scan_anchor),
            '!' => self.fetch_node_part(Self::scan_tag),
            '|' | '>' if !in_flow => self.fetch_block_scalar(),
            '\'' | '"' => self.fetch_node_part(Self::scan_quoted),
            _ if starts_plain(c, next, in_flow) => self.fetch_node_part(Self::scan_plain),
            '\t' => Err(self.error("a tab cannot separate tokens; use spaces")),
            _ => Err(self.error(format!("`{c}` cannot begin a value; put the value in quotes"))),
        }
    }

    /// Moves over spaces, comments and line breaks. Tabs are not spaces.
    fn skip_to_token(&mut self) {
        if self.source.mark().index == 0 && self.source.peek() == '\u{feff}' {
            self.source.advance(1);
        }
        loop {
            self.source.skip(|c| c == ' ');
            if self.source.peek() == '#' {
                self.source.skip(|c| !is_break_or_end(c));
            }
            if self.source.take_break().is_none() {
                return;
            }
            if self.flow_level == 0 {
                self.key_allowed = true;
            }
        }
    }

    pub(super) fn error(&self, message: impl Into<String>) -> ReadError {
        ReadError::at(self.source.mark(), message)
    }

    fn push(&mut self, token: Token, mark: Mark) {
        self.tokens.push_back((token, mark));
    }

    /// Pushes `token` for the next `width` characters.
    fn push_indicator(&mut self, token: Token, width: usize) {
        self.push(token, self.source.mark());
        self.source.advance(width);
    }
}

/// Possible keys and indentation.
impl Scanner {
    /// Forgets the places that are on another line or too far back to be keys.
    fn drop_stale_keys(&mut self) -> Scan {
        let Mark { index, line, .. } = self.source.mark();
        while let Some(key) = self.possible_keys.front() {
            if key.mark.line == line && index - key.mark.index <= MAX_KEY_CHARACTERS {
                break;
            }
            Self::refuse_required(key)?;
            self.possible_keys.pop_front();
        }
        Ok(())
    }

    fn save_possible_key(&mut self) -> Scan {
        if !self.key_allowed {
            return Ok(());
        }
        self.drop_possible_key()?;
        let mark = self.source.mark();
        self.possible_keys.push_back(PossibleKey {
            token: self.taken + self.tokens.len(),
            level: self.flow_level,
            required: self.flow_level == 0 && self.indent == Some(mark.column),
            mark,
        });
        Ok(())
    }

    fn drop_possible_key(&mut self) -> Scan {
        match self.take_possible_key() {
            Some(key) => Self::refuse_required(&key),
            None => Ok(()),
        }
    }

    /// The place where a key may have begun on the current level of brackets.
    fn take_possible_key(&mut self) -> Option<PossibleKey> {
        let on_this_level = self.possible_keys.back().is_some_and(|key| key.level == self.flow_level);
        if on_this_level { self.possible_keys.pop_back() } else { None }
    }

    fn refuse_required(key: &PossibleKey) -> Scan {
        if key.required {
            return Err(ReadError::at(key.mark, "a key with its `:` is expected here, on one line"));
        }
        Ok(())
    }

    /// Ends the blocks that are indented further than `column`; all of them for `None`.
    fn close_blocks_right_of(&mut self, column: Option<usize>) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.indent = self.outer_indents.pop().flatten();
            self.push(Token::BlockEnd, self.source.mark());
        }
    }

    /// Whether `column` begins a new, more indented block.
    fn opens_block(&mut self, column: usize) -> bool {
        let opens = self.indent < Some(column);
        if opens {
            self.outer_indents.push(self.indent);
            self.indent = Some(column);
        }
        opens
    }

    /// Before `-`, `?` or a `:` without key in block context: may it stand here, does it open a block?
    fn begin_block_indicator(&mut self, start: Token, what: &str) -> Scan {
        if self.flow_level > 0 {
            return Ok(());
        }
        if !self.key_allowed {
            return Err(
                self.error(format!("{what} is not allowed here; check the indentation, or put the text in quotes"))
            );
        }
        let mark = self.source.mark();
        if self.opens_block(mark.column) {
            self.push(start, mark);
        }
        Ok(())
    }
}

/// One function per kind of token.
impl Scanner {
    fn fetch_stream_end(&mut self) -> Scan {
        self.close_blocks_right_of(None);
        self.drop_possible_key()?;
        self.key_allowed = false;
        self.possible_keys.clear();
        self.push(Token::StreamEnd, self.source.mark());
        self.finished = true;
        Ok(())
    }

    fn fetch_directive(&mut self) -> Scan {
        self.close_blocks_right_of(None);
        self.drop_possible_key()?;
        self.key_allowed = false;
        let mark = self.source.mark();
        let directive = self.scan_directive()?;
        self.push(Token::Directive(directive), mark);
        Ok(())
    }

    fn fetch_document(&mut self, token: Token) -> Scan {
        self.close_blocks_right_of(None);
        self.drop_possible_key()?;
        self.key_allowed = false;
        self.push_indicator(token, 3);
        Ok(())
    }

    fn fetch_flow_start(&mut self, token: Token) -> Scan {
        self.save_possible_key()?;
        self.flow_level += 1;
        self.key_allowed = true;
        self.push_indicator(token, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, token: Token) -> Scan {
        if self.flow_level == 0 {
            return Err(self.error(format!("`{}` closes nothing", self.source.peek())));
        }
        self.drop_possible_key()?;
        self.flow_level -= 1;
        self.key_allowed = false;
        self.push_indicator(token, 1);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Scan {
        self.key_allowed = true;
        self.drop_possible_key()?;
        self.push_indicator(Token::FlowEntry, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scan {
        self.begin_block_indicator(Token::BlockSequenceStart, "a list item")?;
        self.key_allowed = true;
        self.drop_possible_key()?;
        self.push_indicator(Token::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scan {
        self.begin_block_indicator(Token::BlockMappingStart, "a key")?;
        self.key_allowed = self.flow_level == 0;
        self.drop_possible_key()?;
        self.push_indicator(Token::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scan {
        if let Some(key) = self.take_possible_key() {
            let place = key.token - self.taken;
            self.tokens.insert(place, (Token::Key, key.mark));
            if self.flow_level == 0 && self.opens_block(key.mark.column) {
                self.tokens.insert(place, (Token::BlockMappingStart, key.mark));
            }
            self.key_allowed = false;
        } else {
            self.begin_block_indicator(Token::BlockMappingStart, "a `:`")?;
            self.key_allowed = self.flow_level == 0;
        }
        self.push_indicator(Token::Value, 1);
        Ok(())
    }

    /// A part of a node that a key may begin with. `scan` may allow a key again, after a line break.
    fn fetch_node_part(&mut self, scan: fn(&mut Self) -> Scan<Token>) -> Scan {
        self.save_possible_key()?;
        self.key_allowed = false;
        let mark = self.source.mark();
        let token = scan(self)?;
        self.push(token, mark);
        Ok(())
    }

    fn fetch_block_scalar(&mut self) -> Scan {
        self.key_allowed = true;
        self.drop_possible_key()?;
        let mark = self.source.mark();
        let token = self.scan_block_scalar()?;
        self.push(token, mark);
        Ok(())
    }
}

fn starts_plain(c: char, next: char, in_flow: bool) -> bool {
    match c {
        '-' => !is_blank_or_end(next),
        '?' | ':' => !in_flow && !is_blank_or_end(next),
        _ => !is_blank_or_end(c) && !",[]{}#&*!|>'\"%@`".contains(c),
    }
}
