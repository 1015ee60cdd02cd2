//! The one function that prints a refusal.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io::Write as _;

use aisoc_manifests::fault::Fault;
use aisoc_manifests::text::{printable, printable_json};
use aisoc_pipeline::documents::SCHEMA_VERSION;
use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value, json};

use super::HINT;
use super::redact::redacted;

const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Prints a fault to stderr: as text, or as the JSON envelope.
pub(crate) fn report(fault: &Fault, json: bool) {
    let text = if json { envelope(fault) } else { text(fault) };
    // When stderr is gone there is nobody left to tell.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

fn text(fault: &Fault) -> String {
    let mut text = format!("{ERROR}error[{}]{ERROR:#}: {}\n", fault.reason(), one_line(&fault.to_string()));
    if let Some(difference) = fault.difference() {
        let _ = writeln!(text, "  expected: {}", one_line(&difference.expected));
        let _ = writeln!(text, "  found:    {}", one_line(&difference.found));
    }
    for cause in causes(fault) {
        let _ = writeln!(text, "  caused by: {}", one_line(&cause));
    }
    let _ = writeln!(text, "{HINT}hint{HINT:#}: {}", one_line(fault.next_step()));
    text
}

/// `{"ok":false,"error":{type, message, hint, detail:{reason_code, …}}}`
fn envelope(fault: &Fault) -> String {
    let mut detail = Map::new();
    detail.insert("reason_code".into(), fault.reason().as_str().into());
    if let Some(location) = fault.location() {
        detail.insert("file".into(), redacted(&location.file).into());
        detail.insert("line".into(), location.line.into());
        detail.insert("column".into(), location.column.into());
    }
    if let Some(difference) = fault.difference() {
        detail.insert("expected".into(), redacted(&difference.expected).into());
        detail.insert("found".into(), redacted(&difference.found).into());
    }
    let causes = causes(fault);
    if !causes.is_empty() {
        detail.insert("caused_by".into(), causes.into());
    }
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "ok": false,
        "error": {
            "type": fault.class().as_str(),
            "message": redacted(&fault.to_string()),
            "hint": redacted(fault.next_step()),
            "detail": Value::Object(detail),
        },
    });
    printable_json(&format!("{document:#}\n")).into_owned()
}

fn causes(fault: &Fault) -> Vec<String> {
    let mut causes = Vec::new();
    let mut cause = fault.source();
    while let Some(error) = cause {
        causes.push(redacted(&error.to_string()));
        cause = error.source();
    }
    causes
}

fn one_line(text: &str) -> String {
    printable(&redacted(text).replace(['\n', '\r'], " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aisoc_manifests::fault::{Location, Reason};

    #[test]
    fn an_error_is_code_values_causes_and_hint() {
        let fault = Fault::new(Reason::DigestMismatch, "the artifact is another one\u{1b}[31m")
            .at(Location { file: "x".into(), line: 1, column: 2 })
            .expected("sha256:aa", "sha256:bb")
            .caused_by(std::io::Error::other("two\nlines"));
        let plain = anstream::adapter::strip_str(&text(&fault)).to_string();
        assert_eq!(
            plain,
            "error[digest_mismatch]: x:1:2: the artifact is another one\\u{1b}[31m\n  expected: sha256:aa\n  \
             found:    sha256:bb\n  caused by: two lines\nhint: find out what changed before you require another digest\n"
        );
        let envelope: Value = serde_json::from_str(&envelope(&fault)).expect("JSON");
        assert_eq!(envelope["ok"], false);
        assert_eq!(envelope["error"]["type"], "refused");
        assert_eq!(envelope["error"]["detail"]["reason_code"], "digest_mismatch");
        assert_eq!(envelope["error"]["detail"]["line"], 1);
    }
}
