//! An explanation as a person reads it.

use std::fmt::Write as _;

use aisoc_manifests::counted;
use aisoc_pipeline::documents::{Explanation, FileState};

use super::digest::digits;
use crate::output::printable;

/// Files that are shown of each kind; JSON has them all.
const SHOWN_FILES: usize = 5;

/// The whole explanation.
pub(super) fn text(of: &Explanation) -> String {
    let mut text = String::new();
    let reason = of.objection.as_ref().map(|objection| format!(" ({})", objection.reason_code)).unwrap_or_default();
    let verdict = of.verdict.replace('_', " ");
    let _ = writeln!(text, "{verdict}{reason}: signature {}, coverage {}", of.signature_status, of.coverage);
    for check in &of.checks {
        let mark = match check.result {
            "passed" => "ok",
            "failed" => "NO",
            _ => "--",
        };
        let line = format!("  {mark}  {:<23}  {}", check.name, printable(&check.evidence));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    keys_text(of, &mut text);
    files_text(of, &mut text);
    if let Some(objection) = &of.objection {
        let _ = writeln!(text, "next: {}", printable(&objection.hint));
    }
    text
}

fn keys_text(of: &Explanation, text: &mut String) {
    if !of.keys.is_empty() || !of.skipped_keys.is_empty() {
        text.push_str("keys\n");
    }
    for key in &of.keys {
        let verifies = format!("verifies {}", key.verifies.join(", "));
        // A key that has ended has signed all the same, which is what a refusal for another signer is about.
        let state = match &key.why_not {
            None if let Some(at) = &key.signed_at => format!("{verifies}; counts by when it signed, {at}"),
            None => verifies,
            Some(why) if key.verifies.is_empty() => why.clone(),
            Some(why) => format!("{why}; {verifies}"),
        };
        let line = format!("{} ({}) {}: {state}", key.signing_key_id, key.path, key.signing_key_fingerprint);
        let _ = writeln!(text, "  {}", printable(&line));
    }
    for timestamp in &of.timestamps {
        let vouched = match (&timestamp.timestamp_authority, &timestamp.why_not) {
            (Some(authority), _) => format!("signed at {}, says `{authority}`", timestamp.signed_at),
            (None, why) => format!("not counted: {}", why.as_deref().unwrap_or_default()),
        };
        let _ = writeln!(text, "  {}", printable(&format!("{}: {vouched}", timestamp.path)));
    }
    for skipped in &of.skipped_keys {
        let _ = writeln!(text, "  {}", printable(&format!("{skipped} (not used)")));
    }
    for signature in of.signatures.iter().filter(|signature| signature.signing_key_id.is_none()) {
        let named =
            signature.stated_key_fingerprint.as_ref().map(|name| format!(", which names {name}")).unwrap_or_default();
        let _ = writeln!(text, "  no key verifies {}{named}", printable(&signature.path));
    }
}

fn files_text(of: &Explanation, text: &mut String) {
    if of.file_list.is_some() {
        text.push_str("files\n");
    }
    for file in of.changed.iter().take(SHOWN_FILES) {
        let _ = writeln!(text, "  changed  {}", printable(&file.path));
        let _ = writeln!(text, "             signed  {}", state(&file.signed));
        let _ = writeln!(text, "             found   {}", state(&file.found));
    }
    for (kind, paths) in [("extra", &of.extra), ("missing", &of.missing)] {
        for path in paths.iter().take(SHOWN_FILES) {
            let _ = writeln!(text, "  {kind:<7}  {}", printable(path));
        }
    }
    for (kind, count) in [("changed", of.changed.len()), ("extra", of.extra.len()), ("missing", of.missing.len())] {
        if count > SHOWN_FILES {
            let _ = writeln!(text, "  and {} more {kind}", count - SHOWN_FILES);
        }
    }
    if matches!(of.file_list, Some("missing" | "changed")) {
        text.push_str("  the signed list of files is missing or was changed: files cannot be named\n");
    }
    if !of.uncovered.is_empty() {
        text.push_str("not covered\n");
    }
    for file in of.uncovered.iter().take(SHOWN_FILES) {
        let _ = writeln!(text, "  {}: {}", printable(&file.path), file.hazard.unwrap_or("inert"));
    }
    if of.uncovered.len() > SHOWN_FILES {
        let _ = writeln!(text, "  and {} more", of.uncovered.len() - SHOWN_FILES);
    }
}

fn state(file: &FileState) -> String {
    format!(
        "sha256 {}, {}{}",
        digits(&file.content_digest),
        counted(file.content_bytes, "byte"),
        if file.executable { ", executable" } else { "" }
    )
}
