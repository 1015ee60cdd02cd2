//! How the values of an entry are spelled in TOML.

use std::fmt::Write as _;

use aisoc_manifests::text::first_hidden;

use super::entry::{Field, FieldValue, LockEntry};

/// A basic string (TOML 1.0, "String"). Whatever nobody would see is written as an escape, so that what is read is what
/// is there.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if first_hidden(c.encode_utf8(&mut [0; 4])).is_some() => {
                let _ = match u32::from(c) {
                    code @ 0..=0xffff => write!(out, "\\u{code:04X}"),
                    code => write!(out, "\\U{code:08X}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl FieldValue {
    /// The value as it is written.
    pub(super) fn spelled(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Texts(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                format!("[{}]", texts.join(", "))
            }
        }
    }
}

/// The fields that an entry has, as `key = value`.
fn members(entry: &LockEntry) -> impl Iterator<Item = String> + '_ {
    Field::ALL.into_iter().filter_map(|field| member(entry, field))
}

/// One field, if the entry has it.
pub(super) fn member(entry: &LockEntry, field: Field) -> Option<String> {
    entry.value(field).map(|value| format!("{} = {}", field.as_str(), value.spelled()))
}

/// An entry as a table of its own, with the line ends of its file.
pub(super) fn table(entry: &LockEntry, end: &str) -> String {
    std::iter::once("[[plugins]]".to_owned()).chain(members(entry)).map(|line| line + end).collect()
}

/// An entry as an element of an array.
pub(super) fn inline(entry: &LockEntry) -> String {
    format!("{{ {} }}", members(entry).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_in_which_everything_is_seen() {
        for (text, spelled) in [
            ("", r#""""#),
            ("sha256:ab", r#""sha256:ab""#),
            ("say \"so\" \\ 'so'", r#""say \"so\" \\ 'so'""#),
            ("a\tb\nc\r\0\u{1b}\u{7f}", r#""a\u0009b\u000Ac\u000D\u0000\u001B\u007F""#),
            ("\u{202e}\u{feff}\u{e0001}", r#""\u202E\uFEFF\U000E0001""#),
            ("Müller 理由 😀", r#""Müller 理由 😀""#),
        ] {
            assert_eq!(quoted(text), spelled, "{text:?}");
            let read: toml_edit::Document<String> = format!("text = {spelled}").parse().expect("TOML");
            assert_eq!(read["text"].as_str(), Some(text));
        }
    }

    #[test]
    fn fields_stand_in_their_order_and_those_that_are_missing_nowhere() {
        let mut entry = LockEntry::blank();
        entry.id = "one".to_owned();
        entry.provenance.capabilities = Some(vec![]);
        entry.provenance.signed_by = Some(vec!["SHA256:1".to_owned(), "SHA256:2".to_owned()]);
        let expected = "[[plugins]]\r\nid = \"one\"\r\npackage = \"\"\r\nversion = \"\"\r\nentry_point = \"\"\r\n\
                        distribution_hash = \"\"\r\nsigned_by = [\"SHA256:1\", \"SHA256:2\"]\r\ncapabilities = []\r\n";
        assert_eq!(table(&entry, "\r\n"), expected);
        assert!(inline(&entry).starts_with("{ id = \"one\", package = \"\", ") && inline(&entry).ends_with("[] }"));
    }
}
