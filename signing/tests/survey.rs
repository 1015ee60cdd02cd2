//! A survey of a directory of keys: every file for itself, also where a keyring refuses all of them for one.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::Reason;
use aisoc_signing::{
    FileKind, KeyFlaw, KeyPlace, Keyring, LinkOut, Passed, SigningKey, Standing, Survey, SurveyedFile,
};
use jiff::Timestamp;

/// A directory with one good key.
struct Keys {
    root: tempfile::TempDir,
    ops: SigningKey,
}

impl Keys {
    fn new() -> Self {
        let keys = Self { root: tempfile::tempdir().expect("a directory"), ops: key() };
        keys.write("ops.pem", keys.ops.public_key().to_pem());
        keys
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }

    fn survey(&self) -> Survey {
        Survey::read(self.path()).expect("listed").expect("a directory")
    }
}

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("a time")
}

fn file<'a>(survey: &'a Survey, name: &str) -> &'a SurveyedFile {
    survey.files.iter().find(|file| file.file == name).unwrap_or_else(|| panic!("{name}: {survey:?}"))
}

fn flaw(survey: &Survey, name: &str) -> Option<KeyFlaw> {
    match &file(survey, name).kind {
        FileKind::Key { flaw, .. } => flaw.as_ref().map(|(flaw, _)| *flaw),
        other => panic!("{name} is no key: {other:?}"),
    }
}

#[test]
fn what_is_wrong_with_a_key_file_is_told_apart() {
    let keys = Keys::new();
    let public = |body: &str| format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
    keys.write("private.pem", keys.ops.to_pem().as_bytes());
    keys.write("weak.pem", public("MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    keys.write("x25519.pem", public("MCowBQYDK2VuAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    keys.write("ssh.pem", "-----BEGIN PGP PUBLIC KEY BLOCK-----\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n");
    keys.write("text.pem", "no key");
    keys.write("note.pem", r#"{"schema_version":2,"owner":"Ada"}"#);
    keys.write("large.pem", vec![b'x'; 65 << 10]);
    fs::create_dir(keys.path().join("directory.pem")).expect("made");
    symlink("nowhere", keys.path().join("gone.pem")).expect("linked");
    let survey = keys.survey();
    for (name, expected) in [
        ("ops.pem", None),
        ("private.pem", Some(KeyFlaw::Private)),
        ("weak.pem", Some(KeyFlaw::Weak)),
        ("x25519.pem", Some(KeyFlaw::OtherAlgorithm)),
        ("ssh.pem", Some(KeyFlaw::OtherAlgorithm)),
        ("text.pem", Some(KeyFlaw::NoKey)),
        ("note.pem", Some(KeyFlaw::Note)),
        ("large.pem", Some(KeyFlaw::Unreadable)),
        ("directory.pem", Some(KeyFlaw::Unreadable)),
        ("gone.pem", Some(KeyFlaw::Unreadable)),
    ] {
        assert_eq!(flaw(&survey, name), expected, "{name}");
    }
    assert_eq!(survey.keys.iter().map(|key| key.file.as_str()).collect::<Vec<_>>(), ["ops.pem"]);
}

/// What refuses the directory, and where a survey has it.
#[test]
fn what_a_keyring_refuses_is_there_with_everything_else() {
    type Make = fn(&Keys);
    let cases: [(&str, Make, &str, Reason); 6] = [
        ("a note that is not understood", |keys| keys.write("ops.json", "{"), "ops.json", Reason::KeyNoteInvalid),
        ("a stray note", |keys| keys.write("x.json", "{}"), "x.json", Reason::KeyNoteInvalid),
        ("a note in place of a key", |keys| keys.write("x.pem", "{"), "x.pem", Reason::KeyNoteInvalid),
        (
            "a note about no key",
            |keys| {
                keys.write("x.pem", "no key");
                keys.write("x.json", r#"{"schema_version":2,"owner":"Ada"}"#);
            },
            "x.pem",
            Reason::KeyNoteInvalid,
        ),
        (
            "a revoked key that is none",
            |keys| keys.write("revoked/x.pem", "no key"),
            "revoked/x.pem",
            Reason::KeyInvalid,
        ),
        ("a place that is a file", |keys| keys.write("staged", "x"), "", Reason::KeyNoteInvalid),
    ];
    let all = Keys::new();
    for (what, make, name, reason) in cases {
        let keys = Keys::new();
        make(&keys);
        assert_eq!(Keyring::read(keys.path()).expect_err(what).reason(), reason, "{what}");
        make(&all);
        for survey in [keys.survey(), all.survey()] {
            let refused = match name {
                "" => survey.unlisted.first().map(|fault| fault.reason()),
                name => match &file(&survey, name).kind {
                    FileKind::Key { refusal: Some(fault), .. } | FileKind::Stray { fault, .. } => Some(fault.reason()),
                    FileKind::Key { flaw: Some((KeyFlaw::Note, fault)), .. } => Some(fault.reason()),
                    FileKind::Note { fault, .. } => fault.as_ref().map(|fault| fault.reason()),
                    other => panic!("{what}: {other:?}"),
                },
            };
            assert_eq!(refused, Some(reason), "{what}");
            assert!(survey.keys.iter().any(|key| key.file == "ops.pem"), "{what}: the good one is there");
        }
    }
}

#[test]
fn what_is_passed_over_says_what_it_holds() {
    let keys = Keys::new();
    keys.write("README", "the keys of the team");
    keys.write("spare.pem.bak", key().public_key().to_pem());
    keys.write("release.key", key().to_pem().as_bytes());
    keys.write("ops.txt", key().to_pem().as_bytes());
    fs::create_dir(keys.path().join("old")).expect("made");
    keys.write("large", vec![b'x'; (1 << 20) + 1]);
    let survey = keys.survey();
    for (name, expected, is_private) in [
        ("README", Passed::Other, false),
        ("spare.pem.bak", Passed::PublicKey, false),
        ("release.key", Passed::Other, true),
        ("old", Passed::NoFile, false),
        ("large", Passed::Unsearched { max_bytes: 1 << 20 }, false),
    ] {
        let found = file(&survey, name);
        let FileKind::Passed(holds) = found.kind else { panic!("{name}") };
        assert_eq!((holds, found.is_private), (expected, is_private), "{name}");
    }
    let stray = file(&survey, "ops.txt");
    assert!(matches!(stray.kind, FileKind::Stray { .. }) && stray.is_private, "it may be meant for a note: {stray:?}");
}

#[test]
fn links_blocks_and_notes_on_their_way_are_seen() {
    let keys = Keys::new();
    let outside = tempfile::tempdir().expect("a directory");
    let real = outside.path().join("real.pem");
    fs::write(&real, key().public_key().to_pem()).expect("written");
    symlink(&real, keys.path().join("linked.pem")).expect("linked");
    keys.write("two.pem", key().public_key().to_pem() + &key().public_key().to_pem());
    keys.write("retired/old.pem", key().public_key().to_pem());
    keys.write("old.json", r#"{"schema_version":2,"not_after":"2026-01-01T00:00:00Z"}"#);
    let survey = keys.survey();
    let out = LinkOut { link: "linked.pem".into(), target: real };
    assert_eq!(file(&survey, "linked.pem").link_out, Some(out));
    assert_eq!(file(&survey, "ops.pem").link_out, None);
    let FileKind::Key { block_count, .. } = file(&survey, "two.pem").kind else { panic!("a key") };
    assert_eq!(block_count, 2);
    assert!(matches!(file(&survey, "old.json").kind, FileKind::Note { is_in_flight: true, fault: None }));
    let old = survey.keys.iter().find(|key| key.place == KeyPlace::Retired).expect("the old one");
    assert_eq!(old.standing(now()), Standing::Retired);
    assert_eq!(survey.path_of("retired/old.pem"), keys.path().join("retired/old.pem"));
}

#[test]
fn what_others_may_change_is_no_end_of_the_survey() {
    let keys = Keys::new();
    keys.write("revoked/old.pem", key().public_key().to_pem());
    for path in ["ops.pem", "revoked/old.pem"] {
        fs::set_permissions(keys.path().join(path), fs::Permissions::from_mode(0o666)).expect("set");
    }
    assert_eq!(Keyring::read(keys.path()).expect_err("insecure").reason(), Reason::DirectoryInsecure);
    let survey = keys.survey();
    let named: Vec<PathBuf> = survey
        .insecure
        .iter()
        .flat_map(|insecure| &insecure.weaknesses)
        .map(|weakness| weakness.path.clone())
        .collect();
    assert_eq!(named.len(), 2, "{named:?}");
    assert!(named.iter().all(|path| path.ends_with("ops.pem") || path.ends_with("revoked/old.pem")), "{named:?}");
    assert_eq!(survey.keys.len(), 2);
}

#[test]
fn one_key_file_is_looked_at_with_what_stands_beside_it() {
    let keys = Keys::new();
    keys.write("ops.json", "{");
    keys.write("other.pem", "no key");
    let one = Survey::read(&keys.path().join("ops.pem")).expect("read").expect("a file");
    assert!(one.is_one_file());
    assert_eq!(one.files.iter().map(|file| file.file.as_str()).collect::<Vec<_>>(), ["ops.pem", "ops.json"]);
    assert_eq!(one.path_of("ops.json"), keys.path().join("ops.json"));
    assert!(Survey::read(&keys.path().join("absent")).expect("nothing").is_none());
    assert!(Survey::read(&keys.path().join("ops.json")).is_err(), "no name of a key");
}
