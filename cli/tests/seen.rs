//! What people see: no output of any command holds a character that acts, hides or shows nothing,
//! whatever came from outside, as text and as JSON.

mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use aisoc_manifests::text::first_hidden;
use support::{Bench, Run, workspace};

/// C1, DEL, escapes, bidi, joiners, soft hyphen, fillers, tags, private use, noncharacters, a flood of
/// marks, and a mark without a letter.
const HOSTILE: &str = "a\u{9b}2J\u{7f}\u{1b}]0;x\u{7}\u{202e}\u{2066}\u{200b}\u{ad}\u{206a}\u{3164}\u{2800}\
     \u{e0041}\u{e007f}\u{fe0f}\u{e000}\u{fffe}\u{2028}e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\
     \u{301} \u{338}\r\nerror[ok]: fake";

/// The same between the double quotes of YAML.
fn quoted() -> String {
    HOSTILE.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect()
}

#[track_caller]
fn holds_nothing_hidden(run: &Run) {
    for stream in [&run.stdout, &run.stderr] {
        let lines = stream.replace('\n', " ");
        assert_eq!(first_hidden(&lines), None, "{run:?}");
        assert!(!stream.lines().any(|line| line.starts_with("error[ok]")), "{run:?}");
    }
}

/// Runs a command twice, the second time for JSON.
#[track_caller]
fn both_forms(bench: &Bench, words: &[&str]) -> [Run; 2] {
    let runs = [bench.run(words), bench.run(&[words, &["--json"]].concat())];
    runs.iter().for_each(holds_nothing_hidden);
    assert_eq!(runs[0].code, runs[1].code, "{runs:?}");
    assert!(runs.iter().all(|run| run.code != 5), "{runs:?}");
    runs
}

fn hostile_plugin() -> Bench {
    let bench = Bench::new();
    bench.published();
    let text = quoted();
    bench.write(
        "p/plugin.yaml",
        format!(
            "id: demo\nname: \"{text}\"\nversion: \"{text}\"\nplugin_type: enricher\ndescription: \"{text}\"\n\
             author: \"{text}\"\nlicense: \"{text}\"\ntags: [\"{text}\"]\n"
        ),
    );
    bench.write("p/plugin.py", "class Plugin:\n    def run(self, payload, context):\n        return {}\n");
    bench.sign("p").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "p", "--out", "p.tar"]).ok();
    bench
}

#[test]
fn a_manifests_texts_are_escaped_in_every_answer_and_keep_their_values_in_json() {
    let bench = hostile_plugin();
    holds_nothing_hidden(bench.install("oci-archive:p.tar").ok());
    let [text, json] = both_forms(&bench, &["plugin", "inspect", "p"]);
    assert!(text.stdout.contains("\\u{9b}2J\\u{7f}\\u{1b}]0;x"), "{text:?}");
    let document: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(document["claimed"]["name"], HOSTILE);
    assert!(json.stdout.contains("\\udb40\\udc41"), "{json:?}");
    for words in [
        &["plugin", "inspect", "p.tar"][..],
        &["plugin", "list", "--trusted-keys", "keys", "--plugins-dir", "plugins", "--versions"],
        &["plugins", "verify", "--trusted-keys", "keys", "--plugins-dir", "plugins"],
        &["plugin", "verify", "p.tar", "--trusted-keys", "keys"],
        &["plugin", "verify", "p", "--trusted-keys", "keys", "--explain"],
        &["plugin", "validate", "p"],
        &["plugin", "digest", "p"],
        &["plugin", "rollback", "demo", "--trusted-keys", "keys", "--plugins-dir", "plugins", "--to", HOSTILE],
    ] {
        both_forms(&bench, words);
    }
}

#[test]
fn arguments_and_paths_are_escaped_wherever_they_are_repeated() {
    let bench = Bench::new();
    bench.published();
    bench.write(&format!("keys/{}.pem", "k\u{9b}\u{202e}"), "no key");
    bench.write("d\u{9b}\u{e0041}\nerror[ok]: x/plugin.yaml", "id: [");
    let path = "d\u{9b}\u{e0041}\nerror[ok]: x";
    for words in [
        &[HOSTILE][..],
        &["plugin", HOSTILE],
        &["plugin", "list", HOSTILE],
        &["plugin", "verify", HOSTILE, "--trusted-keys", "keys"],
        &["plugin", "verify", "demo", "--trusted-keys", "keys", "--explain"],
        &["plugin", "verify", "demo", "--trust-mode", HOSTILE],
        &["plugin", "verify", "demo", "--trust-coverage", HOSTILE],
        &["plugin", "verify", "demo", "--require", HOSTILE],
        &["plugin", "install", HOSTILE],
        &["plugin", "install", "oci-archive:demo.tar", "--require-digest", HOSTILE],
        &["plugin", "validate", path],
        &["plugin", "validate", "demo", "--profile", HOSTILE],
        &["plugin", "inspect", path],
        &["plugin", "new", HOSTILE, "--type", "enricher"],
        &["plugin", "new", "x", "--type", HOSTILE],
        &["plugin", "pull", "oci-archive:demo.tar", "--out", "out\u{9b}\nerror[ok]: y"],
        &["plugin", "list", "--plugins-dir", "none\u{9b}\nerror[ok]: y"],
        &["plugin", "uninstall", HOSTILE],
        &["reasons", HOSTILE],
        &["help", HOSTILE],
        &["registry", "serve", "--listen", HOSTILE],
    ] {
        let [text, json] = [bench.run(words), bench.run(&[words, &["--json"]].concat())];
        holds_nothing_hidden(&text);
        holds_nothing_hidden(&json);
    }
}

#[test]
fn bytes_that_are_no_text_are_escaped_too() {
    let bench = Bench::new();
    for bytes in [&b"x\x9b\xff\x1b[2J"[..], b"\xed\xa0\x80", b"\xc2\x9b"] {
        let mut command = bench.command(&["plugin", "validate"]);
        let output = command.arg(OsStr::from_bytes(bytes)).output().expect("the binary runs");
        let shown = String::from_utf8(output.stderr).expect("UTF-8").replace('\n', " ");
        assert_eq!(first_hidden(&shown), None, "{shown:?}");
    }
}

#[test]
fn what_a_plugin_returns_raises_and_prints_is_escaped() {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    let python = quoted();
    for body in [
        format!("return {{\"{python}\": [\"{python}\"]}}"),
        format!("raise ValueError(\"{python}\")"),
        format!("import os; os.write(2, \"{python}\".encode()); os._exit(3)"),
    ] {
        bench.write("demo/plugin.py", format!("class Plugin:\n    def run(self, payload, context):\n        {body}\n"));
        for json in [&[][..], &["--json"]] {
            let words = [&["plugin", "validate", "demo", "--load", "--run", "{}"][..], json].concat();
            let run = bench.run(&words);
            if run.stderr.contains("io_not_found") {
                eprintln!("SKIPPED: there is no python3");
                return;
            }
            holds_nothing_hidden(&run);
            if body.starts_with("return") {
                let document: serde_json::Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
                let result = if json.is_empty() { &document } else { &document["loaded"]["result"] };
                assert_eq!(result[HOSTILE][0], HOSTILE, "{run:?}");
            }
        }
    }
}

#[test]
fn the_canonical_form_stays_the_bytes_that_are_hashed() {
    let bench = hostile_plugin();
    let digest = bench.run(&["plugin", "digest", "p"]);
    let canonical = bench.run(&["plugin", "digest", "p", "--canonical"]);
    let hashed = aisoc_manifests::digest::CanonicalDigest::of(canonical.ok().stdout.as_bytes());
    assert_eq!(digest.ok().stdout.trim(), hashed.hex());
}

/// Where else characters are judged or escaped, and why it is no second body of the rule.
const OTHER_ESCAPES: [&str; 5] = [
    "packaging/src/assemble.rs",               // where a word of an annotation ends
    "manifests/src/reader/value.rs",           // the debug form of a manifest's text, which tests read
    "trust/src/journal/column.rs",             // what ends a line of a journal, which is read for ever
    "manifests/src/plugin/strict.rs",          // what YAML forbids in a manifest
    "registry-client/src/remote/challenge.rs", // what HTTP forbids in a header
];

#[test]
fn text_from_outside_is_judged_and_escaped_in_one_place() {
    let words =
        ["escape_ascii", "escape_debug", "escape_default", "escape_unicode", ".is_control()", "DefaultIgnorable"];
    for (name, code) in workspace::sources() {
        let is_body = name == "manifests/src/text.rs" || OTHER_ESCAPES.contains(&name.as_str());
        let found = words.iter().find(|word| code.contains(**word)).filter(|_| !is_body);
        assert_eq!(found, None, "{name} has a rule of its own: `aisoc_manifests::text` holds it");
    }
}
