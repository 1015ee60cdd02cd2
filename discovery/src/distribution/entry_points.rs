//! `entry_points.txt`: what a distribution declares, line by line as `importlib.metadata` reads it.

use aisoc_manifests::text::first_hidden;

use crate::discovered::Kind;

/// Longest name and longest `module:object`: what a lock and a listing show.
const MAX_NAME_BYTES: usize = 256;

/// One line of a group of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryPoint {
    pub(super) group: String,
    pub(super) kind: Kind,
    pub(super) name: String,
    /// `module:object`, without blanks and extras.
    pub(super) object: String,
}

/// A line of a group of ours that declares nothing that can be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed {
    /// As far as it has one.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// What is wrong, in words.
    pub(super) what: String,
}

/// What the entry points of a group are to a host; nothing for groups that are none of ours.
fn kind_of_group(group: &str) -> Option<Kind> {
    let chaoscypher = |name: &str| match name {
        "providers" => Some(Kind::Provider),
        "cleaners" => Some(Kind::Cleaner),
        "archive_handlers" => Some(Kind::ArchiveHandler),
        "extensions" => Some(Kind::Extension),
        _ => None,
    };
    match group {
        "capa.procedures" => Some(Kind::Procedure),
        "stigmem.plugins" => Some(Kind::Hook),
        "aisoc.plugins" => Some(Kind::Extension),
        _ => {
            let name = group.strip_prefix("chaoscypher.")?;
            // Some hosts read the one spelling, and some the other.
            match name.strip_prefix("plugins.").filter(|name| !name.is_empty()) {
                None => chaoscypher(name),
                Some("loaders") => Some(Kind::Loader),
                Some("tools") => Some(Kind::Tool),
                Some(name) => Some(chaoscypher(name).unwrap_or(Kind::Extension)),
            }
        }
    }
}

/// Everything that stands in groups of ours, in the order of the file.
pub(super) fn of_our_groups(text: &str) -> Vec<Result<EntryPoint, Malformed>> {
    let mut found = Vec::new();
    let mut group: Option<(&str, Kind)> = None;
    for line in text.split(is_line_end).map(stripped).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') && line.ends_with(']') {
            let name = line.trim_matches(['[', ']']);
            group = kind_of_group(name).map(|kind| (name, kind));
        } else if let Some((group, kind)) = group {
            found.push(entry_point(group, kind, line));
        }
    }
    found
}

/// Where Python's `str.splitlines` ends a line. A reader that knows fewer ends would not see what Python sees.
fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Without what Python's `str.strip` takes off.
fn stripped(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}'))
}

fn entry_point(group: &str, kind: Kind, line: &str) -> Result<EntryPoint, Malformed> {
    let malformed = |name: &str, what: String| Malformed { name: name.to_owned(), kind, what };
    let Some((name, value)) = line.split_once('=') else {
        return Err(malformed(line, format!("a line of [{group}] is no `NAME = MODULE:OBJECT`")));
    };
    let name = stripped(name);
    if name.is_empty() || name.len() > MAX_NAME_BYTES || first_hidden(name).is_some() {
        return Err(malformed(name, format!("a name in [{group}] is empty, too long or cannot be shown")));
    }
    match object(value) {
        Some(object) if object.len() <= MAX_NAME_BYTES => {
            Ok(EntryPoint { group: group.to_owned(), kind, name: name.to_owned(), object })
        }
        _ => Err(malformed(name, format!("`{name}` in [{group}] names no `MODULE:OBJECT`"))),
    }
}

/// `module:object` of a value, which may have extras in brackets behind it.
fn object(value: &str) -> Option<String> {
    let value = stripped(value);
    let value = match value.strip_suffix(']') {
        Some(rest) => stripped(rest.split_once('[')?.0),
        None => value,
    };
    let (module, object) = value.split_once(':')?;
    let (module, object) = (stripped(module), stripped(object));
    let is_dotted = |name: &str| {
        !name.is_empty() && name.split('.').all(|part| !part.is_empty() && part.chars().all(is_of_an_identifier))
    };
    (is_dotted(module) && is_dotted(object)).then(|| format!("{module}:{object}"))
}

fn is_of_an_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `kind name object` of each line, or `name: what`.
    fn read(text: &str) -> Vec<String> {
        let shown = |read: Result<EntryPoint, Malformed>| match read {
            Ok(EntryPoint { kind, name, object, .. }) => format!("{kind} {name} {object}"),
            Err(Malformed { name, what, .. }) => format!("{name}: {what}"),
        };
        of_our_groups(text).into_iter().map(shown).collect()
    }

    #[test]
    fn every_group_has_its_kind_in_both_spellings() {
        for (group, kind) in [
            ("capa.procedures", "procedure"),
            ("stigmem.plugins", "hook"),
            ("aisoc.plugins", "extension"),
            ("chaoscypher.providers", "provider"),
            ("chaoscypher.cleaners", "cleaner"),
            ("chaoscypher.archive_handlers", "archive_handler"),
            ("chaoscypher.extensions", "extension"),
            ("chaoscypher.plugins.providers", "provider"),
            ("chaoscypher.plugins.loaders", "loader"),
            ("chaoscypher.plugins.tools", "tool"),
            ("chaoscypher.plugins.anything", "extension"),
        ] {
            assert_eq!(read(&format!("[{group}]\na = m:C\n")), [format!("{kind} a m:C")], "{group}");
        }
        for group in
            ["console_scripts", "chaoscypher.plugins.", "chaoscypher.loaders", "capa.procedures.more", "Aisoc.plugins"]
        {
            assert!(read(&format!("[{group}]\na = m:C\n")).is_empty(), "{group}");
        }
    }

    #[test]
    fn lines_are_read_as_python_reads_them() {
        for (text, expected) in [
            ("[capa.procedures]\n lab = lab.heat : Heat.Flux [fast, x]\n", "procedure lab lab.heat:Heat.Flux"),
            (
                "# x\n\n[other]\nno = equals\n\n[ capa.procedures]\n[capa.procedures]\r\nlab=m:C\r\n",
                "procedure lab m:C",
            ),
            ("stray = m:C\n[capa.procedures]\nlab = m:C", "procedure lab m:C"),
            ("[other]\u{2028}x = y\u{85}[capa.procedures]\u{1c}lab = m:C", "procedure lab m:C"),
            ("[capa.procedures]\na = b = m:C", "a: `a` in [capa.procedures] names no `MODULE:OBJECT`"),
            ("[capa.procedures]\nlab = module", "lab: `lab` in [capa.procedures] names no `MODULE:OBJECT`"),
            ("[capa.procedures]\nlab = m:C; import os", "lab: `lab` in [capa.procedures] names no `MODULE:OBJECT`"),
            ("[capa.procedures]\nlab = .m:C", "lab: `lab` in [capa.procedures] names no `MODULE:OBJECT`"),
            ("[capa.procedures]\nlab", "lab: a line of [capa.procedures] is no `NAME = MODULE:OBJECT`"),
            ("[capa.procedures]\n= m:C", ": a name in [capa.procedures] is empty, too long or cannot be shown"),
            (
                "[capa.procedures]\nl\u{202e}ab = m:C",
                "l\u{202e}ab: a name in [capa.procedures] is empty, too long or cannot be shown",
            ),
        ] {
            assert_eq!(read(text), [expected], "{text:?}");
        }
    }

    #[test]
    fn names_and_objects_are_as_long_as_they_may_be_and_no_longer() {
        for (length, is_read) in [(MAX_NAME_BYTES - 1, true), (MAX_NAME_BYTES, true), (MAX_NAME_BYTES + 1, false)] {
            let named = format!("[capa.procedures]\n{} = m:C", "n".repeat(length));
            let object = format!("[capa.procedures]\nlab = m:{}", "C".repeat(length - 2));
            for text in [named, object] {
                assert_eq!(of_our_groups(&text)[0].is_ok(), is_read, "{length}");
            }
        }
    }
}
