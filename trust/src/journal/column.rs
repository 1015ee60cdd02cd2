//! One column as it stands in a file: no text can end its column or its line.
//!
//! TAB, CR, LF and the backslash are `\t`, `\r`, `\n` and `\\`. Whatever else is not seen is `\u{…}`: some readers end
//! a line at a form feed or at U+2028, and a terminal obeys an escape sequence. Nothing at all is `-`.

use std::borrow::Cow;

use aisoc_manifests::text::printable;

/// What stands in a column that says nothing.
pub(super) const NOTHING: &str = "-";

/// A text as its column has it.
pub(super) fn escaped(text: Option<&str>) -> Cow<'_, str> {
    match text {
        None | Some("") => NOTHING.into(),
        // Somebody's text, and not nothing.
        Some(NOTHING) => "\\u{2d}".into(),
        Some(text) if text.contains(['\\', '\t', '\r', '\n']) => {
            let text = text.replace('\\', "\\\\").replace('\t', "\\t").replace('\r', "\\r").replace('\n', "\\n");
            printable(&text).into_owned().into()
        }
        Some(text) => printable(text),
    }
}

/// What a column says, or at which of its characters it is none.
pub(super) fn unescaped(column: &str) -> Result<Option<Cow<'_, str>>, Misspelt> {
    if column == NOTHING {
        return Ok(None);
    }
    if let Some(at) = column.chars().position(acts) {
        return Err(Misspelt { at, what: "a control character" });
    }
    if !column.contains('\\') {
        return Ok(Some(column.into()));
    }
    unwound(column).map(|text| Some(text.into()))
}

/// Where in a column something stands that may not, counted in characters from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misspelt {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// What ends a line for some reader, or moves a terminal. Not all that is hidden: which characters those are
/// changes with Unicode, and a line that could be read once can be read for ever.
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn unwound(column: &str) -> Result<String, Misspelt> {
    let (mut text, mut rest, mut at) = (String::with_capacity(column.len()), column, 0);
    while let Some((before, behind)) = rest.split_once('\\') {
        text.push_str(before);
        at += before.chars().count();
        let unknown = Misspelt { at, what: "a backslash that is none of `\\t`, `\\r`, `\\n`, `\\\\`, `\\u{…}`" };
        let (c, length) = escape(behind).ok_or(unknown)?;
        text.push(c);
        // An escape is ASCII: as many characters as bytes, and the backslash.
        (rest, at) = (&behind[length..], at + length + 1);
    }
    text.push_str(rest);
    Ok(text)
}

/// The character that an escape means, and how long it is without its backslash.
fn escape(behind: &str) -> Option<(char, usize)> {
    match behind.as_bytes().first()? {
        b't' => Some(('\t', 1)),
        b'r' => Some(('\r', 1)),
        b'n' => Some(('\n', 1)),
        b'\\' => Some(('\\', 1)),
        b'u' => {
            let digits = behind[1..].strip_prefix('{')?.split_once('}')?.0;
            let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_number)?;
            Some((char::from_u32(number)?, digits.len() + 3))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(column: &str) -> Option<String> {
        unescaped(column).unwrap_or_else(|misspelt| panic!("{column:?}: {misspelt:?}")).map(Cow::into_owned)
    }

    #[test]
    fn what_could_end_a_column_or_a_line_is_written_out() {
        for (text, column) in [
            ("approved, ticket OPS-1284", "approved, ticket OPS-1284"),
            ("a\tb", "a\\tb"),
            ("a\r\nb", "a\\r\\nb"),
            ("C:\\temp", "C:\\\\temp"),
            ("\\n", "\\\\n"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\u{85}\u{2028}\u{c}b", "a\\u{85}\\u{2028}\\u{c}b"),
            ("-", "\\u{2d}"),
            ("--", "--"),
            ("日本 é", "日本 é"),
        ] {
            assert_eq!(escaped(Some(text)), column);
            assert_eq!(read(column).as_deref(), Some(text), "{column}");
        }
        assert_eq!((escaped(None), escaped(Some(""))), (NOTHING.into(), NOTHING.into()));
        assert_eq!(read("-"), None);
    }

    #[test]
    fn a_column_that_nobody_could_have_written_is_named_by_its_character() {
        for (column, at) in [
            ("é\\x", 1),
            ("\\", 0),
            ("ab\\", 2),
            ("\\t\\q", 2),
            ("\\u", 0),
            ("\\u{", 0),
            ("\\u{}", 0),
            ("\\u{+41}", 0),
            ("\\u{d800}", 0),
            ("\\u{110000}", 0),
            ("\\u{1}\\u{1", 5),
            ("é\u{7}", 1),
            ("a\u{2028}", 1),
            ("a\r", 1),
        ] {
            assert_eq!(unescaped(column).expect_err(column).at, at, "{column:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_and_stays_in_its_column(text in any::<String>()) {
            let column = escaped(Some(&text)).into_owned();
            prop_assert!(!column.contains(acts), "{column:?}");
            prop_assert!(!column.is_empty());
            prop_assert_eq!(read(&column).unwrap_or_default(), text);
        }

        #[test]
        fn what_can_be_read_is_written_again_as_the_same_text(column in "[-a-c\\\\tnru{}0-9 é]{0,24}") {
            if let Ok(Some(text)) = unescaped(&column) {
                prop_assert_eq!(read(&escaped(Some(&text))).unwrap_or_default(), text.into_owned());
            }
        }
    }
}
