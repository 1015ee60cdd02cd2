//! What the user reads. The rules, in one place:
//!
//! 1. stdout carries the result and only the result, bare enough for `$(aisoc …)`.
//! 2. stderr carries status lines, warnings, errors and hints.
//! 3. A status line is a right-aligned verb in 12 columns, then the object.
//! 4. An error is `error[code]: what and where`, the two values that differ, the causes, and a hint.
//! 5. Lower case, no final period for one sentence; backticks around commands, paths and names.
//! 6. Everything can be understood without colour; `NO_COLOR` and pipes are respected.
//! 7. `--json` prints one document with `schema_version` on stdout, and at most one on stderr: what the command
//!    warned of, and why it failed. A command that goes on for ever prints a line as it happens, and so does one that is
//!    asked for it with `--progress=json`.
//! 8. Whatever comes from outside is escaped before a terminal sees it, in JSON too: `aisoc_manifests::text`
//!    says what, for all of it.
//! 9. `--quiet` removes status lines, never warnings or errors.
//! 10. A closed pipe is success.
//! 11. No text for stderr, and no objection of a result, shows a private key, a token or a password.

mod amount;
mod annotation;
mod blobs;
mod document;
mod pace;
mod progress;
mod report;
mod screen;
mod status;
mod told;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use aisoc_installation::escaped;
use aisoc_manifests::fault::{Fault, Result};
pub(crate) use aisoc_manifests::text::{printable, printable_json, printable_lines};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{Document, SCHEMA_VERSION};
pub(crate) use aisoc_pipeline::{redacted, resembles_key};
use serde::Serialize;

pub(crate) use annotation::Workspace;
pub(crate) use blobs::short;
use progress::Voice;
pub(crate) use progress::{Progress, Reported};
pub(crate) use report::Reports;
use screen::Screen;
use told::Clock;

use crate::args::Global;
use crate::args::plugin::ProgressForm;

/// What a command found out: text for people, data for machines, and whether it is a yes.
pub(crate) trait Answer: Serialize {
    /// The result as text for stdout. One value from outside that may hold a line break goes through
    /// [`printable`]; everything else that is not seen is escaped by whoever prints the text.
    fn text(&self) -> String;

    /// What is done to the text before it is printed.
    fn form(&self) -> Form {
        Form::Escaped
    }

    /// Whether the command goes on after its answer. The document is one line then: whoever waits for it reads a
    /// line, because there is no end to read up to.
    fn goes_on(&self) -> bool {
        false
    }

    /// 0, unless the answer itself is a no.
    fn exit_code(&self) -> u8 {
        0
    }
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people: what is not seen is escaped.
    Escaped,
    /// Bytes that are hashed or compared, which an escape would make others.
    Exact,
    /// A JSON document in the words of somebody else.
    Json,
}

/// Where a command speaks.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    dry_run: bool,
    reports: Reports,
    screen: Screen,
    progress: Progress,
}

/// What decides how it is said how far work is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// As it was asked for.
    pub(crate) progress: ProgressForm,
    /// Whether the terminal, if there is one, can be drawn over.
    pub(crate) can_draw: bool,
    /// What the time is, where it is said.
    pub(crate) clock: Clock,
}

impl Output {
    /// Speaks as the user asked for, warnings and errors by what the process has for them.
    pub(crate) fn new(global: &Global, reports: Reports, manner: Manner) -> Self {
        let Manner { progress: form, can_draw, clock } = manner;
        reports.set_json(global.json);
        let is_silent = global.json || global.quiet;
        let draws = can_draw && !is_silent && form == ProgressForm::Auto && io::stderr().is_terminal();
        let screen = Screen::new(draws);
        let voice = match form {
            ProgressForm::Json => Voice::Events(reports.clone(), clock),
            _ if is_silent => Voice::Silent,
            ProgressForm::Auto | ProgressForm::Plain => Voice::Lines,
        };
        if form == ProgressForm::Json {
            // Between lines of JSON, what else is said in JSON is a line as well.
            reports.say_at_once();
        }
        let progress = Progress::new(voice, screen.clone());
        Self { json: global.json, quiet: global.quiet, dry_run: false, reports, screen, progress }
    }

    /// Whether every answer says that nothing was changed.
    #[must_use]
    pub(crate) fn of_dry_run(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }

    /// Speaks in JSON from now on, as a command's own option asks for it.
    #[must_use]
    pub(crate) fn in_json(self) -> Self {
        self.reports.set_json(true);
        Self { json: true, ..self }
    }

    /// Whether nothing is changed.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// What was done, or in a dry run what would be.
    pub(crate) fn said<'a>(&self, done: &'a str, foreseen: &'a str) -> &'a str {
        if self.is_dry_run() { foreseen } else { done }
    }

    /// Whether the user asked for JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// One status line: what is being done, to what.
    pub(crate) fn status(&self, verb: &str, object: impl std::fmt::Display) {
        if !self.quiet && !self.json {
            self.screen.print(|| status::print(verb, object));
        }
    }

    /// With `--json`, a line of what has happened while the command goes on.
    pub(crate) fn event(&self, line: &str) {
        if self.json {
            self.screen.print(|| self.reports.event(line));
        }
    }

    /// Something the user should know although the command goes on, with the next step that belongs to its code.
    /// Not silenced by `--quiet`.
    pub(crate) fn warning(&self, code: Warning, text: impl std::fmt::Display) {
        self.warning_with(code, text, code.remedy());
    }

    /// Says what an operator should know of the keys that a verdict is by: which are not used, and which end.
    pub(crate) fn warn_of_keys(&self, skipped: &[String], ending: impl IntoIterator<Item = impl std::fmt::Display>) {
        for skipped in skipped {
            self.warning(Warning::KeyNotUsed, format!("key not used: {skipped}"));
        }
        for ending in ending {
            self.warning(Warning::KeyEnds, ending);
        }
    }

    /// [`Output::warning`] with a next step of its own.
    /// With `--json` it is part of the one document of stderr.
    pub(crate) fn warning_with(&self, code: Warning, text: impl std::fmt::Display, hint: Option<&str>) {
        self.screen.print(|| self.reports.warning(code, &text.to_string(), hint));
    }

    /// Prints a refusal, which need not be the end of the command: several may stand for one.
    pub(crate) fn error(&self, fault: &Fault) {
        self.screen.print(|| self.reports.error(fault));
    }

    /// Prints the result and gives the exit code.
    pub(crate) fn answer(&self, answer: &impl Answer) -> Result<u8> {
        if self.json {
            self.document(answer)?;
        } else {
            let text = answer.text();
            print(&match answer.form() {
                Form::Escaped => printable_lines(&text),
                Form::Json => printable_json(&text),
                Form::Exact => text.into(),
            })?;
        }
        if answer.goes_on() {
            self.reports.say_at_once();
        }
        Ok(answer.exit_code())
    }

    fn document(&self, answer: &impl Answer) -> Result<()> {
        let (ok, dry_run) = (answer.exit_code() == 0, self.dry_run);
        let document = Document { schema_version: SCHEMA_VERSION, ok, dry_run, result: answer };
        let complete = |hint: &str| self.hint(hint);
        written(document::write(&document, answer.goes_on(), complete, &mut io::stdout().lock()))
    }

    /// A hint, with commands that can be copied: with what was typed and they need as well.
    pub(crate) fn hint(&self, hint: &str) -> String {
        self.reports.completed(hint)
    }

    /// A reporter for the pipeline: a bar on a terminal, plain status lines elsewhere.
    pub(crate) fn reporter(&self) -> Reported {
        Reported(self.progress.clone())
    }

    /// How far the work is, as the user sees it.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }
}

/// Writes text to stdout.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// A reader that went away (`| head`) has what it wanted.
fn written(outcome: io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::io("write to", Path::new("standard output"), error))
        }
        _ => Ok(()),
    }
}

/// A path as a document has it: one from which the path can be had back, and which is itself when it is plain text.
pub(crate) fn path_text(path: &Path) -> String {
    escaped(path.as_os_str())
}
