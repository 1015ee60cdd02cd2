//! plugins.lock: whatever the text is, a change of it does what was meant and leaves the other entries alone.
#![no_main]

use std::path::Path;

use aisoc_manifests::fault::Reason;
use aisoc_trust::lockfile::{LockEntry, Lockfile, Provenance};
use libfuzzer_sys::fuzz_target;

const ID: &str = "fuzz.added";

fuzz_target!(|content: &[u8]| {
    let lock = match Lockfile::parse(content.to_vec(), Path::new("plugins.lock")) {
        Ok(lock) => lock,
        Err(fault) => {
            assert!(matches!(fault.reason(), Reason::LockInvalid | Reason::LockSchemaUnsupported), "{fault:?}");
            let lines = content.iter().filter(|byte| **byte == b'\n').count() + 1;
            let location = fault.location().expect("a place");
            assert!((1..=lines).contains(&location.line), "{fault:?}");
            assert!(fault.to_string().len() < 2048 && !fault.to_string().contains(['\n', '\r', '\u{1b}']), "{fault:?}");
            return;
        }
    };
    let others: Vec<&LockEntry> = lock.entries().iter().filter(|entry| entry.id != ID).collect();
    for provenance in [Provenance::default(), Provenance { source: Some("dir".to_owned()), ..Provenance::default() }] {
        let entry = entry(provenance);
        let changed = lock.with(&entry).expect("it can be added to");
        assert_eq!(changed.entry(ID), Some(&entry));
        same_for_others(&changed, &others);
        let again = changed.with(&entry).expect("it can be changed");
        assert_eq!(again.text(), changed.text(), "nothing new is nothing changed");
        let removed = changed.without(ID).expect("it can be taken from").expect("it is there");
        same_for_others(&removed, &others);
    }
    for known in lock.entries() {
        let removed = lock.without(&known.id).expect("possible").expect("it is there");
        assert_eq!(removed.entries().len() + 1, lock.entries().len());
        assert!(removed.entry(&known.id).is_none());
    }
});

fn same_for_others(lock: &Lockfile, others: &[&LockEntry]) {
    let now: Vec<&LockEntry> = lock.entries().iter().filter(|entry| entry.id != ID).collect();
    assert_eq!(now, others);
}

fn entry(provenance: Provenance) -> LockEntry {
    LockEntry {
        id: ID.to_owned(),
        package: "a \"package\"\\".to_owned(),
        version: "1\t\u{202e}2".to_owned(),
        entry_point: "module:Class".to_owned(),
        distribution_hash: "sha256:11".to_owned(),
        provenance,
    }
}
