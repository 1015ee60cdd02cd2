//! aisoc-plugin.json as the host reads it: Python's `json.loads`.
//!
//! That reader takes NaN, infinities, repeated keys and lone surrogates, which RFC 8259 readers refuse
//! or change. They are read here too, and noted for the strict profile.

use std::collections::HashMap;

use crate::position::Position;
use crate::reader::error::{Defect, ReadError};
use crate::reader::value::{Integer, MAX_INTEGER_DIGITS, NodeId, Text, Tree, Value};
use crate::text::shown;

/// Deeper nesting would exhaust the reference's stack, and could exhaust ours.
const MAX_DEPTH: usize = 400;

/// What strict readers refuse or read otherwise, in a document that the host reads.
#[derive(Debug)]
pub(crate) struct Oddity {
    pub(crate) kind: OddityKind,
    pub(crate) position: Position,
    pub(crate) message: String,
    pub(crate) instead: &'static str,
}

/// Why other readers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OddityKind {
    /// Two members of one object have the same key.
    DuplicateKey,
    /// A word that Python reads and RFC 8259 does not have.
    NotJson,
    /// A number that not every reader reproduces.
    Number,
    /// Half of a surrogate pair, which is no character.
    HalfCharacter,
}

/// Reads a document, and notes what other readers would read otherwise.
pub(crate) fn read(bytes: &[u8]) -> Result<(Tree, Vec<Oddity>), ReadError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| ReadError::at(Position::of_byte(bytes, error.valid_up_to()), "the file is not UTF-8"))?;
    if text.starts_with('\u{feff}') {
        return Err(ReadError::at(Position::START, "a byte order mark cannot begin JSON; save the file without it"));
    }
    let mut reader =
        Reader { text, at: 0, counted: (Position::START, 0), nodes: Vec::new(), oddities: Vec::new(), depth: 0 };
    reader.skip_blanks();
    let root = reader.value()?;
    reader.skip_blanks();
    if reader.at < text.len() {
        return Err(reader.error("nothing may follow the end of the JSON value"));
    }
    Ok((Tree::new(reader.nodes, root), reader.oddities))
}

struct Reader<'text> {
    text: &'text str,
    /// The next byte; always the start of a character.
    at: usize,
    /// The last position asked for, and the byte it belongs to: columns are counted on from there.
    counted: (Position, usize),
    nodes: Vec<(Value, Position)>,
    oddities: Vec<Oddity>,
    depth: usize,
}

type Read<T = NodeId> = Result<T, ReadError>;

impl Reader<'_> {
    fn value(&mut self) -> Read {
        let position = self.position();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => {
                let text = self.string()?;
                Ok(self.add(Value::Text(text), position))
            }
            _ => {
                let value = self.word()?;
                Ok(self.add(value, position))
            }
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Read<Value>) -> Read {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("values are nested deeper than {MAX_DEPTH} levels");
            return Err(self.error(message).because(Defect::TooDeep));
        }
        let position = self.position();
        let id = self.add(Value::Null, position);
        self.at += 1;
        self.nodes[id].0 = read(self)?;
        self.depth -= 1;
        Ok(id)
    }

    fn array(&mut self) -> Read<Value> {
        let mut items = Vec::new();
        self.skip_blanks();
        if self.eat("]") {
            return Ok(Value::List(items));
        }
        loop {
            self.skip_blanks();
            items.push(self.value()?);
            self.skip_blanks();
            if self.eat("]") {
                return Ok(Value::List(items));
            }
            self.expect(",", "`,` or `]` is expected here")?;
        }
    }

    fn object(&mut self) -> Read<Value> {
        let mut members: Vec<(NodeId, NodeId)> = Vec::new();
        let mut places = HashMap::new();
        self.skip_blanks();
        if self.eat("}") {
            return Ok(Value::Mapping(members));
        }
        loop {
            self.skip_blanks();
            let position = self.position();
            if self.peek() != Some(b'"') {
                return Err(self.error("a key in double quotes is expected here"));
            }
            let key = self.string()?;
            self.skip_blanks();
            self.expect(":", "`:` is expected after the key")?;
            self.skip_blanks();
            let value = self.value()?;
            // Of equal keys the last one counts.
            let place = *places.entry(key.clone()).or_insert(members.len());
            match members.get_mut(place) {
                Some(member) => {
                    member.1 = value;
                    let message = format!("the key `{}` stands twice in one object", shown(&key.to_str_lossy(), 40));
                    self.note(OddityKind::DuplicateKey, position, message, "delete one of the two");
                }
                None => members.push((self.add(Value::Text(key), position), value)),
            }
            self.skip_blanks();
            if self.eat("}") {
                return Ok(Value::Mapping(members));
            }
            self.expect(",", "`,` or `}` is expected here")?;
        }
    }

    fn word(&mut self) -> Read<Value> {
        let position = self.position();
        let words = [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
        if let Some((_, value)) = words.into_iter().find(|(word, _)| self.eat(word)) {
            return Ok(value);
        }
        let words = [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];
        if let Some((word, value)) = words.into_iter().find(|(word, _)| self.eat(word)) {
            self.note(OddityKind::NotJson, position, format!("`{word}` is not JSON"), "write null or a text");
            return Ok(Value::Float(value));
        }
        self.number()
    }

    fn number(&mut self) -> Read<Value> {
        let position = self.position();
        let rest = &self.text.as_bytes()[self.at..];
        let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let whole = if rest.get(sign) == Some(&b'0') { 1 } else { digits(sign) };
        if whole == 0 {
            return Err(self.error("a JSON value is expected here"));
        }
        let integer_end = sign + whole;
        let mut end = integer_end;
        if rest.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            end += if exponent > 0 { 1 + sign + exponent } else { 0 };
        }
        let text = &self.text[self.at..self.at + end];
        self.at += end;
        if end > integer_end {
            // The grammar above is a part of Rust's; what is too large becomes infinite in both.
            let value: f64 = text.parse().unwrap_or(f64::NAN);
            if value.is_infinite() {
                let message = format!("`{}` is beyond every double", shown(text, 40));
                self.note(OddityKind::Number, position, message, "write it as text");
            }
            return Ok(Value::Float(value));
        }
        if whole > MAX_INTEGER_DIGITS {
            return Err(ReadError::at(position, "an integer of more than 4300 digits cannot be read"));
        }
        let value = Integer::from_decimal(sign == 1, &text[sign..]);
        if !value.is_exact_everywhere() {
            let message = "this integer is not exact in every reader".to_owned();
            self.note(OddityKind::Number, position, message, "write it as text, in quotes");
        }
        Ok(Value::Integer(value))
    }

    fn string(&mut self) -> Read<Text> {
        let start = self.position();
        let mut text = Text::default();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            text.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                None => return Err(ReadError::at(start, "the quote that opens here is never closed")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => self.escape(&mut text)?,
                Some(_) => return Err(self.error("a control character must be written as an escape")),
            }
        }
    }

    fn escape(&mut self, text: &mut Text) -> Read<()> {
        let position = self.position();
        let c = self.text.as_bytes().get(self.at + 1).copied();
        let short = match c {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(text, position),
            _ => return Err(self.error("unknown escape; write `\\\\` for a backslash")),
        };
        text.push(short);
        self.at += 2;
        Ok(())
    }

    fn unicode_escape(&mut self, text: &mut Text, position: Position) -> Read<()> {
        let Some(unit) = self.escaped_unit() else {
            return Err(self.error("`\\u` needs four hexadecimal digits"));
        };
        self.at += 6;
        let low = self.escaped_unit().filter(|low| (0xDC00..0xE000).contains(low));
        match (unit, low) {
            (0xD800..0xDC00, Some(low)) => {
                self.at += 6;
                text.push_code_point(0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
            }
            _ => {
                text.push_code_point(unit);
                if (0xD800..0xE000).contains(&unit) {
                    let message = format!("`\\u{unit:04x}` is half a character");
                    self.note(OddityKind::HalfCharacter, position, message, "write the whole character");
                }
            }
        }
        Ok(())
    }

    /// The code unit of the `\uXXXX` that comes next.
    fn escaped_unit(&self) -> Option<u32> {
        let digits = self.text.as_bytes()[self.at..].strip_prefix(b"\\u")?.get(..4)?;
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    }
}

/// The cursor.
impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn expect(&mut self, word: &str, otherwise: &str) -> Read<()> {
        if self.eat(word) { Ok(()) } else { Err(self.error(otherwise)) }
    }

    fn skip_blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.at += 1;
            if byte == b'\n' {
                let line = self.counted.0.line + 1;
                self.counted = (Position { line, column: 1 }, self.at);
            }
        }
    }

    /// Strings cannot hold line breaks, so blanks are the only place where lines end.
    fn position(&mut self) -> Position {
        let (position, from) = &mut self.counted;
        position.column += self.text[*from..self.at].chars().count();
        *from = self.at;
        *position
    }

    fn error(&mut self, message: impl Into<String>) -> ReadError {
        ReadError::at(self.position(), message)
    }

    fn note(&mut self, kind: OddityKind, position: Position, message: String, instead: &'static str) {
        self.oddities.push(Oddity { kind, position, message, instead });
    }

    fn add(&mut self, value: Value, position: Position) -> NodeId {
        self.nodes.push((value, position));
        self.nodes.len() - 1
    }
}
