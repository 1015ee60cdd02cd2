//! What a set makes of the keys of a site, stopped behind each step.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;

use aisoc_manifests::fault::Reason;
use aisoc_signing::Standing;

use super::super::pending;
use super::super::plan::Grounds;
use super::tests::{ROOT, STOLEN, Site, key, note, now, one};
use super::*;

#[test]
fn what_a_set_brings_comes_and_goes_and_what_is_the_sites_own_stays() {
    let [root, old, new, own] = std::array::from_fn(|_| key());
    let master = Site::of(&[("old.pem", &old.to_pem()), ("root.pem", &root.to_pem()), ("root.json", ROOT)]);
    let site = Site::of(&[("root.pem", &root.to_pem()), ("root.json", ROOT), ("own.pem", &own.to_pem())]);
    site.sync(&master.set(1));
    assert_eq!(site.files(), ["/old.pem", "/own.pem", "/root.json", "/root.pem"]);
    assert!(site.moves(&master.set(1)).is_empty() && site.left(&master.set(1)).is_empty(), "once is enough");
    // Another key of a name that is taken gets one of its own, and what is in the set no more is retired.
    fs::remove_file(master.path().join("old.pem")).expect("removed");
    master.write("own.pem", &new.to_pem());
    site.sync(&master.set(2));
    let named = format!("/own-{}.pem", &new.fingerprint().hex()[..8]);
    let mut expected =
        vec![named.clone(), "/own.pem".into(), "/root.json".into(), "/root.pem".into(), "retired/old.pem".into()];
    expected.sort();
    assert_eq!(site.files(), expected);
    assert_eq!(site.standing(&old), [Standing::Retired]);
    // It is still the set's, which may take it up again.
    master.write("staged/old.pem", &old.to_pem());
    site.sync(&master.set(3));
    assert!(site.files().contains(&"staged/old.pem".to_owned()), "{:?}", site.files());
}

#[test]
fn what_somebody_here_has_changed_moved_or_removed_is_left_and_named() {
    let [root, a, b, c] = std::array::from_fn(|_| key());
    let master = Site::of(&[("a.pem", &a.to_pem()), ("b.pem", &b.to_pem()), ("c.pem", &c.to_pem())]);
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    site.sync(&master.set(1));
    site.write("a.json", r#"{"schema_version":2,"scope":{"plugins":["acme-*"]}}"#);
    fs::remove_file(site.path().join("b.pem")).expect("removed");
    fs::create_dir(site.path().join("retired")).expect("made");
    fs::rename(site.path().join("c.pem"), site.path().join("retired/c.pem")).expect("moved");
    let before = site.files();
    let note = r#"{"schema_version":2,"owner":"Ada"}"#;
    ["a.json", "b.json", "c.json"].iter().for_each(|name| master.write(name, note));
    site.sync(&master.set(2));
    assert_eq!(site.files(), before);
    assert_eq!(site.left(&master.set(2)), [WhyLeft::ChangedHere, WhyLeft::RemovedHere, WhyLeft::ChangedHere]);
    // Whoever puts it back as it was gives it back to the set.
    fs::remove_file(site.path().join("a.json")).expect("removed");
    site.sync(&master.set(3));
    assert!(site.files().contains(&"/a.json".to_owned()));
    let changed = site.text("a.json");
    assert!(changed.contains("Ada"), "{changed}");
}

#[test]
fn a_revocation_is_never_taken_back_and_always_gets_through() {
    let [root, old, own, changed] = std::array::from_fn(|_| key());
    let master =
        Site::of(&[("changed.pem", &changed.to_pem()), ("old.pem", &old.to_pem()), ("root.pem", &root.to_pem())]);
    let site = Site::of(&[("root.pem", &root.to_pem()), ("mine.pem", &own.to_pem())]);
    site.sync(&master.set(1));
    // The set's own, one that was annotated here, and one that is the site's.
    site.write("changed.json", r#"{"schema_version":2,"owner":"ours"}"#);
    for name in ["old", "changed"] {
        fs::create_dir_all(master.path().join("revoked")).expect("made");
        fs::rename(master.path().join(format!("{name}.pem")), master.path().join(format!("revoked/{name}.pem")))
            .expect("moved");
    }
    master.write("revoked/mine.pem", &own.to_pem());
    ["changed", "mine", "old"].iter().for_each(|name| master.write(&format!("revoked/{name}.json"), STOLEN));
    assert_eq!(site.left(&master.set(2)), [WhyLeft::OwnKeyRevoked]);
    site.sync(&master.set(2));
    for key in [&old, &own, &changed] {
        let standings = site.standing(key);
        assert!(
            standings.iter().all(|it| matches!(it, Standing::Revoked { reason: Some(why), .. } if why == "stolen")),
            "{standings:?}"
        );
    }
    assert!(site.files().contains(&"/mine.pem".to_owned()), "the site's own file is not touched");
    let kept = site.text("revoked/changed.json");
    assert!(kept.contains("ours") && kept.contains("stolen"), "{kept}");
    assert!(site.moves(&master.set(2)).is_empty(), "{:?}", site.moves(&master.set(2)));
    // No later set makes any of them count again.
    fs::remove_dir_all(master.path().join("revoked")).expect("removed");
    for (name, key) in [("old", &old), ("changed", &changed), ("mine", &own)] {
        master.write(&format!("{name}.pem"), &key.to_pem());
    }
    site.sync(&master.set(3));
    for key in [&old, &own, &changed] {
        assert!(site.standing(key).iter().all(|it| matches!(it, Standing::Revoked { .. })));
    }
    assert_eq!(site.left(&master.set(3)), [WhyLeft::RevokedHere; 3]);
}

#[test]
fn a_note_that_revokes_revokes_wherever_the_key_stands_in_the_set() {
    let [root, old] = std::array::from_fn(|_| key());
    let master = Site::of(&[("old.pem", &old.to_pem()), ("root.pem", &root.to_pem())]);
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    site.sync(&master.set(1));
    master.write("old.json", STOLEN);
    let set = master.set(2);
    assert_eq!(set.keys[0].note, Some(note(STOLEN)));
    assert_eq!(site.moves(&set), ["revoked old"]);
    site.sync(&set);
    assert_eq!(site.files(), ["/root.pem", "revoked/old.json", "revoked/old.pem"]);
    assert!(site.moves(&set).is_empty());
}

#[test]
fn a_set_that_would_lock_this_site_out_is_not_applied() {
    let [root, ops, mine] = std::array::from_fn(|_| key());
    let master = Site::of(&[("ops.pem", &ops.to_pem()), ("root.pem", &root.to_pem()), ("root.json", ROOT)]);
    let site = Site::of(&[("root.pem", &root.to_pem()), ("root.json", ROOT)]);
    let asked = |set: &KeySet, set_signers: NonZeroUsize| {
        let required = WayIn { signers: one(), set_signers, is_forced: false };
        site.planned(set, |following, plan| require_way_in(&plan, following, required)).map_err(|fault| fault.reason())
    };
    assert_eq!(asked(&master.set(1), one()), Ok(()));
    assert_eq!(
        asked(&master.set(1), one().saturating_add(1)),
        Err(Reason::KeysetLockout),
        "one signs sets, two have to"
    );
    site.sync(&master.set(1));
    // The only key for plugins is replaced by one that is revoked here.
    site.write("revoked/mine.pem", &mine.to_pem());
    fs::remove_file(master.path().join("ops.pem")).expect("removed");
    master.write("mine.pem", &mine.to_pem());
    assert_eq!(asked(&master.set(2), one()), Err(Reason::KeysetLockout));
    master.write("more.pem", &key().to_pem());
    assert_eq!(asked(&master.set(3), one()), Ok(()));
    // The set revokes who signs sets, and brings nobody else.
    fs::create_dir(master.path().join("revoked")).expect("made");
    fs::rename(master.path().join("root.pem"), master.path().join("revoked/root.pem")).expect("moved");
    fs::remove_file(master.path().join("root.json")).expect("removed");
    assert_eq!(asked(&master.set(4), one()), Err(Reason::KeysetLockout));
    // Nobody answers for it that no set comes any more, and for the last key of plugins only whoever revokes it.
    let forced = |set: &KeySet| {
        let required = WayIn { signers: one(), set_signers: one(), is_forced: true };
        site.planned(set, |following, plan| require_way_in(&plan, following, required)).map_err(|fault| fault.reason())
    };
    assert_eq!(forced(&master.set(4)), Err(Reason::KeysetLockout), "the signers of sets");
    fs::remove_file(master.path().join("revoked/root.pem")).expect("removed");
    master.write("root.pem", &root.to_pem());
    master.write("root.json", ROOT);
    fs::remove_file(master.path().join("more.pem")).expect("removed");
    assert_eq!(forced(&master.set(5)), Err(Reason::KeysetLockout), "nothing is revoked");
    fs::rename(master.path().join("mine.pem"), master.path().join("revoked/mine.pem")).expect("moved");
    master.write("more.pem", &key().to_pem());
    assert_eq!(forced(&master.set(6)), Ok(()));
}

/// Behind each step of the change a reader finds for every key the old standing or the new one, and nothing is
/// forgotten; the next session finishes it, with each line once.
#[test]
fn a_set_that_is_applied_half_is_finished_and_allows_nothing_else_meanwhile() {
    let [root, a, b, c, d] = std::array::from_fn(|_| key());
    let build = || {
        let master = Site::of(&[("a.pem", &a.to_pem()), ("b.pem", &b.to_pem()), ("root.pem", &root.to_pem())]);
        let site = Site::of(&[("root.pem", &root.to_pem())]);
        site.sync(&master.set(1));
        fs::create_dir(master.path().join("revoked")).expect("made");
        fs::rename(master.path().join("a.pem"), master.path().join("revoked/a.pem")).expect("moved");
        master.write("revoked/a.json", STOLEN);
        fs::remove_file(master.path().join("b.pem")).expect("removed");
        master.write("c.pem", &c.to_pem());
        master.write("c.json", r#"{"schema_version":2,"not_after":"2027-01-01T00:00:00Z"}"#);
        master.write("staged/d.pem", &d.to_pem());
        (master.set(2), site)
    };
    let (set, whole) = build();
    let before: Vec<Vec<Standing>> = [&a, &b, &c, &d].map(|key| whole.standing(key)).into();
    whole.sync(&set);
    let after: Vec<Vec<Standing>> = [&a, &b, &c, &d].map(|key| whole.standing(key)).into();
    let lines = |site: &Site| site.text("keys.journal").lines().count();
    let mut stops = 0;
    for taken in 0.. {
        let (set, site) = build();
        let session = site.begin();
        let change = site.change(&set).expect("a change");
        let end = change.steps.len() + change.entries().count();
        session.stop_after(&change, taken).expect("stopped");
        for (at, key) in [&a, &b, &c, &d].into_iter().enumerate() {
            let now = site.standing(key);
            let is_one_of = now.iter().any(|it| before[at].contains(it) || after[at].contains(it));
            let counts = now.contains(&Standing::Current);
            let may = before[at].contains(&Standing::Current) || after[at].contains(&Standing::Current);
            assert!(
                (now.is_empty() || is_one_of || now.contains(&Standing::Staged)) && (!counts || may),
                "{taken}: {now:?}"
            );
        }
        drop(site.begin());
        assert_eq!((site.files(), lines(&site)), (whole.files(), lines(&whole)), "{taken}");
        assert_eq!(site.applied(), whole.applied(), "{taken}");
        stops += 1;
        if taken >= end {
            break;
        }
    }
    assert!(stops > 12, "{stops}");
}

/// Where a file of the set's should go another one of this site's has the name.
#[test]
fn what_is_in_the_way_of_a_key_keeps_it_where_it_is_and_no_revocation_from_getting_through() {
    let [root, a, b, mine, other] = std::array::from_fn(|_| key());
    let master = Site::of(&[("a.pem", &a.to_pem()), ("b.pem", &b.to_pem()), ("root.pem", &root.to_pem())]);
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    site.sync(&master.set(1));
    site.write("retired/a.pem", &mine.to_pem());
    site.write("revoked/b.pem", &other.to_pem());
    fs::remove_file(master.path().join("a.pem")).expect("removed");
    master.rename("b.pem", "revoked/b.pem");
    let set = master.set(2);
    assert_eq!(site.left(&set), [WhyLeft::OwnKeyRevoked, WhyLeft::NameTaken]);
    site.sync(&set);
    let beside = format!("revoked/b-{}.pem", &b.fingerprint().hex()[..8]);
    assert_eq!(
        site.files(),
        ["/a.pem", "/b.pem", "/root.pem", "retired/a.pem", &beside, "revoked/b.pem"].map(str::to_owned)
    );
    assert!(site.standing(&b).iter().all(|it| matches!(it, Standing::Revoked { .. })));
    assert!(site.moves(&set).is_empty(), "{:?}", site.moves(&set));
    // Nothing is in the way any more.
    fs::remove_file(site.path().join("retired/a.pem")).expect("removed");
    assert_eq!(site.moves(&set), ["retired a"]);
    // The same of a key that the set itself retires.
    site.write("retired/a.pem", &mine.to_pem());
    master.write("retired/a.pem", &a.to_pem());
    let set = master.set(3);
    assert!(site.left(&set).contains(&WhyLeft::NameTaken));
    assert!(site.moves(&set).is_empty());
}

#[test]
fn a_note_comes_changes_and_goes_with_the_set() {
    let [root, a] = std::array::from_fn(|_| key());
    let master = Site::of(&[("a.pem", &a.to_pem()), ("root.pem", &root.to_pem())]);
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    site.sync(&master.set(1));
    for (version, content) in [
        (2, r#"{"schema_version":2,"owner":"Ada"}"#),
        (3, r#"{"schema_version":2,"owner":"Ada","scope":{"plugins":["acme-*"]}}"#),
    ] {
        master.write("a.json", content);
        let set = master.set(version);
        assert_eq!(site.moves(&set), ["annotated a"]);
        site.sync(&set);
        assert_eq!(note(&site.text("a.json")), note(content));
        assert!(site.moves(&set).is_empty());
    }
    fs::remove_file(master.path().join("a.json")).expect("removed");
    site.sync(&master.set(4));
    assert_eq!(site.files(), ["/a.pem", "/root.pem"]);
}

#[test]
fn a_key_parts_when_it_counted_for_plugins_and_does_no_more_and_is_limited_when_its_note_says_another_scope() {
    let [root, a] = std::array::from_fn(|_| key());
    let loss = |before: &[(&str, &str)], after: &[(&str, &str)]| {
        let keys = [("root.pem", root.to_pem())];
        let keys: Vec<(&str, &str)> = keys.iter().map(|(name, pem)| (*name, pem.as_str())).collect();
        let site = Site::of(&keys);
        site.sync(&Site::of(&[&keys[..], before].concat()).set(1));
        let set = Site::of(&[&keys[..], after].concat()).set(2);
        site.planned(&set, |_, plan| {
            let loss = plan.moves.iter().find(|moved| moved.fingerprint == a.fingerprint()).and_then(|it| it.loss);
            assert_eq!(plan.losses().keys().contains(&a.fingerprint()), loss.is_some());
            loss
        })
    };
    let pem = a.to_pem();
    let trusted = ("a.pem", pem.as_str());
    let ended = ("a.json", r#"{"schema_version":2,"not_after":"2026-01-01T00:00:00Z"}"#);
    let later = ("a.json", r#"{"schema_version":2,"not_after":"2026-12-01T00:00:00Z"}"#);
    let scoped = ("a.json", r#"{"schema_version":2,"scope":{"plugins":["acme-*"]}}"#);
    let full = ("a.json", r#"{"schema_version":2,"coverage":"full"}"#);
    let owned = ("a.json", r#"{"schema_version":2,"owner":"Ada"}"#);
    let (parts, limited) = (Some(Loss::Parts), Some(Loss::IsLimited));
    for (before, after, expected) in [
        (&[trusted][..], &[][..], parts),
        (&[trusted], &[("retired/a.pem", pem.as_str())], parts),
        (&[trusted], &[("staged/a.pem", pem.as_str())], parts),
        (&[trusted], &[trusted, ended], parts),
        (&[trusted], &[trusted, ("a.json", ROOT)], parts),
        (&[trusted], &[trusted, later], None),
        (&[trusted], &[trusted], None),
        (&[trusted, ended], &[], None),
        (&[trusted], &[trusted, ("a.json", STOLEN)], None),
        (&[("staged/a.pem", pem.as_str())], &[trusted], None),
        (&[("staged/a.pem", pem.as_str())], &[], None),
        (&[trusted], &[trusted, scoped], limited),
        (&[trusted, scoped], &[trusted], limited),
        (&[trusted], &[trusted, full], limited),
        (&[trusted, full], &[trusted, full], None),
        (&[trusted], &[trusted, owned], None),
        (&[trusted, scoped], &[("retired/a.pem", pem.as_str()), ("retired/a.json", scoped.1)], parts),
        (&[("staged/a.pem", pem.as_str()), ("staged/a.json", full.1)], &[("staged/a.pem", pem.as_str())], None),
    ] {
        assert_eq!(loss(before, after), expected, "{after:?}");
    }
}

#[test]
fn what_waits_stays_the_sets_and_goes_with_a_later_run() {
    let [root, a] = std::array::from_fn(|_| key());
    let master = Site::of(&[("a.pem", &a.to_pem()), ("root.pem", &root.to_pem())]);
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    site.sync(&master.set(1));
    master.rename("a.pem", "retired/a.pem");
    let set = master.set(2);
    let why = Grounds { at: now(), reason: "test".parse().expect("a reason") };
    let waiting = BTreeSet::from([a.fingerprint()]);
    let change = site.planned(&set, |following, plan| plan.change(following, &waiting, None, &why));
    let change = change.expect("a new version");
    assert_eq!(change.entries().count(), 1, "the line of the set alone");
    site.begin().make(&change).expect("made");
    assert_eq!(site.files(), ["/a.pem", "/root.pem"]);
    assert_eq!(site.applied().expect("applied").version, 2);
    assert_eq!(site.moves(&set), ["retired a"]);
    site.sync(&set);
    assert_eq!(site.files(), ["/root.pem", "retired/a.pem"]);
    let again = site.planned(&set, |following, plan| plan.change(following, &BTreeSet::new(), None, &why));
    assert_eq!(again, None, "once is enough");
}

#[test]
fn what_is_written_of_a_copy_limits_the_key_that_a_set_brings() {
    let [root, ops, second] = std::array::from_fn(|_| key());
    let master = Site::of(&[("ops.pem", &ops.to_pem()), ("root.pem", &root.to_pem()), ("root.json", ROOT)]);
    let site = Site::of(&[("root.pem", &root.to_pem()), ("root.json", ROOT)]);
    site.sync(&master.set(1));
    // Somebody here has a copy of the only key for plugins, and has let it end.
    site.write("copy.pem", &ops.to_pem());
    site.write("copy.json", r#"{"schema_version":2,"not_after":"2026-01-01T00:00:00Z"}"#);
    master.write("ops.json", r#"{"schema_version":2,"owner":"Ada"}"#);
    let set = master.set(2);
    let required = WayIn { signers: one(), set_signers: one(), is_forced: false };
    let asked = |set: &KeySet| {
        site.planned(set, |following, plan| require_way_in(&plan, following, required)).map_err(|it| it.reason())
    };
    assert_eq!(asked(&set), Err(Reason::KeysetLockout));
    master.write("second.pem", &second.to_pem());
    assert_eq!(asked(&master.set(3)), Ok(()));
}

/// What was begun is known by what was written down of it: each step and each line, and nothing that is none.
#[test]
fn a_change_of_many_keys_is_written_down_with_every_line() {
    let [root, a, b] = std::array::from_fn(|_| key());
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    let change = site.change(&Site::of(&[("a.pem", &a.to_pem()), ("b.pem", &b.to_pem())]).set(1)).expect("a change");
    assert_eq!(change.entries().count(), 3);
    let written = String::from_utf8(pending::written(&change).expect("written")).expect("text");
    assert_eq!(pending::read(written.as_bytes()).expect("itself"), change);
    for (from, to) in [
        ("key-sync", "key-stolen"),
        ("\"further_lines\":[", "\"further_lines\":[\"\","),
        ("\"further_lines\"", "\"other_lines\""),
        ("\"applied\"", "\"elsewhere\""),
        ("\"write_own\"", "\"write_any\""),
        ("\"schema_version\":1", "\"schema_version\":2"),
    ] {
        let other = written.replacen(from, to, 1);
        assert_ne!(other, written, "{from}");
        assert_eq!(pending::read(other.as_bytes()).expect_err(to).reason(), Reason::RecordInvalid, "{to}");
    }
}

#[test]
fn why_a_key_is_left_has_a_word_and_a_sentence_of_its_own() {
    let all = [
        WhyLeft::RevokedHere,
        WhyLeft::OwnKey,
        WhyLeft::ChangedHere,
        WhyLeft::RemovedHere,
        WhyLeft::OwnKeyRevoked,
        WhyLeft::NameTaken,
    ];
    let words: BTreeSet<&str> = all.iter().map(|why| why.as_str()).collect();
    let sentences: BTreeSet<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!((words.len(), sentences.len()), (all.len(), all.len()));
    assert!(words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_')), "{words:?}");
}

/// One that the site has itself, as the set has it, is nothing to speak of; in another place or with another note it is.
#[test]
fn a_key_that_the_site_has_itself_is_named_where_it_differs() {
    let [root, a] = std::array::from_fn(|_| key());
    let site = Site::of(&[("root.pem", &root.to_pem()), ("mine.pem", &a.to_pem())]);
    let pem = a.to_pem();
    for (files, left) in [
        (&[("a.pem", pem.as_str())][..], &[][..]),
        (&[("a.pem", pem.as_str()), ("a.json", ROOT)], &[WhyLeft::OwnKey]),
        (&[("staged/a.pem", pem.as_str())], &[WhyLeft::OwnKey]),
        (&[("retired/a.pem", pem.as_str())], &[WhyLeft::OwnKey]),
        (&[("revoked/a.pem", pem.as_str())], &[WhyLeft::OwnKeyRevoked]),
    ] {
        let set = Site::of(&[&[("root.pem", root.to_pem().as_str())], files].concat()).set(1);
        assert_eq!(site.left(&set), left, "{files:?}");
        assert!(site.moves(&set).iter().all(|moved| moved == "revoked a"), "{files:?}");
    }
}

#[test]
fn settings_are_kept_with_the_set_that_they_are_about() {
    let [root, a] = std::array::from_fn(|_| key());
    let set = Site::of(&[("a.pem", &a.to_pem()), ("root.pem", &root.to_pem())]).set(1);
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    site.sync(&set);
    let why = Grounds { at: now(), reason: "test".parse().expect("a reason") };
    for (from, required) in [("/srv/fleet.keyset", 1), ("ghcr.io/acme/keys:fleet", 2)] {
        let required = NonZeroUsize::new(required).expect("more than none");
        let settings = SyncSettings::new(from.to_owned(), "fleet".to_owned(), required);
        let kept = |settings: Option<&SyncSettings>| {
            site.planned(&set, |following, plan| plan.change(following, &BTreeSet::new(), settings, &why))
        };
        assert_eq!(kept(None), None, "nothing is to be done for the keys");
        let change = kept(Some(&settings)).expect("settings are a change");
        assert_eq!(change.entries().count(), 1, "the line of the set alone");
        let before = (site.files(), site.applied());
        site.begin().make(&change).expect("made");
        assert_eq!(SyncSettings::read(site.path()).expect("readable"), Some(settings));
        assert_eq!((site.files(), site.applied()), before);
    }
}

/// A key in the wrong hands is not trusted until somebody has mended a journal; everything else waits for that.
#[test]
fn a_broken_journal_keeps_a_set_out_unless_it_revokes() {
    let [root, a, b] = std::array::from_fn(|_| key());
    let master = Site::of(&[("a.pem", &a.to_pem()), ("root.pem", &root.to_pem())]);
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    site.sync(&master.set(1));
    let broken = site.text("keys.journal").replace("version 1", "version 7").replace("test", "best");
    site.write("keys.journal", &broken);
    let made = |set: &KeySet| {
        let session = site.begin();
        session.make(&site.change(set).expect("a change")).map_err(|fault| fault.reason())
    };
    master.write("b.pem", &b.to_pem());
    let before = site.files();
    assert_eq!(made(&master.set(2)), Err(Reason::JournalBroken));
    assert_eq!((site.files(), site.applied().expect("applied").version), (before, 1));
    master.rename("a.pem", "revoked/a.pem");
    assert_eq!(made(&master.set(3)), Err(Reason::JournalBroken), "its lines wait for who mends the journal");
    assert_eq!(site.files(), ["/b.pem", "/root.pem", "revoked/a.pem"]);
    assert!(site.standing(&a).iter().all(|it| matches!(it, Standing::Revoked { .. })));
    assert_eq!(site.applied().expect("applied").version, 3);
}

#[test]
fn a_revocation_that_is_planned_is_made_when_it_is_due() {
    let [root, a] = std::array::from_fn(|_| key());
    let planned = r#"{"schema_version":2,"revoked":{"at":"2026-07-01T00:00:00Z","reason":"it ends"}}"#;
    let set = Site::of(&[("a.pem", &a.to_pem()), ("a.json", planned), ("root.pem", &root.to_pem())]).set(1);
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    site.sync(&set);
    assert_eq!(site.files(), ["/a.json", "/a.pem", "/root.pem"]);
    assert!(site.standing(&a).contains(&Standing::Current));
    for (at, moves) in [("2026-06-30T23:59:59Z", 0), ("2026-07-01T00:00:00Z", 1)] {
        site.planned(&set, |following, _| {
            let following = Following { at: at.parse().expect("a time"), ..*following };
            let plan = SyncPlan::of(&following).expect("a plan");
            assert_eq!(plan.moves.len(), moves, "{at}");
            assert!(plan.moves.iter().all(|moved| moved.is_revocation && moved.word() == "revoked"), "{at}");
        });
    }
}

/// What a set writes of one file of a key takes it from the key, whatever its other files are called here.
#[test]
fn a_second_file_of_a_key_keeps_nothing_that_the_note_of_the_set_takes() {
    let [root, ops] = std::array::from_fn(|_| key());
    let both = r#"{"schema_version":2,"may_sign":["plugin","keyset"]}"#;
    let master = Site::of(&[("first.pem", &root.to_pem()), ("first.json", both), ("ops.pem", &ops.to_pem())]);
    let site = Site::of(&[("ops.pem", &ops.to_pem())]);
    site.sync(&master.set(1));
    // The key that the set has brought stands here under a second name as well.
    site.write("mine.pem", &root.to_pem());
    site.write("mine.json", both);
    let asked = |note: &str, signers: usize| {
        master.write("first.json", note);
        let required =
            WayIn { signers: NonZeroUsize::new(signers).expect("some"), set_signers: one(), is_forced: false };
        site.planned(&master.set(2), |following, plan| require_way_in(&plan, following, required))
            .map_err(|fault| fault.reason())
    };
    assert_eq!(asked(both, 2), Ok(()));
    assert_eq!(asked(both, 3), Err(Reason::KeysetLockout));
    assert_eq!(asked(r#"{"schema_version":2,"may_sign":["plugin"]}"#, 1), Err(Reason::KeysetLockout));
    assert_eq!(asked(ROOT, 1), Ok(()));
    assert_eq!(asked(ROOT, 2), Err(Reason::KeysetLockout));
}
