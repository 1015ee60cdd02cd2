//! Journals: a line that is read is written as the same line, and whatever stands in the three files, a pass over them
//! meets every line once, and what holds goes on to hold.
#![no_main]

use std::fs;
use std::path::Path;

use aisoc_manifests::fault::Reason;
use aisoc_trust::journal::{Action, Entry, HeldDirectory, JournalPlace, JournalTime, Reading, Standing, Writer};
use libfuzzer_sys::fuzz_target;

/// Parts the input into journal, chain and head.
const SEPARATOR: &[u8] = b"\n===\n";

fuzz_target!(|content: &[u8]| {
    for line in content.split(|byte| *byte == b'\n') {
        check_line(line);
    }
    let root = tempfile::tempdir().expect("a directory");
    for (name, part) in ["keys.journal", "keys.journal.chain", "journal.head"].iter().zip(split(content)) {
        fs::write(root.path().join(name), part).expect("written");
    }
    check_files(root.path());
});

fn split(content: &[u8]) -> Vec<&[u8]> {
    let mut rest = content;
    let mut parts = Vec::new();
    while let Some(at) = rest.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
        parts.push(&rest[..at + 1]);
        rest = &rest[at + SEPARATOR.len()..];
    }
    parts.push(rest);
    parts
}

fn check_line(line: &[u8]) {
    match Entry::read(line) {
        Ok(entry) => {
            let written = entry.to_string();
            assert_eq!(written.matches('\t').count(), 5, "{written:?}");
            assert!(!written.contains(|c: char| c.is_control() && c != '\t'), "{written:?}");
            let again = Entry::read(written.as_bytes()).expect("our own form");
            assert_eq!(again.to_string(), written);
            assert_eq!((again.action, again.id, again.reason), (entry.action, entry.id, entry.reason));
        }
        Err(fault) => {
            let characters = String::from_utf8_lossy(line).chars().count();
            assert!((1..=characters + 1).contains(&fault.column), "{fault:?}");
            let fault = fault.fault(Path::new("keys.journal"), 1);
            assert!(fault.to_string().len() < 1024 && !fault.to_string().contains(['\n', '\r', '\u{1b}']), "{fault:?}");
        }
    }
}

fn place(root: &Path) -> JournalPlace {
    let held = || HeldDirectory::open(root).expect("opened").expect("there");
    JournalPlace::of_keys(held(), Some(held()))
}

fn pass(root: &Path) -> Option<Reading> {
    let (mut numbers, mut chained) = (0, 0);
    let reading = place(root).read(|seen| {
        numbers += 1;
        assert_eq!(seen.number, numbers);
        chained += u64::from(matches!(seen.standing, Standing::Written(..)));
        Ok(())
    });
    let reading = match reading {
        Ok(reading) => reading,
        Err(fault) => {
            assert_eq!(fault.reason(), Reason::JournalBroken, "a head that is none: {fault:?}");
            return None;
        }
    };
    assert_eq!((reading.summary.lines, reading.summary.chained), (numbers, chained));
    Some(reading)
}

fn check_files(root: &Path) {
    let before = pass(root);
    let entry = Entry {
        at: JournalTime::read("2026-05-24T14:32:00Z").expect("a time"),
        action: Action::Install,
        id: Some("demo".to_owned()),
        version: None,
        hash: None,
        reason: None,
    };
    let holds = before.as_ref().is_some_and(|reading| reading.broken.is_none());
    let place = place(root);
    let journal = match place.open() {
        Ok(journal) => Some(journal),
        Err(fault) => {
            assert_eq!(fault.reason(), Reason::JournalBroken, "{fault:?}");
            None
        }
    };
    assert_eq!(journal.is_some(), holds);
    let (Some(mut journal), Some(before)) = (journal, before) else { return };
    journal.append(&entry, &Writer::default()).expect("appended");
    let after = pass(root).expect("a head of ours");
    assert!(after.broken.is_none() && after.summary.first_unchained.is_none(), "{after:?}");
    assert_eq!(after.summary.chained, before.summary.chained + 1);
}
