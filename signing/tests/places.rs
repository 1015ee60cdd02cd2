//! Where a key stands in the directory, what its note says it is for, and what follows when it is used.

use std::fs;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{
    Circumstances, HeldKey, KeyCoverage, KeyPlace, Keyring, Origin, OutOfScope, SignatureKind, SigningKey, Standing,
};
use jiff::Timestamp;

const PLACES: [&str; 3] = ["staged", "retired", "revoked"];

struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().expect("a directory"));
        PLACES.iter().for_each(|place| fs::create_dir(site.path(place)).expect("made"));
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), content).expect("written");
        self
    }

    fn key(&self, name: &str, key: &SigningKey) -> &Self {
        self.write(name, key.public_key().to_pem())
    }

    fn read(&self) -> Result<Keyring, Fault> {
        Keyring::read(self.0.path())
    }
}

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("a time")
}

fn standings(keyring: &Keyring) -> Vec<(&str, Standing)> {
    keyring.all_keys().iter().map(|key| (key.file.as_str(), key.standing(now()))).collect()
}

#[test]
fn a_key_that_is_set_aside_is_known_and_not_trusted() {
    let site = Site::new();
    site.key("ops.pem", &key()).key("staged/new.pem", &key());
    site.key("retired/old.pub", &key()).key("revoked/lost.pem", &key());
    let keyring = site.read().expect("readable");
    let trusted: Vec<&str> = keyring.keys().iter().map(|key| key.file.as_str()).collect();
    assert_eq!(trusted, ["ops.pem"]);
    let revoked = Standing::Revoked { at: None, reason: None };
    let expected = [
        ("ops.pem", Standing::Current),
        ("revoked/lost.pem", revoked),
        ("retired/old.pub", Standing::Retired),
        ("staged/new.pem", Standing::Staged),
    ];
    assert_eq!(standings(&keyring), expected);
    let places: Vec<KeyPlace> = keyring.all_keys().iter().map(|key| key.place).collect();
    assert_eq!(places, [KeyPlace::Trusted, KeyPlace::Revoked, KeyPlace::Retired, KeyPlace::Staged]);
}

#[test]
fn a_key_that_is_revoked_anywhere_is_revoked_under_every_name() {
    let (site, lost) = (Site::new(), key());
    site.key("ops.pem", &lost).key("other.pub", &lost).key("staged/x.pem", &lost).key("revoked/lost.pem", &lost);
    let keyring = site.read().expect("readable");
    for (file, standing) in standings(&keyring) {
        assert_eq!(standing, Standing::Revoked { at: None, reason: None }, "{file}");
    }
    // A date that is still to come is no delay: it stands among the revoked ones now.
    site.write(
        "revoked/lost.json",
        r#"{"schema_version":2,"revoked":{"at":"2030-01-01T00:00:00Z","reason":"stolen"}}"#,
    );
    for (file, standing) in standings(&site.read().expect("readable")) {
        assert!(matches!(&standing, Standing::Revoked { at: Some(_), reason: Some(why) } if why == "stolen"), "{file}");
    }
}

#[test]
fn a_key_that_is_retired_or_staged_and_trusted_is_trusted() {
    let (site, both) = (Site::new(), key());
    site.key("ops.pem", &both).key("retired/ops.pem", &both).key("staged/ops.pem", &both);
    let keyring = site.read().expect("readable");
    assert_eq!(keyring.keys()[0].standing(now()), Standing::Current);
}

#[test]
fn a_note_is_that_of_the_key_of_its_name_in_another_place_and_of_none_else() {
    const LIMIT: &str = r#"{"schema_version":2,"not_after":"2026-01-01T00:00:00Z"}"#;
    for (key_at, note_at) in [
        ("ops.pem", "staged/ops.json"),
        ("staged/ops.pem", "ops.json"),
        ("retired/ops.pub", "ops.json"),
        ("revoked/ops.pem", "ops.json"),
        ("ops.pem", "revoked/ops.json"),
    ] {
        let (site, moving) = (Site::new(), key());
        site.key(key_at, &moving).key("twin.pem", &moving).write(note_at, LIMIT);
        let keyring = site.read().unwrap_or_else(|fault| panic!("{key_at} {note_at}: {fault:?}"));
        let twin = keyring.keys().iter().find(|key| key.id.as_str() == "twin").expect("there");
        assert_ne!(twin.standing(now()), Standing::Current, "{key_at} {note_at}: the note is about the key");
        let moved = keyring.all_keys().iter().find(|key| key.file == key_at).expect("there");
        assert!(moved.notes().is_none(), "{key_at} {note_at}: it is not there yet");
        fs::remove_file(site.path(key_at)).expect("removed");
        let fault = site.read().expect_err("nobody's note");
        assert_eq!(fault.reason(), Reason::KeyNoteInvalid, "{key_at} {note_at}");
        assert!(fault.message().contains(note_at), "{fault:?}");
    }
}

#[test]
fn what_is_no_key_is_passed_over_but_among_the_revoked() {
    for place in PLACES {
        let site = Site::new();
        site.key("ops.pem", &key()).write(&format!("{place}/x.pem"), "no key");
        match (place, site.read()) {
            ("revoked", Err(fault)) => {
                assert_eq!(fault.reason(), Reason::KeyInvalid);
                assert!(fault.message().contains("revoked/x.pem"), "{fault:?}");
            }
            ("revoked", Ok(keyring)) => panic!("nobody knows which key is revoked: {keyring:?}"),
            (_, keyring) => {
                let keyring = keyring.expect(place);
                assert_eq!(keyring.skipped()[0].file, format!("{place}/x.pem"));
            }
        }
        let secret = Site::new();
        secret.key("ops.pem", &key()).write(&format!("{place}/x.pem"), key().to_pem().as_bytes());
        assert_eq!(secret.read().is_err(), place == "revoked", "{place}");
    }
}

#[test]
fn a_place_is_held_to_the_rule_of_the_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    for place in PLACES {
        let site = Site::new();
        site.key("ops.pem", &key()).write(&format!("{place}/notes.json"), "{}");
        assert_eq!(site.read().expect_err("stray").reason(), Reason::KeyNoteInvalid, "{place}");
        fs::remove_dir_all(site.path(place)).expect("removed");
        site.write(place, "a file");
        assert!(site.read().is_err(), "{place}: what is no directory hides what should stand there");
        fs::remove_file(site.path(place)).expect("removed");
        assert!(site.read().is_ok(), "{place}: nothing stands there");
        fs::create_dir(site.path(place)).expect("made");
        fs::set_permissions(site.path(place), fs::Permissions::from_mode(0o777)).expect("set");
        assert_eq!(site.read().expect_err("open").reason(), Reason::DirectoryInsecure, "{place}");
    }
}

#[test]
fn what_is_written_down_beside_the_keys_is_no_note_whatever_their_names() {
    let site = Site::new();
    for name in ["keys.pem", "staged.pem", "retired.pub", "revoked.pem", "aisoc.pem"] {
        site.key(name, &key());
    }
    fs::create_dir(site.path(".aisoc")).expect("made");
    site.write("keys.journal", "{").write("keys.journal.chain", "{");
    assert_eq!(site.read().expect("readable").keys().len(), 5);
    assert_eq!(site.write("keys.journal.bak", "x").read().expect_err("stray").reason(), Reason::KeyNoteInvalid);
}

#[test]
fn one_key_file_is_that_key_and_nothing_beside_it() {
    let (site, lost) = (Site::new(), key());
    site.key("ops.pem", &lost).key("revoked/ops.pem", &lost);
    let keyring = Keyring::read(&site.path("ops.pem")).expect("readable");
    assert_eq!((keyring.all_keys().len(), keyring.keys()[0].standing(now())), (1, Standing::Current));
}

/// The one key of a directory, with that note.
fn noted(note: &str) -> HeldKey {
    let site = Site::new();
    site.key("ops.pem", &key()).write("ops.json", note);
    site.read().unwrap_or_else(|fault| panic!("{note}: {fault:?}")).keys()[0].clone()
}

fn from(reference: &str) -> Circumstances {
    Circumstances { at: now(), origin: Origin::recorded(reference) }
}

#[test]
fn a_scope_is_asked_where_a_plugin_is_judged() {
    let plugins = noted(r#"{"schema_version":2,"scope":{"plugins":["acme-*"]}}"#);
    for (id, counts) in [(Some("acme-shodan"), true), (Some("shodan"), false), (None, false)] {
        let standing = plugins.standing_for(id, &now().into());
        assert_eq!(standing == Standing::Current, counts, "{id:?}: {standing}");
    }
    let repositories = noted(r#"{"schema_version":2,"scope":{"repositories":["ghcr.io/acme"]}}"#);
    for (reference, counts) in [
        ("ghcr.io/acme/shodan:1.0", true),
        ("ghcr.io/other/shodan:1.0", false),
        ("oci:/tmp/shodan", false),
        ("", false),
    ] {
        let standing = repositories.standing_for(Some("shodan"), &from(reference));
        assert_eq!(standing == Standing::Current, counts, "{reference}: {standing}");
    }
    assert_eq!(repositories.standing(now()), Standing::Current, "its dates and place are fine");
    let both = noted(r#"{"schema_version":2,"scope":{"plugins":["acme-*"],"repositories":["ghcr.io/acme"]}}"#);
    let of = |id, reference| both.standing_for(Some(id), &from(reference));
    assert_eq!(of("acme-x", "ghcr.io/acme/x:1"), Standing::Current);
    assert!(matches!(of("x", "ghcr.io/acme/x:1"), Standing::OutOfScope(OutOfScope::Plugin { .. })));
    assert!(matches!(of("acme-x", "ghcr.io/x/x:1"), Standing::OutOfScope(OutOfScope::Origin { .. })));
}

#[test]
fn a_key_that_signs_other_things_signs_no_plugin() {
    let keysets = noted(r#"{"schema_version":2,"may_sign":["keyset"]}"#);
    assert!(matches!(
        keysets.standing_for(Some("shodan"), &now().into()),
        Standing::OutOfScope(OutOfScope::Kind { asked: SignatureKind::Plugin, .. })
    ));
    let silent = noted(r#"{"schema_version":2,"owner":"Ada"}"#);
    let expired = noted(r#"{"schema_version":2,"may_sign":["keyset"],"not_after":"2026-01-01T00:00:00Z"}"#);
    for kind in SignatureKind::ALL {
        let counts = |key: &HeldKey| key.standing_as(kind, now()) == Standing::Current;
        assert_eq!(counts(&keysets), kind == SignatureKind::Keyset, "{kind}");
        assert_eq!(counts(&silent), kind == SignatureKind::Plugin, "{kind}");
        assert!(!counts(&expired), "{kind}");
    }
    let site = Site::new();
    let unnoted = site.key("ops.pem", &key()).read().expect("readable");
    assert!(unnoted.keys()[0].standing_as(SignatureKind::Keyset, now()) != Standing::Current, "plugins only");
}

#[test]
fn code_is_enough_where_the_note_of_a_trusted_key_says_so_and_none_asks_for_more() {
    let note = |coverage: &str| format!(r#"{{"schema_version":2,"coverage":"{coverage}"}}"#);
    let coverage = |notes: &[(&str, &str)]| {
        let (site, ops) = (Site::new(), key());
        site.key("ops.pem", &ops);
        for (key_at, word) in notes {
            site.key(key_at, &ops).write(&key_at.replace(".pem", ".json"), note(word));
        }
        site.read().expect("readable").keys()[0].coverage()
    };
    assert_eq!(coverage(&[]), None);
    assert_eq!(coverage(&[("ops.pem", "code")]), Some(KeyCoverage::Code));
    assert_eq!(coverage(&[("ops.pem", "full")]), Some(KeyCoverage::Full));
    assert_eq!(coverage(&[("ops.pem", "code"), ("twin.pem", "full")]), Some(KeyCoverage::Full));
    assert_eq!(coverage(&[("retired/ops.pem", "code")]), None, "what gives something counts where it is trusted");
    assert_eq!(coverage(&[("retired/ops.pem", "full")]), Some(KeyCoverage::Full));
}

#[test]
fn a_directory_of_places_alone_holds_no_trusted_key() {
    let site = Site::new();
    let keyring = site.key("staged/new.pem", &key()).read().expect("readable");
    assert!(keyring.keys().is_empty() && keyring.all_keys().len() == 1);
    assert!(Keyring::read(Path::new("/nowhere/keys")).expect("nothing").all_keys().is_empty());
}

#[test]
fn a_standing_says_in_words_what_a_key_is_for_and_what_it_was_asked_for() {
    let many: Vec<String> = (1..=7).map(|number| format!("\"p{number}\"")).collect();
    let long = noted(&format!(r#"{{"schema_version":2,"scope":{{"plugins":[{}]}}}}"#, many.join(",")));
    let said = |key: &HeldKey, id: Option<&str>, reference: &str| key.standing_for(id, &from(reference)).to_string();
    assert_eq!(
        said(&long, Some("shodan"), ""),
        "signs `p1`, `p2`, `p3`, `p4`, `p5` and 2 more, and not `shodan`",
        "five are named"
    );
    assert!(said(&long, None, "").ends_with("and not a plugin whose id cannot be read"));
    let repositories = noted(r#"{"schema_version":2,"scope":{"repositories":["ghcr.io/acme"]}}"#);
    let elsewhere = said(&repositories, Some("x"), "ghcr.io/other/x:1");
    assert_eq!(elsewhere, "signs what comes from `ghcr.io/acme`, and not from ghcr.io/other/x");
    let unknown = said(&repositories, Some("x"), "");
    assert_eq!(unknown, "signs what comes from `ghcr.io/acme`, and where this comes from is not known");
    let sets = noted(r#"{"schema_version":2,"may_sign":["keyset","lock"]}"#);
    assert_eq!(said(&sets, Some("x"), ""), "signs keyset, lock alone, and no plugin");
    for (standing, words) in [
        (Standing::Current, "counts"),
        (Standing::Staged, "is staged, and not trusted yet"),
        (Standing::Retired, "was retired, and is not trusted any more"),
        (Standing::Revoked { at: None, reason: None }, "was revoked"),
        (Standing::CoversTooLittle, "counts where it has signed every file, and here it has not"),
    ] {
        assert_eq!(standing.to_string(), words);
    }
}

#[test]
fn of_several_limits_the_strictest_is_named() {
    let note = |content: &str| format!(r#"{{"schema_version":2,{content}}}"#);
    let scope = r#""scope":{"plugins":["acme-*"]}"#;
    for (first, second, expected) in [
        (scope, r#""not_after":"2026-01-01T00:00:00Z""#, "expired at"),
        (scope, r#""not_before":"2027-01-01T00:00:00Z""#, "does not count before"),
        (r#""not_after":"2026-01-01T00:00:00Z""#, scope, "expired at"),
        (scope, r#""revoked":{"at":"2026-01-01T00:00:00Z","reason":"stolen"}"#, "was revoked at"),
    ] {
        let (site, ops) = (Site::new(), key());
        site.key("ops.pem", &ops).write("ops.json", note(first)).key("twin.pem", &ops).write("twin.json", note(second));
        let keyring = site.read().expect("readable");
        for key in keyring.keys() {
            let said = key.standing_for(Some("shodan"), &now().into()).to_string();
            assert!(said.starts_with(expected), "{}: {said}", key.file);
        }
    }
}
