//! The chain beside a journal: one line for each line that aisoc has written, in five columns that TAB parts, or six.
//!
//! ```text
//! 7 ⇥ sha256:… ⇥ uid 1000 (ada) ⇥ bench ⇥ github acme/keys run 12
//! 8 ⇥ sha256:… ⇥ uid 1000 (ada) ⇥ bench ⇥ - ⇥ sha256:…
//! ```
//!
//! The number is the journal's line. The hash binds that line and every one since the last that is bound, as they
//! are, byte for byte; the writer; the sixth column; and the hash before. So a line that was changed, removed, moved or inserted
//! breaks the chain where it stands, and a journal of a million lines is held by its newest hash.
//!
//! The sixth column is of lines that accept an entry of a lock: the digest of all that the entry said then. The journal's
//! own columns hold its version and its hash, and an entry is more than that.

use aisoc_manifests::digest::{AcceptedDigest, ChainDigest, LinesDigest};
use aisoc_manifests::text::shown;

use super::column::{escaped, unescaped};
use super::writer::Writer;

/// Begins what is hashed, so that the hash is none of another thing.
const CONTEXT: &[u8] = b"aisoc-journal-chain/1\n";
/// Ends what a killed process has left of a line, so that it is seen to be no line.
pub(super) const TORN: &[u8] = b"\ttorn";
/// Longest value of one column; the environment names the job.
const MAX_VALUE_CHARACTERS: usize = 256;

/// A place in the chain: the journal's line, and the hash of everything up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The line of the journal, from 1; 0 before the first.
    pub number: u64,
    /// The hash.
    pub hash: ChainDigest,
}

/// One line of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChainLine {
    pub(super) link: Link,
    pub(super) said: Said,
}

/// What a line of the chain says beside its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) writer: WriterColumns,
    /// What was accepted, of a line that accepts an entry of a lock.
    pub(super) accepted: Option<AcceptedDigest>,
}

/// Who wrote, as the columns have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WriterColumns([String; 3]);

impl Link {
    /// What the first line follows.
    pub(super) fn start() -> Self {
        Self { number: 0, hash: ChainDigest::of(CONTEXT) }
    }

    /// The place of the line that follows this one: `lines` is of the journal's bytes since, `torn` of what killed
    /// processes have left in the chain since.
    pub(super) fn then(self, number: u64, lines: LinesDigest, torn: LinesDigest, said: &Said) -> Self {
        let mut hasher = ChainDigest::hasher();
        hasher.update(CONTEXT);
        let (hash, lines, torn) = (self.hash.to_string(), lines.to_string(), torn.to_string());
        let number_text = number.to_string();
        let accepted = said.accepted.map(|accepted| accepted.to_string());
        let fields = [&hash, &number_text, &lines, &torn].into_iter().chain(&said.writer.0).chain(&accepted);
        for field in fields {
            // Its length first: no two lists of fields are the same bytes.
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        Self { number, hash: hasher.finish() }
    }
}

impl ChainLine {
    /// The line without its end.
    pub(super) fn line(&self) -> String {
        let Self { link, said: Said { writer, accepted } } = self;
        let accepted = accepted.map(|accepted| format!("\t{accepted}")).unwrap_or_default();
        format!("{}\t{}\t{}{accepted}", link.number, link.hash, writer.0.join("\t"))
    }

    /// Reads a line that [`ChainLine::line`] wrote; nothing for every other.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let columns: Vec<&str> = std::str::from_utf8(line).ok()?.split('\t').collect();
        let (number, hash, user, host, run, accepted) = match *columns.as_slice() {
            [number, hash, user, host, run] => (number, hash, user, host, run, None),
            [number, hash, user, host, run, accepted] => (number, hash, user, host, run, Some(accepted.parse().ok()?)),
            _ => return None,
        };
        let link = Link { number: number.parse().ok()?, hash: hash.parse().ok()? };
        let writer = WriterColumns([user, host, run].map(str::to_owned));
        let is_writer = writer.0.iter().all(|column| !column.is_empty() && unescaped(column).is_ok());
        let read = Self { link, said: Said { writer, accepted } };
        // One spelling: a number with a sign or with zeros before it is another line.
        (is_writer && read.line().as_bytes() == line).then_some(read)
    }
}

impl WriterColumns {
    pub(super) fn of(writer: &Writer) -> Self {
        let cut = |value: &Option<String>| value.as_deref().map(|value| shown(value, MAX_VALUE_CHARACTERS));
        Self([&writer.user, &writer.host, &writer.run].map(|value| escaped(cut(value).as_deref()).into_owned()))
    }

    pub(super) fn writer(&self) -> Writer {
        let [user, host, run] = &self.0;
        let text = |column: &str| unescaped(column).ok().flatten().map(|text| text.into_owned());
        Writer { user: text(user), host: text(host), run: text(run), because: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(values: [&str; 3]) -> Said {
        Said { writer: writer(values), accepted: None }
    }

    fn writer(values: [&str; 3]) -> WriterColumns {
        let [user, host, run] = values.map(|value| Some(value.to_owned()));
        WriterColumns::of(&Writer { user, host, run, because: None })
    }

    fn line() -> ChainLine {
        let none = LinesDigest::of(b"");
        let said = said(["uid 1000 (ada)", "bench", "github acme/keys run 12"]);
        ChainLine { link: Link::start().then(7, LinesDigest::of(b"x\n"), none, &said), said }
    }

    #[test]
    fn a_line_has_one_spelling() {
        let text = line().line();
        assert_eq!(ChainLine::read(text.as_bytes()), Some(line()));
        let hash = line().link.hash.to_string();
        for other in [
            format!("+{text}"),
            format!("0{text}"),
            format!(" {text}"),
            format!("{text}\t"),
            format!("{text}\ttorn"),
            text.replace('\t', " "),
            text.replace("bench", ""),
            text.replace("bench", "a\\q"),
            text.replace("bench", "a\u{1b}"),
            text.replace(&hash, &hash.to_uppercase()),
            text.replace(&hash, &hash[7..]),
            text[1..].to_owned(),
            String::new(),
        ] {
            assert_eq!(ChainLine::read(other.as_bytes()), None, "{other:?}");
        }
        assert_eq!(ChainLine::read(b"7\xff"), None);
        let accepted = Some(AcceptedDigest::of(b"an entry"));
        let of_entry = ChainLine { said: Said { accepted, ..line().said }, ..line() };
        let text = of_entry.line();
        assert_eq!(ChainLine::read(text.as_bytes()), Some(of_entry));
        for other in [
            format!("{text}\t"),
            format!("{text}\tx"),
            text.replace("\tsha256:", "\tsha512:"),
            text[..text.len() - 1].into(),
        ] {
            assert_eq!(ChainLine::read(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn a_writer_is_read_back_and_adds_no_column() {
        let columns = writer(["a\tb\nc", "-", "\u{1b}[2J"]);
        let [user, host, run] = &columns.0;
        assert_eq!([user.as_str(), host, run], ["a\\\\u{9}b\\\\u{a}c", "\\u{2d}", "\\\\u{1b}[2J"]);
        assert_eq!(WriterColumns::of(&columns.writer()), columns);
        let nobody = WriterColumns::of(&Writer::default());
        assert_eq!((nobody.0.join(" ").as_str(), nobody.writer()), ("- - -", Writer::default()));
        let long = writer(["u", "h", &"r".repeat(5_000)]);
        assert_eq!(long.0[2].chars().count(), MAX_VALUE_CHARACTERS + 1);
    }

    #[test]
    fn a_place_in_the_chain_is_of_everything_before_it() {
        let [x, y, none] = [b"x\n".as_slice(), b"y\n", b""].map(LinesDigest::of);
        let columns = said(["u", "h", "r"]);
        let accepted = |entry: &[u8]| Said { accepted: Some(AcceptedDigest::of(entry)), ..said(["u", "h", "r"]) };
        let place = Link::start().then(1, x, none, &columns);
        let others = [
            Link::start().then(2, x, none, &columns),
            Link::start().then(1, y, none, &columns),
            Link::start().then(1, x, y, &columns),
            Link::start().then(1, none, x, &columns),
            place.then(1, x, none, &columns),
            Link::start().then(1, x, none, &said(["uh", "r", "-"])),
            Link::start().then(1, x, none, &said(["u", "hr", "-"])),
            Link::start().then(1, x, none, &said(["u", "h", "s"])),
            Link::start().then(1, x, none, &accepted(b"a")),
        ];
        assert!(others.iter().all(|other| other.hash != place.hash), "{others:?}");
        let [one, other] = [b"a", b"b"].map(|entry| Link::start().then(1, x, none, &accepted(entry)));
        assert_ne!(one.hash, other.hash);
        // The format: whoever checks a journal without aisoc computes the same.
        assert_eq!(place.hash.to_string(), EXPECTED);
    }

    /// Computed by `checks/interop/journal.py` from the page of the manual.
    const EXPECTED: &str = "sha256:36604c891727efb5007d0ddd0b777a650204a121594035a6b9c89fa74a50e4aa";
}
