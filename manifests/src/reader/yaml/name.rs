//! Directives, anchors, aliases and tags: everything that is spelled in ASCII.

use super::scanner::{Directive, Scanner, TagName, Token};
use super::source::{END, is_blank_or_end, is_break_or_end, is_space_or_end};
use crate::reader::error::ReadError;
use crate::reader::value::MAX_INTEGER_DIGITS;

type Scan<T = ()> = Result<T, ReadError>;

impl Scanner {
    /// A directive of any other name is skipped with its line (YAML 1.1, 7.1), so that a document can hold
    /// one that means something to another reader. The strict profile refuses them all, known or not.
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

    /// Any minor version passes and changes nothing: below `%YAML 1.2`, `on: yes` still is a boolean with a
    /// boolean for its key. A reader that obeyed the line would read another manifest.
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

    /// The reference makes an `int` of it, which Python refuses from 4,301 digits on (CVE-2020-10735). Only
    /// the first number is looked at, so it stays text here.
    fn scan_version_number(&mut self) -> Scan<String> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() || digits.len() > MAX_INTEGER_DIGITS {
            return Err(self.error("a version is two numbers with a dot between them"));
        }
        Ok(digits)
    }

    /// A prefix may redefine `!!`, so that `!!int` is a type of somebody else's below it; the handle is
    /// therefore looked up for each document and never taken for granted.
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
    ///
    /// For directives and for the first line of a block scalar: what stands behind either is a comment or an
    /// error, and never the beginning of the next thing.
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

    /// The grammar lets the name of an anchor hold nearly everything. The reference takes letters, digits,
    /// `-` and `_` and looks at what follows, since `[*a,b]` could otherwise be an alias and a text or one
    /// alias named `a,b`.
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

    /// `!<…>` in full, a lone `!`, or a handle and a suffix. Which handle it is can only be told by looking
    /// for a second `!` in the same word, as far as it goes; a word ends at a blank, and a line of blanks is
    /// no word, so that every character is looked at twice at most.
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
    ///
    /// `_` is not allowed there by the specification and is by the reference.
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

    /// Whether it is a URI is not asked: it is compared with a few known names and is an error if it is none
    /// of them. Bytes behind `%` are put together first and decoded then, since one character can take four
    /// of them.
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

    /// Letters, digits, `-` and `_`, all of ASCII: no two names are spelled alike in two scripts.
    fn scan_word(&mut self, what: &str) -> Scan<String> {
        let word = self.take_while(is_word_character);
        if word.is_empty() {
            return Err(self.error(format!("{what} is expected here; to mean the character itself, use quotes")));
        }
        Ok(word)
    }

    /// The run of such characters. The end is no character of any word, whatever the condition says of it: a
    /// condition that was true of U+0000 would never stop.
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
