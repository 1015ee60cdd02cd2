//! Versions of one plugin side by side in a plugins directory: which one a host runs, and when another one takes its
//! place.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::host::{Answered, ServedHost, bench, has_python, marks, unconfined};
use support::{Bench, copy_tree};

/// What every test says without Python.
const SKIPPED: &str = "SKIPPED: there is no python3, so nothing was loaded";

/// That version of `demo`, signed, in that directory of the plugins directory.
fn put(bench: &Bench, directory: &str, version: &str) {
    if !bench.path("demo").exists() {
        bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    }
    bench.write("demo/plugin.py", format!("class Plugin:\n    def run(self, payload, context): return '{version}'\n"));
    bench.signed_version("demo", version, "release.key");
    copy_tree(&bench.path("demo"), &bench.path(&format!("plugins/{directory}")));
}

fn run(host: &ServedHost) -> Value {
    host.post("/api/v1/plugins/demo/run", "").ok()["result"]["result"].clone()
}

fn reload_from(host: &ServedHost, directory: &str) -> Answered {
    host.post_json("/api/v1/plugins/demo/reload", &json!({ "from": directory }))
}

fn discover(host: &ServedHost) {
    host.post("/api/v1/plugins/discover", "").ok();
}

/// Every plugin that is shown: the directory and the state.
fn standing(host: &ServedHost) -> Vec<(String, String)> {
    let listed = host.get("/api/v1/plugins").ok();
    let text = |value: &Value| value.as_str().expect("a text").rsplit('/').next().expect("a name").to_owned();
    listed.as_array().expect("a list").iter().map(|one| (text(&one["place"]), text(&one["state"]))).collect()
}

fn rows(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(place, state)| ((*place).to_owned(), (*state).to_owned())).collect()
}

fn remove(bench: &Bench, directory: &str) {
    fs::remove_dir_all(bench.path(&format!("plugins/{directory}"))).expect("removed");
}

/// The upgrade of an operator who has directories and no registry, and the way back.
#[test]
fn a_version_changes_when_somebody_names_the_directory_and_not_before() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    put(&bench, "demo", "1.0.0");
    let host = ServedHost::start(&bench, &[]);
    put(&bench, "demo-2", "2.0.0");
    // A new directory beside the old one is nothing yet, whatever else is asked for.
    discover(&host);
    assert_eq!(run(&host), "1.0.0");
    host.post("/api/v1/plugins/demo/reload", "").refused_for(400, "identity_ambiguous");
    assert_eq!(run(&host), "1.0.0");
    let shown = reload_from(&host, "demo-2").ok();
    assert_eq!(
        (&shown["state"], &shown["manifest"]["version"], &shown["error"]),
        (&json!("enabled"), &json!("2.0.0"), &Value::Null)
    );
    assert_eq!(run(&host), "2.0.0");
    // The old one is there still, and has lost its id; a reload and a discovery change nothing of that.
    discover(&host);
    assert_eq!(standing(&host), rows(&[("demo", "failed"), ("demo-2", "enabled")]));
    host.post("/api/v1/plugins/demo/reload", "").ok();
    assert_eq!(run(&host), "2.0.0");
    // It is what was said, and holds for the next host as well.
    assert_eq!(host.terminate(), Some(0));
    let host = ServedHost::start(&bench, &[]);
    assert_eq!((run(&host), standing(&host)), (json!("2.0.0"), rows(&[("demo", "failed"), ("demo-2", "enabled")])));
    let listed = host.get("/api/v1/plugins").ok();
    let why = listed[0]["error"].as_str().expect("why").to_owned();
    assert!(why.contains("plugins/demo'") && why.contains("plugins/demo-2'"), "both are named: {why}");
    remove(&bench, "demo");
    discover(&host);
    assert_eq!(standing(&host), rows(&[("demo-2", "enabled")]));
    // The way back: the version before is put there again, which changes nothing until it is asked for.
    put(&bench, "demo", "1.0.0");
    remove(&bench, "demo-2");
    discover(&host);
    assert_eq!(run(&host), "2.0.0");
    host.post("/api/v1/plugins/demo/reload", "").ok();
    assert_eq!((run(&host), standing(&host)), (json!("1.0.0"), rows(&[("demo", "enabled")])));
    // What was meant before is meant no more: a directory that comes later takes nothing from this one.
    put(&bench, "demo-2", "2.0.0");
    assert_eq!(host.terminate(), Some(0));
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(standing(&host), rows(&[("demo", "failed"), ("demo-2", "failed")]), "nobody has said which");
    host.post("/api/v1/plugins/demo/run", "").refused_for(422, "plugin_not_loaded");
}

#[test]
fn what_is_named_goes_through_the_gates_and_what_is_refused_changes_nothing() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, marks) = (bench(), marks());
    let marking = |name: &str| format!("open({:?}, 'w')\n", marks.path().join(name));
    put(&bench, "demo", "1.0.0");
    put(&bench, "bare", "2.0.0");
    fs::remove_dir_all(bench.path("plugins/bare/plugin.sig.d")).expect("removed");
    fs::remove_file(bench.path("plugins/bare/plugin.sig")).expect("removed");
    put(&bench, "changed", "2.0.0");
    bench.write("plugins/changed/plugin.py", marking("ran"));
    fs::rename(bench.path("plugins/bare"), bench.path("bare")).expect("moved");
    fs::rename(bench.path("plugins/changed"), bench.path("changed")).expect("moved");
    let host = ServedHost::ready(&mut unconfined(&bench, &[]));
    fs::rename(bench.path("bare"), bench.path("plugins/bare")).expect("moved");
    fs::rename(bench.path("changed"), bench.path("plugins/changed")).expect("moved");
    bench.run(&["plugin", "new", "other", "--type", "enricher"]).ok();
    bench.sign("other").ok();
    copy_tree(&bench.path("other"), &bench.path("plugins/other"));
    put(&bench, "broken", "3.0.0");
    bench.write("demo/plugin.py", format!("{}raise ValueError('broken on purpose')\n", marking("admitted")));
    bench.signed_version("demo", "3.0.0", "release.key");
    remove(&bench, "broken");
    copy_tree(&bench.path("demo"), &bench.path("plugins/broken"));
    copy_tree(&bench.path("demo"), &bench.path("outside"));
    for (directory, reason) in [
        ("bare", "unsigned"),
        ("changed", "signature_invalid"),
        ("broken", "import_failed"),
        ("other", "plugin_not_found"),
        ("nowhere", "plugin_not_found"),
        ("../outside", "usage"),
        ("..", "usage"),
        (".", "usage"),
        ("", "usage"),
        ("/etc", "usage"),
        ("demo/", "usage"),
        (".aisoc", "usage"),
        ("a\u{0}b", "usage"),
    ] {
        let refused = reload_from(&host, directory);
        refused.refused_for(400, reason);
        assert_eq!(
            (run(&host), host.plugin("demo")["state"].clone()),
            (json!("1.0.0"), json!("enabled")),
            "{directory}"
        );
    }
    assert!(marks.path().join("admitted").exists(), "what the gates admit would leave a mark");
    assert!(!marks.path().join("ran").exists(), "what was refused has run");
    reload_from(&host, "x").refused_for(400, "plugin_not_found");
    host.post_json("/api/v1/plugins/nobody/reload", &json!({ "from": "demo" })).refused_for(400, "plugin_not_found");
    for body in [json!({ "from": 1 }), json!({ "to": "demo" }), json!([])] {
        host.post_json("/api/v1/plugins/demo/reload", &body).refused_for(400, "usage");
    }
    // Nothing of that was written down: what is meant is what runs.
    let state = fs::read_to_string(bench.path("host.json")).unwrap_or_default();
    assert!(!state.contains("meant"), "{state}");
}

#[test]
fn what_is_disabled_stays_so_in_the_directory_that_is_named() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    put(&bench, "demo", "1.0.0");
    let host = ServedHost::start(&bench, &[]);
    put(&bench, "demo-2", "2.0.0");
    host.post("/api/v1/plugins/demo/disable", "").ok();
    let shown = reload_from(&host, "demo-2").ok();
    assert_eq!((&shown["state"], &shown["manifest"]["version"]), (&json!("disabled"), &json!("2.0.0")));
    assert_eq!(host.delete("/api/v1/plugins/demo").status, 204);
    discover(&host);
    assert_eq!(standing(&host), rows(&[("demo", "failed"), ("demo-2", "disabled")]));
}
