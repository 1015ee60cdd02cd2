//! A verdict, explained: each check in order, the keys, what differs, and one next command.

use std::fmt::Write as _;

use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::file_map::FileEntry;
use aisoc_signing::{Coverage, Findings, KeyTried, ListState, Standing};
use aisoc_trust::{SignatureStatus, Step, Trace, Verdict};
use serde::Serialize;

use crate::output::printable;

/// Files that are shown of each kind; JSON has them all.
const SHOWN_FILES: usize = 5;

/// What `verify --explain` shows and `--json` holds.
#[derive(Serialize)]
pub(crate) struct Explanation {
    /// `admitted`, `admitted_despite` or `refused`.
    pub(crate) verdict: &'static str,
    pub(crate) reason_code: Option<&'static str>,
    pub(crate) signature_status: &'static str,
    pub(crate) coverage: &'static str,
    checks: Vec<Check>,
    keys: Vec<Key>,
    skipped_keys: Vec<String>,
    signatures: Vec<SignatureFile>,
    /// Whether the signed list of files is there to name what differs: `intact`, `missing`, `changed`.
    file_list: Option<&'static str>,
    changed: Vec<ChangedRow>,
    extra: Vec<String>,
    missing: Vec<String>,
    uncovered: Vec<UncoveredRow>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    /// `passed`, `failed` or `not_reached`.
    result: &'static str,
    detail: String,
    /// What would change a check that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_change_it: Option<String>,
}

#[derive(Serialize)]
struct Key {
    key_id: String,
    file: String,
    fingerprint: String,
    verifies: Vec<String>,
    /// Why the key did not verify, or does not count.
    why_not: Option<String>,
}

#[derive(Serialize)]
struct SignatureFile {
    file: String,
    named_signer: Option<String>,
    verified_by: Option<String>,
}

#[derive(Serialize)]
struct ChangedRow {
    path: String,
    signed: FileRow,
    found: FileRow,
}

#[derive(Serialize)]
struct FileRow {
    sha256: String,
    size: u64,
    executable: bool,
}

#[derive(Serialize)]
struct UncoveredRow {
    path: String,
    hazard: Option<&'static str>,
}

impl Explanation {
    pub(crate) fn of(verdict: &Result<Verdict>, trace: &Trace, findings: &Findings) -> Self {
        let objection = match verdict {
            Ok(verdict) => verdict.objection(),
            Err(refusal) => Some(refusal),
        };
        let status = match verdict {
            Ok(verdict) => verdict.status(),
            Err(refusal) => status_of(refusal.reason()),
        };
        let difference = findings.tree.difference.as_deref();
        Self {
            verdict: match (verdict, objection) {
                (Ok(_), None) => "admitted",
                (Ok(_), Some(_)) => "admitted_despite",
                (Err(_), _) => "refused",
            },
            reason_code: objection.map(|fault| fault.reason().as_str()),
            signature_status: status.as_str(),
            coverage: coverage_of(verdict, findings).as_str(),
            checks: trace.steps().iter().map(Check::of).collect(),
            keys: findings.keys.iter().map(|key| Key::of(key, findings)).collect(),
            skipped_keys: findings.skipped.clone(),
            signatures: findings
                .signatures
                .iter()
                .map(|signature| SignatureFile {
                    file: signature.file.clone(),
                    named_signer: signature.named_signer.as_ref().map(|digits| format!("SHA256:{digits}")),
                    verified_by: signature.key_id.as_ref().map(ToString::to_string),
                })
                .collect(),
            file_list: difference.map(|difference| match difference.list {
                ListState::Intact => "intact",
                ListState::Missing => "missing",
                ListState::Changed => "changed",
            }),
            changed: difference
                .iter()
                .flat_map(|difference| &difference.changed)
                .map(|file| ChangedRow {
                    path: file.path.clone(),
                    signed: FileRow::of(&file.signed),
                    found: FileRow::of(&file.found),
                })
                .collect(),
            extra: difference.map(|difference| difference.extra.clone()).unwrap_or_default(),
            missing: difference.map(|difference| difference.missing.clone()).unwrap_or_default(),
            uncovered: findings
                .tree
                .uncovered
                .iter()
                .map(|file| UncoveredRow { path: file.path.clone(), hazard: file.hazard })
                .collect(),
            next: objection.map(|fault| fault.next_step().to_owned()),
        }
    }
}

/// What the signature is worth when the gate refuses for that reason.
fn status_of(reason: Reason) -> SignatureStatus {
    match reason {
        Reason::Unsigned => SignatureStatus::Unsigned,
        Reason::SignersTooFew | Reason::CoveragePartial | Reason::CoverageDowngrade => SignatureStatus::Verified,
        _ => SignatureStatus::Invalid,
    }
}

/// What a valid signature covers; nothing is covered by one that no key verifies.
fn coverage_of(verdict: &Result<Verdict>, findings: &Findings) -> Coverage {
    match verdict {
        Ok(verdict) => verdict.coverage(),
        Err(refusal) if status_of(refusal.reason()) == SignatureStatus::Verified => {
            findings.tree.claimed.unwrap_or(Coverage::None)
        }
        Err(_) => Coverage::None,
    }
}

impl Check {
    fn of(step: &Step) -> Self {
        Self {
            name: step.name,
            result: step.answered.as_str(),
            detail: step.evidence.clone(),
            would_change_it: step.remedy.clone(),
        }
    }
}

impl Key {
    fn of(key: &KeyTried, findings: &Findings) -> Self {
        // One key in two files counts once; the first file stands for both.
        let stands_for = |other: &&KeyTried| other.fingerprint == key.fingerprint && !other.verifies.is_empty();
        let first = findings.keys.iter().find(stands_for);
        let why_not = match &key.standing {
            Standing::Revoked { at, reason } => {
                Some(format!("revoked at {at}{}", reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default()))
            }
            Standing::Expired(since) => Some(format!("expired at {since}")),
            Standing::NotYet(from) => Some(format!("counts from {from}")),
            Standing::Current if !key.verifies.is_empty() => None,
            Standing::Current if let Some(first) = first => {
                Some(format!("is the same key as {} ({})", first.key_id, first.file))
            }
            Standing::Current if findings.digest.is_some() => Some("verifies no signature of this content".to_owned()),
            Standing::Current => Some("not tried".to_owned()),
        };
        Self {
            key_id: key.key_id.to_string(),
            file: key.file.clone(),
            fingerprint: key.fingerprint.clone(),
            verifies: key.verifies.clone(),
            why_not,
        }
    }
}

impl FileRow {
    fn of(entry: &FileEntry) -> Self {
        Self { sha256: entry.digest.hex(), size: entry.size, executable: entry.executable }
    }

    fn text(&self) -> String {
        format!("sha256 {}, {} bytes{}", self.sha256, self.size, if self.executable { ", executable" } else { "" })
    }
}

impl Explanation {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let reason = self.reason_code.map(|code| format!(" ({code})")).unwrap_or_default();
        let verdict = self.verdict.replace('_', " ");
        let _ = writeln!(text, "{verdict}{reason}: signature {}, coverage {}", self.signature_status, self.coverage);
        for check in &self.checks {
            let mark = match check.result {
                "passed" => "ok",
                "failed" => "NO",
                _ => "--",
            };
            let line = format!("  {mark}  {:<23}  {}", check.name, printable(&check.detail));
            let _ = writeln!(text, "{}", line.trim_end());
        }
        self.keys_text(&mut text);
        self.files_text(&mut text);
        if let Some(next) = &self.next {
            let _ = writeln!(text, "next: {}", printable(next));
        }
        text
    }

    fn keys_text(&self, text: &mut String) {
        if !self.keys.is_empty() || !self.skipped_keys.is_empty() {
            text.push_str("keys\n");
        }
        for key in &self.keys {
            let state = match &key.why_not {
                None => format!("verifies {}", key.verifies.join(", ")),
                Some(why) => why.clone(),
            };
            let line = format!("{} ({}) {}: {state}", key.key_id, key.file, key.fingerprint);
            let _ = writeln!(text, "  {}", printable(&line));
        }
        for skipped in &self.skipped_keys {
            let _ = writeln!(text, "  {}", printable(&format!("{skipped} (not used)")));
        }
        for signature in self.signatures.iter().filter(|signature| signature.verified_by.is_none()) {
            let named = signature.named_signer.as_ref().map(|name| format!(", which names {name}")).unwrap_or_default();
            let _ = writeln!(text, "  no key verifies {}{named}", printable(&signature.file));
        }
    }

    fn files_text(&self, text: &mut String) {
        if self.file_list.is_some() {
            text.push_str("files\n");
        }
        for file in self.changed.iter().take(SHOWN_FILES) {
            let _ = writeln!(text, "  changed  {}", printable(&file.path));
            let _ = writeln!(text, "             signed  {}", file.signed.text());
            let _ = writeln!(text, "             found   {}", file.found.text());
        }
        for (kind, paths) in [("extra", &self.extra), ("missing", &self.missing)] {
            for path in paths.iter().take(SHOWN_FILES) {
                let _ = writeln!(text, "  {kind:<7}  {}", printable(path));
            }
        }
        for (kind, count) in
            [("changed", self.changed.len()), ("extra", self.extra.len()), ("missing", self.missing.len())]
        {
            if count > SHOWN_FILES {
                let _ = writeln!(text, "  and {} more {kind}", count - SHOWN_FILES);
            }
        }
        if matches!(self.file_list, Some("missing" | "changed")) {
            text.push_str("  the signed list of files is missing or was changed: files cannot be named\n");
        }
        if !self.uncovered.is_empty() {
            text.push_str("not covered\n");
        }
        for file in self.uncovered.iter().take(SHOWN_FILES) {
            let _ = writeln!(text, "  {}: {}", printable(&file.path), file.hazard.unwrap_or("inert"));
        }
        if self.uncovered.len() > SHOWN_FILES {
            let _ = writeln!(text, "  and {} more", self.uncovered.len() - SHOWN_FILES);
        }
    }
}
