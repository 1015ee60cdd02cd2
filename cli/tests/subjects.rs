//! What a word names: a path, a reference, or the id of an installed plugin, by one rule.

mod support;

use std::fs;

use support::{Bench, Run};

/// `demo` is installed; its source is in `demo/`, and nothing of it in the current directory of [`run`].
fn bench() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    fs::create_dir(bench.path("elsewhere")).expect("made");
    bench
}

/// Runs where there is no path `demo`.
fn run(bench: &Bench, words: &[&str]) -> Run {
    let words = [words, &["--plugins-dir", "../plugins"]].concat();
    let output = bench.command(&words).current_dir(bench.path("elsewhere")).output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code().expect("no signal"), stdout: text(output.stdout), stderr: text(output.stderr) }
}

const KEYS: [&str; 2] = ["--trusted-keys", "../keys"];

#[test]
fn verify_and_inspect_take_an_installed_id() {
    let bench = bench();
    let verified = run(&bench, &["plugin", "verify", "demo", KEYS[0], KEYS[1]]);
    assert!(verified.ok().stdout.starts_with("verified key=release coverage=full"), "{verified:?}");
    let explained = run(&bench, &["plugin", "verify", "demo", "--explain", KEYS[0], KEYS[1]]);
    assert!(explained.ok().stdout.starts_with("admitted: signature verified"), "{explained:?}");
    let json = run(&bench, &["plugin", "verify", "demo", "--json", KEYS[0], KEYS[1]]);
    let verdict: serde_json::Value = serde_json::from_str(&json.ok().stdout).expect("JSON");
    assert_eq!((&verdict["source"], &verdict["id"]), (&"demo".into(), &"demo".into()));
    assert!(verdict["artifact_digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")));
    let inspected = run(&bench, &["plugin", "inspect", "demo"]);
    assert!(inspected.ok().stdout.contains("claims id       demo"), "{inspected:?}");
    run(&bench, &["plugin", "verify", "demo", "--as-shipped", KEYS[0], KEYS[1]]).refused(2, "usage");
}

#[test]
fn an_installed_id_is_judged_at_rest_and_not_as_any_directory() {
    let bench = bench();
    // As plugins verify says it, and as a look at the directory alone would not.
    bench.write("plugins/demo/__pycache__/plugin.cpython-311.pyc", "bytecode");
    for words in [&["plugin", "verify", "demo"][..], &["plugins", "verify", "demo"]] {
        let refused = run(&bench, &[words, &KEYS].concat());
        assert!(refused.code == 3 && refused.error_line().contains("bytecode"), "{refused:?}");
    }
    fs::remove_dir_all(bench.path("plugins/demo/__pycache__")).expect("removed");
    let record = bench.path("plugins/.aisoc/installed/demo.json");
    let record = fs::read_dir(bench.path("plugins/.aisoc"))
        .expect("listed")
        .map(|entry| entry.expect("an entry").path().join("demo.json"))
        .find(|path| path.is_file())
        .unwrap_or(record);
    fs::write(record, "{}").expect("written");
    run(&bench, &["plugin", "verify", "demo", KEYS[0], KEYS[1]]).refused(1, "record_invalid");
    bench.run(&["plugin", "verify", "./plugins/demo", "--keys", "keys"]).ok();
}

#[test]
fn a_path_wins_over_an_id_and_is_what_is_judged() {
    let bench = bench();
    bench.write("demo/plugin.py", "import os\n");
    for plugins in ["plugins", "nowhere"] {
        let words = ["plugin", "verify", "demo", "--keys", "keys", "--plugins-dir", plugins];
        bench.run(&words).refused(3, "signature_invalid");
    }
    bench.run(&["plugins", "verify", "demo", "--keys", "keys", "--plugins-dir", "plugins"]).ok();
}

#[test]
fn a_word_that_is_nothing_has_its_readings_named() {
    let bench = bench();
    for words in [&["plugin", "verify", "nope", KEYS[0], KEYS[1]][..], &["plugin", "inspect", "nope"]] {
        let refused = run(&bench, words);
        let line = refused.refused(1, "io_not_found").error_line();
        assert!(line.contains("no file or directory `nope`, and no plugin `nope` in `../plugins`"), "{refused:?}");
        assert!(refused.stderr.contains("HOST/REPOSITORY:TAG"), "{refused:?}");
    }
    // What is spelled as a path is none of the other two.
    run(&bench, &["plugin", "verify", "./demo", KEYS[0], KEYS[1]]).refused(1, "io_not_found");
    run(&bench, &["plugin", "verify", "demo.tar", KEYS[0], KEYS[1]]).refused(1, "io_not_found");
    // An id is nothing to install from.
    let refused = run(&bench, &["plugin", "install", "demo", KEYS[0], KEYS[1]]);
    refused.refused(1, "io_not_found");
}

#[test]
fn a_plugin_in_a_directory_of_another_name_is_found_by_its_id() {
    let bench = bench();
    fs::rename(bench.path("plugins/demo"), bench.path("plugins/by-hand")).expect("renamed");
    fs::remove_dir_all(bench.path("plugins/.aisoc")).expect("removed");
    let inspected = run(&bench, &["plugin", "inspect", "demo"]);
    assert!(inspected.ok().stdout.contains("claims id       demo"), "{inspected:?}");
    run(&bench, &["plugin", "verify", "demo", KEYS[0], KEYS[1]]).ok();
}
