//! Whose word a site follows about a successor, judged by the keys as they are: no file is written here.

use std::collections::BTreeSet;
use std::fs;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{Envelope, Fingerprint, KeyHolder, Keyring, PayloadType, SigningKey, Standing, Succession};
use aisoc_trust::keys::{Acceptance, Asked, Grounds, Outcome, accept, accepted_on_word_of};
use jiff::Timestamp;

const MAY: &str = r#"{"schema_version":2,"may_sign":["plugin","succession"]}"#;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A directory of keys, and the private halves of all of them.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn key(&self, file: &str, note: &str) -> SigningKey {
        let key = SigningKey::generate().expect("random numbers");
        self.put(file, &key, note);
        key
    }

    fn put(&self, file: &str, key: &SigningKey, note: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path.with_extension("pem"), key.public_key().to_pem()).expect("written");
        if !note.is_empty() {
            fs::write(path.with_extension("json"), note).expect("written");
        }
    }

    fn keyring(&self) -> Keyring {
        Keyring::read(self.0.path()).expect("keys")
    }

    fn accept(&self, envelope: &Envelope, required: usize, known: &[Fingerprint]) -> Result<Acceptance, Fault> {
        let reason = "ticket 12".parse().expect("a reason");
        let asked = Asked {
            envelope,
            required,
            id: "next".to_owned(),
            not_after: None,
            at: at("2026-06-01T00:00:00Z"),
            known: known.iter().copied().collect(),
        };
        accept(&self.keyring(), &asked, &Grounds { at: at("2026-06-01T00:00:00Z"), reason })
    }
}

fn fingerprint(key: &SigningKey) -> Fingerprint {
    key.public_key().fingerprint()
}

fn endorsed(successor: &SigningKey, endorsers: &[&SigningKey], signing: &[&SigningKey], required: usize) -> Envelope {
    let succession = Succession {
        successor: successor.public_key(),
        endorsers: endorsers.iter().map(|key| fingerprint(key)).collect(),
        required,
        issued_at: at("2026-05-01T00:00:00Z"),
        not_before: at("2026-05-01T00:00:00Z"),
        until: at("2026-07-01T00:00:00Z"),
        comment: None,
    };
    let holders: Vec<&dyn KeyHolder> = signing.iter().map(|key| *key as &dyn KeyHolder).collect();
    Envelope::sign(PayloadType::KeySuccession, succession.to_json(), &holders).expect("signed")
}

fn stands_on(key: &SigningKey) -> String {
    format!(r#"{{"schema_version":2,"may_sign":["plugin"],"endorsed_by":["{}"]}}"#, fingerprint(key))
}

#[test]
fn the_number_that_counts_is_the_larger_of_the_two_and_nobody_lowers_it() {
    let site = Site::new();
    let (one, two, next) = (site.key("one", MAY), site.key("two", MAY), SigningKey::generate().expect("random"));
    let outsider = site.key("outsider", MAY);
    for (signing, stated, asked, is_enough) in [
        (&[&one][..], 1, 1, true),
        (&[&one], 1, 2, false),
        (&[&one], 2, 1, false),
        (&[&one, &two], 2, 1, true),
        (&[&one, &two], 1, 2, true),
        (&[&one, &two], 1, 3, false),
        // Who is none of those whose word it is adds nothing to it.
        (&[&one, &outsider], 2, 1, false),
        (&[&outsider], 1, 1, false),
    ] {
        let envelope = endorsed(&next, &[&one, &two], signing, stated);
        match site.accept(&envelope, asked, &[]) {
            Ok(done) => assert!(is_enough && done.required == stated.max(asked), "{stated} {asked}"),
            Err(fault) => assert!(!is_enough && fault.reason() == Reason::SignersTooFew, "{fault:?}"),
        }
    }
}

#[test]
fn a_key_that_is_limited_under_one_name_endorses_under_none() {
    let site = Site::new();
    let (one, next) = (site.key("one", MAY), SigningKey::generate().expect("random"));
    let envelope = endorsed(&next, &[&one], &[&one], 1);
    site.accept(&envelope, 1, &[]).expect("it may");
    site.put("copy", &one, r#"{"schema_version":2,"owner":"Ada"}"#);
    let fault = site.accept(&envelope, 1, &[]).expect_err("a note of it says plugins alone");
    assert_eq!(fault.reason(), Reason::KeyOutOfScope);
    site.put("revoked/gone", &one, "");
    assert_eq!(site.accept(&envelope, 1, &[]).expect_err("revoked").reason(), Reason::KeyRevoked);
}

#[test]
fn what_is_there_already_is_left_as_it_stands() {
    let site = Site::new();
    let one = site.key("one", MAY);
    let expired = r#"{"schema_version":2,"not_after":"2026-02-01T00:00:00Z"}"#;
    let next = site.key("next", expired);
    let outcome = site.accept(&endorsed(&next, &[&one], &[&one], 1), 1, &[]).expect("nothing to do").outcome;
    let Outcome::Unchanged(id, standing) = outcome else { panic!("{outcome:?}") };
    assert_eq!((id.as_str(), standing), ("next", Standing::Expired(at("2026-02-01T00:00:00Z"))));
    for (file, reason) in [
        ("staged/a", Reason::AlreadyExists),
        ("retired/b", Reason::EndorsementReplayed),
        ("revoked/c", Reason::KeyRevoked),
    ] {
        let there = site.key(file, "");
        let fault = site.accept(&endorsed(&there, &[&one], &[&one], 1), 1, &[]).expect_err(file);
        assert_eq!(fault.reason(), reason, "{file}");
    }
    let gone = SigningKey::generate().expect("random");
    let fault = site.accept(&endorsed(&gone, &[&one], &[&one], 1), 1, &[fingerprint(&gone)]).expect_err("it was here");
    assert_eq!(fault.reason(), Reason::EndorsementReplayed);
}

#[test]
fn an_endorser_has_one_living_successor() {
    let site = Site::new();
    let (one, two) = (site.key("one", MAY), site.key("two", MAY));
    let (first, second) = (site.key("first", &stands_on(&one)), SigningKey::generate().expect("random"));
    let fault = site.accept(&endorsed(&second, &[&one], &[&one], 1), 1, &[]).expect_err("a second one");
    assert_eq!(fault.reason(), Reason::EndorsementConflict);
    assert_eq!(fault.difference().expect("both").expected, fingerprint(&first).to_string());
    let both = endorsed(&second, &[&one, &two], &[&one, &two], 2);
    assert_eq!(site.accept(&both, 2, &[]).expect_err("beside another").reason(), Reason::EndorsementConflict);
    site.accept(&endorsed(&second, &[&two], &[&two], 1), 1, &[]).expect("of another endorser");
    for ended in ["not_after\":\"2026-05-01T00:00:00Z", "comment\":\"moved"] {
        let note = stands_on(&one).replacen("may_sign", &format!("{ended}\",\"may_sign"), 1);
        let directory = site.0.path();
        fs::write(directory.join("first.json"), note).expect("written");
        let is_over = ended.starts_with("not_after");
        assert_eq!(site.accept(&endorsed(&second, &[&one], &[&one], 1), 1, &[]).is_ok(), is_over, "{ended}");
    }
}

#[test]
fn the_word_of_a_key_reaches_as_far_as_its_successors_pass_it_on() {
    let site = Site::new();
    let one = site.key("one", MAY);
    let two = site.key("two", &stands_on(&one));
    let three = site.key("three", &stands_on(&two));
    let four = site.key("retired/four", &stands_on(&one));
    // What a key has said stands when it has ended itself, as at the end of each rotation.
    site.key("six", &stands_on(&four));
    site.key("staged/five", &stands_on(&three));
    site.key("other", MAY);
    let keyring = site.keyring();
    let found = |key: &SigningKey| -> BTreeSet<String> {
        let found = accepted_on_word_of(&keyring, fingerprint(key), at("2026-06-01T00:00:00Z"));
        found.iter().map(|key| key.id.to_string()).collect()
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(found(&one), names(&["two", "three", "five", "six"]));
    assert_eq!(found(&three), names(&["five"]));
    assert_eq!(found(&SigningKey::generate().expect("random")), names(&[]));
    // Two keys that name each other end all the same.
    site.put("one", &one, &stands_on(&three));
    let keyring = site.keyring();
    assert_eq!(accepted_on_word_of(&keyring, fingerprint(&two), at("2026-06-01T00:00:00Z")).len(), 5);
}
