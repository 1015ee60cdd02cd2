//! `aisoc keys lint`

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::{KeyFinding, KeyLint};
use aisoc_pipeline::keys::lint::{Finding, Level, Lint, LintOptions, When, lint};
use serde::Serialize;

use super::require_site;
use super::sarif::Sarif;
use crate::args::key_lint::{LintFormat, LintKeysArgs};
use crate::commands::findings::{counts, fails, write_finding};
use crate::context::Context;
use crate::output::{Answer, path_text};

/// What was found, and what it makes of the command.
#[derive(Serialize)]
struct Outcome<'a> {
    #[serde(flatten)]
    document: KeyLint,
    #[serde(skip)]
    exit_code: u8,
    #[serde(skip)]
    context: &'a Context,
}

pub(crate) fn run(args: LintKeysArgs, context: &Context) -> Result<u8> {
    let format = format(args.format, context.output.json())?;
    let output = if format == LintFormat::Json { context.output.clone().in_json() } else { context.output.clone() };
    let is_named = args.place.plugins_dir.is_some();
    let site = context.site(args.place.plugins_dir);
    if is_named {
        require_site(&site)?;
    }
    let when = When { at: context.judging_time(&site)?, within: args.within };
    let options = LintOptions { keys_dir: context.keys_directory(args.place.trusted_keys), site, when };
    context.warn_of_stale_set(&options.keys_dir, options.when.at);
    let found = lint(&options)?;
    let fault = fault(&found, args.strict);
    let exit_code = fault.as_ref().map_or(0, |fault| fault.class().exit_code());
    output.status("Looked at", counted(found.file_count, "file"));
    match format {
        LintFormat::Sarif => output.answer(&Sarif::of(&found.findings, exit_code, |hint| output.hint(hint)))?,
        _ => output.answer(&Outcome { document: document(&options, &found), exit_code, context })?,
    };
    fault.map_or(Ok(0), Err)
}

/// `--json` is the short form of one of them, and says nothing beside another.
fn format(asked: Option<LintFormat>, is_json: bool) -> Result<LintFormat> {
    match (asked, is_json) {
        (None | Some(LintFormat::Json), true) => Ok(LintFormat::Json),
        (Some(_), true) => Err(Fault::new(Reason::Usage, "`--json` is one format, and `--format` asks for another")
            .expected("`--format json`, or one of the two options", "both")
            .hint("leave `--json` out")),
        (asked, false) => Ok(asked.unwrap_or(LintFormat::Text)),
    }
}

/// What makes the command fail.
fn fault(found: &Lint, is_strict: bool) -> Option<Fault> {
    let (errors, warnings) = (found.count(Level::Error), found.count(Level::Warning));
    let message = counts(&[(errors, "error"), (warnings, "warning")]);
    fails(errors, warnings, is_strict)
        .then(|| Fault::new(Reason::KeysFaulty, format!("there are faults among the trusted keys: {message}")))
}

fn document(options: &LintOptions, found: &Lint) -> KeyLint {
    KeyLint {
        keys_directory: path_text(&options.keys_dir),
        file_count: found.file_count,
        error_count: found.count(Level::Error),
        warning_count: found.count(Level::Warning),
        note_count: found.count(Level::Note),
        findings: found.findings.iter().map(item).collect(),
    }
}

fn item(finding: &Finding) -> KeyFinding {
    let key = finding.key.as_ref();
    KeyFinding {
        rule: finding.rule.as_str(),
        level: finding.level().as_str(),
        path: path_text(&finding.path),
        key_id: key.map(|(id, _)| id.clone()),
        fingerprint: key.map(|(_, fingerprint)| fingerprint.to_string()),
        message: finding.message.clone(),
        hint: finding.hint.clone(),
    }
}

impl Answer for Outcome<'_> {
    fn text(&self) -> String {
        let KeyLint { findings, error_count, warning_count, note_count, .. } = &self.document;
        let mut text = String::new();
        for KeyFinding { rule, level, path, message, hint, .. } in findings {
            let hint = hint.as_ref().map(|hint| self.context.output.hint(hint));
            write_finding(&mut text, [level, rule, path, message], hint.as_deref());
        }
        let total = counts(&[(*error_count, "error"), (*warning_count, "warning"), (*note_count, "note")]);
        text + if total.is_empty() { "nothing was found" } else { &total } + "\n"
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}
