//! What a refusal says to do next fits what was typed, and reads well whatever the numbers are.

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use support::{Bench, Run};

/// The hint, without its label.
fn hint(run: &Run) -> &str {
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
    hint.unwrap_or_else(|| panic!("no hint: {run:?}"))
}

#[test]
fn what_was_written_as_a_url_is_answered_with_what_is_typed_instead() {
    let bench = Bench::new();
    for (source, expected) in [
        ("file:///x", "write the path itself: `/x`"),
        ("oci:///x:1", "a layout directory is written `oci:/x:1`"),
        ("http://localhost:1/x:1", "leave the scheme out: `localhost:1/x:1`; HTTP is spoken with `--plain-http`"),
        ("https://ghcr.io/o/p:1", "leave the scheme out: `ghcr.io/o/p:1`"),
    ] {
        for words in [
            &["plugin", "install", source][..],
            &["plugin", "verify", source],
            &["plugin", "inspect", source],
            &["plugin", "pull", source, "--out", "x"],
            &["plugin", "push", ".", source],
            &["plugin", "release", source, "--new-key"],
        ] {
            let run = bench.run(words);
            let hint = hint(run.refused(2, "invalid_ref"));
            assert!(hint.starts_with(expected), "{words:?}: {hint}");
        }
    }
    let run = bench.run(&["plugin", "install", "https://user:s3cr3t@ghcr.io/o/p:1"]);
    assert!(!run.refused(2, "invalid_ref").stderr.contains("s3cr3t"), "{run:?}");
}

/// There is no line to correct in a directory.
#[test]
fn a_manifest_that_is_no_file_is_to_be_one() {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("directory/plugin.yaml")).expect("made");
    fs::create_dir_all(bench.path("fifo")).expect("made");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, bench.path("fifo/plugin.yaml"), mode).expect("made");
    for place in ["directory", "fifo"] {
        for words in [
            &["plugin", "validate", place][..],
            &["plugin", "sign", place, "--private-key", "-"],
            &["plugin", "package", place, "--out", "x.tar"],
            &["plugin", "digest", place],
        ] {
            let run = bench.run(words);
            assert!(hint(run.refused(1, "manifest_invalid")).starts_with("put a regular file there"), "{words:?}: {run:?}");
        }
    }
    fs::create_dir_all(bench.path("link")).expect("made");
    symlink("../nowhere", bench.path("link/plugin.yaml")).expect("made");
    let run = bench.run(&["plugin", "validate", "link"]);
    let expected = "it is a link that leads nowhere: put a regular file there";
    assert_eq!(hint(run.refused(1, "io_not_found")), expected);
}

#[test]
fn one_is_said_as_one() {
    let bench = Bench::new();
    bench.published();
    let packed = |name: &str| bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", name]);
    bench.write("demo/notes.pyc", "x");
    let one = packed("one.tar");
    assert!(one.ok().stderr.contains("Left out 1 entry: notes.pyc"), "{one:?}");
    bench.write("demo/more.pyc", "x");
    let two = packed("two.tar");
    assert!(two.ok().stderr.contains("Left out 2 entries: "), "{two:?}");
    let installed = bench.install("oci-archive:one.tar");
    assert!(installed.ok().stderr.lines().any(|line| line.trim() == "Asks for nothing"), "{installed:?}");
    let verified = bench.run(&["plugins", "verify", "--trusted-keys", "keys", "--plugins-dir", "plugins"]);
    assert!(format!("{verified:?}").contains("1 of 1 plugin"), "{verified:?}");
    assert!(!format!("{verified:?}").contains("1 of 1 plugins"), "{verified:?}");
}
