//! Text from outside, as people get to see it: one set of characters that are never shown raw, and the
//! only bodies that cut and escape.
//!
//! The set is Unicode's own, by property and not by list: what has no shape of its own, what steers a
//! terminal or the direction of a line, and what no reader agrees on yet. Names inside a plugin may not
//! hold such a character at all ([`first_hidden`]); everything else is escaped where it is shown.

use std::borrow::Cow;
use std::fmt::Write as _;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Most marks on one letter. Scripts need up to four; with hundreds a letter covers the lines around it.
const MAX_MARKS: usize = 8;

/// Characters that Unicode calls letters and symbols, and that are drawn as nothing: a braille cell
/// without dots, a note without a head, Egyptian blanks, a Khitan filler.
const BLANKS: [char; 5] = ['\u{2800}', '\u{1d159}', '\u{13441}', '\u{13442}', '\u{16fe4}'];

/// The first `most` characters of `text`, each fit to be seen, and `…` when there are more.
pub fn shown(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => printable(text).into_owned(),
        Some((end, _)) => format!("{}…", printable(&text[..end])),
    }
}

/// The name of a file, which need be no text, as text: bytes that are no UTF-8 are written as `\xNN`, so that
/// two names stay two. It may still hold anything that text may; [`shown`] and [`printable`] see to that.
pub fn spelled(name: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(name) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(name.len() + 16);
    for chunk in name.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    Cow::Owned(out)
}

/// `text` with everything that is not seen as what it is written as `\u{…}`. Line breaks too: one value
/// is one line, and cannot add a row to a table.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, None, |c, out| out.extend(c.escape_unicode()))
}

/// A name so that two that differ look different: whatever is not ASCII stands as its number.
pub fn in_ascii(name: &str) -> String {
    let shown = |c: char| if c.is_ascii_graphic() || c == ' ' { c.to_string() } else { c.escape_unicode().to_string() };
    name.chars().map(shown).collect()
}

/// As [`printable`], for a text of several lines of our own.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, Some('\n'), |c, out| out.extend(c.escape_unicode()))
}

/// A JSON document with the same characters written as JSON writes them, `\uXXXX`: other bytes, and the
/// same values. Outside of strings JSON has none of them but the line break.
pub fn printable_json(document: &str) -> Cow<'_, str> {
    escaped(document, Some('\n'), |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

/// `text` without the characters that would be escaped, where a reader is to have prose and no notation.
pub fn without_hidden(text: &str) -> Cow<'_, str> {
    escaped(text, None, |_, _| {})
}

/// The first character of `text` that would be escaped, if there is one.
pub fn first_hidden(text: &str) -> Option<char> {
    judged(text).find_map(|(c, seen)| (seen == Seen::Hidden).then_some(c))
}

/// `text` as Python's `repr` writes it: in single quotes, unless it holds some and no double ones, and with everything
/// that Python does not call printable as an escape.
pub fn python_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_python_printable(c) => out.push(c),
            c => {
                let _ = match u32::from(c) {
                    code @ 0..=0xff => write!(out, "\\x{code:02x}"),
                    code @ 0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
    out
}

/// `str.isprintable`: neither "Other" nor "Separator" in Unicode, but for the blank.
fn is_python_printable(c: char) -> bool {
    let is_separate = matches!(
        CodePointMapData::<GeneralCategory>::new().get(c),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::SpaceSeparator
    );
    c == ' ' || !is_separate
}

fn escaped<'a>(text: &'a str, kept: Option<char>, escape: impl Fn(char, &mut String)) -> Cow<'a, str> {
    let is_hidden = |c, seen| seen == Seen::Hidden && Some(c) != kept;
    if !judged(text).any(|(c, seen)| is_hidden(c, seen)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (c, seen) in judged(text) {
        if is_hidden(c, seen) { escape(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    AsItIs,
    Hidden,
}

/// How many marks the last letter may still take. None stands where there is no letter: a mark there
/// would be drawn over the quote, blank or bracket around it, which may be ours.
fn judged(text: &str) -> impl Iterator<Item = (char, Seen)> {
    let mut room = 0;
    text.chars().map(move |c| {
        let kind = Kind::of(c);
        let seen = match kind {
            Kind::Hidden => Seen::Hidden,
            Kind::Mark if room == 0 => Seen::Hidden,
            Kind::Mark | Kind::Letter | Kind::Between => Seen::AsItIs,
        };
        room = match kind {
            Kind::Letter => MAX_MARKS,
            Kind::Mark => usize::saturating_sub(room, 1),
            Kind::Hidden | Kind::Between => 0,
        };
        (c, seen)
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Never shown raw.
    Hidden,
    /// Drawn over the character before it.
    Mark,
    /// Something that marks may stand on.
    Letter,
    /// Blanks and the punctuation of ASCII.
    Between,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => return Self::Letter,
            ' '..='~' => return Self::Between,
            _ if BLANKS.contains(&c) || is_ignorable(c) => return Self::Hidden,
            _ => {}
        }
        match CodePointMapData::<GeneralCategory>::new().get(c) {
            GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned => Self::Hidden,
            GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => Self::Mark,
            GeneralCategory::SpaceSeparator => Self::Between,
            _ => Self::Letter,
        }
    }
}

/// Whether Unicode tells readers to leave the character out: joiners, fillers, selectors, tags.
pub(crate) fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_shows_nothing_is_written_out() {
        for hidden in [
            '\0',
            '\t',
            '\n',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{ad}',
            '\u{34f}',
            '\u{600}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{180e}',
            '\u{200b}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2060}',
            '\u{2065}',
            '\u{2069}',
            '\u{206a}',
            '\u{206f}',
            '\u{2800}',
            '\u{3164}',
            '\u{e000}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff0}',
            '\u{fff9}',
            '\u{ffff}',
            '\u{1d159}',
            '\u{1d173}',
            '\u{1bca0}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e0100}',
            '\u{f0000}',
            '\u{10ffff}',
            '\u{378}',
            '\u{fdd0}',
        ] {
            let text = format!("a{hidden}b");
            assert_eq!(first_hidden(&text), Some(hidden), "{hidden:?}");
            assert_eq!(printable(&text), format!("a{}b", hidden.escape_unicode()));
        }
    }

    #[test]
    fn every_script_stays_as_it_is() {
        for text in [
            "",
            "plain é text",
            "Ж日本語한국어",
            "a\\u{1b} `x' \"y\"",
            "e\u{301}",
            "ไม่",
            "שָׁלוֹם",
            "क्षि",
            "x\u{a0}y\u{3000}z",
            "→✓😀",
        ] {
            assert_eq!(printable(text), text);
            assert_eq!(first_hidden(text), None, "{text}");
        }
    }

    #[test]
    fn marks_stand_on_a_letter_and_are_few() {
        let letter_with = |marks: usize| format!("a{}", "\u{301}".repeat(marks));
        assert_eq!(first_hidden(&letter_with(MAX_MARKS - 1)), None);
        assert_eq!(first_hidden(&letter_with(MAX_MARKS)), None);
        assert_eq!(printable(&letter_with(MAX_MARKS + 1)), letter_with(MAX_MARKS) + "\\u{301}");
        for text in ["\u{338}a", "`\u{338}a`", "a \u{20dd}", "a\n\u{301}", "a\u{202e}\u{301}"] {
            assert!(first_hidden(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn cuts_between_characters_and_says_so() {
        assert_eq!(shown("日本", 2), "日本");
        assert_eq!(shown("日本語", 2), "日本…");
        assert_eq!(shown("\u{1b}[2J", 2), "\\u{1b}[…");
    }

    #[test]
    fn a_name_that_is_no_text_is_spelled_out() {
        assert_eq!(spelled("Ж/日本".as_bytes()), "Ж/日本");
        assert_eq!(spelled(b"a\xff\xc3b\xe6\x97"), "a\\xFF\\xC3b\\xE6\\x97");
        assert_eq!(shown(&spelled(b"\x1b[2J\xff"), 9), "\\u{1b}[2J\\xFF");
    }

    #[test]
    fn lines_of_our_own_stay_lines() {
        assert_eq!(without_hidden("a\u{9b}\u{200b}b"), "ab");
        assert_eq!(printable_lines("a\nb\r\u{9b}"), "a\nb\\u{d}\\u{9b}");
    }

    #[test]
    fn a_document_keeps_its_values() {
        let value = serde_json::json!({"k\u{202e}": ["\u{7f}\u{9b}\u{e0041}\n\"", "é😀e\u{301}\u{301}", "\u{301}"]});
        let document = format!("{value:#}");
        let printed = printable_json(&document);
        assert!(
            printed.contains("\\u202e") && printed.contains("\\udb40\\udc41") && printed.contains("é😀"),
            "{printed}"
        );
        assert_eq!(first_hidden(&printed.replace('\n', " ")), None);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).expect("JSON"), value);
    }

    /// What CPython 3.11 says of the same texts.
    #[test]
    fn python_writes_texts_like_that() {
        for (text, repr) in [
            ("", "''"),
            ("0.3.1", "'0.3.1'"),
            ("it's", "\"it's\""),
            ("it's \"so\"", "'it\\'s \"so\"'"),
            ("say \"so\"", "'say \"so\"'"),
            ("a\\b\tc\nd\re", r"'a\\b\tc\nd\re'"),
            ("\0\u{1b}[0m\u{7f}\u{80}\u{a0}\u{ad}", r"'\x00\x1b[0m\x7f\x80\xa0\xad'"),
            ("\u{202e}\u{2028}\u{3000}\u{e000}", r"'\u202e\u2028\u3000\ue000'"),
            ("\u{e0001}\u{10ffff}", r"'\U000e0001\U0010ffff'"),
            ("é日😀\u{301}\u{3164}", "'é日😀\u{301}\u{3164}'"),
        ] {
            assert_eq!(python_repr(text), repr, "{text:?}");
        }
    }
}
