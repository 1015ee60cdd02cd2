//! The plan, state by state.

use std::fs;
use std::path::Path;

use aisoc_files::{Links, read_small};
use aisoc_manifests::fault::Reason;
use aisoc_signing::{Fingerprint, KeyPlace, Keyring, PublicKey, SignatureKind, SigningKey};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::journal::{HeldDirectory, JournalPlace};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn now() -> Timestamp {
    time("2026-06-01T00:00:00Z")
}

/// A directory of keys with the two keys of a rotation in those files.
struct Site {
    directory: tempfile::TempDir,
    rotation: Rotation,
    new: PublicKey,
}

impl Site {
    fn with(new_files: &[&str], old_files: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let key = || SigningKey::generate().expect("random numbers").public_key();
        let (new, old) = (key(), key());
        for (key, files) in [(&new, new_files), (&old, old_files)] {
            files.iter().for_each(|file| write(directory.path(), file, &key.to_pem()));
        }
        let overlap = Overlap::of(SignedDuration::from_hours(30 * 24));
        let rotation = Rotation { new: new.fingerprint(), old: old.fingerprint(), overlap, owner: None, revokes: true };
        Self { directory, rotation, new }
    }

    fn write(&self, file: &str, content: &str) {
        write(self.directory.path(), file, content);
    }

    fn keys(&self) -> aisoc_manifests::fault::Result<RotatedKeys> {
        let keyring = Keyring::read(self.directory.path()).expect("keys");
        RotatedKeys::of(&keyring, &keyring.with_trusted("new", self.new), &self.rotation, now())
    }

    fn plan(&self, since: Option<&str>, needed: Option<(usize, usize)>) -> Plan {
        let needed =
            needed.map(|(lost_count, unknown_count)| Needed { lost_count, unknown_count, ..Needed::default() });
        Plan::of(&self.rotation, &self.keys().expect("two keys"), since.map(time), needed, now())
    }

    fn refused(&self) -> (Reason, String) {
        let fault = self.keys().expect_err("refused");
        assert!(!fault.next_step().is_empty() && fault.difference().is_some(), "{fault:?}");
        (fault.reason(), fault.message().to_owned())
    }
}

fn write(directory: &Path, file: &str, content: &str) {
    let path = directory.join(file);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, content).expect("written");
}

fn states(plan: &Plan) -> Vec<(RotationStep, StepState)> {
    plan.steps.iter().map(|step| (step.step, step.state)).collect()
}

fn why(plan: &Plan, step: RotationStep) -> (String, Option<String>) {
    let found = plan.steps.iter().find(|planned| planned.step == step).expect("the step");
    (found.why.clone().unwrap_or_default(), found.until.map(|until| until.to_string()))
}

use RotationStep::{Annotate, Promote, Resign, Retire, Revoke, Stage};
use StepState::{Done, Due, Later, Waiting};

const JUST: Option<&str> = Some("2026-06-01T00:00:00Z");
const LONG_AGO: Option<&str> = Some("2026-05-01T00:00:00Z");

#[test]
fn each_state_of_the_keys_has_its_step() {
    let (none, some) = (Some((0, 0)), Some((2, 0)));
    for (new, old, since, needed, states_of_all) in [
        (&[][..], "old.pem", None, none, [Due, Due, Done, Waiting, Later]),
        (&[], "old.pem", None, None, [Due, Due, Later, Waiting, Later]),
        (&["staged/new.pem"], "old.pem", None, some, [Done, Due, Waiting, Waiting, Later]),
        (&["new.pem"], "old.pem", None, some, [Done, Due, Waiting, Waiting, Later]),
        (&["new.pem"], "old.pem", JUST, none, [Done, Done, Done, Waiting, Later]),
        (&["new.pem"], "old.pem", LONG_AGO, some, [Done, Done, Waiting, Waiting, Later]),
        (&["new.pem"], "old.pem", LONG_AGO, Some((0, 1)), [Done, Done, Waiting, Waiting, Later]),
        (&["new.pem"], "old.pem", LONG_AGO, none, [Done, Done, Done, Due, Due]),
        (&["new.pem"], "retired/old.pem", LONG_AGO, None, [Done, Done, Done, Done, Due]),
        (&["new.pem"], "revoked/old.pem", LONG_AGO, None, [Done, Done, Done, Done, Done]),
        (&["new.pem", "staged/new.pem"], "old.pem", LONG_AGO, none, [Done, Done, Done, Due, Due]),
        (&[], "revoked/old.pem", None, None, [Due, Due, Done, Done, Done]),
    ] {
        let plan = Site::with(new, &[old]).plan(since, needed);
        let expected: Vec<_> = [Stage, Promote, Resign, Retire, Revoke].into_iter().zip(states_of_all).collect();
        assert_eq!(states(&plan), expected, "{new:?} {old} {since:?} {needed:?}");
        assert_eq!(plan.due(), expected.iter().find(|step| step.1 == Due).map(|step| step.0));
        assert_eq!(plan.is_finished(), states_of_all == [Done; 5]);
        assert_eq!(plan.retires_at.is_some(), old == "old.pem");
    }
}

#[test]
fn the_overlap_is_counted_to_the_moment_and_never_shorter_than_the_note_lets_the_new_key_begin() {
    for (since, days, state) in [
        ("2026-05-02T00:00:00Z", 30, Due),
        ("2026-05-02T00:00:01Z", 30, Waiting),
        ("2026-06-01T00:00:00Z", 0, Due),
        // A clock that was ahead when the key was promoted: nothing begins before it.
        ("2099-01-01T00:00:00Z", 0, Waiting),
    ] {
        let mut site = Site::with(&["new.pem"], &["old.pem"]);
        site.rotation.overlap = Overlap::of(SignedDuration::from_hours(days * 24));
        let plan = site.plan(Some(since), Some((0, 0)));
        assert_eq!(states(&plan)[3], (Retire, state), "{since} {days}");
    }
    let site = Site::with(&["new.pem"], &["old.pem"]);
    site.write("new.json", r#"{"schema_version": 2, "not_before": "2026-07-01T00:00:00Z"}"#);
    let plan = site.plan(LONG_AGO, Some((0, 0)));
    assert_eq!(plan.retires_at, Some(time("2026-07-31T00:00:00Z")));
    assert_eq!(why(&plan, Resign).1.as_deref(), Some("2026-07-01T00:00:00Z"));
    let (waits, until) = why(&plan, Retire);
    assert_eq!(until.as_deref(), Some("2026-07-31T00:00:00Z"));
    for said in ["overlap of 30d", "comes first", "no other key"] {
        assert!(waits.contains(said), "{waits}");
    }
}

#[test]
fn the_old_key_stays_while_it_is_the_last_that_signs_plugins() {
    let site = Site::with(&["new.pem"], &["old.pem"]);
    site.write("new.json", r#"{"schema_version": 2, "may_sign": ["keyset"]}"#);
    let plan = site.plan(LONG_AGO, Some((0, 0)));
    assert_eq!(why(&plan, Retire).0, "no other key that signs plugins counts");
    site.write("other.pem", &SigningKey::generate().expect("random numbers").public_key().to_pem());
    assert_eq!(site.plan(LONG_AGO, Some((0, 0))).due(), Some(Retire));
}

#[test]
fn every_file_of_the_old_key_goes_and_the_owner_that_was_named_last_counts() {
    let mut site = Site::with(&["new.pem"], &["old.pem", "retired/twin.pem", "staged/third.pem"]);
    assert_eq!(site.plan(LONG_AGO, Some((0, 0))).due(), Some(Retire));
    site.rotation.owner = Some("Ada".to_owned());
    assert_eq!(site.plan(LONG_AGO, None).due(), Some(Annotate));
    site.write("new.json", r#"{"schema_version": 2, "owner": "Ada"}"#);
    assert_eq!(site.plan(LONG_AGO, Some((0, 0))).due(), Some(Retire));
    site.rotation.revokes = false;
    let plan = site.plan(LONG_AGO, Some((0, 0)));
    assert_eq!(plan.steps.len(), 4, "nothing is revoked unasked");
}

#[test]
fn what_cannot_be_rotated_is_refused_each_for_its_own_reason() {
    let refused = |new: &[&str], old: &[&str]| Site::with(new, old).refused();
    assert_eq!(refused(&["revoked/new.pem", "new.pem"], &["old.pem"]).0, Reason::KeyRevoked);
    assert_eq!(refused(&["retired/new.pem"], &["old.pem"]).0, Reason::AlreadyExists);
    let (reason, message) = refused(&[], &["staged/old.pem"]);
    assert!(reason == Reason::Usage && message.contains("is staged"), "{message}");
    let expired = Site::with(&["staged/new.pem"], &["old.pem"]);
    expired.write("staged/new.json", r#"{"schema_version": 2, "not_after": "2026-05-01T00:00:00Z"}"#);
    assert_eq!(expired.refused().0, Reason::KeyExpired);
    let mut one = Site::with(&[], &["old.pem"]);
    one.rotation.new = one.rotation.old;
    let (reason, message) = one.refused();
    assert!(reason == Reason::Usage && message.contains("`old`"), "{message}");
}

/// Since when that journal says that the key is trusted.
fn since(key: Fingerprint, lines: &[(&str, &str, &str)]) -> Option<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let line = |(time, action, hash): &(&str, &str, &str)| {
        let hash = hash.replace("KEY", &key.to_string()).replace("key", &key.to_string().to_lowercase());
        let (action, reason) = action.split_once(' ').unwrap_or((action, "ticket"));
        format!("{time}\t{action}\tnew\t-\t{hash}\t{reason}\n")
    };
    fs::write(directory.path().join("keys.journal"), lines.iter().map(line).collect::<String>()).expect("written");
    let held = HeldDirectory::open(directory.path()).expect("open").expect("there");
    trusted_since(&JournalPlace::of_keys(held, None), key, now()).expect("read").map(|time| time.to_string())
}

#[test]
fn the_newest_line_of_the_journal_says_since_when_a_key_is_trusted() {
    let site = Site::with(&[], &["old.pem"]);
    let key = site.rotation.new;
    let other = site.rotation.old.to_string();
    let (may, april) = ("2026-05-01T00:00:00Z", "2026-04-01T00:00:00Z");
    for (lines, expected) in [
        (&[][..], None),
        (&[(april, "key-stage", "KEY")], None),
        (&[(april, "key-stage", "KEY"), (may, "key-promote", "KEY")], Some(may)),
        (&[(april, "key-add", "KEY"), (may, "key-annotate", "KEY")], Some(april)),
        (&[(april, "key-add", "KEY"), (may, "key-revoke", "KEY")], None),
        (&[(april, "key-revoke", "KEY"), (may, "key-restore", "KEY")], Some(may)),
        (&[(april, "key-add", "KEY"), (may, "key-add", "KEY")], Some(may)),
        (&[(april, "key-accept", "key")], Some(april)),
        (&[(april, "key-add", "KEY"), (may, "key-retire", "KEY")], None),
        // A set says what it has made of a key, and an annotation begins nothing anew.
        (&[(april, "key-sync trusted: set a, version 1", "KEY")], Some(april)),
        (&[(april, "key-sync trusted: a", "KEY"), (may, "key-sync annotated: a", "KEY")], Some(april)),
        (&[(april, "key-sync trusted: a", "KEY"), (may, "key-sync retired: a", "KEY")], None),
        (&[(april, "key-sync staged: a", "KEY")], None),
        (&[(april, "key-add", &other)], None),
        (&[("no line", "at", "all"), (april, "key-add", "KEY")], Some(april)),
        // A clock that was set back when the key was promoted makes the overlap no shorter.
        (&[(may, "key-stage", "KEY"), (april, "key-promote", "KEY")], Some(may)),
        // One that was ahead before is not believed for ever.
        (&[("2099-01-01T00:00:00Z", "key-stage", "KEY"), (may, "key-promote", "KEY")], Some(may)),
    ] {
        assert_eq!(since(key, lines).as_deref(), expected, "{lines:?}");
    }
}

#[test]
fn where_the_new_key_stands_is_known_by_its_best_file() {
    let place = |files: &[&str]| Site::with(files, &["old.pem"]).keys().expect("two keys").new;
    assert_eq!(place(&["staged/new.pem", "other.pem"]), Some(KeyPlace::Trusted));
    assert_eq!(place(&["staged/new.pem"]), Some(KeyPlace::Staged));
    assert_eq!(place(&[]), None);
}

/// Every state that the two keys and what is known of them can be in.
fn every_plan(mut seen: impl FnMut(&RotatedKeys, Option<Timestamp>, Option<Needed>, &Plan)) {
    let places = [KeyPlace::Trusted, KeyPlace::Staged];
    let needed = |lost_count, unknown_count| Some(Needed { lost_count, unknown_count, ..Needed::default() });
    let unlisted = Some(Needed { unlisted_count: 1, ..Needed::default() });
    let site = Site::with(&[], &["old.pem"]);
    for new in [None, Some(places[0]), Some(places[1])] {
        for old in [KeyPlace::Trusted, KeyPlace::Retired, KeyPlace::Revoked] {
            for counts_from in [None, Some(time("2026-07-01T00:00:00Z"))] {
                for misses in [None, Some(SignatureKind::Plugin)] {
                    let keys = RotatedKeys { new, owner: None, counts_from, old, wider: None, misses };
                    for since in [None, JUST.map(time), LONG_AGO.map(time)] {
                        for needed in [None, needed(0, 0), needed(1, 0), needed(0, 1), unlisted] {
                            let plan = Plan::of(&site.rotation, &keys, since, needed, now());
                            seen(&keys, since, needed, &plan);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_old_key_goes_in_no_state_in_which_something_would_be_refused() {
    let (mut count, mut gone) = (0, 0);
    every_plan(|keys, since, needed, plan| {
        count += 1;
        let retire = plan.steps.iter().find(|step| step.step == Retire).expect("a step").state;
        if retire == Due {
            gone += 1;
            assert!(keys.misses.is_none() && keys.counts_from.is_none() && keys.old_is_trusted(), "{keys:?}");
            assert_eq!(needed, Some(Needed::default()), "{keys:?}");
            assert!(keys.new == Some(KeyPlace::Trusted) && since < Some(now()), "{keys:?} {since:?}");
        }
        assert_eq!(retire == Done, !keys.old_is_trusted(), "{keys:?}");
    });
    assert_eq!((count, gone), (3 * 3 * 2 * 2 * 3 * 5, 1), "of all states in one alone");
}

#[test]
fn every_plan_says_what_it_waits_for_and_has_an_end() {
    every_plan(|keys, _, _, plan| {
        for step in &plan.steps {
            assert!(step.state != Waiting || step.why.is_some(), "{keys:?} {step:?}");
            assert!(step.until.is_none_or(|until| until > now()), "{keys:?} {step:?}");
        }
        let is_stuck = plan.due().is_none() && plan.steps.iter().all(|step| step.state != Waiting);
        let is_unasked = plan.steps.iter().any(|step| (step.step, step.state) == (Resign, Later));
        assert_eq!(is_stuck && !is_unasked, plan.is_finished(), "{keys:?}: {plan:?}");
        // The steps before the old key goes come first, and revoking it last.
        let order = [Stage, Promote, Resign, Retire, Revoke];
        assert_eq!(plan.steps.iter().map(|step| step.step).collect::<Vec<_>>(), order);
        let state = |step: usize| plan.steps[step].state;
        assert!(state(4) != Due || [Done, Due].contains(&state(3)), "{keys:?}: {plan:?}");
    });
}

#[test]
fn a_journal_that_was_changed_says_nothing_about_the_overlap() {
    use crate::journal::{Action, Entry, JournalTime, Writer};
    let site = Site::with(&["new.pem"], &["old.pem"]);
    let directory = tempfile::tempdir().expect("a directory");
    let held = || HeldDirectory::open(directory.path()).expect("open").expect("there");
    let place = || JournalPlace::of_keys(held(), Some(held()));
    let entry = |at: &str| Entry {
        at: JournalTime::utc(time(at)),
        action: Action::KeyPromote,
        id: Some("new".to_owned()),
        version: None,
        hash: Some(site.rotation.new.to_string()),
        reason: Some("ticket".to_owned()),
    };
    for at in ["2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"] {
        place().open().expect("a journal").append(&entry(at), &Writer::of_process(None)).expect("written");
    }
    let since = || trusted_since(&place(), site.rotation.new, now());
    assert_eq!(since().expect("read"), Some(time("2026-05-01T00:00:00Z")));
    let path = directory.path().join("keys.journal");
    let text = read_small(&path, 1 << 20, Links::Refused).expect("lines").content;
    let text = String::from_utf8(text).expect("text").replace("2026-05-01", "2026-01-01");
    fs::write(&path, text).expect("written");
    assert_eq!(since().expect_err("broken").reason(), Reason::JournalBroken);
}

#[test]
fn what_a_list_alone_holds_back_is_not_said_to_depend_on_the_old_key() {
    let site = Site::with(&[], &["old.pem"]);
    let keys = RotatedKeys {
        new: Some(KeyPlace::Trusted),
        owner: None,
        counts_from: None,
        old: KeyPlace::Trusted,
        wider: None,
        misses: None,
    };
    let why = |needed| {
        let plan = Plan::of(&site.rotation, &keys, LONG_AGO.map(time), Some(needed), now());
        [Resign, Retire].map(|of| plan.steps.iter().find(|step| step.step == of).and_then(|step| step.why.clone()))
    };
    let [resign, retire] = why(Needed { unlisted_count: 2, ..Needed::default() });
    assert_eq!(resign.as_deref(), Some("2 plugins signed by keys that stay, which no list of publishers names"));
    assert_eq!(retire.as_deref(), Some("a list of publishers that names the keys which stay comes first"));
    let [resign, retire] = why(Needed { unlisted_count: 1, lost_count: 1, ..Needed::default() });
    assert!(resign.expect("waits").starts_with("1 depends on the old key alone; 1 plugin signed by keys that stay"));
    assert_eq!(retire.as_deref(), Some("what depends on the old key alone comes first"));
}
