//! The one place that prints warnings and refusals.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aisoc_manifests::fault::{Fault, InstalledVersion};
use aisoc_manifests::text::{printable, printable_json};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{
    DispatchDetail, ErrorDetail, ManifestProblem, Report, ReportedError, ReportedWarning, SCHEMA_VERSION,
};
use anstyle::{AnsiColor, Style};
use serde::Deserialize as _;
use serde_json::Value;

use super::annotation::{self, Workspace};
use super::redacted;
use crate::commands::Repeated;

const HINT: Style = AnsiColor::Cyan.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

const ERROR: Style = AnsiColor::Red.on_default().bold();

/// What is said on stderr: text as it happens, or with `--json` one document when the command ends.
///
/// One for the whole process, so that a panic in any thread, a signal and a refusal of the command line leave
/// nothing unsaid that was found before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reports(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    json: bool,
    /// Where the files are that a build on GitHub shows refusals beside.
    annotating: Option<Workspace>,
    /// Nobody waits for the end of a command that goes on for ever.
    at_once: bool,
    warnings: Vec<ReportedWarning>,
    /// What a command of a hint has to say again, once the command line is understood.
    repeated: Option<Repeated>,
}

impl Reports {
    /// Chooses between text and documents.
    pub(crate) fn set_json(&self, json: bool) {
        self.state().json = json;
    }

    /// From now on refusals are annotations too, for a build on GitHub.
    pub(crate) fn annotate(&self, workspace: Workspace) {
        self.state().annotating = Some(workspace);
    }

    /// From now on every hint's commands say this again.
    pub(crate) fn repeat(&self, repeated: Repeated) {
        self.state().repeated = Some(repeated);
    }

    /// The hint, with commands that can be copied.
    pub(crate) fn completed(&self, hint: &str) -> String {
        self.state().completed(hint)
    }

    /// From now on every document is a line of its own, as it happens; what was found before is said now.
    pub(crate) fn say_at_once(&self) {
        let mut state = self.state();
        state.at_once = true;
        state.say(None);
    }

    /// Something that somebody should know although the command goes on.
    pub(crate) fn warning(&self, code: Warning, message: &str, hint: Option<&str>) {
        let mut state = self.state();
        let (message, hint) = (redacted(message), hint.map(|hint| redacted(&state.completed(hint))));
        if !state.json {
            return write(&warning_text(code, &message, hint.as_deref()));
        }
        state.warnings.push(ReportedWarning { code: code.as_str(), message, hint });
        if state.at_once {
            state.say(None);
        }
    }

    /// What has happened, as a line of JSON of its own.
    pub(crate) fn event(&self, line: &str) {
        // Not in between the parts of another line.
        let _state = self.state();
        write(&printable_json(&format!("{line}\n")));
    }

    /// Why the command failed, with what it had to say before.
    pub(crate) fn error(&self, fault: &Fault) {
        let mut state = self.state();
        let fault = &state.repeated.as_ref().map_or_else(|| fault.clone(), |repeated| repeated.in_fault(fault));
        match (&state.annotating, state.json) {
            (_, true) => state.say(Some(fault)),
            (Some(workspace), false) => {
                write(&(annotation::without_commands(&text(fault)) + &annotation::of(fault, workspace)));
            }
            (None, false) => write(&text(fault)),
        }
    }

    /// A bug, of which nobody knows which thread it stopped, this one's own work here included.
    pub(crate) fn bug(&self, fault: &Fault) {
        match self.0.try_lock() {
            Ok(mut state) if state.json => state.say(Some(fault)),
            _ => write(&text(fault)),
        }
    }

    /// What is left to say of a command that did what it was asked for.
    pub(crate) fn end(&self) {
        self.state().say(None);
    }

    /// A thread that panicked here held nothing half done: a list that was added to is a list.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn completed(&self, hint: &str) -> String {
        self.repeated.as_ref().map_or_else(|| hint.to_owned(), |repeated| repeated.in_hint(hint))
    }

    fn say(&mut self, fault: Option<&Fault>) {
        let warnings = std::mem::take(&mut self.warnings);
        if warnings.is_empty() && fault.is_none() {
            return;
        }
        let report =
            Report { schema_version: SCHEMA_VERSION, ok: fault.is_none(), warnings, error: fault.map(document) };
        let text = match self.at_once {
            true => serde_json::to_string(&report),
            false => serde_json::to_string_pretty(&report),
        };
        write(&printable_json(&format!("{}\n", text.expect("a report is strings and numbers"))));
    }
}

/// When stderr is gone there is nobody left to tell.
fn write(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

fn warning_text(code: Warning, message: &str, hint: Option<&str>) -> String {
    let mut text = format!("{WARNING}warning[{code}]{WARNING:#}: {}\n", printable(message));
    if let Some(hint) = hint {
        let _ = writeln!(text, "{HINT}hint{HINT:#}: {}", printable(hint));
    }
    text
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
    if let Some(InstalledVersion { id, version }) = fault.installed() {
        let _ = writeln!(text, "  {}", one_line(&format!("{id} {version} stays installed")));
    }
    let _ = writeln!(text, "{HINT}hint{HINT:#}: {}", one_line(fault.next_step()));
    text
}

/// The error as a document has it, every text that may hold a secret redacted.
fn document(fault: &Fault) -> ReportedError {
    let location = fault.location();
    let difference = fault.difference();
    let told = fault.detail().map(without_secrets);
    let command = told.as_ref().and_then(|told| Some(told["path"].as_str()?.to_owned()));
    ReportedError {
        kind: fault.reason().kind(),
        message: redacted(&fault.to_string()),
        hint: redacted(fault.next_step()),
        detail: ErrorDetail {
            reason_code: fault.reason().as_str(),
            path: location.map(|location| redacted(&location.file)).or(command),
            line: location.map(|location| location.line),
            column: location.map(|location| location.column),
            expected: difference.map(|difference| redacted(&difference.expected)),
            found: difference.map(|difference| redacted(&difference.found)),
            id: fault.installed().map(|installed| installed.id.clone()),
            installed_version: fault.installed().map(|installed| installed.version.clone()),
            caused_by: causes(fault),
            problems: fault.problems().iter().filter_map(problem).collect(),
            dispatch: told.map(dispatch).unwrap_or_default(),
        },
    }
}

fn dispatch(told: Value) -> DispatchDetail {
    DispatchDetail::deserialize(told).expect("the members of a refusal are these")
}

/// What plugins tell programs is theirs, and no secret is printed for that.
fn without_secrets(told: &Value) -> Value {
    match told {
        Value::String(text) => redacted(text).into(),
        Value::Array(items) => items.iter().map(without_secrets).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (redacted(key), without_secrets(value))).collect(),
        other => other.clone(),
    }
}

/// One of several things that are wrong; each has a place.
fn problem(fault: &Fault) -> Option<ManifestProblem> {
    let location = fault.location()?;
    Some(ManifestProblem {
        reason_code: fault.reason().as_str(),
        path: redacted(&location.file),
        line: location.line,
        column: location.column,
        message: redacted(fault.message()),
        hint: redacted(fault.next_step()),
    })
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
        let error = document(&fault);
        assert_eq!((error.kind, error.detail.reason_code), ("refused", "digest_mismatch"));
        assert_eq!((error.detail.path.as_deref(), error.detail.line), (Some("x"), Some(1)));
        assert_eq!(error.detail.caused_by, ["two\nlines"]);
    }
}
