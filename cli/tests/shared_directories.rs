//! Volumes that everybody may write, as clusters mount them: refused, accepted by whoever answers for them and said
//! each time, and never a place for keys.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::process::{Command, Stdio};

use support::{Bench, Run};

const ACCEPT: &str = "--accept-shared-directory";
/// What a cluster gives: an empty directory, one with a group of its own, a file system in memory.
const VOLUMES: [u32; 3] = [0o777, 0o2777, 0o1777];

fn bench(mode: u32) -> Bench {
    let bench = Bench::new();
    bench.published();
    fs::create_dir(bench.path("volume")).expect("made");
    set_mode(&bench, "volume", mode);
    bench
}

fn set_mode(bench: &Bench, name: &str, mode: u32) {
    fs::set_permissions(bench.path(name), fs::Permissions::from_mode(mode)).expect("set");
}

/// What changes or judges the plugins of `plugins`, in an order in which each has something to do.
fn commands(plugins: &str) -> Vec<Vec<&str>> {
    let keys = ["--trusted-keys", "keys"];
    let install: &[&str] = &["plugin", "install", "oci-archive:demo.tar"];
    [
        [install, &keys].concat(),
        [&["plugin", "list"][..], &keys].concat(),
        [&["plugins", "verify"][..], &keys].concat(),
        [&["plugin", "rollback", "demo", "--to", "0.1.0"][..], &keys].concat(),
        vec!["plugin", "gc"],
        vec!["plugin", "uninstall", "demo", "--yes"],
    ]
    .into_iter()
    .map(|words| [words, vec!["--plugins-dir", plugins]].concat())
    .collect()
}

fn warns(run: &Run, named: &str) -> bool {
    let mut lines = run.stderr.lines();
    lines.any(|line| {
        line.starts_with("warning[shared_directory]: ")
            && line.contains(named)
            && line.contains("decides what a host loads")
    })
}

#[test]
fn a_shared_volume_is_refused_by_every_command_that_is_not_told_who_answers_for_it() {
    for mode in VOLUMES {
        let bench = bench(mode);
        let words = commands("volume");
        bench.run(&words[0]).refused(1, "directory_insecure");
        assert_eq!(bench.snapshot("volume").len(), 0, "{mode:o}");
        bench.run(&[&words[0][..], &[ACCEPT]].concat()).ok();
        let before = bench.snapshot("volume");
        for words in words {
            let run = bench.run(&words);
            let named = run.refused(1, "directory_insecure").error_line();
            let rights = format!("(owner {}, mode {mode:04o})", owner(&bench));
            assert!(named.ends_with(&format!("`volume` can be written by everybody {rights}")), "{run:?}");
            assert!(run.stderr.contains(ACCEPT), "{run:?}");
        }
        assert_eq!(bench.snapshot("volume"), before, "{mode:o}");
    }
}

fn owner(bench: &Bench) -> u32 {
    fs::metadata(bench.path("volume")).expect("there").uid()
}

#[test]
fn a_shared_volume_that_somebody_answers_for_works_and_is_said_each_time() {
    for mode in VOLUMES {
        for plugins in ["volume", "volume/plugins"] {
            let bench = bench(mode);
            for words in commands(plugins) {
                let run = bench.run(&[&words[..], &[ACCEPT]].concat());
                // In a sticky directory of root's, one's own is nobody else's.
                let is_shared = plugins == "volume" || mode != 0o1777 || owner(&bench) != 0;
                assert_eq!(
                    warns(run.ok(), "`volume` can be written by everybody"),
                    is_shared,
                    "{mode:o} {words:?}: {run:?}"
                );
            }
        }
    }
}

#[test]
fn listings_say_in_json_that_a_directory_is_shared() {
    let bench = bench(0o777);
    bench.run(&[&commands("volume")[0][..], &[ACCEPT]].concat()).ok();
    let shared = |plugins: &str, listing: usize| {
        let run = bench.run(&[&commands(plugins)[listing][..], &[ACCEPT, "--json"]].concat());
        let document: serde_json::Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
        let said = run.stderr.contains("decides what a host loads");
        assert_eq!(document["shared"].as_bool(), Some(said), "{run:?}");
        said
    };
    bench.install("oci-archive:demo.tar").ok();
    for listing in [1, 2] {
        assert!(shared("volume", listing));
        assert!(!shared("plugins", listing), "the flag alone says nothing");
    }
}

#[test]
fn in_a_sticky_volume_of_roots_a_directory_of_ones_own_needs_nobodys_answer() {
    let bench = bench(0o1777);
    if owner(&bench) != 0 {
        // Only root makes one.
        return;
    }
    let run = bench.run(&commands("volume")[0]);
    let command = run.refused(1, "directory_insecure").stderr.split('`').find(|part| part.starts_with("mkdir "));
    let command = command.unwrap_or_else(|| panic!("a command: {run:?}"));
    let made = Command::new("sh").args(["-euc", command]).current_dir(bench.path("")).stdin(Stdio::null()).status();
    assert!(made.expect("runs").success(), "{command}");
    assert!(run.stderr.contains("`--plugins-dir volume/plugins`"), "{run:?}");
    for words in commands("volume/plugins") {
        let run = bench.run(&words);
        assert!(!warns(run.ok(), "volume"), "{run:?}");
    }
    bench.run(&commands("volume/plugins")[0]).ok();
    // Where it is not sticky, everybody can put another directory in its place.
    set_mode(&bench, "volume", 0o777);
    for words in commands("volume/plugins") {
        bench.run(&words).refused(1, "directory_insecure");
    }
}

#[test]
fn what_somebody_else_owns_or_could_write_in_it_is_refused_all_the_same() {
    let bench = bench(0o777);
    let run = |words: &[&str]| bench.run(&[words, &[ACCEPT]].concat());
    let is_refused = |run: &Run, named: &str| {
        let line = run.error_line();
        assert!(run.code == 1 && line.starts_with("error[directory_insecure]") && line.contains(named), "{run:?}");
    };
    let words = commands("volume");
    run(&words[0]).ok();
    for (name, mode) in [("volume/demo", 0o777), ("volume/demo/plugin.py", 0o666), ("volume/.aisoc/records", 0o777)] {
        let before = fs::metadata(bench.path(name)).expect("there").mode() & 0o7777;
        set_mode(&bench, name, mode);
        is_refused(&run(&words[2]), name);
        set_mode(&bench, name, before);
    }
    run(&words[2]).ok();
    if chown(bench.path("volume"), Some(12_345), None).is_ok() {
        is_refused(&run(&words[2]), "volume");
    }
}

#[test]
fn the_flag_opens_no_keys_and_no_store() {
    let bench = bench(0o755);
    set_mode(&bench, "keys", 0o777);
    for words in commands("volume").iter().filter(|words| words.contains(&"--trusted-keys")) {
        let run = bench.run(&[&words[..], &[ACCEPT]].concat());
        let line = run.refused(1, "directory_insecure").error_line();
        assert!(line.contains("`keys` can be written by everybody"), "{run:?}");
        assert!(!run.stderr.contains(ACCEPT), "{run:?}");
    }
    for words in [&["registry", "serve"][..], &["plugin", "inspect", "demo"], &["plugin", "keygen", "--out", "x"]] {
        bench.run(&[words, &[ACCEPT]].concat()).refused(2, "usage");
    }
}

/// The flag is a decision about one directory, made by whoever types it.
#[test]
fn no_variable_says_it_for_all_directories() {
    let bench = bench(0o777);
    let variables = [("AISOC_ACCEPT_SHARED_DIRECTORY", "1"), ("AISOC_PLUGINS_DIR", "volume")];
    bench.run_with(&["plugin", "list", "--trusted-keys", "keys"], &variables).refused(1, "directory_insecure");
    bench.run_with(&["plugin", "list", "--trusted-keys", "keys", ACCEPT], &variables).ok();
}

/// A volume of root's, and a process that is not: what it is told, it can do.
#[test]
fn who_may_not_change_a_mode_is_not_told_to() {
    let bench = bench(0o777);
    if owner(&bench) != 0 {
        return;
    }
    let program = bench.path("aisoc");
    fs::copy(env!("CARGO_BIN_EXE_aisoc"), &program).expect("copied");
    fs::set_permissions(bench.path(""), fs::Permissions::from_mode(0o755)).expect("set");
    let run = |words: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).args(words);
        let output = command.current_dir(bench.path("")).env("HOME", "/nonexistent").output().expect("runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code().expect("no signal"), stdout: text(output.stdout), stderr: text(output.stderr) }
    };
    let words = commands("volume");
    let refused = run(&words[0]);
    refused.refused(1, "directory_insecure");
    assert!(refused.stderr.contains("its owner can take that right from the others"), "{refused:?}");
    assert!(warns(run(&[&words[0][..], &[ACCEPT]].concat()).ok(), "`volume`"));
    assert!(warns(run(&[&words[2][..], &[ACCEPT]].concat()).ok(), "`volume`"));
}
