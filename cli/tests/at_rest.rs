//! `plugins verify`: everything installed, read again and judged by today's keys.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::Value;
use support::{Bench, Run, copy_tree};

const VERIFY: [&str; 6] = ["plugins", "verify", "--trusted-keys", "keys", "--plugins-dir", "plugins"];

fn verify(bench: &Bench, options: &[&str]) -> Run {
    bench.run(&[&VERIFY, options].concat())
}

/// Status, coverage and evidence of each plugin, by id.
fn rows(run: &Run) -> Vec<(String, String, String, String)> {
    let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(document["schema_version"], 1);
    let text = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
    let plugins = document["plugins"].as_array().expect("rows").iter();
    plugins
        .map(|row| (text(row, "id"), text(row, "signature_status"), text(row, "coverage"), text(row, "evidence")))
        .collect()
}

/// `demo` installed from an artifact, `other` put there by hand.
fn two_plugins() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    place(&bench, "other", "other");
    bench
}

/// Puts the signed plugin `id` into the directory of that name.
fn place(bench: &Bench, id: &str, directory: &str) {
    let source = format!("made-{id}");
    if !bench.path(&source).exists() {
        bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", &source]).ok();
        let manifest = fs::read_to_string(bench.path(&source).join("demo/plugin.yaml")).expect("a manifest");
        let lines = manifest.lines().map(|line| match line.starts_with("id:") {
            true => format!("id: \"{id}\"\n"),
            false => format!("{line}\n"),
        });
        bench.write(&format!("{source}/demo/plugin.yaml"), lines.collect::<String>());
        bench.sign(&format!("{source}/demo")).ok();
    }
    copy_tree(&bench.path(&source).join("demo"), &bench.path("plugins").join(directory));
}

fn row(id: &str, status: &str, coverage: &str, evidence: &str) -> (String, String, String, String) {
    (id.to_owned(), status.to_owned(), coverage.to_owned(), evidence.to_owned())
}

#[test]
fn every_plugin_is_judged_and_one_no_is_a_no() {
    let bench = two_plugins();
    let run = verify(&bench, &["--json"]);
    assert_eq!(rows(run.ok()), [row("demo", "verified", "full", "read"), row("other", "verified", "full", "read")]);
    bench.write("plugins/other/README.md", "changed\n");
    let run = verify(&bench, &[]);
    assert_eq!(run.code, 3);
    assert!(run.error_line().starts_with("error[coverage_mismatch]: other: "), "{run:?}");
    assert!(run.stdout.contains("demo   0.1.0       verified   full      release\n"), "{run:?}");
    verify(&bench, &["demo"]).ok();
    assert_eq!(verify(&bench, &["other"]).code, 3);
    verify(&bench, &["demo", "nobody"]).refused(1, "plugin_not_found");
}

#[test]
fn a_change_since_the_install_names_the_file_and_the_way_back() {
    let bench = two_plugins();
    bench.write("plugins/demo/plugin.py", "import os\n");
    let run = verify(&bench, &["demo"]);
    assert_eq!(run.code, 3);
    assert!(run.error_line().contains("`plugin.py`"), "{run:?}");
    assert!(run.stderr.contains("hint: install it again: `aisoc plugin install oci-archive:demo.tar`"), "{run:?}");
}

#[test]
fn a_plugin_that_lost_its_manifest_or_is_gone_is_refused_and_not_passed_over() {
    let damages: [fn(&Bench); 4] = [
        |bench| fs::remove_file(bench.path("plugins/demo/plugin.yaml")).expect("removed"),
        |bench| fs::remove_dir_all(bench.path("plugins/demo")).expect("removed"),
        |bench| std::os::unix::fs::symlink("plugin.py", bench.path("plugins/demo/link")).expect("linked"),
        |bench| {
            fs::rename(bench.path("plugins/demo"), bench.path("away")).expect("moved");
            std::os::unix::fs::symlink("../away", bench.path("plugins/demo")).expect("linked");
        },
    ];
    for damage in damages {
        let bench = two_plugins();
        damage(&bench);
        for ids in [&[][..], &["demo"]] {
            let run = verify(&bench, ids);
            assert_eq!(run.code, 3, "{run:?}");
            assert!(run.error_line().starts_with("error[tree_modified]: demo: "), "{run:?}");
            assert!(run.stderr.contains("hint: install it again: "), "{run:?}");
        }
        let list = bench.run(&["plugin", "list", "--keys", "keys", "--plugins-dir", "plugins"]);
        assert!(list.ok().stdout.contains("tree_modified: "), "{list:?}");
    }
}

#[test]
fn todays_keys_decide_and_not_those_of_the_install() {
    let bench = two_plugins();
    bench.write("keys/release.json", r#"{"schema_version": 1, "revoked_at": "2026-01-01T00:00:00Z"}"#);
    let run = verify(&bench, &["--json"]);
    assert_eq!(run.code, 3);
    assert!(rows(&run).iter().all(|(_, status, coverage, _)| status == "invalid" && coverage == "none"), "{run:?}");
    assert!(run.stderr.contains("key_revoked"), "{run:?}");
}

#[test]
fn a_cache_answers_for_what_has_not_changed_and_for_nothing_else() {
    let bench = two_plugins();
    let cached = |options: &[&str]| verify(&bench, &[&["--cached", "--json"], options].concat());
    // What changed a moment ago is read, and not noted.
    assert_eq!(rows(cached(&[]).ok())[0].3, "read");
    assert_eq!(rows(cached(&[]).ok())[0].3, "read");
    std::thread::sleep(Duration::from_millis(3200));
    assert!(rows(cached(&[]).ok()).iter().all(|row| row.3 == "read"));
    assert_eq!(
        rows(cached(&[]).ok()),
        [row("demo", "verified", "full", "cached"), row("other", "verified", "full", "cached")]
    );
    let notes = bench.path("plugins/.aisoc/verified.json");
    assert_eq!(fs::metadata(&notes).expect("there").permissions().mode() & 0o777, 0o600);
    // Without the option nothing is believed.
    assert!(rows(verify(&bench, &["--json"]).ok()).iter().all(|row| row.3 == "read"));

    bench.write("plugins/other/README.md", "changed\n");
    let run = cached(&[]);
    assert_eq!((run.code, rows(&run)[1].1.as_str()), (3, "invalid"), "{run:?}");
    // A narrower policy and another key are other questions.
    assert_eq!(cached(&["demo", "--require", "2"]).code, 3);
    fs::rename(bench.path("keys/release.pem"), bench.path("release-retired.pem")).expect("moved");
    assert_eq!(cached(&["demo"]).code, 3);
}

#[test]
fn a_cache_that_others_can_write_is_not_believed() {
    let bench = two_plugins();
    std::thread::sleep(Duration::from_millis(3200));
    verify(&bench, &["--cached"]).ok();
    let notes = bench.path("plugins/.aisoc/verified.json");
    for mode in [0o620, 0o602, 0o644] {
        fs::set_permissions(&notes, fs::Permissions::from_mode(mode)).expect("set");
        let run = verify(&bench, &["--cached", "--json"]);
        assert!(rows(run.ok()).iter().all(|row| row.3 == "read"), "{run:?}");
        assert!(run.stderr.contains("are not private"), "{run:?}");
    }
    fs::write(&notes, "{").expect("written");
    fs::set_permissions(&notes, fs::Permissions::from_mode(0o600)).expect("set");
    let run = verify(&bench, &["--cached", "--json"]);
    assert!(rows(run.ok()).iter().all(|row| row.3 == "read"), "{run:?}");
    assert!(run.stderr.contains("cannot be read and are made anew"), "{run:?}");
}
