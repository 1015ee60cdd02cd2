//! What a host says of what it finds: each event that hosts have a name for, with the plugin; and what is there twice.

mod support;

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use support::host::{ServedHost, bench, command, has_python};
use support::{Bench, copy_tree};

fn serving(bench: &Bench, words: &[&str]) -> Command {
    let mut command = command(bench, words);
    command.env("AISOC_LOG_FILE", bench.path("events"));
    command
}

fn plugin(bench: &Bench, id: &str) {
    bench.run(&["plugin", "new", id, "--type", "enricher", "-o", "plugins"]).ok();
    sign(bench, id);
}

fn sign(bench: &Bench, id: &str) {
    let _ = fs::remove_file(bench.path(&format!("plugins/{id}/plugin.sig")));
    bench.run(&["plugin", "sign", "--plugin-dir", &format!("plugins/{id}"), "--private-key", "release.key"]).ok();
}

/// The lines of that event, each with the plugin that it is about.
fn events(bench: &Bench, name: &str) -> Vec<Value> {
    let log = fs::read_to_string(bench.path("events")).unwrap_or_default();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["event"] == name).collect()
}

/// The one event of that name, which is about that plugin.
#[track_caller]
fn the_event(bench: &Bench, name: &str, id: &str, level: &str) -> Value {
    let said = events(bench, name);
    let [line] = said.as_slice() else { panic!("{name}: {said:?}") };
    assert_eq!((&line["plugin_id"], &line["level"]), (&json!(id), &json!(level)), "{line}");
    line.clone()
}

#[test]
fn what_cannot_be_loaded_is_an_event() {
    if !has_python() {
        return;
    }
    let bench = bench();
    plugin(&bench, "broken");
    bench.write("plugins/broken/plugin.py", "1 / 0\n");
    sign(&bench, "broken");
    let _host = ServedHost::ready(&mut serving(&bench, &[]));
    let line = the_event(&bench, "plugin.load.failed", "broken", "warning");
    assert!(line["message"].as_str().expect("why").contains("division by zero"), "{line}");
}

#[test]
fn a_signature_that_does_not_count_is_an_event_whether_it_is_let_pass_or_not() {
    if !has_python() {
        return;
    }
    for mode in ["strict", "warn"] {
        let bench = bench();
        plugin(&bench, "changed");
        bench.write("plugins/changed/plugin.py", "class Plugin: pass\n");
        let host = ServedHost::ready(&mut serving(&bench, &["--trust-mode", mode]));
        let line = the_event(&bench, "plugin.signature.invalid", "changed", "warning");
        assert_eq!(line["path"], "plugins/changed");
        assert!(line["message"].as_str().expect("why").contains("plugin.py"), "{line}");
        let is_loaded = host.plugin("changed")["state"] == "enabled";
        assert_eq!(is_loaded, mode == "warn");
        // What is let pass is said to people here; what is refused is said by its refusal.
        assert_eq!(host.said().contains("Doubted changed in `plugins/changed`, which is invalid: "), is_loaded);
        // It is there still, and that is no news.
        host.post("/api/v1/plugins/discover", "").ok();
        assert_eq!(events(&bench, "plugin.signature.invalid").len(), 1);
        sign(&bench, "changed");
        host.post("/api/v1/plugins/discover", "").ok();
        bench.write("plugins/changed/plugin.py", "class Plugin: run = None\n");
        host.post("/api/v1/plugins/discover", "").ok();
        assert_eq!(events(&bench, "plugin.signature.invalid").len(), 2, "it was as it should be in between");
    }
}

#[test]
fn that_there_is_no_signature_is_an_event_where_that_is_let_pass() {
    if !has_python() {
        return;
    }
    for mode in ["warn", "strict"] {
        let bench = bench();
        plugin(&bench, "bare");
        fs::remove_file(bench.path("plugins/bare/plugin.sig")).expect("removed");
        let host = ServedHost::ready(&mut serving(&bench, &["--trust-mode", mode]));
        if mode == "warn" {
            the_event(&bench, "plugin.signature.unsigned", "bare", "warning");
            assert_eq!(host.plugin("bare")["state"], "enabled");
        } else {
            assert!(events(&bench, "plugin.signature.unsigned").is_empty());
            the_event(&bench, "plugin.load.failed", "bare", "warning");
        }
    }
}

#[test]
fn an_id_that_is_there_twice_is_an_event_and_names_both_places() {
    if !has_python() {
        return;
    }
    let bench = bench();
    plugin(&bench, "demo");
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    copy_tree(&bench.path("plugins/demo"), &bench.path("plugins/other"));
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": [] }));
    let line = the_event(&bench, "plugin.duplicate_id", "demo", "warning");
    assert_eq!(line["path"], "plugins/other");
    let listed = host.get("/api/v1/plugins").ok();
    let both: Vec<_> = listed.as_array().expect("a list").iter().map(|one| (&one["id"], &one["state"])).collect();
    assert_eq!(both, [(&json!("demo"), &json!("enabled")), (&json!("demo"), &json!("failed"))], "{listed:#}");
    let error = listed[1]["error"].as_str().expect("why");
    for said in [error, line["message"].as_str().expect("why")] {
        assert!(said.starts_with("duplicate plugin id 'demo'"), "{said}");
        assert!(said.contains("'plugins/demo'") && said.contains("'plugins/other'"), "{said}");
    }
    // Nobody has said which of the two is meant, so a host that has neither loads neither, and names both.
    drop(host);
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    let listed = host.get("/api/v1/plugins").ok();
    for one in listed.as_array().expect("a list") {
        let error = one["error"].as_str().expect("why");
        assert!(one["state"] == "failed" && error.contains("plugins/demo") && error.contains("plugins/other"), "{one}");
    }
}

#[test]
fn a_reload_is_an_event() {
    if !has_python() {
        return;
    }
    let bench = bench();
    plugin(&bench, "demo");
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    assert!(events(&bench, "plugin.reload.completed").is_empty());
    host.post("/api/v1/plugins/demo/reload", "").ok();
    the_event(&bench, "plugin.reload.completed", "demo", "info");
}

#[test]
fn a_manifest_of_before_is_found_beside_one_of_today() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let host = ServedHost::ready(&mut serving(&bench, &["--trust-mode", "warn"]));
    plugin(&bench, "today");
    let legacy = r#"{"id": "before", "name": "Before", "version": "1.0.0", "plugin_type": "connector"}"#;
    bench.write("plugins/before/aisoc-plugin.json", legacy);
    bench.write("plugins/before/plugin.py", "class Plugin:\n def run(self, payload, context): return 1\n");
    let discovered = host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(discovered, json!({ "discovered": ["before", "today"] }));
    let listed = host.get("/api/v1/plugins").ok();
    let both: Vec<_> = listed.as_array().expect("a list").iter().map(|one| (&one["id"], &one["state"])).collect();
    assert_eq!(both, [(&json!("before"), &json!("enabled")), (&json!("today"), &json!("enabled"))]);
    assert_eq!(listed[0]["manifest"]["plugin_type"], "connector");
}

#[test]
fn that_nothing_is_verified_is_said_when_a_host_starts_where_it_is_not_for_development() {
    const SAID: &str =
        "PLUGIN_TRUST_MODE=disabled outside development — plugins will load without signature verification.";
    let bench = bench();
    bench.run(&["token", "create", "ops", "--role", "admin", "--tokens", "tokens.json"]).ok();
    for (environment, is_said) in [
        ("production", true),
        ("staging", true),
        ("", true),
        ("development", false),
        ("dev", false),
        ("local", false),
        ("demo", false),
        ("test", false),
    ] {
        let mut serving = command(&bench, &["--tokens", "tokens.json"]);
        serving.env("ENVIRONMENT", environment).env("PLUGIN_TRUST_MODE", "disabled");
        let host = ServedHost::begin(&mut serving);
        host.wait_for(|host| host.get("/readyz").status == 200);
        assert_eq!(host.said().matches(SAID).count(), usize::from(is_said), "{environment}: {}", host.said());
    }
}

/// Where plugins are looked for is said by an option, else by the variable, else it is the place that hosts have.
#[test]
fn plugins_are_where_the_variable_says_and_else_where_hosts_have_them() {
    let bench = bench();
    plugin(&bench, "demo");
    fs::rename(bench.path("plugins"), bench.path("elsewhere")).expect("moved");
    let begin = |variable: Option<&str>| {
        let words = ["serve", "--listen", "127.0.0.1:0", "--state", "host.json", "--trusted-keys", "keys"];
        let mut command = bench.command(&[&words[..], &["--json"]].concat());
        command.env("ENVIRONMENT", "development").envs(variable.map(|place| ("AISOC_PLUGINS_DIR", place)));
        // What it prints is one document, in which its address is.
        let host = ServedHost::begin(&mut command);
        host.wait_for(|host| host.get("/readyz").status == 200);
        let place = host.served["plugins_directory"].clone();
        (host, place)
    };
    let (host, place) = begin(Some("elsewhere"));
    assert_eq!((host.plugin("demo")["id"].clone(), place), (json!("demo"), json!("elsewhere")));
    drop(host);
    for unset in [None, Some("")] {
        let (host, place) = begin(unset);
        assert_eq!(place, "/opt/aisoc/plugins", "{unset:?}");
        host.get("/api/v1/plugins/demo").refused_for(404, "plugin_not_found");
    }
}
