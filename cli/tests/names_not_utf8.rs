//! Paths that are not UTF-8: a directory has the name that it has, and every command that takes a path takes it.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use support::{Bench, Run};

fn raw() -> &'static OsStr {
    OsStr::from_bytes(b"caf\xe9")
}

fn run(bench: &Bench, words: &[&str], last: &OsStr) -> Run {
    let output = bench.command(words).arg(last).output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("whatever is named, the output is UTF-8");
    Run { code: output.status.code().expect("no signal"), stdout: text(output.stdout), stderr: text(output.stderr) }
}

const VERIFY: [&str; 4] = ["plugin", "verify", "--keys", "keys"];

#[test]
fn a_path_that_is_not_utf8_names_what_is_there() {
    let bench = Bench::new();
    bench.published();
    fs::rename(bench.path("demo"), bench.path(".").join(raw())).expect("renamed");
    assert!(run(&bench, &VERIFY, raw()).ok().stdout.starts_with("verified key=release "));
    let json = run(&bench, &[&VERIFY[..], &["--json"]].concat(), raw());
    let document: serde_json::Value = serde_json::from_str(&json.ok().stdout).expect("JSON");
    assert_eq!(document["source"], r"caf\xE9");
    run(&bench, &["plugin", "inspect"], raw()).ok();
    run(&bench, &["plugin", "validate"], raw()).ok();
    run(&bench, &["plugin", "digest"], raw()).ok();
    run(&bench, &["plugin", "sign", "--private-key", "release.key", "--plugin-dir"], raw()).ok();
    fs::write(bench.path(".").join(raw()).join("plugin.py"), "import os\n").expect("written");
    run(&bench, &VERIFY, raw()).refused(3, "signature_invalid");
}

#[test]
fn a_path_that_is_not_utf8_and_is_missing_is_named() {
    let bench = Bench::new();
    bench.published();
    let refused = run(&bench, &VERIFY, raw());
    assert!(refused.refused(1, "io_not_found").error_line().contains("caf"), "{refused:?}");
}

#[test]
fn an_argument_that_is_no_path_is_named_when_it_is_not_utf8() {
    let bench = Bench::new();
    for words in [&["help"][..], &["reasons"], &["plugin", "pull"], &["plugin", "uninstall"]] {
        let refused = run(&bench, words, raw());
        assert!(refused.refused(2, "usage").error_line().contains(r"`caf\xE9`"), "{refused:?}");
    }
}
