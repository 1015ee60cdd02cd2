//! `Entry`: one line of a journal, in six columns that TAB parts.
//!
//! ```text
//! 2026-05-24T14:32:00.123456+02:00 ⇥ key-revoke ⇥ acme-2024 ⇥ - ⇥ SHA256:… ⇥ laptop stolen, ticket OPS-1290
//! ```

use std::borrow::Cow;
use std::fmt;

use aisoc_manifests::digest::read_hex;
use aisoc_manifests::fault::{Fault, Location, Reason, Result};
use aisoc_manifests::stated_reason::is_blank;
use aisoc_manifests::text::shown;

use super::action::Action;
use super::column::{NOTHING, escaped, unescaped};
use super::time::JournalTime;
use super::writer::Writer;

/// The names of the columns, in their order.
pub const COLUMNS: [&str; 6] = ["time", "action", "id", "version", "hash", "reason"];
/// How a column names a SHA-256: of a plugin's content, or of a key.
const HASHES: [&str; 2] = ["sha256:", "SHA256:"];
/// Longest value that a message repeats.
const MAX_SHOWN: usize = 60;

/// What was done, to what, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: JournalTime,
    /// What.
    pub action: Action,
    /// To which plugin or key.
    pub id: Option<String>,
    /// The plugin's version.
    pub version: Option<String>,
    /// What it is by its content: `sha256:` and digits of a plugin, `SHA256:` and digits of a key.
    pub hash: Option<String>,
    /// Why. Any text: it can end neither its column nor its line.
    pub reason: Option<String>,
}

/// Why a line is none, and at which of its characters, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
    /// What a line has there, and what this one has.
    pub difference: Option<(String, String)>,
}

impl Entry {
    /// The same, which also says why its writer does all of what it does.
    pub fn because(&self, writer: &Writer) -> Self {
        let reason = match (&writer.because, &self.reason) {
            (Some(because), Some(reason)) => Some(format!("{because}: {reason}")),
            (because, reason) => because.clone().or_else(|| reason.clone()),
        };
        Self { reason, ..self.clone() }
    }

    /// The line without its end.
    ///
    /// # Errors
    /// `usage` for a blank reason where one is needed, and `internal` for what no line of that action holds.
    pub(super) fn line(&self) -> Result<String> {
        if self.action.needs_reason() && self.reason.as_deref().is_none_or(is_blank) {
            return Err(Fault::new(Reason::Usage, format!("the reason for `{}` is blank", self.action))
                .hint("say in one line why it is done: `--reason \"TEXT\"`"));
        }
        if self.hash.as_deref().is_some_and(|hash| !is_hash(hash)) {
            return Err(Fault::new(Reason::Internal, "a journal names content by a SHA-256 alone"));
        }
        Ok(self.to_string())
    }

    /// Reads a line without its end, whoever wrote it.
    ///
    /// # Errors
    /// What is wrong, and at which character: bytes that are no text, another number of columns, a time, an action, a
    /// hash or an escape that is none, an empty column, and a blank reason where one is needed.
    pub fn read(line: &[u8]) -> Result<Self, LineFault> {
        let text = std::str::from_utf8(line).map_err(|error| not_text(line, error.valid_up_to()))?;
        let columns = columns(text)?;
        let [time, action, id, version, hash, reason] = columns;
        let text_of = |column: Column<'_>| column.text().map(|text| text.map(Cow::into_owned));
        let entry = Self {
            at: JournalTime::read(time.text)
                .ok_or_else(|| time.fault("no time", "2026-05-24T14:32:00+02:00 or the like"))?,
            action: Action::from_word(action.text).ok_or_else(|| action.fault("no action", "an action"))?,
            id: text_of(id)?,
            version: text_of(version)?,
            hash: text_of(hash)?,
            reason: text_of(reason)?,
        };
        if entry.hash.as_deref().is_some_and(|hash| !is_hash(hash)) {
            return Err(hash.fault("no hash", "`sha256:` or `SHA256:` and 64 hexadecimal digits, or `-`"));
        }
        if entry.action.needs_reason() && entry.reason.as_deref().is_none_or(is_blank) {
            return Err(reason.fault("a blank reason", &format!("why it was done: `{}` says so", entry.action)));
        }
        Ok(entry)
    }
}

/// The line as a journal has it; for one that could not be written, what it would be.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = [&self.id, &self.version, &self.hash, &self.reason].map(|text| escaped(text.as_deref()));
        write!(f, "{}\t{}\t{}", self.at, self.action, texts.join("\t"))
    }
}

impl LineFault {
    /// The fault at that line of a file.
    pub fn fault(&self, file: &std::path::Path, line: u64) -> Fault {
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        let fault = Fault::new(Reason::JournalInvalid, self.message.clone());
        let fault = fault.at(Location { file: file.display().to_string(), line, column: self.column });
        match &self.difference {
            Some((expected, found)) => fault.expected(expected, found),
            None => fault,
        }
    }
}

/// One column of a line, and where it begins.
#[derive(Clone, Copy)]
struct Column<'a> {
    name: &'static str,
    text: &'a str,
    /// In characters, from 1.
    at: usize,
}

impl<'a> Column<'a> {
    fn text(self) -> Result<Option<Cow<'a, str>>, LineFault> {
        if self.text.is_empty() {
            return Err(self.fault("empty", &format!("a text, or `{NOTHING}` for none")));
        }
        unescaped(self.text).map_err(|misspelt| LineFault {
            column: self.at + misspelt.at,
            message: format!("the {} holds {}", self.name, misspelt.what),
            difference: None,
        })
    }

    fn fault(self, what: &str, expected: &str) -> LineFault {
        LineFault {
            column: self.at,
            message: format!("the {} is {what}", self.name),
            difference: Some((expected.to_owned(), format!("`{}`", shown(self.text, MAX_SHOWN)))),
        }
    }
}

fn columns(text: &str) -> Result<[Column<'_>; 6], LineFault> {
    let mut at = 1;
    let mut found = Vec::with_capacity(COLUMNS.len());
    for (index, column) in text.split('\t').enumerate() {
        let name = COLUMNS.get(index).copied().unwrap_or("line");
        found.push(Column { name, text: column, at });
        at += column.chars().count() + 1;
    }
    let count = found.len();
    found.try_into().map_err(|found: Vec<Column<'_>>| LineFault {
        // Where the seventh begins, or behind the last one.
        column: found.get(COLUMNS.len()).map_or(at - 1, |seventh| seventh.at),
        message: format!("the line has not the columns {}, with a TAB between them", COLUMNS.join(", ")),
        difference: Some((format!("{} columns", COLUMNS.len()), aisoc_manifests::counted(count as u64, "column"))),
    })
}

fn not_text(line: &[u8], valid: usize) -> LineFault {
    let before = String::from_utf8_lossy(&line[..valid]).chars().count();
    LineFault { column: before + 1, message: "the line is not UTF-8".to_owned(), difference: None }
}

fn is_hash(text: &str) -> bool {
    HASHES.iter().any(|form| text.strip_prefix(form).and_then(read_hex::<32>).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "sha256:a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";

    fn revocation(reason: Option<&str>) -> Entry {
        Entry {
            at: JournalTime::read("2026-05-24T14:32:00.123456+02:00").expect("a time"),
            action: Action::KeyRevoke,
            id: Some("acme-2024".to_owned()),
            version: None,
            hash: Some(HASH.replace("sha", "SHA")),
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn a_line_has_six_columns_whatever_its_reason_is() {
        let line = revocation(Some("stolen\n2026-01-01T00:00:00Z\ttrust\tevil\t-\t-\tx")).line().expect("written");
        let columns: Vec<&str> = line.split('\t').collect();
        assert_eq!(columns[..4], ["2026-05-24T14:32:00.123456+02:00", "key-revoke", "acme-2024", "-"]);
        assert_eq!(columns[5], "stolen\\n2026-01-01T00:00:00Z\\ttrust\\tevil\\t-\\t-\\tx");
        assert_eq!((columns.len(), line.lines().count()), (6, 1));
        assert_eq!(Entry::read(line.as_bytes()).expect("read").to_string(), line);
    }

    #[test]
    fn a_blank_reason_is_none_where_one_is_needed() {
        for blank in [None, Some(""), Some(" "), Some("\u{200b}"), Some("\t\n"), Some("--")] {
            let fault = revocation(blank).line().expect_err("blank");
            assert_eq!(fault.reason(), Reason::Usage, "{blank:?}");
            let install = Entry { action: Action::Install, ..revocation(blank) };
            install.line().expect("an install needs none");
        }
        let fault = Entry { hash: Some("md5:1".to_owned()), ..revocation(Some("x")) }.line().expect_err("no hash");
        assert_eq!(fault.reason(), Reason::Internal);
    }

    #[test]
    fn what_admins_write_by_hand_is_read() {
        for line in [
            "2026-05-24T14:32:00+02:00\trevoke\tcapa.contrib.my_procedure\t-\t-\trevoked: see ticket OPS-1290"
                .to_owned(),
            format!("2026-05-24T14:32:00.123456\ttrust\tcapa.contrib.my_procedure\t0.3.1\t{HASH}\tapproved by GB"),
            "2026-05-24T14:32:00Z\tinstall\tshodan\t1.0.0\t-\t-".to_owned(),
        ] {
            Entry::read(line.as_bytes()).unwrap_or_else(|fault| panic!("{line}: {fault:?}"));
        }
    }

    #[test]
    fn what_is_wrong_in_a_line_is_named_by_its_column() {
        let good = "2026-05-24T14:32:00Z\trevoke\té\t-\t-\twhy";
        for (line, column, said) in [
            (good.replace('\t', "\\t"), 43, "6 columns"),
            (good.replace('\t', " "), 38, "6 columns"),
            (format!("{good}\tmore"), 39, "7 columns"),
            (String::new(), 1, "1 column"),
            (good.replace("05", "15"), 1, "2026-15-24T14:32:00Z"),
            (good.replace("revoke", "Revoke"), 22, "`Revoke`"),
            (good.replace('é', ""), 29, "empty"),
            (good.replace("\t-\t-", "\t1.0\tsha256:12"), 35, "sha256:12"),
            (good.replace("why", "a\\qb"), 36, "backslash"),
            (good.replace("why", "a\u{7}b"), 36, "control character"),
            (good.replace("why", "why\r"), 38, "control character"),
            (good.replace("why", "-"), 35, "blank reason"),
            (good.replace("why", " "), 35, "blank reason"),
        ] {
            let fault = Entry::read(line.as_bytes()).expect_err(&line);
            assert_eq!(fault.column, column, "{line:?}: {fault:?}");
            let shown = format!("{fault:?}");
            assert!(shown.contains(said), "{line:?}: {shown}");
        }
        let fault = Entry::read(b"2026\xff").expect_err("no text");
        assert_eq!((fault.column, fault.message.as_str()), (5, "the line is not UTF-8"));
        let fault = fault.fault(std::path::Path::new("keys.journal"), 7);
        assert_eq!(fault.to_string(), "keys.journal:7:5: the line is not UTF-8");
    }

    fn text() -> impl Strategy<Value = Option<String>> {
        // Nothing and an empty text are one: a column has no third way to say it.
        proptest::option::of(any::<String>().prop_filter("empty", |text| !text.is_empty()))
    }

    proptest! {
        #[test]
        fn every_entry_is_one_line_and_is_read_back(
            action in proptest::sample::select(Action::ALL),
            (id, version, reason) in (text(), text(), text()),
            has_hash in any::<bool>(),
        ) {
            let hash = has_hash.then(|| HASH.to_owned());
            let reason = reason.or_else(|| action.needs_reason().then(|| "why".to_owned()));
            let at = JournalTime::read("2026-05-24T14:32:00.5-01:00").expect("a time");
            let entry = Entry { at, action, id, version, hash, reason };
            let is_blank = action.needs_reason() && entry.reason.as_deref().is_none_or(is_blank);
            let Ok(line) = entry.line() else {
                prop_assert!(is_blank);
                return Ok(());
            };
            prop_assert_eq!(line.matches('\t').count(), 5);
            let ends_a_line = |c: char| c.is_control() && c != '\t' || matches!(c, '\u{2028}' | '\u{2029}');
            prop_assert!(!line.contains(ends_a_line));
            prop_assert_eq!(Entry::read(line.as_bytes()), Ok(entry));
        }

        #[test]
        fn no_line_makes_a_reader_fall(line in any::<Vec<u8>>()) {
            if let Ok(entry) = Entry::read(&line) {
                prop_assert_eq!(Entry::read(entry.to_string().as_bytes()).map(|again| again.reason), Ok(entry.reason));
            }
        }
    }
}
