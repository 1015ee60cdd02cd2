//! What `sign` leaves of what was there.

mod support;

use std::fs;

use support::Bench;

/// A plugin that `a` and `b` have signed, and the keys of both to judge it by.
fn twice_signed() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    for key in ["a", "b", "c"] {
        bench.run(&["plugin", "keygen", "--out", key]).ok();
    }
    fs::create_dir(bench.path("keys")).expect("made");
    for key in ["a.pem", "b.pem"] {
        fs::copy(bench.path(key), bench.path("keys").join(key)).expect("copied");
    }
    sign(&bench, "a.key", &[]);
    sign(&bench, "b.key", &["--add"]);
    bench.run(&BOTH).ok();
    bench
}

const BOTH: [&str; 7] = ["plugin", "verify", "demo", "--keys", "keys", "--require", "2"];

fn sign(bench: &Bench, key: &str, options: &[&str]) {
    let words = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", key];
    bench.run(&[&words, options].concat()).ok();
}

#[test]
fn a_signature_that_is_written_elsewhere_takes_nobodys_place() {
    for coverage in ["full", "code"] {
        let bench = twice_signed();
        let before = bench.snapshot("demo");
        sign(&bench, "c.key", &["--out", "elsewhere.sig", "--coverage", coverage]);
        assert!(bench.path("elsewhere.sig").exists());
        assert_eq!(bench.snapshot("demo"), before, "{coverage}");
        bench.run(&BOTH).ok();
    }
}

#[test]
fn a_signature_is_written_in_its_place_or_outside_of_the_plugin() {
    let bench = twice_signed();
    let before = bench.snapshot("demo");
    for out in ["demo/plugin.yaml", "demo/other.sig", "demo/plugin.sig.d/x.sig", "keys/../demo/x.sig", "keys", "demo"] {
        let run = bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "c.key", "--out", out]);
        assert!(run.refused(2, "usage").stderr.contains("outside of the plugin"), "{out}: {run:?}");
        assert_eq!(bench.snapshot("demo"), before, "{out}");
    }
    bench.run(&BOTH).ok();
}

#[test]
fn a_changed_plugin_that_somebody_has_signed_is_not_signed_elsewhere() {
    for coverage in ["full", "code"] {
        let bench = twice_signed();
        bench.write("demo/README.md", "another text\n");
        let before = bench.snapshot("demo");
        let words = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "c.key", "--out", "elsewhere.sig"];
        let run = bench.run(&[&words[..], &["--coverage", coverage]].concat());
        run.refused(3, "coverage_mismatch");
        assert_eq!(bench.snapshot("demo"), before, "{coverage}");
        assert!(!bench.path("elsewhere.sig").exists(), "{coverage}");
    }
}

#[test]
fn a_plugin_that_nobody_has_signed_states_its_tree_before_it_is_signed_elsewhere() {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    bench.run(&["plugin", "keygen", "--out", "c"]).ok();
    sign(&bench, "c.key", &["--out", "elsewhere.sig"]);
    assert!(!bench.path("demo/plugin.sig").exists());
    fs::copy(bench.path("elsewhere.sig"), bench.path("demo/plugin.sig")).expect("copied");
    fs::create_dir(bench.path("keys")).expect("made");
    fs::copy(bench.path("c.pem"), bench.path("keys/c.pem")).expect("copied");
    let run = bench.run(&BOTH[..5]);
    assert!(run.ok().stdout.contains("coverage=full"), "{run:?}");
}

#[test]
fn a_signature_in_its_place_is_the_only_one_by_whatever_path() {
    for options in [&[][..], &["--out", "demo/plugin.sig"], &["--out", "keys/../demo/./plugin.sig"]] {
        let bench = twice_signed();
        sign(&bench, "c.key", options);
        assert_eq!(bench.snapshot("demo/plugin.sig.d").len(), 2, "{options:?}: the list and one signature");
        fs::copy(bench.path("c.pem"), bench.path("keys/c.pem")).expect("copied");
        let run = bench.run(&BOTH[..5]);
        assert!(run.ok().stdout.starts_with("verified key=c "), "{options:?}: {run:?}");
    }
}

/// It is nobody's but theirs to make again.
#[test]
fn a_signature_of_somebody_else_that_fits_does_not_go_without_a_word() {
    let bench = twice_signed();
    let words = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "c.key"];
    for (options, is_said) in [(&["--dry-run"][..], true), (&["--add"], false), (&[], true), (&[], false)] {
        let run = bench.run(&[&words, options].concat());
        assert_eq!(run.ok().stderr.contains("warning[signatures_removed]: "), is_said, "{options:?} {run:?}");
    }
    let bench = twice_signed();
    let words = ["plugin", "release", "demo", "oci:layout", "--private-key"];
    for (keys, is_said) in [(&["a.key"][..], true), (&["a.key", "--private-key", "b.key"], false)] {
        let run = bench.run(&[&words, keys, &["--replace-tag"]].concat());
        assert_eq!(run.ok().stderr.contains("warning[signatures_removed]: "), is_said, "{keys:?} {run:?}");
    }
    // Nothing but `plugin.sig`, as other tools sign.
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    let run = bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "c.key"]);
    assert!(run.ok().stderr.contains("which fit what is signed, are removed: `plugin.sig`"), "{run:?}");
    // What was signed before a change fits nothing.
    bench.write("demo/README.md", "another text\n");
    let run = bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "b.key"]);
    assert!(!run.ok().stderr.contains("signatures_removed"), "{run:?}");
}

#[test]
fn nothing_but_a_signature_gives_way_to_one_that_is_written_elsewhere() {
    let bench = twice_signed();
    let words = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "c.key", "--out"];
    bench.write("notes.txt", "mine");
    bench.write("large.txt", "x".repeat(1 << 11));
    bench.write("empty.sig", "");
    let before = bench.snapshot(".");
    for out in ["c.key", "c.pem", "notes.txt", "large.txt"] {
        for options in [&["--coverage", "full"][..], &["--coverage", "code"], &["--dry-run"]] {
            let run = bench.run(&[&words[..], &[out], options].concat());
            let line = run.refused(1, "already_exists").error_line();
            assert!(line.contains(&format!("`{out}` is there, and is no signature")), "{line}");
        }
    }
    // The signature of another plugin is one, and not this one's to replace.
    bench.run(&["plugin", "new", "other", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "other", "--private-key", "a.key"]).ok();
    for out in ["other/plugin.sig", "other/plugin.sig.d/x.sig", "other/../other/new.sig", "-"] {
        let run = bench.run(&[&words[..], &[out]].concat());
        run.refused(2, "usage");
    }
    bench.run(&["plugin", "verify", "other", "--keys", "a.pem"]).ok();
    fs::remove_dir_all(bench.path("other")).expect("removed");
    assert_eq!(bench.snapshot("."), before);
    for out in ["new.sig", "new.sig", "empty.sig"] {
        bench.run(&[&words[..], &[out]].concat()).ok();
    }
}

/// One signer who signs twice is one.
#[test]
fn a_second_signature_by_the_same_key_is_no_second_signer() {
    let bench = twice_signed();
    sign(&bench, "a.key", &[]);
    for run in ["added", "and again"] {
        sign(&bench, "a.key", &["--add"]);
        let refused = bench.run(&BOTH);
        assert!(refused.refused(3, "signers_too_few").stderr.contains("found:    1"), "{run}: {refused:?}");
        bench.run(&BOTH[..5]).ok();
    }
    sign(&bench, "b.key", &["--add"]);
    bench.run(&BOTH).ok();
}

/// What the others have signed is what is signed as well, and nothing else.
#[test]
fn a_signature_is_added_to_what_the_others_have_signed_or_not_at_all() {
    let bench = twice_signed();
    let add = ["plugin", "sign", "demo", "--private-key", "c.key", "--add"];
    bench.write("demo/plugin.py", "print('other')\n");
    let before = bench.snapshot("demo");
    let run = bench.run(&add);
    assert!(run.refused(3, "coverage_mismatch").stderr.contains("hint: sign without --add: the others"), "{run:?}");
    assert_eq!(bench.snapshot("demo"), before, "nothing is written");
    bench.run(&["plugin", "new", "other", "--type", "enricher"]).ok();
    let run = bench.run(&["plugin", "sign", "other", "--private-key", "c.key", "--add"]);
    assert!(run.refused(3, "unsigned").stderr.contains("hint: sign without --add"), "{run:?}");
}

/// A signature as programs before this one have made it: of the code, in one file, with nothing in the manifest.
#[test]
fn beside_a_signature_of_the_code_alone_another_one_covers_the_code() {
    let bench = twice_signed();
    let manifest = |bench: &Bench| fs::read(bench.path("old/plugin.yaml")).expect("there");
    bench.run(&["plugin", "new", "old", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "old", "--private-key", "a.key", "--coverage", "code"]).ok();
    fs::remove_dir_all(bench.path("old/plugin.sig.d")).expect("the other form goes");
    let before = (manifest(&bench), fs::read(bench.path("old/plugin.sig")).expect("there"));
    let added = bench.run(&["plugin", "sign", "old", "--private-key", "b.key", "--add"]);
    assert!(added.ok().stderr.contains("(coverage code)"), "{added:?}");
    assert_eq!((manifest(&bench), fs::read(bench.path("old/plugin.sig")).expect("there")), before, "they stay");
    let verify = ["plugin", "verify", "old", "--keys", "keys", "--require", "2"];
    bench.run(&verify).ok();
    bench.run(&[&verify[..], &["--trust-coverage", "full"]].concat()).refused(3, "coverage_partial");
}
