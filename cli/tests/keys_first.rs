//! Keys that are not there are said before anything is fetched, and one key file is as good as a directory.

mod support;

use std::fs;

use aisoc_testkit::registry::Registry;
use support::Bench;

/// What would fetch from that registry, or read what is kept.
fn judging(reference: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["plugin", "install", reference, "--plugins-dir", "plugins"],
        vec!["plugin", "verify", reference],
        vec!["plugin", "rollback", "demo", "--plugins-dir", "plugins"],
    ]
}

fn installed() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    fs::create_dir(bench.path("empty")).expect("made");
    bench
}

#[test]
fn no_keys_are_said_before_a_request_is_made() {
    let bench = installed();
    let registry = Registry::start();
    let reference = registry.reference("team/demo:1.0.0");
    let before = bench.snapshot("plugins");
    for words in judging(&reference) {
        let run = |keys: &[&str], variables: &[(&str, &str)]| {
            let words = [&words, keys].concat();
            bench.run_with(&words, variables)
        };
        for missing in [&["--trusted-keys", "nope"][..], &["--trusted-keys", "keys/nope.pem"]] {
            let line = run(missing, &[]).refused(1, "io_not_found").error_line().to_owned();
            assert!(line.contains(missing[1]), "{line}");
        }
        run(&[], &[("PLUGIN_TRUSTED_KEYS_DIR", "nope")]).refused(1, "io_not_found");
        // Where nobody has named any, the default is what is missing.
        assert!(run(&[], &[]).refused(1, "io_not_found").error_line().contains("/opt/aisoc/plugin-keys"));
        run(&["--trusted-keys", "empty"], &[]).refused(3, "no_trusted_keys");
    }
    let copy = ["plugin", "push", &reference, &registry.reference("copy/demo:1.0.0")];
    bench.run(&[&copy[..], &["--trusted-keys", "nope"]].concat()).refused(1, "io_not_found");
    bench.run(&[&copy[..], &["--trusted-keys", "empty"]].concat()).refused(3, "no_trusted_keys");
    assert!(registry.requests().is_empty(), "{:?}", registry.requests());
    assert_eq!(bench.snapshot("plugins"), before);
}

#[test]
fn a_list_without_keys_is_no_list_of_untrusted_plugins() {
    let bench = installed();
    for words in [&["plugin", "list"][..], &["plugins", "verify"]] {
        let words = [words, &["--plugins-dir", "plugins"]].concat();
        bench.run(&words).refused(1, "io_not_found");
        bench.run(&[&words[..], &["--trusted-keys", "nope"]].concat()).refused(1, "io_not_found");
        let run = bench.run(&[&words[..], &["--trusted-keys", "empty"]].concat());
        assert!(run.stdout.contains("no_trusted_keys"), "{run:?}");
    }
}

#[test]
fn the_other_modes_are_as_the_contract_has_them() {
    let bench = installed();
    for keys in [&["--trusted-keys", "nope"][..], &["--trusted-keys", "empty"], &[]] {
        let verify = |mode: &str| {
            let words = ["plugin", "verify", "oci-archive:demo.tar", "--trust-mode", mode];
            bench.run(&[&words[..], keys].concat()).ok().stdout.clone()
        };
        assert!(verify("warn").starts_with("invalid"), "{keys:?}");
        assert!(verify("disabled").starts_with("skipped"), "{keys:?}");
    }
}

#[test]
fn a_key_file_is_taken_wherever_a_directory_is() {
    let bench = installed();
    fs::remove_dir_all(bench.path("plugins")).expect("removed");
    let file = ["--trusted-keys", "release.pem"];
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    let commands: [&[&str]; 9] = [
        &["plugin", "install", "oci-archive:demo.tar", "--plugins-dir", "plugins"],
        &["plugin", "list", "--plugins-dir", "plugins"],
        &["plugins", "verify", "--plugins-dir", "plugins"],
        &["plugin", "verify", "demo"],
        &["plugin", "verify", "demo", "--explain"],
        &["plugin", "verify", "demo", "--as-shipped"],
        &["plugin", "verify", "oci-archive:demo.tar"],
        &["plugin", "package", "--plugin-dir", "demo", "--out", "again.tar"],
        &["plugin", "push", "demo", "oci:copy:1.0.0"],
    ];
    for words in commands {
        bench.run(&[words, &file].concat()).ok();
    }
    let variable = [("PLUGIN_TRUSTED_KEYS_DIR", "release.pem")];
    let run = bench.run_with(&["plugin", "verify", "demo"], &variable);
    assert!(run.ok().stdout.starts_with("verified key=release "), "{run:?}");
    for words in commands.iter().filter(|words| words[1] != "list") {
        let run = bench.run(&[words, &["--trusted-keys", "stranger.pem"][..]].concat());
        assert_eq!(run.code, 3, "{words:?}: {run:?}");
    }
    bench.run(&["plugin", "verify", "demo", "--trusted-keys", "release.key"]).refused(1, "key_invalid");
    bench.run(&["plugin", "verify", "demo", "--keys", "release.pem", "--keys", "keys"]).refused(2, "usage");
    bench.write("release.json", r#"{"schema_version": 1, "revoked_at": "2026-01-01T00:00:00Z"}"#);
    bench.run(&["plugin", "verify", "demo", "--trusted-keys", "release.pem"]).refused(3, "key_revoked");
}

/// It would be refused when the plugin is packed, or go into its repository.
#[test]
fn a_key_pair_is_not_made_inside_of_a_plugin() {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    fs::create_dir(bench.path("demo/deep")).expect("made");
    let before = bench.snapshot("demo");
    for out in ["demo/release", "demo/deep/release", "./demo/../demo/release"] {
        for dry in [&[][..], &["--dry-run"]] {
            let run = bench.run(&[&["plugin", "keygen", "--out", out][..], dry].concat());
            assert!(run.refused(2, "usage").error_line().contains("is inside of the plugin"), "{run:?}");
            let hint = run.stderr.lines().find(|line| line.starts_with("hint: ")).expect("a hint");
            assert!(hint.contains("/release`") && !hint.contains("demo/release"), "{hint}");
        }
    }
    assert_eq!(bench.snapshot("demo"), before);
    bench.run(&["plugin", "new", "inner", "--type", "enricher", "--output-dir", "demo"]).ok();
    let run = bench.run(&["plugin", "release", "demo/inner", "oci:layout", "--new-key"]);
    assert!(run.refused(2, "usage").error_line().contains("is inside of the plugin"), "{run:?}");
    let hint = run.stderr.lines().find(|line| line.starts_with("hint: ")).expect("a hint");
    assert!(hint.contains("--new-key=") && hint.ends_with("/inner`") && !hint.contains("demo/inner"), "{hint}");
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    bench.run(&["plugin", "keygen", "--out", "demo/../other"]).ok();
}
