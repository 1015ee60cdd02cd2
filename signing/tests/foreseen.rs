//! The keyring as it would be with other files: what is asked before keys are changed.

use std::fs;
use std::path::Path;

use aisoc_signing::{ForeseenFile, HeldKey, KeyNotes, KeyPlace, Keyring, SignatureKind, SigningKey, Standing};

fn files(keyring: &Keyring) -> Vec<ForeseenFile> {
    let file = |key: &HeldKey| ForeseenFile {
        place: key.place,
        name: key.file.rsplit('/').next().expect("a name").to_owned(),
        key: key.key,
        note: key.notes().cloned(),
    };
    keyring.all_keys().iter().map(file).collect()
}

/// What a keyring says of each of its files at that time.
fn said(keyring: &Keyring) -> Vec<(String, Vec<String>)> {
    let at = "2026-06-01T00:00:00Z".parse().expect("a time");
    let standings = |key: &HeldKey| {
        let standings = SignatureKind::ALL.map(|kind| key.standing_as(kind, at));
        standings.iter().map(Standing::to_string).chain([format!("{:?}", key.coverage())]).collect()
    };
    let mut said: Vec<_> = keyring.all_keys().iter().map(|key| (key.file.clone(), standings(key))).collect();
    said.sort();
    said
}

fn write(place: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = place.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
}

/// The same files give the same keyring as reading them does, and others the one that reading those would give.
#[test]
fn what_is_foreseen_is_what_would_be_read() {
    let pems: Vec<String> =
        (0..4).map(|_| SigningKey::generate().expect("random numbers").public_key().to_pem()).collect();
    let [one, two, three, four] = [0, 1, 2, 3].map(|index| pems[index].as_str());
    let code = r#"{"schema_version": 2, "coverage": "code"}"#;
    let sets = r#"{"schema_version": 2, "may_sign": ["keyset"]}"#;
    let both = r#"{"schema_version": 2, "may_sign": ["keyset", "plugin"]}"#;
    let before = tempfile::tempdir().expect("a directory");
    write(
        before.path(),
        &[
            ("a.pem", one),
            ("a.json", code),
            ("copy.pem", one),
            ("copy.json", both),
            ("b.pem", two),
            ("retired/b.pem", two),
            ("staged/c.pem", three),
            ("staged/c.json", code),
            // The note of a key that is on its way to the top.
            ("d.pem", four),
            ("staged/d.json", sets),
        ],
    );
    let keyring = Keyring::read(before.path()).expect("readable");
    assert_eq!(said(&keyring.with_files(files(&keyring))), said(&keyring));
    // A note is another one, a key is moved, one is gone, and one is revoked under one of its names.
    let after = tempfile::tempdir().expect("a directory");
    write(
        after.path(),
        &[
            ("a.pem", one),
            ("a.json", sets),
            ("copy.pem", one),
            ("copy.json", both),
            ("b.pem", two),
            ("revoked/b.pem", two),
            ("c.pem", three),
            ("c.json", code),
            ("d.pem", four),
            ("staged/d.json", sets),
        ],
    );
    let note = |text: &str| serde_json::from_str::<KeyNotes>(text).expect("a note");
    let changed = files(&keyring).into_iter().map(|file| match (file.place, file.name.as_str()) {
        (KeyPlace::Trusted, "a.pem") => ForeseenFile { note: Some(note(sets)), ..file },
        (KeyPlace::Retired, "b.pem") => ForeseenFile { place: KeyPlace::Revoked, ..file },
        (KeyPlace::Staged, "c.pem") => ForeseenFile { place: KeyPlace::Trusted, ..file },
        _ => file,
    });
    let foreseen = keyring.with_files(changed);
    let read = Keyring::read(after.path()).expect("readable");
    assert_eq!(said(&foreseen), said(&read));
    assert_eq!(foreseen.keys().len(), read.keys().len());
    let without = files(&keyring).into_iter().filter(|file| file.name != "copy.pem");
    assert_eq!(keyring.with_files(without).all_keys().len(), keyring.all_keys().len() - 1);
}
