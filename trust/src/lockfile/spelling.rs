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
            c if c.is_control() || first_hidden(c.encode_utf8(&mut [0; 4])).is_some() => {
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
