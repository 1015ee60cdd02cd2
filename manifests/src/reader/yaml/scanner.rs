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
///
/// The parser looks it up, and not the scanner: `%TAG` lines belong to a document, which the scanner does not
/// know.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TagName {
    /// `!`, `!!` or `!name!`; none for `!<…>` and the lone `!`.
    pub(super) handle: Option<String>,
    pub(super) suffix: String,
}

/// A line that begins with `%`. The minor version is checked and forgotten: the reference reads every
/// document by the same rules, whatever 1.x it says it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Directive {
    Yaml { major: String },
    Tag { handle: String, prefix: String },
    Other,
}

/// What the grammar is written in. Indentation is gone: where a block begins and ends, there is a token.
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
/// (`SimpleKey`.)
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
/// The specification asks for this bound, so that no reader has to hold more than that before it knows what a
/// token is. Without it a megabyte that never has its `:` would be searched again from every place where a
/// key may begin.
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
    /// The reference writes -1 for none. `None` is less than every column, so that all comparisons stay as
    /// they are.
    pub(super) indent: Option<usize>,
    outer_indents: Vec<Option<usize>>,
    /// Whether a key may begin here. In block context: whether a block may begin here.
    pub(super) key_allowed: bool,
    /// Oldest and outermost first, at most one per level.
    /// A dictionary by level in the reference, which walks all of it at every token, and so is quadratic in
    /// brackets that never close. Levels only grow towards the back here: the front is the oldest, and one
    /// look is enough.
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
    ///
    /// Reads on until no key can turn out to stand before it (`need_more_tokens`): `a` alone is a scalar, and
    /// with a `:` later on the line it is a key that opens a mapping, whose tokens then go before the
    /// scalar's.
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
    ///
    /// Apart from `take`, because a scalar is moved and never copied: a manifest is mostly the text of its
    /// scalars.
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

    /// The next token or two, put behind those that wait (`fetch_more_tokens`).
    ///
    /// The order of the arms counts where two could match: the end, directives and document markers come
    /// before indicators of one character, which come before plain scalars. A tab is none of these and cannot
    /// begin a plain scalar, so that a tab before a token is an error; most other readers take it for a
    /// blank.
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
    ///
    /// (`scan_to_next_token`.) A byte order mark is passed over at the very start only, and is text anywhere
    /// else. A line break allows a key again, but not inside brackets, where lines mean nothing. A `#` begins
    /// a comment wherever a token may begin, even without a blank before it: `[a]#b` is a list and a comment.
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
    ///
    /// (`stale_possible_simple_keys`.) A key that was required is an error when its line ends: something
    /// stands where only a key may stand, at the indentation of its block, and no `:` came. Anything else
    /// just was no key.
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

    /// (`save_possible_simple_key`.) A newer possible key on the same level replaces the older one, or
    /// refuses it if it was required. Required is what stands exactly at the indentation of the block: there
    /// nothing but a key can stand.
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
    ///
    /// (`unwind_indent`.) Inside brackets indentation is not looked at, against the specification and as the
    /// reference does it: there the brackets alone say what belongs to what.
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
    ///
    /// (`add_indent`.) A block at the same column goes on, so only a column further right opens one.
    fn opens_block(&mut self, column: usize) -> bool {
        let opens = self.indent < Some(column);
        if opens {
            self.outer_indents.push(self.indent);
            self.indent = Some(column);
        }
        opens
    }

    /// Before `-`, `?` or a `:` without key in block context: may it stand here, does it open a block?
    ///
    /// Where no key may begin no block may either: `a: - b` and `a: b: c` are errors, since a reader that
    /// took them would have to guess what the author meant to nest in what.
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
    /// Ends every block that is open. Possible keys of outer levels are forgotten, required or not, as in the
    /// reference: they stand before a bracket that never closed, which the parser refuses.
    fn fetch_stream_end(&mut self) -> Scan {
        self.close_blocks_right_of(None);
        self.drop_possible_key()?;
        self.key_allowed = false;
        self.possible_keys.clear();
        self.push(Token::StreamEnd, self.source.mark());
        self.finished = true;
        Ok(())
    }

    /// A `%` in the first column ends all blocks, even in the middle of a document: the parser then finds a
    /// directive where none may be. Inside brackets too, where a person would take it for text.
    fn fetch_directive(&mut self) -> Scan {
        self.close_blocks_right_of(None);
        self.drop_possible_key()?;
        self.key_allowed = false;
        let mark = self.source.mark();
        let directive = self.scan_directive()?;
        self.push(Token::Directive(directive), mark);
        Ok(())
    }

    /// `---` and `...` end all blocks. Nothing that opens a block may follow on the same line (`--- a: b` is
    /// refused), because no key may begin there.
    fn fetch_document(&mut self, token: Token) -> Scan {
        self.close_blocks_right_of(None);
        self.drop_possible_key()?;
        self.key_allowed = false;
        self.push_indicator(token, 3);
        Ok(())
    }

    /// A whole `[…]` or `{…}` may be a key, so that its place is kept like that of a scalar.
    fn fetch_flow_start(&mut self, token: Token) -> Scan {
        self.save_possible_key()?;
        self.flow_level += 1;
        self.key_allowed = true;
        self.push_indicator(token, 1);
        Ok(())
    }

    /// The reference counts below zero here and leaves the error to its parser, which has no place for such a
    /// bracket. Refusing at once is the same answer, and the count can be one without a sign.
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

    /// `-` inside brackets becomes a token all the same; the parser has no place for it there and refuses it.
    fn fetch_block_entry(&mut self) -> Scan {
        self.begin_block_indicator(Token::BlockSequenceStart, "a list item")?;
        self.key_allowed = true;
        self.drop_possible_key()?;
        self.push_indicator(Token::BlockEntry, 1);
        Ok(())
    }

    /// `?`: a key that need not be simple. Inside brackets no other key may begin right behind it.
    fn fetch_key(&mut self) -> Scan {
        self.begin_block_indicator(Token::BlockMappingStart, "a key")?;
        self.key_allowed = self.flow_level == 0;
        self.drop_possible_key()?;
        self.push_indicator(Token::Key, 1);
        Ok(())
    }

    /// `:`, and in front of it, where it began, the key that it makes of what came before.
    ///
    /// Two simple keys cannot follow each other (`a: b: c`), so none may begin behind the `:` of one; behind
    /// the `:` of a key with `?` one may, in block context.
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

    /// `|` and `>`. The text ends at the start of a line, where a key may begin; it never is a key itself.
    fn fetch_block_scalar(&mut self) -> Scan {
        self.key_allowed = true;
        self.drop_possible_key()?;
        let mark = self.source.mark();
        let token = self.scan_block_scalar()?;
        self.push(token, mark);
        Ok(())
    }
}

/// (`check_plain`.) Inside brackets `?` and `:` begin nothing but themselves: `[?a]` is a list of one mapping
/// with the key `a`, where readers of YAML 1.2 see the text `?a`.
fn starts_plain(c: char, next: char, in_flow: bool) -> bool {
    match c {
        '-' => !is_blank_or_end(next),
        '?' | ':' => !in_flow && !is_blank_or_end(next),
        _ => !is_blank_or_end(c) && !",[]{}#&*!|>'\"%@`".contains(c),
    }
}
