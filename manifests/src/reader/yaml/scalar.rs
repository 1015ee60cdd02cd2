//! The text of scalars: quoted, plain and block, with their line folding.

use super::scanner::{Scanner, Style, Token};
use super::source::{END, is_blank_or_end, is_break, is_break_or_end, is_space_or_end};
use crate::reader::error::ReadError;
use crate::reader::value::Text;

type Scan<T = ()> = Result<T, ReadError>;

/// What remains of the last line break of a block scalar, and of the empty lines behind it.
///
/// (YAML 1.1, 9.2.3.) `description: |` and `|-` differ by one LF in what is signed, and by nothing that is
/// seen.
#[derive(Clone, Copy, PartialEq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// Quoted scalars.
impl Scanner {
    /// (`scan_flow_scalar`.) Indentation is not looked at inside quotes, against the specification: they say
    /// well enough where the text ends. A quote that is never closed is told at the place where it opens,
    /// since the end of the file helps nobody.
    pub(super) fn scan_quoted(&mut self) -> Scan<Token> {
        let start = self.source.mark();
        let quote = self.source.peek();
        let mut text = Text::default();
        self.source.advance(1);
        loop {
            match self.source.peek() {
                c if c == quote => {
                    self.source.advance(1);
                    if quote == '"' || self.source.peek() != '\'' {
                        return Ok(Token::Scalar(text, Style::Text));
                    }
                    self.source.advance(1);
                    text.push('\'');
                }
                END => return Err(ReadError::at(start, "the quote that opens here is never closed")),
                '\\' if quote == '"' => self.scan_escape(&mut text)?,
                c if is_blank_or_end(c) => self.scan_quoted_blanks(&mut text)?,
                c => {
                    text.push(c);
                    self.source.advance(1);
                }
            }
        }
    }

    /// Blanks count, unless a line break is among them.
    ///
    /// `"a  b"` keeps both blanks, and `"a` with a line break behind it none: tabs and spaces around a break
    /// are layout.
    fn scan_quoted_blanks(&mut self, text: &mut Text) -> Scan {
        let mut length = 0;
        while matches!(self.source.peek_at(length), ' ' | '\t') {
            length += 1;
        }
        if is_break(self.source.peek_at(length)) {
            self.source.advance(length);
            let first = self.source.take_break();
            let breaks = self.scan_quoted_breaks()?;
            fold(text, first, &breaks);
        } else {
            self.source.ahead(length).iter().for_each(|c| text.push(*c));
            self.source.advance(length);
        }
        Ok(())
    }

    /// The empty lines after a line break inside quotes, and the blanks that begin the next line.
    ///
    /// Document markers are looked for although quotes are open: a file that was cut and joined again must
    /// not have its second document read as the text of the first.
    fn scan_quoted_breaks(&mut self) -> Scan<Vec<char>> {
        let mut breaks = Vec::new();
        loop {
            if self.source.at_document_marker('-') || self.source.at_document_marker('.') {
                return Err(self.error("a document ends inside quotes"));
            }
            self.source.skip(|c| c == ' ' || c == '\t');
            match self.source.take_break() {
                Some(c) => breaks.push(c),
                None => return Ok(breaks),
            }
        }
    }

    /// The escapes of YAML 1.1 (5.6), and no others: an unknown one is an error in the reference too. A
    /// backslash before a line break joins the lines without a blank.
    ///
    /// `\x`, `\u` and `\U` give code points, one by one: `"\ud83d\ude00"` is two halves here and stays two,
    /// while JSON would make one character of them. Python's `chr` refuses what is above U+10FFFF and takes a
    /// half.
    fn scan_escape(&mut self, text: &mut Text) -> Scan {
        let start = self.source.mark();
        self.source.advance(1);
        let c = self.source.peek();
        if is_break(c) {
            self.source.take_break();
            self.scan_quoted_breaks()?.into_iter().for_each(|c| text.push(c));
            return Ok(());
        }
        self.source.advance(1);
        if let Some(meaning) = short_escape(c) {
            text.push(meaning);
            return Ok(());
        }
        let length = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => {
                return Err(ReadError::at(start, "unknown escape; write `\\\\` for a backslash, or use single quotes"));
            }
        };
        // `from_str_radix` would take a sign, so that the digits are looked at one by one.
        let digits: String = self.source.ahead(length).iter().collect();
        let is_hexadecimal = digits.len() == length && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let code = u32::from_str_radix(&digits, 16).ok().filter(|code| is_hexadecimal && *code <= 0x10_FFFF);
        let Some(code) = code else {
            return Err(ReadError::at(start, format!("`\\{c}` needs {length} hexadecimal digits of a character")));
        };
        text.push_code_point(code);
        self.source.advance(length);
        Ok(())
    }
}

/// Plain scalars.
impl Scanner {
    /// Words with blanks between them, over lines: up to a `: `, a ` #`, a tab, an end of indentation or,
    /// inside brackets, an indicator.
    ///
    /// Text at column 0 is allowed, since a whole document can be one scalar; so a document marker has to be
    /// looked for at the start of every line. Tabs end the scalar and then are an error, where other readers
    /// take them for blanks.
    pub(super) fn scan_plain(&mut self) -> Scan<Token> {
        let mut text = Text::default();
        let indent = self.block_indent();
        let mut blanks = Text::default();
        loop {
            let length = self.plain_word_length();
            // At the start of a word: `a #b` is a comment behind `a`, and `a#b` is one word.
            if self.source.peek() == '#' || length == 0 {
                break;
            }
            self.key_allowed = false;
            text.push_text(&std::mem::take(&mut blanks));
            self.source.ahead(length).iter().for_each(|c| text.push(*c));
            self.source.advance(length);
            blanks = self.scan_plain_blanks();
            // The text of the next line belongs to it only when it is indented further than the block around.
            let outdented = self.flow_level == 0 && self.source.mark().column < indent;
            if blanks.is_empty() || outdented {
                break;
            }
        }
        Ok(Token::Scalar(text, Style::Plain))
    }

    /// The number of characters up to the next blank or indicator.
    ///
    /// A `:` ends the word only before a blank, so that `http://host` is one word; inside brackets also
    /// before `,[]{}`. A `?` ends it inside brackets: `[a?b]` is refused here and one text for readers of
    /// YAML 1.2.
    fn plain_word_length(&self) -> usize {
        let in_flow = self.flow_level > 0;
        let ends_key = |next: char| is_blank_or_end(next) || in_flow && ",[]{}".contains(next);
        let mut length = 0;
        loop {
            let c = self.source.peek_at(length);
            let ends = is_blank_or_end(c)
                || c == ':' && ends_key(self.source.peek_at(length + 1))
                || in_flow && ",?[]{}".contains(c);
            if ends {
                return length;
            }
            length += 1;
        }
    }

    /// The spaces or the folded line breaks between two words; empty when the scalar ends here.
    ///
    /// Empty is the answer for two cases that need no telling apart: nothing stood between, so that an
    /// indicator follows, or a document marker stands at the start of the line.
    fn scan_plain_blanks(&mut self) -> Text {
        let mut blanks = Text::default();
        let start = self.source.mark().index;
        self.source.skip(|c| c == ' ');
        let spaces = self.source.mark().index - start;
        let Some(first) = self.source.take_break() else {
            (0..spaces).for_each(|_| blanks.push(' '));
            return blanks;
        };
        self.key_allowed = true;
        let mut breaks = Vec::new();
        loop {
            if self.source.mark().column == 0
                && (self.source.at_document_marker('-') || self.source.at_document_marker('.'))
            {
                return Text::default();
            }
            self.source.skip(|c| c == ' ');
            match self.source.take_break() {
                Some(c) => breaks.push(c),
                None => break,
            }
        }
        fold(&mut blanks, Some(first), &breaks);
        blanks
    }

    /// The least column that text of the current block may have.
    ///
    /// One more than the block around it has; 0 outside of any, where the reference counts from -1.
    fn block_indent(&self) -> usize {
        self.indent.map_or(0, |indent| indent + 1)
    }
}

/// Block scalars.
impl Scanner {
    /// Literal `|` and folded `>` text (YAML 1.1, 9.3).
    ///
    /// Step by step as the reference goes, because each step can be seen in the text: the header; the
    /// indentation, given or found from the first line that is not empty; lines at that column, with the
    /// breaks between them; and at the end what the header says of the last break. A line that is indented
    /// less ends the text. One that is indented further keeps its blanks, and neither its break nor the one
    /// before it is folded.
    pub(super) fn scan_block_scalar(&mut self) -> Scan<Token> {
        let folded = self.source.peek() == '>';
        self.source.advance(1);
        let (chomping, increment) = self.scan_block_header()?;
        self.skip_rest_of_line()?;

        // Never 0, or the text of a block scalar at the outermost level could not be told from the next key.
        let least = self.block_indent().max(1);
        let (indent, mut breaks) = match increment {
            Some(increment) => {
                let indent = least + increment - 1;
                (indent, self.scan_block_breaks(indent))
            }
            None => {
                let (widest, breaks) = self.scan_block_indentation();
                (widest.max(least), breaks)
            }
        };
        let mut text = Text::default();
        let mut last_break = None;
        while self.source.mark().column == indent && self.source.peek() != END {
            breaks.iter().for_each(|c| text.push(*c));
            let begins_with_text = !matches!(self.source.peek(), ' ' | '\t');
            self.scan_block_line(&mut text);
            last_break = self.source.take_break();
            breaks = self.scan_block_breaks(indent);
            if self.source.mark().column != indent || self.source.peek() == END {
                break;
            }
            let next_is_text = !matches!(self.source.peek(), ' ' | '\t');
            // Only LF folds, and only between two lines of text: a special break says that it is meant, and
            // lines that begin with a blank are a table or code. The specification has two readings of what
            // empty lines beside those give; this is the one that the reference has.
            if folded && last_break == Some('\n') && begins_with_text && next_is_text {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else if let Some(c) = last_break {
                text.push(c);
            }
        }
        if chomping != Chomping::Strip {
            last_break.into_iter().for_each(|c| text.push(c));
        }
        if chomping == Chomping::Keep {
            breaks.iter().for_each(|c| text.push(*c));
        }
        Ok(Token::Scalar(text, Style::Text))
    }

    /// The rest of the line.
    fn scan_block_line(&mut self, text: &mut Text) {
        let mut length = 0;
        while !is_break_or_end(self.source.peek_at(length)) {
            length += 1;
        }
        self.source.ahead(length).iter().for_each(|c| text.push(*c));
        self.source.advance(length);
    }

    /// `+` or `-` and a digit, in either order.
    ///
    /// A 0 is no indentation, and two digits are none: with `|12` a reader that takes one digit would begin
    /// the text elsewhere than one that takes both.
    fn scan_block_header(&mut self) -> Scan<(Chomping, Option<usize>)> {
        let (mut chomping, mut increment) = (None, None);
        loop {
            match self.source.peek() {
                '+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                '-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                c @ '1'..='9' if increment.is_none() => increment = Some(c as usize - '0' as usize),
                c if is_space_or_end(c) => return Ok((chomping.unwrap_or(Chomping::Clip), increment)),
                _ => return Err(self.error("only `+`, `-` and a digit from 1 to 9 may follow `|` or `>`")),
            }
            self.source.advance(1);
        }
    }

    /// The empty lines before the text, and the widest indentation among them and of the text.
    ///
    /// The widest: behind a line of blanks that is longer than the text is indented, the text ends before it
    /// begins, and the document is refused. Readers that take the first line of text would cut such a line or
    /// keep it.
    fn scan_block_indentation(&mut self) -> (usize, Vec<char>) {
        let (mut widest, mut breaks) = (0, Vec::new());
        loop {
            self.source.skip(|c| c == ' ');
            widest = widest.max(self.source.mark().column);
            match self.source.take_break() {
                Some(c) => breaks.push(c),
                None => return (widest, breaks),
            }
        }
    }

    /// The empty lines that follow, and the indentation of the line behind them.
    ///
    /// No further than the indentation: what stands behind it is text, even if it is a blank.
    fn scan_block_breaks(&mut self, indent: usize) -> Vec<char> {
        let mut breaks = Vec::new();
        loop {
            while self.source.mark().column < indent && self.source.peek() == ' ' {
                self.source.advance(1);
            }
            match self.source.take_break() {
                Some(c) => breaks.push(c),
                None => return breaks,
            }
        }
    }
}

/// A line break becomes a space, unless empty lines follow it or it is a special one.
///
/// (YAML 1.1, 6.5.) One LF is a space, and of several the first is dropped, so that an empty line in the file
/// is a line break in the text.
fn fold(text: &mut Text, first: Option<char>, breaks: &[char]) {
    match first {
        Some('\n') if breaks.is_empty() => text.push(' '),
        Some('\n') | None => {}
        Some(special) => text.push(special),
    }
    breaks.iter().for_each(|c| text.push(*c));
}

/// What one character behind a backslash stands for. The slash is there for the sake of JSON; the
/// specification of 1.1 has no escape for it.
fn short_escape(c: char) -> Option<char> {
    Some(match c {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '\\' | '/' => c,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    })
}
