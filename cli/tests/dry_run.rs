//! `--dry-run`: the words and the exit code of a real run, and nothing that is other than before, on disk or in a
//! registry.

mod support;

use std::fs;

use aisoc_testkit::registry::Registry;
use serde_json::Value;
use support::{Bench, Run};

/// Runs a command as a dry run, which changes nothing, and then for real: both end alike.
fn alike(bench: &Bench, registry: &Registry, words: &[&str]) -> [Run; 2] {
    let (before, asked) = (bench.state(), registry.requests().len());
    let dry = bench.run(&[words, &["--dry-run"]].concat());
    assert_eq!(bench.state(), before, "{words:?}: {dry:?}");
    let requests = registry.requests().split_off(asked);
    let changes = requests.iter().filter(|request| !matches!(request.method.as_str(), "GET" | "HEAD"));
    assert_eq!(changes.count(), 0, "{words:?}: {requests:?}");
    let real = bench.run(words);
    assert_eq!(dry.code, real.code, "{words:?}: {dry:?} {real:?}");
    [dry, real]
}

#[test]
fn a_dry_run_changes_nothing_and_ends_as_the_real_run_does() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start();
    let (reference, released) = (registry.reference("team/demo"), registry.reference("team/released"));
    let signed = registry.reference("team/demo:0.1.0");
    let key = ["--private-key", "release.key"];
    bench.write("sbom.json", r#"{"bomFormat": "CycloneDX"}"#);
    let attested = ["--type", "sbom", "--predicate", "sbom.json"];
    let attested = [&["plugin", "attest", "oci:pushed:again"][..], &attested, &key].concat();
    let done: [&[&str]; 14] = [
        &["plugin", "new", "other", "--type", "widget", "--output-dir", "below/here"],
        &["plugin", "keygen", "--out", "second"],
        &["plugin", "sign", "demo", key[0], key[1]],
        &["plugin", "sign", "demo", "--private-key", "second.key", "--add"],
        &["plugin", "package", "demo", "--out", "new.tar"],
        &["plugin", "package", "demo", "--out", "new-layout"],
        &["plugin", "push", "demo", &reference],
        &["plugin", "push", "demo.tar", "oci:pushed"],
        &["plugin", "release", "demo", &released, "--new-key=made"],
        &["plugin", "pull", "demo.tar", "--out", "pulled"],
        &["plugin", "resign", "oci:pushed", "--private-key", "second.key", "--keys", "keys", "--tag", "again"],
        &attested,
        &["plugin", "sign", &signed, "--cosign", key[0], key[1]],
        &["plugin", "sign", &signed, "--cosign=tag", "--private-key", "second.key"],
    ];
    for words in done {
        let words: Vec<&str> = words
            .iter()
            .map(|word| if *word == "demo.tar" && words[1] == "pull" { "oci-archive:demo.tar" } else { word })
            .collect();
        let [dry, real] = alike(&bench, &registry, &words);
        assert!(dry.ok().stderr.contains("Would "), "{words:?}: {dry:?}");
        for done in ["Next ", "Signed ", "Generated ", " bytes sent)"] {
            assert!(!dry.stderr.contains(done), "{words:?} says {done:?}: {dry:?}");
        }
        assert!(!real.stderr.contains("Would "), "{words:?}: {real:?}");
        let json = bench.run(&[&words[..], &["--dry-run", "--json"]].concat());
        if json.code == 0 {
            let document: Value = serde_json::from_str(&json.stdout).expect("JSON");
            assert_eq!(document["dry_run"], true, "{words:?}");
        }
    }
}

#[test]
fn what_a_real_run_refuses_its_dry_run_refuses_with_the_same_reason() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start();
    let reference = registry.reference("team/demo:0.1.0");
    bench.run(&["plugin", "push", "demo", &reference]).ok();
    bench.run(&["plugin", "new", "unsigned", "--type", "enricher"]).ok();
    bench.write("changed/plugin.py", "");
    support::copy_tree(&bench.path("demo"), &bench.path("changed"));
    bench.write("changed/README.md", "another text");
    bench.write("file", "no layout");
    let key = ["--private-key", "release.key"];
    let refused: [&[&str]; 13] = [
        &["plugin", "sign", "changed", key[0], key[1], "--out", "elsewhere.sig"],
        &["plugin", "new", "demo", "--type", "widget"],
        &["plugin", "keygen", "--out", "release"],
        &["plugin", "keygen", "--out", "nowhere/release"],
        &["plugin", "sign", "nowhere", key[0], key[1]],
        &["plugin", "sign", "unsigned", key[0], key[1], "--add"],
        &["plugin", "package", "unsigned", "--out", "x.tar"],
        &["plugin", "package", "demo", "--out", "nowhere/x.tar"],
        &["plugin", "push", "changed", &reference],
        &["plugin", "release", "changed", &reference, key[0], key[1]],
        &["plugin", "release", "demo", &reference, "--new-key=release"],
        &["plugin", "push", "demo", "oci:file"],
        &["plugin", "pull", "oci-archive:demo.tar", "--out", "demo"],
    ];
    for words in refused {
        let [dry, real] = alike(&bench, &registry, words);
        assert_ne!(real.code, 0, "{words:?}: {real:?}");
        let reason = |run: &Run| run.error_line().split(']').next().expect("a code").to_owned();
        assert_eq!(reason(&dry), reason(&real), "{words:?}");
    }
}

#[test]
fn an_author_who_may_not_write_is_told_so_by_a_dry_run_too() {
    let bench = Bench::new();
    bench.published();
    let Some(nobody) = bench.as_nobody() else {
        eprintln!("SKIPPED: only root runs a command as somebody else");
        return;
    };
    std::os::unix::fs::chown(bench.path("release.key"), Some(65534), None).expect("given away");
    fs::create_dir(bench.path("layout")).expect("made");
    let key = ["--private-key", "release.key"];
    let refused: [&[&str]; 11] = [
        &["plugin", "new", "other", "--type", "widget"],
        &["plugin", "new", "other", "--type", "widget", "--output-dir", "below/here"],
        &["plugin", "keygen", "--out", "second"],
        &["plugin", "sign", "demo", key[0], key[1]],
        &["plugin", "sign", "demo", key[0], key[1], "--out", "elsewhere.sig"],
        &["plugin", "package", "demo", "--out", "demo.tar"],
        &["plugin", "package", "demo", "--out", "layout"],
        &["plugin", "push", "demo", "oci:layout"],
        &["plugin", "pull", "oci-archive:demo.tar", "--out", "pulled"],
        &["plugin", "release", "demo", "oci:layout", "--new-key=made"],
        &["man", "--out", "pages"],
    ];
    for words in refused {
        let before = bench.state();
        let dry = nobody(&[words, &["--dry-run"]].concat());
        assert_eq!(bench.state(), before, "{words:?}: {dry:?}");
        for run in [&dry, &nobody(words)] {
            assert!(run.code == 1 && run.error_line().starts_with("error[io_denied]: "), "{words:?}: {run:?}");
        }
    }
}
