//! The text of scalars: quoted, plain and block, with their line folding.

use super::scanner::{Scanner, Style, Token};
use super::source::{END, is_blank_or_end, is_break, is_break_or_end, is_space_or_end};
use crate::reader::error::ReadError;
use crate::reader::value::Text;

type Scan<T = ()> = Result<T, ReadError>;

/// What remains of the last line break of a block scalar, and of the empty lines behind it.
#[derive(Clone, Copy, PartialEq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// Quoted scalars.
impl Scanner {
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
    pub(super) fn scan_plain(&mut self) -> Scan<Token> {
        let mut text = Text::default();
        let indent = self.block_indent();
        let mut blanks = Text::default();
        loop {
            let length = self.plain_word_length();
            if self.source.peek() == '#' || length == 0 {
                break;
            }
            self.key_allowed = false;
            text.push_text(&std::mem::take(&mut blanks));
            self.source.ahead(length).iter().for_each(|c| text.push(*c));
            self.source.advance(length);
            blanks = self.scan_plain_blanks();
            let outdented = self.flow_level == 0 && self.source.mark().column < indent;
            if blanks.is_empty() || outdented {
                break;
            }
        }
        Ok(Token::Scalar(text, Style::Plain))
    }

    /// The number of characters up to the next blank or indicator.
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
    fn block_indent(&self) -> usize {
        self.indent.map_or(0, |indent| indent + 1)
    }
}

/// Block scalars.
impl Scanner {
    pub(super) fn scan_block_scalar(&mut self) -> Scan<Token> {
        let folded = self.source.peek() == '>';
        self.source.advance(1);
        let (chomping, increment) = self.scan_block_header()?;
        self.skip_rest_of_line()?;

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
fn fold(text: &mut Text, first: Option<char>, breaks: &[char]) {
    match first {
        Some('\n') if breaks.is_empty() => text.push(' '),
        Some('\n') | None => {}
        Some(special) => text.push(special),
    }
    breaks.iter().for_each(|c| text.push(*c));
}

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
