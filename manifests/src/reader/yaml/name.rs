//! Directives, anchors, aliases and tags: everything that is spelled in ASCII.

use super::scanner::{Directive, Scanner, TagName, Token};
use super::source::{END, is_blank_or_end, is_break_or_end, is_space_or_end};
use crate::reader::error::ReadError;
use crate::reader::value::MAX_INTEGER_DIGITS;

type Scan<T = ()> = Result<T, ReadError>;

impl Scanner {
    pub(super) fn scan_directive(&mut self) -> Scan<Directive> {
        self.source.advance(1);
        let name = self.scan_word("the name of a directive")?;
        if !is_space_or_end(self.source.peek()) {
            return Err(self.error("the name of a directive ends in a space"));
        }
        let directive = match name.as_str() {
            "YAML" => self.scan_yaml_version()?,
            "TAG" => self.scan_tag_definition()?,
            _ => {
                self.source.skip(|c| !is_break_or_end(c));
                Directive::Other
            }
        };
        self.skip_rest_of_line()?;
        Ok(directive)
    }

    fn scan_yaml_version(&mut self) -> Scan<Directive> {
        self.source.skip(|c| c == ' ');
        let major = self.scan_version_number()?;
        if self.source.peek() != '.' {
            return Err(self.error("a version is two numbers with a dot between them"));
        }
        self.source.advance(1);
        self.scan_version_number()?;
        if !is_space_or_end(self.source.peek()) {
            return Err(self.error("a version is two numbers with a dot between them"));
        }
        Ok(Directive::Yaml { major })
    }

    fn scan_version_number(&mut self) -> Scan<String> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() || digits.len() > MAX_INTEGER_DIGITS {
            return Err(self.error("a version is two numbers with a dot between them"));
        }
        Ok(digits)
    }

    fn scan_tag_definition(&mut self) -> Scan<Directive> {
        self.source.skip(|c| c == ' ');
        let handle = self.scan_tag_handle()?;
        if self.source.peek() != ' ' {
            return Err(self.error("a space is expected after the handle of a tag"));
        }
        self.source.skip(|c| c == ' ');
        let prefix = self.scan_tag_uri()?;
        if !is_space_or_end(self.source.peek()) {
            return Err(self.error("a tag prefix cannot hold this character"));
        }
        Ok(Directive::Tag { handle, prefix })
    }

    /// Spaces and a comment, up to and with the line break.
    pub(super) fn skip_rest_of_line(&mut self) -> Scan {
        self.source.skip(|c| c == ' ');
        if self.source.peek() == '#' {
            self.source.skip(|c| !is_break_or_end(c));
        }
        if !is_break_or_end(self.source.peek()) {
            return Err(self.error("only a comment may stand on the rest of this line"));
        }
        self.source.take_break();
        Ok(())
    }

    pub(super) fn scan_anchor(&mut self) -> Scan<Token> {
        let is_alias = self.source.peek() == '*';
        self.source.advance(1);
        let name = self.scan_word("the name of an anchor")?;
        let next = self.source.peek();
        if !is_blank_or_end(next) && !"?:,]}%@`".contains(next) {
            return Err(self.error("an anchor is made of ASCII letters, digits, `-` and `_`"));
        }
        Ok(if is_alias { Token::Alias(name) } else { Token::Anchor(name) })
    }

    pub(super) fn scan_tag(&mut self) -> Scan<Token> {
        let next = self.source.peek_at(1);
        let tag = if next == '<' {
            self.source.advance(2);
            let suffix = self.scan_tag_uri()?;
            if self.source.peek() != '>' {
                return Err(self.error("a tag that begins with `!<` ends in `>`"));
            }
            self.source.advance(1);
            TagName { handle: None, suffix }
        } else if is_blank_or_end(next) {
            self.source.advance(1);
            TagName { handle: None, suffix: "!".to_owned() }
        } else {
            let handle = if self.tag_has_named_handle() {
                self.scan_tag_handle()?
            } else {
                self.source.advance(1);
                "!".to_owned()
            };
            TagName { handle: Some(handle), suffix: self.scan_tag_uri()? }
        };
        if !is_space_or_end(self.source.peek()) {
            return Err(self.error("a space is expected after a tag"));
        }
        Ok(Token::Tag(tag))
    }

    /// Whether a second `!` follows in the same word.
    fn tag_has_named_handle(&self) -> bool {
        let mut offset = 1;
        loop {
            match self.source.peek_at(offset) {
                '!' => return true,
                c if is_space_or_end(c) => return false,
                _ => offset += 1,
            }
        }
    }

    /// `!`, `!!` or `!name!`.
    fn scan_tag_handle(&mut self) -> Scan<String> {
        if self.source.peek() != '!' {
            return Err(self.error("the handle of a tag begins with `!`"));
        }
        self.source.advance(1);
        let mut handle = "!".to_owned();
        if self.source.peek() != ' ' {
            handle += &self.take_while(is_word_character);
            if self.source.peek() != '!' {
                return Err(self.error("the handle of a tag ends in `!`"));
            }
            self.source.advance(1);
            handle.push('!');
        }
        Ok(handle)
    }

    fn scan_tag_uri(&mut self) -> Scan<String> {
        let mut bytes = Vec::new();
        loop {
            let c = self.source.peek();
            if c == '%' {
                bytes.push(self.scan_escaped_byte()?);
            } else if c.is_ascii_alphanumeric() || "-;/?:@&=+$,_.!~*'()[]".contains(c) {
                bytes.push(c as u8);
                self.source.advance(1);
            } else {
                break;
            }
        }
        match String::from_utf8(bytes) {
            Ok(uri) if !uri.is_empty() => Ok(uri),
            Ok(_) => Err(self.error("a tag needs a name")),
            Err(_) => Err(self.error("the escaped bytes of a tag are not UTF-8")),
        }
    }

    fn scan_escaped_byte(&mut self) -> Scan<u8> {
        self.source.advance(1);
        let nibble = |offset| self.source.peek_at(offset).to_digit(16);
        let (Some(high), Some(low)) = (nibble(0), nibble(1)) else {
            return Err(self.error("`%` in a tag is followed by two hexadecimal digits"));
        };
        self.source.advance(2);
        Ok((high << 4 | low) as u8)
    }

    fn scan_word(&mut self, what: &str) -> Scan<String> {
        let word = self.take_while(is_word_character);
        if word.is_empty() {
            return Err(self.error(format!("{what} is expected here; to mean the character itself, use quotes")));
        }
        Ok(word)
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut length = 0;
        while self.source.peek_at(length) != END && wanted(self.source.peek_at(length)) {
            length += 1;
        }
        let taken = self.source.ahead(length).iter().collect();
        self.source.advance(length);
        taken
    }
}

fn is_word_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}
