//! An author's directory right after it was signed: what stands in it and would not be shipped is named, and judged
//! without by whoever asks for that, never where a host loads plugins from.

mod support;

use std::fs;

use serde_json::Value;
use support::{Bench, Run, copy_tree};

const KEYS: [&str; 2] = ["--trusted-keys", "keys"];

fn verify(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugin", "verify"], words, &KEYS].concat())
}

/// A signed checkout: a history, a virtual environment and what the author left out.
fn checkout() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/.git/HEAD", "ref: refs/heads/main\n");
    bench.write("demo/.venv/lib/x.so", "native");
    bench.write("demo/.aisocignore", "notes.txt\n");
    bench.write("demo/notes.txt", "mine");
    bench
}

/// The command of a hint, as its words.
fn command_of(run: &Run) -> Vec<String> {
    let command = run.stderr.split('`').find(|part| part.contains("--as-shipped")).expect("a command");
    command.split(' ').skip(1).map(str::to_owned).collect()
}

#[test]
fn a_checkout_stays_refused_and_the_hint_is_the_line_to_copy() {
    let bench = checkout();
    let refused = verify(&bench, &["demo"]);
    refused.refused(3, "coverage_mismatch");
    for words in ["would not be shipped: ", "`.git/`", "`.venv/`", "and 1 more"] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    let line = command_of(&refused);
    let verified = bench.run(&line.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(verified.ok().stdout.starts_with("verified key=release coverage=shipped"), "{line:?}: {verified:?}");
}

#[test]
fn sign_prints_the_line_that_verifies_what_it_signed() {
    let bench = checkout();
    let line = |bench: &Bench| {
        let said = bench.sign("demo").ok().stderr.clone();
        let line = said.lines().find_map(|line| line.trim().strip_prefix("Next aisoc ")).expect("a line").to_owned();
        bench.run(&line.split(' ').collect::<Vec<_>>()).ok();
        line
    };
    assert_eq!(line(&bench), "plugin verify demo --as-shipped --trusted-keys release.pem");
    for left_out in ["demo/.git", "demo/.venv"] {
        fs::remove_dir_all(bench.path(left_out)).expect("removed");
    }
    fs::remove_file(bench.path("demo/.aisocignore")).expect("removed");
    assert_eq!(line(&bench), "plugin verify demo --trusted-keys release.pem");
}

#[test]
fn nothing_is_called_full_when_files_were_left_out() {
    let bench = checkout();
    let text = verify(&bench, &["demo", "--as-shipped", "--explain"]);
    assert!(text.ok().stdout.contains("coverage shipped") && !text.stdout.contains("full"), "{text:?}");
    assert!(text.stderr.contains("Left out 4 entries: "), "{text:?}");
    let json = verify(&bench, &["demo", "--as-shipped", "--json"]);
    let document: Value = serde_json::from_str(&json.ok().stdout).expect("JSON");
    assert_eq!((&document["coverage"], &document["explanation"]["coverage"]), (&"shipped".into(), &"shipped".into()));
    assert_eq!(document["excluded"].as_array().expect("a list").len(), 4, "{document}");
    assert!(!json.stdout.contains("\"full\""), "{json:?}");
}

#[test]
fn what_would_ship_and_differs_is_never_called_left_out() {
    for (file, content) in
        [("demo/plugin.py", "import os\n"), ("demo/lib.so", "native"), ("demo/.git/hook.py", "x = 1\n")]
    {
        let bench = checkout();
        bench.write(file, content);
        let refused = verify(&bench, &["demo"]);
        assert!(refused.code == 3 && !refused.stderr.contains("--as-shipped"), "{file}: {refused:?}");
        // Its author may stand before it as well as whoever has fetched it.
        let again = "what is your own, sign again: `aisoc plugin sign demo --private-key KEY`";
        assert!(refused.stderr.contains(again) && refused.stderr.contains("fetch the plugin again"), "{refused:?}");
        assert_eq!(verify(&bench, &["demo", "--as-shipped"]).code, 3, "{file}");
    }
    let bench = checkout();
    fs::remove_file(bench.path("keys/release.pem")).expect("removed");
    bench.run(&["plugin", "keygen", "--out", "keys/other"]).ok();
    let refused = verify(&bench, &["demo"]);
    assert!(refused.code == 3 && !refused.stderr.contains("--as-shipped"), "another key: {refused:?}");
}

#[test]
fn where_a_host_loads_plugins_from_nothing_is_left_out() {
    let bench = checkout();
    bench.install("oci-archive:demo.tar").ok();
    copy_tree(&bench.path("demo/.git"), &bench.path("plugins/demo/.git"));
    std::os::unix::fs::symlink(bench.path("plugins/demo"), bench.path("linked")).expect("linked");
    for directory in ["plugins/demo", "./plugins/../plugins/demo", "linked"] {
        let refused = verify(&bench, &[directory]);
        assert!(refused.code == 3 && !refused.stderr.contains("--as-shipped"), "{directory}: {refused:?}");
        verify(&bench, &[directory, "--as-shipped"]).refused(2, "usage");
    }
}
