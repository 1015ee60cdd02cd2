//! What a host loads is what the gates admit: by mode, by key, by lock, by source.

mod support;

use std::fs;
use std::thread;

use serde_json::{Value, json};
use support::host::{ServedHost, command, has_python};
use support::{Bench, copy_tree};

const PLUGIN: &str = "VALUE = 'first'\nclass Plugin:\n    def run(self, payload, context): return VALUE\n";
/// What every test says without Python.
const SKIPPED: &str = "SKIPPED: there is no python3, so nothing was loaded";

/// A bench with a trusted key and three plugins: signed, unsigned, and signed and changed since.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    for directory in ["keys", "plugins"] {
        fs::create_dir(bench.path(directory)).expect("made");
    }
    fs::copy(bench.path("release.pem"), bench.path("keys/release.pem")).expect("copied");
    for id in ["signed", "bare", "changed"] {
        put(&bench, id, id);
    }
    fs::remove_file(bench.path("plugins/bare/plugin.sig")).expect("removed");
    bench.write("plugins/changed/plugin.py", PLUGIN.replace("first", "changed"));
    bench
}

/// A signed plugin in a directory of that name.
fn put(bench: &Bench, directory: &str, id: &str) {
    if !bench.path(id).exists() {
        bench.run(&["plugin", "new", id, "--type", "enricher"]).ok();
        bench.write(&format!("{id}/plugin.py"), PLUGIN);
        bench.sign(id).ok();
    }
    copy_tree(&bench.path(id), &bench.path(&format!("plugins/{directory}")));
}

/// Every plugin: its id, its state, and what its signature is worth.
fn standing(host: &ServedHost) -> Vec<(String, String, Value)> {
    let listed = host.get("/api/v1/plugins").ok();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let row = |plugin: &Value| (text(&plugin["id"]), text(&plugin["state"]), plugin["signature_status"].clone());
    listed.as_array().expect("a list").iter().map(row).collect()
}

fn rows(expected: &[(&str, &str, Value)]) -> Vec<(String, String, Value)> {
    let row = |(id, state, status): &(&str, &str, Value)| ((*id).to_owned(), (*state).to_owned(), status.clone());
    expected.iter().map(row).collect()
}

fn value(host: &ServedHost, id: &str) -> Value {
    host.post(&format!("/api/v1/plugins/{id}/run"), "").ok()["result"]["result"].clone()
}

#[test]
fn each_trust_mode_lets_in_what_it_says() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    // Without a word about it, and with one that is misspelt, the mode is strict.
    for mode in [None, Some("strict"), Some("yolo")] {
        let mut command = command(&bench, &[]);
        if let Some(mode) = mode {
            command.env("PLUGIN_TRUST_MODE", mode);
        }
        let host = ServedHost::ready(&mut command);
        let expected = [
            ("bare", "failed", json!("unsigned")),
            ("changed", "failed", json!("invalid")),
            ("signed", "enabled", json!("verified")),
        ];
        assert_eq!(standing(&host), rows(&expected), "{mode:?}");
        let said = "warning[variable_invalid]: invalid PLUGIN_TRUST_MODE `yolo`; falling back to strict";
        assert_eq!(host.said().contains(said), mode == Some("yolo"), "{}", host.said());
    }
    let host = ServedHost::start(&bench, &["--trust-mode", "warn"]);
    let expected = [("bare", "unsigned"), ("changed", "invalid"), ("signed", "verified")];
    let expected = expected.map(|(id, status)| (id, "enabled", json!(status)));
    assert_eq!(standing(&host), rows(&expected));
    // What it is worth does not depend on its state.
    host.post("/api/v1/plugins/signed/disable", "").ok();
    assert_eq!(host.plugin("signed")["signature_status"], "verified");
    host.post("/api/v1/plugins/signed/enable", "").ok();
    drop(host);
    bench.acknowledge_unsigned();
    let host = ServedHost::start(&bench, &["--trust-mode", "disabled"]);
    let expected = ["bare", "changed", "signed"].map(|id| (id, "enabled", json!("skipped")));
    assert_eq!(standing(&host), rows(&expected));
}

/// Bytes that are no signature are one that does not count.
#[test]
fn a_malformed_signature_is_let_pass_where_trust_only_warns_and_shown_as_invalid() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    bench.write("plugins/bare/plugin.sig", "no signature");
    for (mode, state, reason) in [("warn", "enabled", Value::Null), ("strict", "failed", json!("signature_malformed"))]
    {
        let host = ServedHost::start(&bench, &["--trust-mode", mode]);
        let bare = host.plugin("bare");
        assert_eq!((&bare["state"], &bare["signature_status"]), (&json!(state), &json!("invalid")), "{bare}");
        assert_eq!(bare["reason_code"], reason, "{bare}");
    }
}

/// What is refused is listed all the same, with what its signature is worth and why it was refused.
#[test]
fn what_is_refused_says_its_reason_wherever_it_is_shown() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    put(&bench, "unreadable", "unreadable");
    bench.write("plugins/unreadable/plugin.yaml", b"id: unreadable\nname: \xff\n");
    let mut command = command(&bench, &[]);
    let host = ServedHost::ready(command.env("AISOC_LOG_FILE", bench.path("events.jsonl")));
    let text = fs::read_to_string(bench.path("events.jsonl")).expect("written");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let listed = host.get("/api/v1/plugins").ok();
    for (id, status, reason) in [
        ("bare", json!("unsigned"), "unsigned"),
        ("changed", json!("invalid"), "signature_invalid"),
        ("unreadable", Value::Null, "manifest_invalid"),
    ] {
        let is_it = |plugin: &&Value| plugin["id"] == id;
        for plugin in [&host.plugin(id), listed.as_array().expect("a list").iter().find(is_it).expect("listed")] {
            assert_eq!((&plugin["state"], &plugin["signature_status"]), (&json!("failed"), &status), "{plugin}");
            assert_eq!(plugin["reason_code"], reason, "{plugin}");
            assert!(plugin["error"].as_str().is_some_and(|why| !why.is_empty()), "{plugin}");
        }
        let failed = lines.iter().find(|line| line["event"] == "plugin.load.failed" && line["plugin_id"] == id);
        assert_eq!(failed.expect("an event")["reason_code"], reason);
    }
    let signed = host.plugin("signed");
    assert_eq!((&signed["reason_code"], &signed["error"]), (&Value::Null, &Value::Null), "{signed}");
    assert!(lines.iter().all(|line| line["plugin_id"] != "signed" || line.get("reason_code").is_none()), "{text}");
}

#[test]
fn keys_count_as_they_are_when_they_are_asked() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    fs::rename(bench.path("keys/release.pem"), bench.path("away.pem")).expect("moved");
    // What is in memory is not quarantined, whose code is to be seen.
    let host = ServedHost::start(&bench, &["--on-revoked", "warn"]);
    assert_eq!(host.plugin("signed")["state"], "failed");
    fs::rename(bench.path("away.pem"), bench.path("keys/release.pem")).expect("moved");
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": ["signed"] }));
    assert_eq!(host.plugin("signed")["signing_key_id"], "release");
    // What is in memory goes on, and what is on the disk is admitted no more.
    fs::rename(bench.path("keys/release.pem"), bench.path("away.pem")).expect("moved");
    let refused = host.post("/api/v1/plugins/signed/reload", "");
    assert_eq!(refused.status, 400, "{refused:?}");
    assert_eq!((host.plugin("signed")["state"].clone(), value(&host, "signed")), (json!("enabled"), json!("first")));
    // What a reload has failed of stands beside what goes on, until one succeeds.
    assert_eq!(host.plugin("signed")["reason_code"], "no_trusted_keys");
    fs::rename(bench.path("away.pem"), bench.path("keys/release.pem")).expect("moved");
    let reloaded = host.post("/api/v1/plugins/signed/reload", "").ok();
    assert_eq!((&reloaded["reason_code"], &reloaded["error"]), (&Value::Null, &Value::Null), "{reloaded}");
}

/// A key that comes while a host runs counts with the next reload: what was let in with a warning is verified then.
#[test]
fn a_key_that_comes_counts_with_the_next_reload() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    fs::copy(bench.path("other.pem"), bench.path("keys/other.pem")).expect("copied");
    fs::rename(bench.path("keys/release.pem"), bench.path("away.pem")).expect("moved");
    let host = ServedHost::start(&bench, &["--trust-mode", "warn"]);
    let status = |plugin: &Value| (plugin["signature_status"].clone(), plugin["signing_key_id"].clone());
    assert_eq!(status(&host.plugin("signed")), (json!("invalid"), Value::Null));
    fs::rename(bench.path("away.pem"), bench.path("keys/release.pem")).expect("moved");
    let reloaded = host.post("/api/v1/plugins/signed/reload", "").ok();
    assert_eq!(status(&reloaded), (json!("verified"), json!("release")), "{reloaded}");
}

#[test]
fn a_plugin_is_who_its_manifest_says_and_nobody_is_two() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    fs::rename(bench.path("plugins/signed"), bench.path("plugins/another-name")).expect("moved");
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(host.plugin("signed")["state"], "enabled");
    assert!(host.plugin("signed")["place"].as_str().expect("a place").ends_with("another-name"));
    // A second directory of the same id: what is in memory stays what it is, and nothing takes its place.
    put(&bench, "beside", "signed");
    bench.write("plugins/beside/plugin.py", PLUGIN.replace("first", "second"));
    fs::remove_file(bench.path("plugins/beside/plugin.sig")).expect("removed");
    bench.sign("plugins/beside").ok();
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": [] }));
    let of_both: Vec<_> =
        standing(&host).into_iter().filter(|(id, ..)| id == "signed").map(|(_, state, _)| state).collect();
    assert_eq!(of_both, ["enabled", "failed"]);
    let listed = host.get("/api/v1/plugins").ok();
    let second = listed
        .as_array()
        .expect("a list")
        .iter()
        .find(|plugin| plugin["state"] == "failed" && plugin["id"] == "signed");
    let why = second.expect("the second")["error"].as_str().expect("why").to_owned();
    assert!(why.contains("another-name") && why.contains("beside"), "{why}");
    assert_eq!(host.post("/api/v1/plugins/signed/reload", "").status, 400);
    assert_eq!(value(&host, "signed"), "first");
    // The version changes once the old one is away, and not before it is asked for.
    fs::remove_dir_all(bench.path("plugins/another-name")).expect("removed");
    assert_eq!(value(&host, "signed"), "first");
    assert_eq!(host.delete("/api/v1/plugins/signed").status, 204);
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": ["signed"] }));
    assert_eq!(value(&host, "signed"), "second");
}

#[test]
fn in_production_the_lock_decides() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let site = ["--plugins-dir", "plugins", "--trusted-keys", "keys", "--plugins-lock", "plugins.lock"];
    bench.write("plugins.lock", "version = 1\n");
    let host = ServedHost::start(&bench, &["--plugin-mode", "production", "--plugins-lock", "plugins.lock"]);
    let signed = host.plugin("signed");
    assert_eq!(signed["state"], "failed");
    assert!(signed["error"].as_str().expect("why").contains("lock"), "{signed}");
    bench.run(&[&["plugins", "trust", "signed", "--reason", "reviewed"], &site[..]].concat()).ok();
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": ["signed"] }));
    assert_eq!(value(&host, "signed"), "first");
}

#[test]
fn without_python_everything_but_plugins_works() {
    let bench = bench();
    let mut command = command(&bench, &[]);
    command.env("AISOC_PYTHON", bench.path("no-such-python")).env("AISOC_LOG_FILE", bench.path("events.jsonl"));
    let host = ServedHost::ready(&mut command);
    let signed = host.plugin("signed");
    assert_eq!((&signed["state"], &signed["signature_status"]), (&json!("failed"), &json!("verified")), "{signed}");
    assert!(signed["error"].as_str().expect("why").contains("no-such-python"), "{signed}");
    assert_eq!(signed["reason_code"], "import_failed", "{signed}");
    let text = fs::read_to_string(bench.path("events.jsonl")).expect("written");
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let failed = lines.find(|line| line["event"] == "plugin.load.failed" && line["plugin_id"] == "signed");
    assert_eq!(failed.expect("an event")["reason_code"], "import_failed");
    // Everything but a plugin is asked and answers.
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": [] }));
    assert!(host.get("/api/v1/audit").ok()["entries"].is_array());
    // The author is told the same, and what to do.
    let absent = bench.path("no-such-python");
    let variables = [("AISOC_PYTHON", absent.to_str().expect("UTF-8"))];
    let refused = bench.run_with(&["plugin", "validate", "plugins/signed", "--load"], &variables);
    refused.refused(1, "import_failed");
    assert!(refused.stderr.contains("no-such-python") && refused.stderr.contains("set AISOC_PYTHON"), "{refused:?}");
}

#[test]
fn what_happens_is_written_down_by_the_names_of_hosts() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let mut command = command(&bench, &[]);
    let host = ServedHost::ready(command.env("AISOC_LOG_FILE", bench.path("events.jsonl")));
    for verb in ["disable", "enable", "reload"] {
        host.post(&format!("/api/v1/plugins/signed/{verb}"), "").ok();
    }
    assert_eq!(host.delete("/api/v1/plugins/signed").status, 204);
    let text = fs::read_to_string(bench.path("events.jsonl")).expect("written");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |id: &str| -> Vec<String> {
        let lines = lines.iter().filter(|line| line["plugin_id"] == id);
        lines.map(|line| line["event"].as_str().expect("a name").to_owned()).collect()
    };
    let expected = [
        "plugin.loaded",
        "plugin.enabled",
        "plugin.disabled",
        "plugin.enabled",
        "plugin.reload.completed",
        "plugin.unloaded",
    ];
    assert_eq!(of("signed"), expected);
    assert_eq!(of("bare"), ["plugin.load.failed"]);
    assert_eq!(of("changed"), ["plugin.signature.invalid", "plugin.load.failed"]);
}

/// Calls that have begun end in what they began in, and those that come find one or the other.
#[test]
fn a_reload_under_calls_drops_none() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let host = ServedHost::start(&bench, &[]);
    thread::scope(|scope| {
        let calling: Vec<_> =
            (0..8).map(|_| scope.spawn(|| (0..25).map(|_| value(&host, "signed")).collect::<Vec<_>>())).collect();
        // Whoever discovers at the same time waits for nobody who waits for it.
        scope.spawn(|| (0..10).for_each(|_| drop(host.post("/api/v1/plugins/discover", "").ok())));
        for round in 0..3 {
            bench.write("plugins/signed/plugin.py", PLUGIN.replace("first", &format!("round {round}")));
            fs::remove_file(bench.path("plugins/signed/plugin.sig")).expect("removed");
            bench.sign("plugins/signed").ok();
            host.post("/api/v1/plugins/signed/reload", "").ok();
        }
        let answers: Vec<Value> = calling.into_iter().flat_map(|calling| calling.join().expect("no panic")).collect();
        assert_eq!(answers.len(), 200);
    });
    assert_eq!(value(&host, "signed"), "round 2");
}
