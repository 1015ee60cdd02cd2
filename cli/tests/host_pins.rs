//! What a host runs is not removed from under it, as long as the host lives.

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use support::host::{ServedHost, bench, has_python};
use support::{Bench, Run};

/// What every test says without Python.
const SKIPPED: &str = "SKIPPED: there is no python3, so nothing was loaded";

/// That version of `demo`, installed by the command line.
fn install(bench: &Bench, version: &str, keep: &str) {
    if !bench.path("demo").exists() {
        bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    }
    let source = format!("class Plugin:\n    def run(self, payload, context): return '{version}'\n");
    bench.write("demo/plugin.py", source);
    bench.signed_version("demo", version, "release.key");
    let words = ["plugin", "install", "./demo", "--trusted-keys", "keys", "--plugins-dir", "plugins", "--keep", keep];
    bench.run(&words).ok();
}

fn run(host: &ServedHost) -> Value {
    host.post("/api/v1/plugins/demo/run", "").ok()["result"]["result"].clone()
}

fn kept(bench: &Bench) -> Vec<String> {
    let words = ["plugin", "list", "--versions", "--plugins-dir", "plugins", "--keys", "keys", "--json"];
    let listed: Value = serde_json::from_str(&bench.run(&words).ok().stdout).expect("JSON");
    let versions = listed["plugins"][0]["versions"].as_array().expect("a list");
    let kept = versions.iter().filter(|version| version["current"] == false);
    kept.map(|version| version["version"].as_str().expect("a version").to_owned()).collect()
}

fn uninstall(bench: &Bench) -> Run {
    bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"])
}

fn collect(bench: &Bench) -> Run {
    bench.run(&["plugin", "gc", "--keep", "0", "--plugins-dir", "plugins"])
}

#[test]
fn the_version_that_runs_is_kept_however_few_are_to_be() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    install(&bench, "1.0.0", "1");
    let host = ServedHost::start(&bench, &[]);
    for version in ["2.0.0", "3.0.0", "4.0.0"] {
        install(&bench, version, "0");
        assert_eq!((run(&host), kept(&bench)), (json!("1.0.0"), vec!["1.0.0".to_owned()]));
    }
    collect(&bench).ok();
    assert_eq!(kept(&bench), ["1.0.0"]);
    // A dry run says the same.
    let foreseen = bench.run(&["plugin", "gc", "--keep", "0", "--plugins-dir", "plugins", "--dry-run"]);
    assert!(foreseen.ok().stdout.contains("would remove 0"), "{foreseen:?}");
    // So it can be gone back to.
    host.post("/api/v1/plugins/demo/rollback", "").ok();
    assert_eq!((run(&host), kept(&bench)), (json!("1.0.0"), vec!["4.0.0".to_owned()]));
    // Once another one runs, it is one of many.
    install(&bench, "5.0.0", "1");
    host.post("/api/v1/plugins/demo/reload", "").ok();
    collect(&bench).ok();
    assert!(kept(&bench).is_empty(), "{:?}", kept(&bench));
    assert_eq!(run(&host), "5.0.0");
}

#[test]
fn what_a_host_runs_is_not_uninstalled_until_it_lets_go() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    install(&bench, "1.0.0", "1");
    let host = ServedHost::start(&bench, &[]);
    let before = bench.snapshot("plugins");
    let refused = uninstall(&bench);
    refused.refused(1, "plugin_in_use");
    assert!(refused.stderr.contains("hint: let the host let go of it first: `aisoc api unload demo`"), "{refused:?}");
    bench
        .run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins", "--dry-run"])
        .refused(1, "plugin_in_use");
    assert_eq!((bench.snapshot("plugins"), run(&host)), (before, json!("1.0.0")));
    // Also where another version stands in its place.
    install(&bench, "2.0.0", "1");
    uninstall(&bench).refused(1, "plugin_in_use");
    assert_eq!(host.delete("/api/v1/plugins/demo").status, 204);
    uninstall(&bench).ok();
    assert!(!bench.path("plugins/demo").exists());
}

/// A host that is killed has no time to say that it is gone.
#[test]
fn a_host_that_is_gone_keeps_nothing_however_it_ended() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let said = || -> Vec<PathBuf> {
        let files = fs::read_dir(bench.path("plugins/.aisoc/in-use")).expect("listed");
        files.map(|file| file.expect("an entry").path()).collect()
    };
    for is_killed in [true, false] {
        install(&bench, "1.0.0", "1");
        let host = ServedHost::start(&bench, &[]);
        uninstall(&bench).refused(1, "plugin_in_use");
        match is_killed {
            true => host.kill(),
            false => assert_eq!(host.terminate(), Some(0)),
        }
        if is_killed {
            assert!(fs::metadata(&said()[0]).expect("there").len() > 0, "nobody had the time to take it back");
        }
        uninstall(&bench).ok();
        assert_eq!(said().len(), 1, "the next host takes the file over");
    }
}

#[test]
fn two_hosts_of_one_directory_each_keep_what_they_run() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    install(&bench, "1.0.0", "1");
    let first = ServedHost::start(&bench, &[]);
    install(&bench, "2.0.0", "1");
    let other = ["serve", "--listen", "127.0.0.1:0", "--state", "other.json", "--plugins-dir", "plugins"];
    let mut second = bench.command(&[&other[..], &["--trusted-keys", "keys"]].concat());
    let second = ServedHost::ready(second.env("ENVIRONMENT", "development"));
    install(&bench, "3.0.0", "0");
    assert_eq!((run(&first), run(&second)), (json!("1.0.0"), json!("2.0.0")));
    assert_eq!(kept(&bench), ["2.0.0", "1.0.0"]);
    assert_eq!(first.terminate(), Some(0));
    collect(&bench).ok();
    assert_eq!(kept(&bench), ["2.0.0"]);
}
