//! `plugins diff`: what differs between the accepted version of a plugin and another one.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Bench, Run};

const HERE: [&str; 4] = ["--keys", "keys", "--plugins-dir", "plugins"];

fn diff(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugins", "diff"], words, &HERE].concat())
}

fn changes(bench: &Bench, words: &[&str]) -> Value {
    let run = diff(bench, &[words, &["--json"]].concat());
    let document: Value = serde_json::from_str(&run.ok().stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    document["changes"].clone()
}

/// Version 0.1.0 installed from `demo.tar`, and 0.2.0 in `next.tar`: another file, more and less asked for, by another
/// signer.
fn two_versions() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("demo.tar").ok();
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
    let manifest = manifest.replace("0.1.0", "0.2.0").replace("4.0.0", "4.1.0");
    bench.write("demo/plugin.yaml", format!("{manifest}capabilities: [facts.read]\n"));
    bench.write("demo/helper.py", "x = 1\n");
    fs::remove_file(bench.path("demo/README.md")).expect("removed");
    bench.run(&["plugin", "keygen", "--out", "next"]).ok();
    fs::copy(bench.path("next.pem"), bench.path("keys/next.pem")).expect("copied");
    bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "next.key"]).ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "next.tar"]).ok();
    fs::rename(bench.path("demo"), bench.path("bench")).expect("moved");
    bench
}

fn paths(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list").iter();
    list.map(|file| file["path"].as_str().expect("a path")).filter(|path| !path.starts_with("plugin.sig")).collect()
}

#[test]
fn every_difference_of_an_offered_version_is_named() {
    let bench = two_versions();
    let before = bench.state();
    let changes = changes(&bench, &["next.tar"]);
    assert_eq!(bench.state(), before, "nothing is written");
    assert_eq!((&changes["differs"], &changes["not_compared"]), (&json!(true), &json!([])), "{changes:#}");
    assert_eq!(changes["before"]["known_from"], "installed");
    assert_eq!(changes["changed_fields"][0], json!({"field": "version", "before": "0.1.0", "after": "0.2.0"}));
    assert_eq!(changes["capability_changes"], json!({"added": ["facts.read"], "removed": []}));
    let needs = json!({"added": ["min_aisoc_version: 4.1.0"], "removed": ["min_aisoc_version: 4.0.0"]});
    assert_eq!(changes["dependency_changes"], needs);
    let signers = &changes["signer_changes"];
    assert_eq!(
        (&signers["added"][0]["signing_key_id"], &signers["removed"][0]["signing_key_id"]),
        (&json!("next"), &json!("release"))
    );
    let files = &changes["file_changes"];
    assert_eq!(paths(&files["added"]), ["helper.py"]);
    assert_eq!(paths(&files["removed"]), ["README.md"]);
    assert_eq!(paths(&files["changed"]), ["plugin.yaml"]);
    let text = diff(&bench, &["demo", "--to", "next.tar"]);
    for line in [
        // An upgrade by another signer is refused, and shown all the same.
        "demo: refused\n",
        "  ~ version     0.1.0 → 0.2.0\n",
        "  + capability  facts.read\n",
        "  + file        helper.py  (6 bytes)\n",
        "  - file        README.md",
    ] {
        assert!(text.ok().stdout.contains(line), "{line:?} in {}", text.stdout);
    }
    let two = self::changes(&bench, &["demo.tar", "--to", "next.tar"]);
    assert_eq!((&two["before"]["known_from"], &two["file_changes"]), (&json!("offered"), &changes["file_changes"]));
}

#[test]
fn the_exit_code_says_whether_they_differ_where_that_is_asked() {
    let bench = two_versions();
    assert_eq!(diff(&bench, &["next.tar"]).code, 0);
    let run = diff(&bench, &["next.tar", "--exit-code", "--json"]);
    let document: Value = serde_json::from_str(&run.stdout).expect("a document");
    assert_eq!((run.code, &document["ok"]), (1, &json!(false)));
    let same = diff(&bench, &["demo.tar", "--exit-code"]);
    assert!(same.ok().stdout.contains("  nothing differs\n"), "{same:?}");
    diff(&bench, &["demo", "--exit-code"]).ok();
    bench.write("plugins/demo/plugin.py", "changed = 1\n");
    assert_eq!(diff(&bench, &["demo", "--exit-code"]).code, 1);
}

#[test]
fn what_the_lock_accepts_comes_before_what_is_installed() {
    let bench = two_versions();
    let trust = |words: &[&str]| {
        bench.run(&[&["plugins", "trust", "demo", "--reason", "read it"], words, &HERE].concat()).ok().code
    };
    trust(&[]);
    let changes = changes(&bench, &["next.tar"]);
    assert_eq!(
        (&changes["before"]["known_from"], &changes["before"]["version"]),
        (&json!("plugins_lock"), &json!("0.1.0"))
    );
    // Of schema version 1 nobody knows who has signed it.
    assert_eq!(changes["not_compared"], json!(["signers"]));
    trust(&["--with-provenance"]);
    let changes = self::changes(&bench, &["next.tar"]);
    assert_eq!((&changes["not_compared"], paths(&changes["file_changes"]["added"])), (&json!([]), vec!["helper.py"]));
    // What is installed since is not what was accepted: its files say nothing of what was.
    let install = ["plugin", "install", "next.tar", "--allow-signer-change", "--accept-capabilities", "facts.read"];
    bench.run(&[&install[..], &HERE].concat()).ok();
    let changes = self::changes(&bench, &["next.tar"]);
    assert_eq!(changes["not_compared"], json!(["dependencies", "files"]));
    assert_eq!(changes["capability_changes"]["added"], json!(["facts.read"]));
}

#[test]
fn a_version_in_a_registry_is_compared_by_what_is_fetched_now() {
    let bench = two_versions();
    let registry = bench.registry();
    let reference = format!("{}/team/demo:0.2.0", registry.address);
    bench.run(&["plugin", "push", "next.tar", &reference]).ok();
    let changes = changes(&bench, &[&reference]);
    assert_eq!(
        changes["after"]["reference"].as_str().expect("pinned").split('@').next(),
        reference.strip_suffix(":0.2.0")
    );
    assert_eq!(paths(&changes["file_changes"]["added"]), ["helper.py"]);
    drop(registry);
    diff(&bench, &[&reference]).refused(4, "registry_unavailable");
}

#[test]
fn what_cannot_be_compared_is_refused_with_a_reason() {
    let bench = two_versions();
    bench.run(&["plugin", "new", "other", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "--plugin-dir", "other", "--private-key", "release.key"]).ok();
    diff(&bench, &["./other"]).refused(1, "plugin_not_found");
    let two = diff(&bench, &["next.tar", "--to", "./other"]);
    assert!(two.refused(2, "usage").stderr.contains("expected: demo\n  found:    other\n"), "{two:?}");
    diff(&bench, &["absent"]).refused(1, "io_not_found");
    bench.write("broken.tar", "no archive");
    assert_ne!(diff(&bench, &["broken.tar"]).code, 0);
}
