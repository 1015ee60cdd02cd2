//! The characters of a manifest, and where in the file each of them is.

use crate::position::Position;
use crate::reader::error::ReadError;

/// What [`Source::peek`] gives at the end; no manifest can hold it.
/// The reference puts the same character behind its buffer and names it in the same sets, so that each set
/// there and here can be compared character by character.
pub(super) const END: char = '\0';

/// A place in the text.
///
/// All three are carried along instead of being counted when an error needs them: whether a block goes on
/// hangs on the column, and whether a key is still possible on index and line, at every single token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// Characters before it.
    pub(super) index: usize,
    /// Lines before it.
    pub(super) line: usize,
    /// Columns before it. A byte order mark takes none, as in the reference.
    pub(super) column: usize,
}

impl From<Mark> for Position {
    fn from(mark: Mark) -> Self {
        Self { line: mark.line + 1, column: mark.column + 1 }
    }
}

/// A cursor over the decoded text.
///
/// Characters, and not bytes: the grammar looks ahead by up to 1,024 of them, and finding the n-th character
/// in UTF-8 anew for every look would be quadratic. A manifest has at most a megabyte, so this is at most
/// four.
pub(super) struct Source {
    characters: Vec<char>,
    at: Mark,
}

impl Source {
    /// Decodes UTF-8, turns CRLF and CR into LF, and refuses characters that YAML forbids.
    ///
    /// The host opens the file in text mode, which decodes UTF-8 and turns line ends into LF before its
    /// reader sees them. The reader then searches the whole text for what YAML forbids (`check_printable`),
    /// before any token: a control character in a comment refuses the file, although nothing would ever have
    /// looked at it. UTF-16, which the specification allows and the reference would decode if it were given
    /// bytes, is not UTF-8 and ends here.
    pub(super) fn new(bytes: &[u8]) -> Result<Self, ReadError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ReadError::at(Position::of_byte(bytes, error.valid_up_to()), "the file is not UTF-8"))?;
        let mut characters = Vec::with_capacity(text.len() + 4);
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                // Of CR LF the LF stays.
                '\r' if rest.peek() == Some(&'\n') => {}
                '\r' => characters.push('\n'),
                c if is_allowed(c) => characters.push(c),
                c => return Err(forbidden(&characters, c)),
            }
        }
        Ok(Self { characters, at: Mark { index: 0, line: 0, column: 0 } })
    }

    /// The next character, or [`END`].
    pub(super) fn peek(&self) -> char {
        self.peek_at(0)
    }

    /// The character `offset` places ahead, or [`END`].
    ///
    /// Never an error and never a panic, however far ahead: the scanner asks beyond the end all the time, and
    /// a bound that each place had to check would be forgotten in one of them.
    pub(super) fn peek_at(&self, offset: usize) -> char {
        self.characters.get(self.at.index + offset).copied().unwrap_or(END)
    }

    /// The next `count` characters.
    pub(super) fn ahead(&self, count: usize) -> &[char] {
        let end = (self.at.index + count).min(self.characters.len());
        &self.characters[self.at.index..end]
    }

    /// Moves over `count` characters.
    ///
    /// A byte order mark takes no column there either. Who belongs to whom hangs on columns: counted
    /// otherwise, a mark before a key would indent it for one reader and not for the other.
    pub(super) fn advance(&mut self, count: usize) {
        for _ in 0..count {
            let Some(c) = self.characters.get(self.at.index) else { return };
            self.at.index += 1;
            if is_break(*c) {
                self.at.line += 1;
                self.at.column = 0;
            } else if *c != '\u{feff}' {
                self.at.column += 1;
            }
        }
    }

    /// Moves over every `wanted` character that comes next.
    pub(super) fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek() != END && wanted(self.peek()) {
            self.advance(1);
        }
    }

    /// Moves over the line break that comes next, and gives what it stands for.
    /// (`scan_line_break`.)
    ///
    /// U+0085 becomes LF like the others. U+2028 and U+2029 end a line and stay what they are. Readers of
    /// YAML 1.2 take all three for text, so that a comment ending in one of them hides a whole key from those
    /// and not from the host.
    pub(super) fn take_break(&mut self) -> Option<char> {
        let c = self.peek();
        if !is_break(c) {
            return None;
        }
        self.advance(1);
        Some(if c == '\u{85}' { '\n' } else { c })
    }

    /// Whether `---` or `...` stands here as a word of its own.
    ///
    /// Whoever asks knows that the column is the first, or refuses on the strength of it: in quotes a marker
    /// is looked for right behind a line break, where nothing else can be.
    pub(super) fn at_document_marker(&self, marker: char) -> bool {
        self.ahead(3) == [marker; 3] && is_blank_or_end(self.peek_at(3))
    }

    /// Where the cursor is.
    pub(super) fn mark(&self) -> Mark {
        self.at
    }
}

/// Where in a file's bytes the character at `position` begins; the way back from a [`Mark`].
///
/// Signing asks for one place of one document; carrying the byte in every mark would cost every reader of
/// every document. What the two walks have to agree on is what takes a column and what ends a line.
pub(crate) fn byte_of(bytes: &[u8], position: Position) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (mut line, mut column) = (1, 1);
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let is_before_lf = c == '\r' && rest.peek().is_some_and(|(_, next)| *next == '\n');
        if is_before_lf || c == '\u{feff}' {
            continue; // Takes no column, so that no position names it.
        }
        if (Position { line, column }) == position {
            return Some(at);
        }
        if c == '\r' || is_break(c) {
            (line, column) = (line + 1, 1);
        } else {
            column += 1;
        }
    }
    None
}

/// A line break of YAML 1.1. CR has become LF before.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A line break, or the end.
///
/// Four sets of blanks differ by the tab and by the end, and which of them a place asks decides what is a
/// token there. The reference is not of one mind: an anchor may end at a tab and a tag may not.
pub(super) fn is_break_or_end(c: char) -> bool {
    c == END || is_break(c)
}

/// A space, a line break or the end: where a tab does not count.
pub(super) fn is_space_or_end(c: char) -> bool {
    c == ' ' || is_break_or_end(c)
}

/// A space, a tab, a line break or the end.
pub(super) fn is_blank_or_end(c: char) -> bool {
    c == '\t' || is_space_or_end(c)
}

/// `NON_PRINTABLE` of the reference, turned round. DEL and the control characters of C1 are refused but for
/// U+0085, and U+FFFE and U+FFFF, but not the noncharacters of the other planes.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// The place is counted only here, from the start: documents without such a character, all but a few, pay
/// nothing for it.
fn forbidden(before: &[char], c: char) -> ReadError {
    let mut source = Source { characters: before.to_vec(), at: Mark { index: 0, line: 0, column: 0 } };
    source.advance(before.len());
    ReadError::at(source.at, format!("the character U+{:04X} is not allowed in YAML", u32::from(c)))
}
