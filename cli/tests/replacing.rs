//! What may replace an installed plugin: no older version and nobody else's, unless an operator says so; and what
//! is said of everything that is another than before.

mod support;

use std::fs;

use serde_json::Value;
use support::{Bench, Run};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];

/// A plugin `demo`, and three keys of which the first is trusted.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    for key in ["a", "b", "c"] {
        bench.run(&["plugin", "keygen", "--out", key]).ok();
    }
    fs::create_dir(bench.path("keys")).expect("made");
    trust(&bench, "a");
    bench
}

fn trust(bench: &Bench, key: &str) {
    fs::copy(bench.path(&format!("{key}.pem")), bench.path(&format!("keys/{key}.pem"))).expect("copied");
}

fn distrust(bench: &Bench, key: &str) {
    fs::remove_file(bench.path(&format!("keys/{key}.pem"))).expect("removed");
}

/// Packs `demo` as that version, signed by those keys.
fn publish(bench: &Bench, version: &str, keys: &[&str]) -> String {
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("there");
    let lines = manifest.lines().map(|line| match line.starts_with("version:") {
        true => format!("version: \"{version}\"\n"),
        false => format!("{line}\n"),
    });
    bench.write("demo/plugin.yaml", lines.collect::<String>());
    let archive = format!("{version}-{}.tar", keys.concat());
    for (number, key) in keys.iter().enumerate() {
        let key = format!("{key}.key");
        let words = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", &key];
        let add: &[&str] = if number == 0 { &[] } else { &["--add"] };
        bench.run(&[&words, add].concat()).ok();
    }
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", &archive]).ok();
    archive
}

fn install(bench: &Bench, archive: &str, options: &[&str]) -> Run {
    bench.run(&[&["plugin", "install", &format!("oci-archive:{archive}")][..], &PLACES, options].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.ok().stdout).expect("JSON")
}

fn fingerprint(bench: &Bench, key: &str) -> String {
    let pem = fs::read(bench.path(&format!("{key}.pem"))).expect("there");
    aisoc_signing::PublicKey::from_pem(&pem).expect("a key").fingerprint().to_string()
}

#[test]
fn an_older_version_replaces_a_newer_one_only_when_an_operator_says_so() {
    let bench = bench();
    let (old, new) = (publish(&bench, "1.0.0", &["a"]), publish(&bench, "2.0.0", &["a"]));
    install(&bench, &new, &[]).ok();
    let before = bench.snapshot("plugins");
    let run = install(&bench, &old, &[]);
    let stderr = &run.refused(3, "version_downgrade").stderr;
    for word in [
        "demo 1.0.0: ",
        "2.0.0 → 1.0.0",
        "2.0.0 is signed by key `a` (SHA256:",
        "1.0.0, signed by key `a`",
        "--allow-downgrade",
    ] {
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
    assert_eq!(bench.snapshot("plugins"), before, "what is refused leaves no trace");
    let document = json(&install(&bench, &old, &["--allow-downgrade", "--json"]))["plugins"][0].clone();
    assert_eq!((&document["change"], &document["previous_version"]), (&"downgraded".into(), &"2.0.0".into()));
    assert_eq!(document["previous_signers"][0]["signing_key_fingerprint"], fingerprint(&bench, "a").as_str());
    let reference = document["previous_reference"].as_str().expect("a reference");
    assert!(reference.starts_with("oci-archive:/") && reference.ends_with(&new), "{reference}");
}

#[test]
fn a_version_that_is_kept_is_gone_back_to_without_a_flag() {
    let bench = bench();
    let (old, new) = (publish(&bench, "1.0.0", &["a"]), publish(&bench, "2.0.0", &["a"]));
    install(&bench, &old, &[]).ok();
    install(&bench, &new, &[]).ok();
    let run = install(&bench, &old, &[]);
    let stderr = &run.refused(3, "version_downgrade").stderr;
    let line = "`aisoc plugin rollback demo --to 1.0.0 --plugins-dir plugins --trusted-keys keys`";
    assert!(stderr.contains(line), "{stderr}");
    let run = bench.run(&[&["plugin", "rollback", "demo", "--to", "1.0.0"][..], &PLACES].concat());
    assert!(run.ok().stderr.contains("warning[older_version]: "), "{run:?}");
    let again = install(&bench, &old, &[]);
    assert!(!again.ok().stderr.contains("warning["), "what is in place already replaces nothing: {again:?}");
}

#[test]
fn versions_are_compared_as_semver_does() {
    let refused = |from: &str, to: &str| {
        let bench = bench();
        let (before, now) = (publish(&bench, from, &["a"]), publish(&bench, to, &["a"]));
        install(&bench, &before, &[]).ok();
        install(&bench, &now, &[])
    };
    for (from, to) in [("1.0.0", "1.0.0-rc.1"), ("1.10.0", "1.9.0"), ("1.0.0-rc.10", "1.0.0-rc.9")] {
        refused(from, to).refused(3, "version_downgrade");
    }
    let upgrade = refused("1.0.0-rc.1", "1.0.0");
    assert!(!upgrade.ok().stderr.contains("warning["), "{upgrade:?}");
}

#[test]
fn another_artifact_of_the_same_version_is_said() {
    let bench = bench();
    let first = publish(&bench, "1.0.0", &["a"]);
    install(&bench, &first, &[]).ok();
    bench.write("demo/README.md", "another text\n");
    fs::remove_file(bench.path(&first)).expect("removed");
    let second = publish(&bench, "1.0.0", &["a"]);
    let run = install(&bench, &second, &[]);
    assert!(run.ok().stderr.contains("warning[version_repeated]: "), "{run:?}");
}

#[test]
fn the_same_artifact_whose_record_was_damaged_is_no_other_one() {
    let bench = bench();
    let artifact = publish(&bench, "1.0.0", &["a"]);
    install(&bench, &artifact, &[]).ok();
    bench.write("plugins/.aisoc/records/demo.json", "{");
    let run = install(&bench, &artifact, &["--allow-signer-change"]);
    let line = run.ok().stderr.lines().find(|line| line.starts_with("warning[version_repeated]: ")).expect("said");
    assert!(!line.contains("another artifact"), "{run:?}");
    assert!(line.ends_with("its record `plugins/.aisoc/records/demo.json` was damaged"), "{run:?}");
    // Nor is one that no install has recorded.
    fs::remove_file(bench.path("plugins/.aisoc/records/demo.json")).expect("removed");
    let run = install(&bench, &artifact, &["--allow-signer-change"]);
    assert!(run.ok().stderr.contains("cannot be told, because no install has recorded it"), "{run:?}");
}

#[test]
fn a_plugin_comes_from_others_only_when_an_operator_says_so() {
    let bench = bench();
    let (before, now) = (publish(&bench, "1.0.0", &["a"]), publish(&bench, "2.0.0", &["b"]));
    install(&bench, &before, &[]).ok();
    trust(&bench, "b");
    let place = bench.snapshot("plugins");
    let run = install(&bench, &now, &[]);
    let stderr = &run.refused(3, "signer_changed").stderr;
    for word in [
        &format!("signed by key `a` ({})", fingerprint(&bench, "a")),
        &format!("signed by key `b` ({})", fingerprint(&bench, "b")),
    ] {
        assert!(stderr.contains(word.as_str()), "{word}: {stderr}");
    }
    assert!(!stderr.contains("another repository"), "an archive is in none: {stderr}");
    assert_eq!(bench.snapshot("plugins"), place, "what is refused leaves no trace");
    install(&bench, &now, &["--allow-downgrade"]).refused(3, "signer_changed");
    let run = install(&bench, &now, &["--allow-signer-change"]);
    assert!(run.ok().stderr.contains("warning[other_signer]: "), "{run:?}");
    // Going back is a change of signer again, and is said.
    let run = bench.run(&[&["plugin", "rollback", "demo"][..], &PLACES].concat());
    assert!(run.ok().stderr.contains("warning[other_signer]: "), "{run:?}");
    // A removed plugin has no signer: what is installed next is new.
    bench.run(&["plugin", "uninstall", "demo", "--plugins-dir", "plugins", "--yes"]).ok();
    install(&bench, &now, &[]).ok();
}

#[test]
fn both_are_asked_for_when_both_change() {
    let bench = bench();
    let (before, now) = (publish(&bench, "2.0.0", &["a"]), publish(&bench, "1.0.0", &["b"]));
    install(&bench, &before, &[]).ok();
    trust(&bench, "b");
    let run = install(&bench, &now, &[]);
    let line = run.refused(3, "version_downgrade").error_line().to_owned();
    assert!(line.contains("2.0.0 → 1.0.0; and nobody who has signed what is installed has signed"), "{line}");
    let hint = run.stderr.lines().find(|line| line.starts_with("hint: ")).expect("a hint");
    assert!(hint.contains("--allow-downgrade") && hint.contains("--allow-signer-change"), "{hint}");
    install(&bench, &now, &["--allow-signer-change"]).refused(3, "version_downgrade");
    install(&bench, &now, &["--allow-downgrade"]).refused(3, "signer_changed");
    install(&bench, &now, &["--allow-downgrade", "--allow-signer-change"]).ok();
}

/// A site that trusted the old key alone when it installed what both have signed.
#[test]
fn a_rotation_is_no_change_of_signer() {
    let bench = bench();
    let both = publish(&bench, "1.1.0", &["a", "b"]);
    let next = publish(&bench, "1.2.0", &["b"]);
    install(&bench, &both, &[]).ok();
    trust(&bench, "b");
    // What Python leaves beside the code takes nobody's signature away.
    bench.write("plugins/demo/__pycache__/plugin.cpython-311.pyc", "bytecode");
    let run = install(&bench, &next, &[]);
    assert!(!run.ok().stderr.contains("warning["), "{run:?}");
}

#[test]
fn a_key_that_expired_was_revoked_or_is_gone_has_signed_all_the_same() {
    for note in ["not_after", "revoked_at", ""] {
        let bench = bench();
        trust(&bench, "b");
        let both = publish(&bench, "1.1.0", &["a", "b"]);
        let (of_b, of_c) = (publish(&bench, "1.2.0", &["b"]), publish(&bench, "1.3.0", &["c"]));
        install(&bench, &both, &[]).ok();
        match note {
            "" => distrust(&bench, "a"),
            note => drop(
                bench.write("keys/a.json", format!("{{\"schema_version\": 1, \"{note}\": \"2020-01-01T00:00:00Z\"}}")),
            ),
        }
        install(&bench, &of_b, &[]).ok();
        trust(&bench, "c");
        install(&bench, &of_c, &[]).refused(3, "signer_changed");
    }
}

#[test]
fn a_record_that_names_no_keys_is_helped_by_the_tree() {
    for (keys, is_same) in [(&["a", "b"][..], true), (&["a"][..], false)] {
        let bench = bench();
        let before = publish(&bench, "1.0.0", keys);
        install(&bench, &before, &[]).ok();
        forget_signers(&bench);
        let next = publish(&bench, "1.1.0", &["b"]);
        trust(&bench, "b");
        let run = install(&bench, &next, &[]);
        match is_same {
            true => drop(run.ok()),
            false => drop(run.refused(3, "signer_changed")),
        }
    }
    // Where today's keys have not signed the tree, the name that was written down is nobody's key.
    let bench = bench();
    let before = publish(&bench, "1.0.0", &["a"]);
    install(&bench, &before, &[]).ok();
    forget_signers(&bench);
    fs::copy(bench.path("b.pem"), bench.path("keys/a.pem")).expect("copied");
    let next = publish(&bench, "1.1.0", &["b"]);
    let run = install(&bench, &next, &[]);
    assert!(run.refused(3, "signer_changed").stderr.contains("of which the name alone was written down"), "{run:?}");
}

/// Makes the record one of a version that did not write down which keys had signed.
fn forget_signers(bench: &Bench) {
    let path = bench.path("plugins/.aisoc/records/demo.json");
    let text = fs::read(&path).expect("there");
    let mut record = aisoc_installation::InstallRecord::parse(&text).expect("a record");
    record.signers.clear();
    fs::write(&path, record.to_text().expect("a text")).expect("written");
}

/// A plugin that no install has recorded is somebody's all the same.
#[test]
fn what_was_placed_by_hand_is_held_to_its_own_signature_and_version() {
    let bench = bench();
    let before = publish(&bench, "2.0.0", &["a"]);
    install(&bench, &before, &[]).ok();
    fs::remove_dir_all(bench.path("plugins/.aisoc")).expect("removed");
    trust(&bench, "b");
    let (older, others) = (publish(&bench, "1.0.0", &["a"]), publish(&bench, "2.1.0", &["b"]));
    install(&bench, &older, &[]).refused(3, "version_downgrade");
    install(&bench, &others, &[]).refused(3, "signer_changed");
    let next = publish(&bench, "2.2.0", &["a"]);
    install(&bench, &next, &[]).ok();
}

#[test]
fn what_is_not_signed_any_more_comes_from_nobody() {
    let bench = bench();
    let signed = publish(&bench, "1.0.0", &["a"]);
    install(&bench, &signed, &[]).ok();
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("there");
    let unsigned = manifest.split("integrity:").next().expect("a beginning").replace("1.0.0", "1.1.0");
    bench.write("demo/plugin.yaml", unsigned);
    fs::remove_file(bench.path("demo/plugin.sig")).expect("removed");
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "unsigned.tar", "--unsigned"]).ok();
    install(&bench, "unsigned.tar", &["--trust-mode", "warn"]).refused(3, "coverage_downgrade");
    // Whoever accepts with a reason that less is signed has accepted that nobody has signed.
    let lowered = ["--trust-mode", "warn", "--lower-coverage", "--reason", "a test"];
    let run = install(&bench, "unsigned.tar", &lowered);
    assert!(run.ok().stderr.contains("warning[other_signer]: "), "{run:?}");
    // From nobody to somebody is no change: there is nobody to take it from.
    let next = publish(&bench, "1.2.0", &["a"]);
    let run = install(&bench, &next, &[]);
    assert!(!run.ok().stderr.contains("warning["), "{run:?}");
}

#[test]
fn mode_disabled_asks_for_the_version_and_reads_no_signer() {
    let bench = bench();
    let (before, others, older) =
        (publish(&bench, "2.0.0", &["a"]), publish(&bench, "2.1.0", &["c"]), publish(&bench, "1.0.0", &["a"]));
    install(&bench, &before, &[]).ok();
    bench.acknowledge_unsigned();
    let stderr = &install(&bench, &older, &["--trust-mode", "disabled"]).refused(3, "version_downgrade").stderr.clone();
    assert!(stderr.contains("1.0.0, whose signature was not read"), "{stderr}");
    let run = install(&bench, &others, &["--trust-mode", "disabled"]);
    let said = format!("signed by key `a` ({}), and nobody has read who has signed 2.1.0", fingerprint(&bench, "a"));
    assert!(run.ok().stderr.contains(&said), "{run:?}");
    // Whoever came unread is not known by having come: who was known before is.
    trust(&bench, "c");
    let (theirs, next) = (publish(&bench, "2.2.0", &["c"]), publish(&bench, "2.3.0", &["a"]));
    let stderr = &install(&bench, &theirs, &[]).refused(3, "signer_changed").stderr.clone();
    assert!(stderr.contains(&format!("expected: signed by key `a` ({})", fingerprint(&bench, "a"))), "{stderr}");
    install(&bench, &next, &[]).ok();
    // Where nobody was known before, today's keys tell who has signed what stands there.
    fs::remove_dir_all(bench.path("plugins")).expect("removed");
    install(&bench, &theirs, &["--trust-mode", "disabled"]).ok();
    install(&bench, &next, &[]).refused(3, "signer_changed");
}

#[test]
fn another_repository_is_said_and_refuses_only_with_another_signer() {
    let bench = bench();
    let registry = bench.registry();
    let push = |archive: &str, name: &str| {
        let reference = format!("{}/{name}", registry.address);
        bench.run(&["plugin", "push", archive, &reference]).ok();
        reference
    };
    let first = push(&publish(&bench, "1.0.0", &["a"]), "team/demo:1.0.0");
    let moved = push(&publish(&bench, "1.1.0", &["a"]), "mirror/demo:1.1.0");
    let others = push(&publish(&bench, "1.2.0", &["b"]), "else/demo:1.2.0");
    let install = |reference: &str, options: &[&str]| {
        bench.run(&[&["plugin", "install", reference][..], &PLACES, options].concat())
    };
    install(&first, &[]).ok();
    trust(&bench, "b");
    let run = install(&others, &[]);
    let said = format!("another repository: {0}/team/demo → {0}/else/demo", registry.address);
    assert!(run.refused(3, "signer_changed").stderr.contains(&said), "{run:?}");
    let run = install(&moved, &["--json"]);
    assert_eq!(json(&run)["plugins"][0]["previous_reference"], first.as_str());
    assert!(run.stderr.contains("repository_changed"), "{run:?}");
    let run = install(&moved, &[]);
    assert!(!run.ok().stderr.contains("warning["), "{run:?}");
}

fn record_of(bench: &Bench) -> std::path::PathBuf {
    bench.path("plugins/.aisoc/records/demo.json")
}

fn damage(bench: &Bench, path: &std::path::Path) {
    let mut text = fs::read(path).expect("there");
    text.push(b'x');
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", bench.path("").display()));
}

/// Losing what was written down is no way past the gate: something else says that it is signed.
#[test]
fn who_has_signed_it_is_not_forgotten_with_the_record() {
    let spoil_record = |bench: &Bench| damage(bench, &record_of(bench));
    let lose_record = |bench: &Bench| fs::remove_dir_all(bench.path("plugins/.aisoc")).expect("removed");
    let unsign = |bench: &Bench| {
        fs::remove_file(record_of(bench)).expect("removed");
        fs::remove_file(bench.path("plugins/demo/plugin.sig")).expect("removed");
        fs::remove_dir_all(bench.path("plugins/demo/plugin.sig.d")).expect("removed");
    };
    let spoil_both = |bench: &Bench| {
        damage(bench, &record_of(bench));
        damage(bench, &bench.path("plugins/demo/plugin.py"));
    };
    type Spoil<'a> = &'a dyn Fn(&Bench);
    let cases: [(Spoil<'_>, bool); 4] =
        [(&spoil_record, true), (&lose_record, true), (&unsign, false), (&spoil_both, false)];
    for (number, (spoil, does_tree_tell)) in cases.into_iter().enumerate() {
        let bench = bench();
        let (before, now) = (publish(&bench, "1.0.0", &["a"]), publish(&bench, "1.2.0", &["b"]));
        let next = publish(&bench, "1.3.0", &["a"]);
        install(&bench, &before, &[]).ok();
        spoil(&bench);
        trust(&bench, "b");
        // Where no key of today verifies it, nobody can tell; where one does, its tree does.
        distrust(&bench, "a");
        let stderr = &install(&bench, &now, &[]).refused(3, "signer_changed").stderr.clone();
        assert!(stderr.contains("signed, by whom is not known"), "{number}: {stderr}");
        trust(&bench, "a");
        match does_tree_tell {
            true => drop(install(&bench, &next, &[]).ok()),
            false => drop(install(&bench, &next, &["--allow-signer-change"]).ok()),
        }
    }
}

#[test]
fn a_directory_that_was_taken_away_leaves_its_version_and_its_signers() {
    let bench = bench();
    trust(&bench, "b");
    let new = publish(&bench, "2.0.0", &["a"]);
    let (older, others) = (publish(&bench, "1.2.0", &["a"]), publish(&bench, "2.1.0", &["b"]));
    install(&bench, &new, &[]).ok();
    fs::remove_dir_all(bench.path("plugins/demo")).expect("removed");
    let stderr = &install(&bench, &older, &[]).refused(3, "version_downgrade").stderr.clone();
    assert!(stderr.contains("2.0.0 → 1.2.0") && stderr.contains("whose directory is gone"), "{stderr}");
    install(&bench, &others, &[]).refused(3, "signer_changed");
    install(&bench, &new, &[]).ok();
    fs::remove_dir_all(bench.path("plugins/demo")).expect("removed");
    let run = install(&bench, &others, &["--allow-signer-change"]);
    assert!(run.ok().stderr.contains("warning[other_signer]: "), "{run:?}");
}

#[test]
fn a_record_that_is_all_that_is_left_and_damaged_says_nothing_in_favour() {
    let bench = bench();
    let now = publish(&bench, "1.0.0", &["a"]);
    install(&bench, &now, &[]).ok();
    fs::remove_dir_all(bench.path("plugins/demo")).expect("removed");
    damage(&bench, &record_of(&bench));
    install(&bench, &now, &[]).refused(3, "version_downgrade");
    install(&bench, &now, &["--allow-downgrade"]).refused(3, "signer_changed");
    install(&bench, &now, &["--allow-downgrade", "--allow-signer-change"]).ok();
}

#[test]
fn a_rotation_goes_on_when_the_old_key_has_expired_and_not_when_it_was_revoked() {
    for (note, is_same) in [("not_after", true), ("revoked_at", false)] {
        let bench = bench();
        let (before, both) = (publish(&bench, "1.0.0", &["a"]), publish(&bench, "1.1.0", &["a", "b"]));
        install(&bench, &before, &[]).ok();
        trust(&bench, "b");
        bench.write("keys/a.json", format!("{{\"schema_version\": 1, \"{note}\": \"2020-01-01T00:00:00Z\"}}"));
        let run = install(&bench, &both, &[]);
        if is_same {
            assert!(run.ok().stderr.contains("warning[signer_added]: "), "{run:?}");
            let verify = bench.run(&["plugin", "verify", "demo", "--trusted-keys", "keys", "--explain"]);
            let ended = verify.stdout.lines().find(|line| line.contains("expired at")).unwrap_or_default();
            assert!(ended.contains("verifies"), "{verify:?}");
        } else {
            let stderr = &run.refused(3, "signer_changed").stderr;
            assert!(
                stderr
                    .contains("key `a`, which was revoked at 2020-01-01T00:00:00Z, has signed both and counts no more"),
                "{stderr}"
            );
            assert!(!stderr.contains("both keys have signed"), "{stderr}");
        }
    }
}

#[test]
fn versions_that_hosts_take_are_compared_and_what_cannot_be_is_refused() {
    let attempt = |from: &str, to: &str, options: &[&str]| {
        let bench = bench();
        let (before, now) = (publish(&bench, from, &["a"]), publish(&bench, to, &["a"]));
        install(&bench, &before, &[]).ok();
        install(&bench, &now, options)
    };
    for (from, to) in [
        ("2.0", "1.0"),
        ("v2.0.0", "v1.0.0"),
        ("2026.06", "2026.05"),
        ("1.0.20261126122701123456", "1.0.20251126122701123456"),
    ] {
        let run = attempt(from, to, &[]);
        let stderr = &run.refused(3, "version_downgrade").stderr;
        assert!(stderr.contains("an older version would replace"), "{stderr}");
        assert!(!attempt(to, from, &[]).ok().stderr.contains("warning["), "{from} {to}");
    }
    for (from, to) in [("2.0.0", "nightly"), ("nightly", "1.0.0")] {
        let run = attempt(from, to, &[]);
        let stderr = &run.refused(3, "version_downgrade").stderr;
        assert!(stderr.contains(&format!("which version is older cannot be told: {from} → {to}")), "{stderr}");
        let run = attempt(from, to, &["--allow-downgrade"]);
        assert!(run.ok().stderr.contains("warning[versions_uncompared]: "), "{run:?}");
    }
}

#[test]
fn a_key_that_joins_is_said() {
    let bench = bench();
    trust(&bench, "b");
    let (before, both) = (publish(&bench, "1.0.0", &["a"]), publish(&bench, "1.1.0", &["a", "b"]));
    install(&bench, &before, &[]).ok();
    let run = install(&bench, &both, &["--json"]);
    let added = &json(&run)["plugins"][0]["added_signers"];
    assert_eq!(added.as_array().map(Vec::len), Some(1), "{added}");
    assert_eq!(added[0]["signing_key_fingerprint"], fingerprint(&bench, "b").as_str());
    assert!(run.stderr.contains("\"signer_added\""), "{run:?}");
}

#[test]
fn a_rollback_to_what_is_in_place_replaces_nothing() {
    let bench = bench();
    install(&bench, &publish(&bench, "1.0.0", &["a"]), &[]).ok();
    let words = [&["plugin", "rollback", "demo", "--to", "1.0.0"][..], &PLACES].concat();
    let run = bench.run(&words);
    assert!(run.ok().stderr.contains("Up to date demo 1.0.0"), "{run:?}");
    let run = bench.run(&[&words[..], &["--json"]].concat());
    assert_eq!(json(&run)["previous_version"], Value::Null);
}
