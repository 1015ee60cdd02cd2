//! The one document of `--json`, written line by line as it is made: of ten thousand plugins it is megabytes, and nobody
//! holds it whole.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::printable_json;

/// As much as is written at once.
const BLOCK_BYTES: usize = 64 << 10;
const HINT: &str = "\"hint\": ";

/// Writes a document, with every hint completed and everything escaped that a terminal would not show; on one line for
/// a reader who waits for lines.
///
/// # Errors
/// Those of writing.
pub(super) fn write(
    document: &impl Serialize,
    is_line: bool,
    complete: impl Fn(&str) -> String,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut lines = Lines { out: BufWriter::with_capacity(BLOCK_BYTES, out), line: Vec::new(), complete };
    match is_line {
        true => serde_json::to_writer(&mut lines, document),
        false => serde_json::to_writer_pretty(&mut lines, document),
    }?;
    lines.write_all(b"\n")?;
    lines.out.flush()
}

/// Holds back a line until it is whole: each key begins one, and no string holds a line break.
struct Lines<W: Write, F> {
    out: BufWriter<W>,
    line: Vec<u8>,
    complete: F,
}

impl<W: Write, F: Fn(&str) -> String> Lines<W, F> {
    fn end_line(&mut self) -> io::Result<()> {
        let line = std::str::from_utf8(&self.line).map_err(io::Error::other)?;
        let completed = completed(line, &self.complete);
        self.out.write_all(printable_json(completed.as_deref().unwrap_or(line)).as_bytes())?;
        self.line.clear();
        self.out.write_all(b"\n")
    }
}

impl<W: Write, F: Fn(&str) -> String> Write for Lines<W, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        self.line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
        match end {
            Some(end) => self.end_line().map(|()| end + 1),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The line with its hint completed; nothing for one that holds none.
fn completed(line: &str, complete: impl Fn(&str) -> String) -> Option<String> {
    let rest = line.trim_start().strip_prefix(HINT)?;
    let indentation = &line[..line.len() - rest.len() - HINT.len()];
    let comma = if rest.ends_with(',') { "," } else { "" };
    let hint: String = serde_json::from_str(rest.trim_end_matches(',')).ok()?;
    Some(format!("{indentation}{HINT}{}{comma}", serde_json::Value::from(complete(&hint))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(document: &serde_json::Value, is_line: bool) -> String {
        let mut out = Vec::new();
        write(document, is_line, |hint| format!("{hint}!"), &mut out).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_hints_of_a_document_are_completed_and_nothing_else_is() {
        let document = serde_json::json!({
            "a": {"hint": "run `x`, \"y\""}, "b": [{"hint": "z", "i": "\"hint\": \"no\""}], "hint": null,
            "message": "hint: x",
        });
        let read: serde_json::Value = serde_json::from_str(&written(&document, false)).expect("JSON");
        let mut expected = document;
        expected["a"]["hint"] = "run `x`, \"y\"!".into();
        expected["b"][0]["hint"] = "z!".into();
        assert_eq!(read, expected);
    }

    #[test]
    fn a_document_is_what_serde_makes_of_it_but_for_what_no_terminal_shows() {
        let document = serde_json::json!({"a": ["x\ny", 1, {}], "b": "\u{202e}z\u{7f}", "c": []});
        let text = written(&document, false);
        assert_eq!(
            text,
            "{\n  \"a\": [\n    \"x\\ny\",\n    1,\n    {}\n  ],\n  \"b\": \"\\u202ez\\u007f\",\n  \"c\": []\n}\n"
        );
        assert_eq!(written(&document, true), "{\"a\":[\"x\\ny\",1,{}],\"b\":\"\\u202ez\\u007f\",\"c\":[]}\n");
    }

    #[test]
    fn a_reader_that_goes_away_is_an_error_of_its_kind() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let large = vec!["x".repeat(1000); 200];
        let error = write(&large, false, str::to_owned, &mut Gone).expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
