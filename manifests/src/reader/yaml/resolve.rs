//! The type of a plain scalar, from its text alone.
//!
//! Each form is a small matcher over ASCII bytes, tried in the order of the reference, and only for
//! texts that begin with one of the form's first characters.

use super::timestamp;
use crate::reader::value::Text;

/// The type of a node.
///
/// The types of YAML 1.1's repository that `SafeLoader` makes values of. For anything else, `!!python/object`
/// first of all, it has no constructor, and neither has this: no document can name code to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tag {
    Null,
    Bool,
    Integer,
    Float,
    Binary,
    Timestamp,
    OrderedMap,
    Pairs,
    Set,
    Text,
    Sequence,
    Mapping,
    /// `<<`, which only a key can be.
    Merge,
    /// `=`, which only a key can be, where it is text.
    Value,
    /// Any other tag.
    Unknown(String),
}

impl Tag {
    /// The type of a full tag name.
    ///
    /// Only whole names count: a prefix that is redefined by `%TAG` has been written out before.
    pub(super) fn named(name: &str) -> Self {
        match name.strip_prefix("tag:yaml.org,2002:").unwrap_or_default() {
            "null" => Self::Null,
            "bool" => Self::Bool,
            "int" => Self::Integer,
            "float" => Self::Float,
            "binary" => Self::Binary,
            "timestamp" => Self::Timestamp,
            "omap" => Self::OrderedMap,
            "pairs" => Self::Pairs,
            "set" => Self::Set,
            "str" => Self::Text,
            "seq" => Self::Sequence,
            "map" => Self::Mapping,
            "merge" => Self::Merge,
            "value" => Self::Value,
            _ => Self::Unknown(name.to_owned()),
        }
    }
}

/// The type of a plain scalar.
///
/// In the order in which the reference tries its patterns (`yaml_implicit_resolvers`), each of which is asked
/// only of texts that begin with one of its characters. What no pattern matches is text, and that is more
/// than one would think: `+.5`, `1e5`, `0o17`.
pub(super) fn plain(text: &Text) -> Tag {
    let bytes = text.as_bytes();
    // The reference's patterns end in `$`, which matches before a final newline too. Only a quoted
    // scalar behind a lone `!` can have one.
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let Some(first) = bytes.first() else { return Tag::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' if is_bool(body) => Tag::Bool,
        b'-' | b'+' | b'0'..=b'9' | b'.' if is_float(body) => Tag::Float,
        b'-' | b'+' | b'0'..=b'9' if is_integer(body) => Tag::Integer,
        b'0'..=b'9' if timestamp::is_implicit(body) => Tag::Timestamp,
        b'<' if body == b"<<" => Tag::Merge,
        b'=' if body == b"=" => Tag::Value,
        // Only a quoted scalar behind a lone `!` can be one of these; nothing can be made of it.
        b'!' | b'&' | b'*' if body.len() == 1 => Tag::Unknown("tag:yaml.org,2002:yaml".to_owned()),
        b'~' | b'n' | b'N' if matches!(body, b"~" | b"null" | b"Null" | b"NULL") => Tag::Null,
        _ => Tag::Text,
    }
}

/// The words in three cases each, and no mixture. `y` and `n` are booleans in the specification and text in
/// the reference: the one pair at which readers of YAML 1.1 differ among themselves.
fn is_bool(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 18] = [
        b"yes", b"Yes", b"YES", b"no", b"No", b"NO", b"true", b"True", b"TRUE", b"false", b"False", b"FALSE", b"on",
        b"On", b"ON", b"off", b"Off", b"OFF",
    ];
    WORDS.contains(&text)
}

/// The five branches of the pattern, in its order. Every one needs a point: `1e5` is text, and `1_0.5` is ten
/// and a half.
fn is_float(text: &[u8]) -> bool {
    if matches!(text, b".nan" | b".NaN" | b".NAN") {
        return true;
    }
    let unsigned = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if matches!(unsigned, b".inf" | b".Inf" | b".INF") {
        return true;
    }
    if let Some(fraction) = text.strip_prefix(b".") {
        let (digits, rest) = split_run(fraction, is_digit_or_underscore);
        return digits.first().is_some_and(u8::is_ascii_digit) && is_exponent_or_nothing(rest);
    }
    let (whole, rest) = split_run(unsigned, is_digit_or_underscore);
    if !whole.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        return is_exponent_or_nothing(split_run(fraction, is_digit_or_underscore).1);
    }
    let (parts, rest) = split_base_60(rest);
    parts > 0 && rest.strip_prefix(b".").is_some_and(|fraction| fraction.iter().all(is_digit_or_underscore))
}

/// An exponent has a sign; `1.0e5` is text.
fn is_exponent_or_nothing(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b'e' | b'E', b'+' | b'-', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The five branches of the pattern. A zero in front makes it octal, `0o` makes it text, `08` is text and
/// `0_` is zero; in YAML 1.2 each of the four is something else, which is why strict manifests have none of
/// them.
fn is_integer(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let every = |digits: &[u8], wanted: fn(&u8) -> bool| !digits.is_empty() && digits.iter().all(wanted);
    match unsigned {
        [b'0'] => true,
        [b'0', b'b', bits @ ..] => every(bits, |b| matches!(b, b'0' | b'1' | b'_')),
        [b'0', b'x', digits @ ..] => every(digits, |b| b.is_ascii_hexdigit() || *b == b'_'),
        [b'0', digits @ ..] => every(digits, |b| matches!(b, b'0'..=b'7' | b'_')),
        [b'1'..=b'9', digits @ ..] => split_base_60(split_run(digits, is_digit_or_underscore).1).1.is_empty(),
        _ => false,
    }
}

/// How many `:` and number below 60 stand at the start, and what follows them.
///
/// `22:22` is the number 1,342. YAML 1.2 has no such numbers, and reads the text.
fn split_base_60(mut text: &[u8]) -> (usize, &[u8]) {
    let mut parts = 0;
    loop {
        text = match text {
            [b':', b'0'..=b'5', b'0'..=b'9', rest @ ..] => rest,
            [b':', b'0'..=b'9', rest @ ..] => rest,
            _ => return (parts, text),
        };
        parts += 1;
    }
}

fn split_run(text: &[u8], wanted: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !wanted(byte)).unwrap_or(text.len()))
}

fn is_digit_or_underscore(byte: &u8) -> bool {
    byte.is_ascii_digit() || *byte == b'_'
}
