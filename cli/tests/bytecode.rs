//! A plugin into which a host's Python has written bytecode: refused everywhere, named for what it is, and mended by
//! what the refusal says.

mod support;

use std::fs;

use support::{Bench, Run};

const KEYS: [&str; 2] = ["--trusted-keys", "keys"];
const CAUSE: &str = "bytecode that was added";

fn run(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[words, &["--plugins-dir", "plugins"], &KEYS].concat())
}

fn judged(bench: &Bench) -> Run {
    run(bench, &["plugins", "verify"])
}

/// What `import` leaves, in the directory of a plugin.
fn is_run(bench: &Bench, plugin: &str) {
    bench.write(&format!("{plugin}/__pycache__/plugin.cpython-311.pyc"), "bytecode");
    bench.write(&format!("{plugin}/sub/__pycache__/more.cpython-313.opt-1.pyc"), "bytecode");
}

fn installed() -> Bench {
    let bench = Bench::new();
    bench.published();
    fs::create_dir(bench.path("demo/sub")).expect("made");
    bench.write("demo/sub/more.py", "");
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "demo.tar"]).ok();
    bench.install("oci-archive:demo.tar").ok();
    bench
}

/// The command of the hint and how to run the host.
fn is_told_how(run: &Run) {
    for words in [
        "`aisoc plugin install oci-archive:/",
        "/demo.tar ",
        "may have written",
        "`PYTHONDONTWRITEBYTECODE=1`",
        "`PYTHONPYCACHEPREFIX=DIR`",
    ] {
        assert!(run.stderr.contains(words), "{words}: {run:?}");
    }
}

#[test]
fn an_installed_plugin_with_bytecode_is_refused_for_that_and_installing_again_mends_it() {
    let bench = installed();
    is_run(&bench, "plugins/demo");
    let refused = judged(&bench);
    assert!(
        refused.code == 3 && refused.error_line().ends_with(&format!("and 1 other file, which is {CAUSE}")),
        "{refused:?}"
    );
    is_told_how(&refused);
    assert!(run(&bench, &["plugin", "list"]).stdout.contains(CAUSE));
    bench.install("oci-archive:demo.tar").ok();
    judged(&bench).ok();
    is_run(&bench, "plugins/demo");
    bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"]).ok();
    assert!(!bench.path("plugins/demo").exists());
}

#[test]
fn what_is_not_bytecode_alone_is_not_called_so() {
    for (name, content) in [
        ("plugins/demo/plugin.py", "import os\n"),
        ("plugins/demo/__pycache__/x.so", "x"),
        ("plugins/demo/x.pyc", "x"),
        ("plugins/demo/__pycache__/evil.cpython-311.pyc", "x"),
        ("plugins/demo/__pycache__/plugin.pyc", "x"),
        ("plugins/demo/other/__pycache__/plugin.cpython-311.pyc", "x"),
    ] {
        let bench = installed();
        is_run(&bench, "plugins/demo");
        bench.write(name, content);
        let refused = judged(&bench);
        assert!(
            refused.code == 3 && !refused.stderr.contains(CAUSE) && !refused.stderr.contains("PYTHON"),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn a_kept_version_with_bytecode_does_not_come_back_and_says_why() {
    let bench = installed();
    is_run(&bench, "plugins/demo");
    bench.write("demo/README.md", "another version\n");
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "next.tar"]).ok();
    bench.install("oci-archive:next.tar").ok();
    judged(&bench).ok();
    let refused = run(&bench, &["plugin", "rollback", "demo"]);
    let line = refused.refused(3, "tree_modified").error_line();
    assert!(line.contains("bytecode was added to the kept version 0.1.0 of `demo`"), "{refused:?}");
    is_told_how(&refused);
    bench.install("oci-archive:demo.tar").ok();
    judged(&bench).ok();
}

/// Of a signature that covers the code alone it is the record that says what was added.
#[test]
fn a_plugin_whose_code_alone_is_signed_says_it_too() {
    let bench = Bench::new();
    bench.published();
    fs::remove_file(bench.path("demo/plugin.sig")).expect("removed");
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    bench.run(&["plugin", "new", "plain", "--type", "enricher"]).ok();
    fs::create_dir(bench.path("plain/sub")).expect("made");
    bench.write("plain/sub/more.py", "");
    fs::create_dir(bench.path("code")).expect("made");
    let code = ["--plugin-dir", "plain", "--private-key", "release.key", "--coverage", "code"];
    bench.run(&[&["plugin", "sign"][..], &code].concat()).ok();
    bench.run(&["plugin", "package", "--plugin-dir", "plain", "--out", "code/demo.tar", "--trusted-keys", "keys"]).ok();
    let accept = ["--trust-coverage", "code"];
    run(&bench, &[&["plugin", "install", "oci-archive:code/demo.tar"][..], &accept].concat()).ok();
    is_run(&bench, "plugins/plain");
    let refused = run(&bench, &[&["plugins", "verify"][..], &accept].concat());
    let line = refused.error_line();
    assert!(refused.code == 3 && line.ends_with("bytecode was added to it"), "{refused:?}");
    is_told_how(&refused);
    let refused = bench.run(&[&["plugin", "verify", "plugins/plain"][..], &KEYS].concat());
    assert!(refused.refused(3, "coverage_partial").error_line().contains("Python bytecode"), "{refused:?}");
    is_told_how(&refused);
    bench.write("plugins/plain/__pycache__/evil.cpython-311.pyc", "bytecode");
    let refused = bench.run(&[&["plugin", "verify", "plugins/plain"][..], &KEYS].concat());
    assert!(!refused.refused(3, "coverage_partial").stderr.contains("PYTHON"), "{refused:?}");
}

#[test]
fn an_authors_directory_that_was_run_is_signed_and_packed_without_it() {
    let bench = installed();
    is_run(&bench, "demo");
    let refused = bench.run(&[&["plugin", "verify", "demo"][..], &KEYS].concat());
    assert!(refused.refused(3, "coverage_mismatch").error_line().contains(CAUSE), "{refused:?}");
    assert!(refused.stderr.contains("`aisoc plugin verify demo --as-shipped --trusted-keys keys`"), "{refused:?}");
    bench.run(&[&["plugin", "verify", "demo", "--as-shipped"][..], &KEYS].concat()).ok();
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "again.tar"]).ok();
    let [first, again] = ["demo.tar", "again.tar"].map(|name| fs::read(bench.path(name)).expect("packed"));
    assert_eq!(first, again);
}

/// What stands there runs: no command is named that would judge the plugin without it.
#[test]
fn of_an_installed_plugin_nothing_is_named_that_says_yes_while_the_bytecode_runs() {
    let bench = installed();
    is_run(&bench, "plugins/demo");
    std::os::unix::fs::symlink(bench.path("plugins/demo"), bench.path("linked")).expect("linked");
    fs::copy(bench.path("demo.tar"), bench.path("other.tar")).expect("copied");
    for source in ["plugins/demo", "./plugins/demo/", "plugins/demo/sub/..", "plugins/../plugins/demo", "linked"] {
        let refused = bench.run(&[&["plugin", "verify", source][..], &KEYS].concat());
        refused.refused(3, "coverage_mismatch");
        assert!(!refused.stderr.contains("--as-shipped"), "{source}: {refused:?}");
        is_told_how(&refused);
    }
    let inside = bench
        .command(&[&["plugin", "verify", "."][..], &["--trusted-keys", "../../keys"]].concat())
        .current_dir(bench.path("plugins/demo"))
        .output()
        .expect("run");
    let said = String::from_utf8(inside.stderr).expect("UTF-8");
    assert!(said.contains("`aisoc plugin install oci-archive:") && !said.contains("--as-shipped"), "{said}");
}

/// Where nothing says what it is, what is installed comes first.
#[test]
fn of_a_plugin_that_nobody_recorded_the_reinstall_is_named_first() {
    let bench = installed();
    is_run(&bench, "demo");
    let refused = bench.run(&[&["plugin", "verify", "demo"][..], &KEYS].concat());
    let at = |words: &str| refused.stderr.find(words).unwrap_or_else(|| panic!("{words}: {refused:?}"));
    assert!(at("`aisoc plugin install REFERENCE") < at("`aisoc plugin verify demo --as-shipped"));
    fs::remove_file(bench.path("plugins/.aisoc/records/demo.json")).expect("removed");
    is_run(&bench, "plugins/demo");
    for refused in [judged(&bench), bench.run(&[&["plugin", "verify", "plugins/demo"][..], &KEYS].concat())] {
        assert!(refused.code == 3 && refused.error_line().ends_with(CAUSE), "{refused:?}");
        assert!(refused.stderr.contains("`aisoc plugin install REFERENCE"), "{refused:?}");
        assert!(refused.stderr.contains("PYTHON") && !refused.stderr.contains("--as-shipped"), "{refused:?}");
    }
}

/// No host of whoever reads it has run what is in an archive.
#[test]
fn of_an_archive_that_holds_bytecode_the_publisher_is_named_and_no_host() {
    let bench = installed();
    is_run(&bench, "demo");
    bench.forge("demo", "forged.tar");
    let source = "oci-archive:forged.tar";
    for words in [&["plugin", "verify", source][..], &["plugin", "install", source, "--plugins-dir", "plugins"]] {
        let refused = bench.run(&[words, &KEYS].concat());
        assert!(refused.refused(3, "coverage_mismatch").error_line().ends_with(CAUSE), "{refused:?}");
        assert!(refused.stderr.contains("which leaves bytecode out"), "{refused:?}");
        assert!(!refused.stderr.contains("PYTHON") && !refused.stderr.contains("host"), "{refused:?}");
    }
}
