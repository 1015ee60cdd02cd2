//! What rots in our own small files, or is edited by a slip, is noticed: every bit and every cut of them.

mod common;

use std::fs;

use aisoc_installation::{InstallRecord, RecordedSigner};
use aisoc_manifests::digest::{ArtifactDigest, CanonicalDigest};
use aisoc_manifests::fault::Reason;
use common::versions::{access, current, id, incoming, install, record_file, recorded, sealed, unfinished, versions};
use common::{collect_garbage, kept_versions, read_record};

/// Every text that differs from `text` by one bit, and every beginning of it.
fn damaged(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let flipped = (0..text.len() * 8).map(|bit| {
        let mut flipped = text.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    });
    flipped.chain((0..text.len()).map(|length| text[..length].to_vec()))
}

#[test]
fn a_record_that_differs_by_one_bit_or_is_cut_anywhere_is_refused() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    let text = fs::read(record_file(plugins.path())).expect("there");
    let record = InstallRecord::parse(&text).expect("our own");
    assert_eq!(record.to_text().expect("a text"), text);
    // Every optional member too.
    let full = InstallRecord {
        index_digest: Some(ArtifactDigest::of(b"index")),
        platform: Some("linux/arm/v7".to_owned()),
        canonical_digest: Some(CanonicalDigest::of(b"signed")),
        signing_key_id: Some("release-\u{e9}".to_owned()),
        signers: vec![RecordedSigner {
            signing_key_id: "release-\u{e9}".to_owned(),
            signing_key_fingerprint: format!("SHA256:{}", "0f".repeat(32)),
        }],
        coverage: Some("full".to_owned()),
        ..record
    };
    let mut tried = 0;
    for text in [text, full.to_text().expect("a text")] {
        for damaged in damaged(&text) {
            let fault = InstallRecord::parse(&damaged).expect_err("damaged");
            assert_eq!(fault.reason(), Reason::RecordInvalid, "{}", String::from_utf8_lossy(&damaged));
            tried += 1;
        }
    }
    assert!(tried > 9_000, "{tried}");
}

#[test]
fn the_checksum_is_over_the_canonical_json_of_all_other_members() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    let record = recorded(plugins.path());
    let text = String::from_utf8(record.to_text().expect("a text")).expect("UTF-8");
    assert_eq!(text, sealed(&record));
    let without = serde_json::to_string_pretty(&record).expect("JSON");
    let other = text.replace("1.0.0", "1.0.1");
    for (text, word) in [(without, "no checksum"), (other, "sha256:")] {
        let fault = InstallRecord::parse(text.as_bytes()).expect_err(word);
        assert_eq!(fault.reason(), Reason::RecordInvalid);
        assert!(fault.difference().expect("both").found.contains(word), "{fault:?}");
    }
    for same in [text.replace("  ", "\t"), text.replace("{", "{\"id\": \"demo\","), format!("{text}\n")] {
        assert_eq!(InstallRecord::parse(same.as_bytes()).expect_err("another form").reason(), Reason::RecordInvalid);
    }
}

#[test]
fn a_kept_version_whose_note_differs_by_one_bit_is_none() {
    let plugins = tempfile::tempdir().expect("a directory");
    install(plugins.path(), "1.0.0", 1);
    install(plugins.path(), "1.1.0", 1);
    let note = plugins.path().join(".aisoc/versions/demo/1/kept.json");
    let text = fs::read(&note).expect("there");
    for damaged in damaged(&text) {
        fs::write(&note, &damaged).expect("written");
        assert!(kept_versions(plugins.path(), &id()).expect("listed").is_empty());
    }
    fs::write(&note, &text).expect("written");
    assert_eq!(versions(plugins.path()), ["1.0.0"]);
}

#[test]
fn a_note_of_a_change_that_differs_by_one_bit_is_not_followed() {
    let plugins = tempfile::tempdir().expect("a directory");
    let plugins = plugins.path();
    install(plugins, "1.0.0", 1);
    let slot = plugins.join(".aisoc/versions/demo/1/tree");
    let after = incoming("1.1.0", &slot);
    unfinished(plugins, Some(&recorded(plugins)), Some(&after), 1, &slot, Some(1));
    let note = plugins.join(".aisoc/pending/demo.json");
    let text = fs::read(&note).expect("there");
    for damaged in damaged(&text) {
        fs::write(&note, &damaged).expect("written");
        let fault = read_record(plugins, &id()).expect_err("damaged");
        assert_eq!(fault.reason(), Reason::RecordInvalid);
    }
    collect_garbage(plugins, 1, &access()).expect("collected");
    assert_eq!((current(plugins).as_str(), note.exists()), ("1.0.0", false));
}
