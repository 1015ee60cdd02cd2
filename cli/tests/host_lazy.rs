//! Plugins without a process: before the first call, and once nobody calls them.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::host::{Answered, ServedHost, bench, command, has_python, unconfined};
use support::{Bench, Run};

/// What every test says without Python.
const SKIPPED: &str = "SKIPPED: there is no python3, so nothing was loaded";
/// Says which process it is, once it has slept.
const CODE: &str = "import os\nimport time\n\nPROCESS = int.from_bytes(os.urandom(6), 'big')\n\n\nclass Plugin:\n    def run(self, payload, context):\n        time.sleep(payload.get('sleep', 0))\n        if payload.get('end'):\n            os._exit(3)\n        return {'process': PROCESS, 'answer': ANSWER}\n";

fn code(answer: &str) -> String {
    format!("ANSWER = {answer:?}\n\n{CODE}")
}

fn sign(bench: &Bench, id: &str) {
    bench.run(&["plugin", "sign", "--plugin-dir", &format!("plugins/{id}"), "--private-key", "release.key"]).ok();
}

/// A signed plugin of that code.
fn plugin(bench: &Bench, id: &str, code: &str) {
    if !bench.path(&format!("plugins/{id}")).exists() {
        bench.run(&["plugin", "new", id, "--type", "enricher", "-o", "plugins"]).ok();
    }
    bench.write(&format!("plugins/{id}/plugin.py"), code);
    sign(bench, id);
}

fn with_plugins(ids: &[&str]) -> Bench {
    let bench = bench();
    ids.iter().for_each(|id| plugin(&bench, id, &code("first")));
    bench
}

fn call(host: &ServedHost, id: &str, payload: &Value) -> Answered {
    host.post_json(&format!("/api/v1/plugins/{id}/run"), &json!({ "payload": payload }))
}

/// The process of a plugin that was called, as that has numbered itself: in a namespace of its own each is the second.
fn process(host: &ServedHost, id: &str) -> u64 {
    call(host, id, &json!({})).ok()["result"]["process"].as_u64().expect("a number")
}

fn state(host: &ServedHost, id: &str) -> String {
    host.plugin(id)["state"].as_str().expect("a state").to_owned()
}

/// How many processes a host has started that have not ended: one for each plugin that runs.
fn processes(host: &ServedHost) -> usize {
    let parent = host.id().to_string();
    // `PID (NAME) STATE PARENT …`, where a name may hold anything.
    let is_child = |text: &str| {
        let mut fields = text.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
        fields.next() != Some("Z") && fields.next() == Some(&parent)
    };
    let entries = fs::read_dir("/proc").expect("listed").flatten();
    entries.filter(|entry| fs::read_to_string(entry.path().join("stat")).is_ok_and(|text| is_child(&text))).count()
}

#[test]
fn a_plugin_gets_its_process_with_its_first_call_and_one_for_all_of_them() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = with_plugins(&["one", "other"]);
    let host = ServedHost::start(&bench, &["--lazy"]);
    for id in ["one", "other"] {
        let shown = host.plugin(id);
        assert_eq!((shown["state"].as_str(), shown["enabled"].as_bool()), (Some("enabled"), Some(true)), "{shown}");
        assert_eq!(shown["signature_status"].as_str(), Some("verified"), "{shown}");
        assert_eq!((shown["on_disk"].as_str(), shown["error"].as_str()), (Some("same"), None), "{shown}");
        assert!(shown["loaded_at"].is_f64(), "{shown}");
    }
    assert_eq!(processes(&host), 0, "nobody has called any of them");
    let found: Vec<u64> = thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| process(&host, "one"))).collect();
        calls.into_iter().map(|call| call.join().expect("no panic")).collect()
    });
    assert!(found.iter().all(|process| *process == found[0]), "{found:?}");
    assert_eq!(processes(&host), 1);
    // What its manifest says is known once it was read.
    assert!(host.plugin("one")["manifest"]["config_schema"].is_object());
    // A reload is asked for by whoever wants to know whether it can be loaded.
    host.post("/api/v1/plugins/other/reload", "").ok();
    assert_eq!(processes(&host), 2);
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_process_that_nobody_calls_is_ended_and_begins_anew() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    for words in [&["--lazy", "--idle", "1"][..], &["--idle", "1"]] {
        let bench = with_plugins(&["demo"]);
        let host = ServedHost::start(&bench, words);
        let first = process(&host, "demo");
        // A call takes as long as it takes.
        let slept = call(&host, "demo", &json!({ "sleep": 2.5 })).ok();
        assert_eq!(slept["result"]["process"].as_u64(), Some(first));
        host.wait_for(|host| processes(host) == 0);
        assert_eq!(state(&host, "demo"), "enabled");
        assert_ne!(process(&host, "demo"), first);
        assert_eq!(host.terminate(), Some(0));
    }
    // Without a word each keeps its process.
    let bench = with_plugins(&["demo"]);
    let host = ServedHost::start(&bench, &[]);
    let first = process(&host, "demo");
    thread::sleep(Duration::from_secs(2));
    assert_eq!((processes(&host), process(&host, "demo")), (1, first));
}

#[test]
fn what_is_not_lazy_is_loaded_once_whatever_becomes_of_its_process() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = with_plugins(&["good"]);
    plugin(&bench, "broken", "raise ValueError('no')\n");
    let host = ServedHost::start(&bench, &["--idle", "1"]);
    assert_eq!((state(&host, "good").as_str(), state(&host, "broken").as_str()), ("enabled", "failed"));
    host.wait_for(|host| processes(host) == 0);
    assert_eq!(state(&host, "good"), "enabled");
}

#[test]
fn so_many_have_a_process_and_the_one_that_was_called_least_lately_makes_room() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = with_plugins(&["one", "three", "two"]);
    let host = ServedHost::start(&bench, &["--lazy", "--workers", "2"]);
    let [one, two] = ["one", "two"].map(|id| process(&host, id));
    assert_eq!(process(&host, "one"), one);
    process(&host, "three");
    assert_eq!((processes(&host), process(&host, "one")), (2, one), "`two` has made room");
    assert_ne!(process(&host, "two"), two);
    assert_eq!(processes(&host), 2);
    // Those that are called make none.
    process(&host, "one");
    thread::scope(|scope| {
        let calls: Vec<_> =
            ["one", "two"].map(|id| scope.spawn(|| call(&host, id, &json!({ "sleep": 4 })))).into_iter().collect();
        // Both have a process, and are asked before anybody else is.
        thread::sleep(Duration::from_secs(1));
        let refused = call(&host, "three", &json!({}));
        assert_eq!(refused.refused_for(429, "host_busy"), "[three] 2 plugins are called, and no more have a process");
        assert_eq!(state(&host, "three"), "enabled");
        calls.into_iter().for_each(|call| drop(call.join().expect("no panic").ok()));
    });
    process(&host, "three");
}

#[test]
fn what_is_not_admitted_when_it_is_called_is_not_started() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    // A plugin may run as somebody else than its host.
    fs::create_dir(bench.path("traces")).expect("made");
    fs::set_permissions(bench.path("traces"), Permissions::from_mode(0o777)).expect("set");
    let trace = bench.path("traces/trace");
    plugin(&bench, "demo", &format!("open({:?}, 'w').close()\n{}", trace.to_str().expect("text"), code("first")));
    let host = ServedHost::ready(&mut unconfined(&bench, &["--lazy", "--on-revoked", "warn"]));
    let words = ["keys", "revoke", "release", "--reason", "stolen", "--force", "--trusted-keys", "keys"];
    bench.run(&[&words[..], &["--plugins-dir", "plugins"]].concat()).ok();
    let refused = call(&host, "demo", &json!({}));
    let detail = refused.refused_for(422, "key_revoked");
    assert!(detail.starts_with("[demo] plugin is quarantined: "), "{detail}");
    assert!(!trace.exists(), "nothing of it was run");
    assert_eq!((state(&host, "demo").as_str(), processes(&host)), ("enabled", 0));
    assert!(host.plugin("demo")["no_longer_admitted"].is_string());
    host.wait_for(|host| host.said().contains("Warned of demo, "));
    let words = ["keys", "restore", "release", "--reason", "found", "--trusted-keys", "keys", "--yes"];
    bench.run(&words).ok();
    process(&host, "demo");
    assert!(trace.exists());
    assert_eq!(host.plugin("demo")["no_longer_admitted"], Value::Null);
    host.wait_for(|host| host.said().contains("Admitted demo, again"));
    // Keys that nobody can read are nothing against it, and start nothing.
    drop(host);
    let host = ServedHost::ready(&mut unconfined(&bench, &["--lazy"]));
    fs::rename(bench.path("keys"), bench.path("away")).expect("renamed");
    assert_eq!(call(&host, "demo", &json!({})).status, 422);
    assert_eq!(host.plugin("demo")["no_longer_admitted"], Value::Null);
    fs::rename(bench.path("away"), bench.path("keys")).expect("renamed");
    process(&host, "demo");
}

#[test]
fn what_is_revoked_is_noticed_of_what_nobody_calls() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = with_plugins(&["demo"]);
    let host = ServedHost::start(&bench, &["--lazy"]);
    let words = ["keys", "revoke", "release", "--reason", "stolen", "--force", "--trusted-keys", "keys"];
    bench.run(&[&words[..], &["--plugins-dir", "plugins"]].concat()).ok();
    host.wait_for(|host| host.plugin("demo")["quarantined"] == Value::Bool(true));
    assert_eq!(state(&host, "demo"), "enabled");
    let words = ["keys", "restore", "release", "--reason", "found", "--trusted-keys", "keys", "--yes"];
    bench.run(&words).ok();
    host.wait_for(|host| host.plugin("demo")["quarantined"] == Value::Bool(false));
    assert_eq!(processes(&host), 0);
}

#[test]
fn what_has_changed_since_is_not_run_before_a_reload() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = with_plugins(&["demo"]);
    let host = ServedHost::start(&bench, &["--lazy", "--idle", "1"]);
    let answer = |host: &ServedHost| call(host, "demo", &json!({})).ok()["result"]["answer"].clone();
    assert_eq!(answer(&host), "first");
    host.wait_for(|host| processes(host) == 0);
    bench.write("plugins/demo/plugin.py", code("changed"));
    call(&host, "demo", &json!({})).refused_for(422, "tree_modified");
    // Nor is what somebody has signed meanwhile.
    plugin(&bench, "demo", &code("second"));
    call(&host, "demo", &json!({})).refused_for(422, "tree_modified");
    let shown = host.plugin("demo");
    assert_eq!((shown["state"].as_str(), shown["on_disk"].as_str()), (Some("enabled"), Some("differs")), "{shown}");
    host.post("/api/v1/plugins/demo/reload", "").ok();
    assert_eq!(answer(&host), "second");
    host.wait_for(|host| processes(host) == 0);
    assert_eq!(answer(&host), "second");
    host.wait_for(|host| processes(host) == 0);
    fs::rename(bench.path("plugins/demo"), bench.path("away")).expect("renamed");
    call(&host, "demo", &json!({})).refused_for(422, "io_not_found");
    assert_eq!(host.plugin("demo")["on_disk"], "gone");
    fs::rename(bench.path("away"), bench.path("plugins/demo")).expect("renamed");
    assert_eq!(answer(&host), "second");
}

#[test]
fn what_cannot_be_started_has_failed_and_a_discovery_brings_it_back() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = with_plugins(&["demo"]);
    plugin(&bench, "broken", "raise ValueError('no')\n");
    let host = ServedHost::start(&bench, &["--lazy"]);
    assert_eq!(state(&host, "broken"), "enabled");
    let detail = call(&host, "broken", &json!({})).refused_for(422, "import_failed");
    assert!(detail.contains("error importing plugin.py"), "{detail}");
    let shown = host.plugin("broken");
    assert_eq!(shown["state"], "failed");
    assert!(shown["error"].as_str().is_some_and(|why| why.contains("no")), "{shown}");
    call(&host, "broken", &json!({})).refused_for(422, "plugin_not_loaded");
    plugin(&bench, "broken", &code("mended"));
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok()["discovered"], json!(["broken"]));
    assert_eq!((state(&host, "broken").as_str(), processes(&host)), ("enabled", 0));
    process(&host, "broken");
    // One that ends by itself is there again after a while, without a process.
    call(&host, "demo", &json!({ "end": true })).refused_for(422, "execution_failed");
    assert_eq!(state(&host, "demo"), "failed");
    host.wait_for(|host| state(host, "demo") == "enabled");
    assert_eq!(processes(&host), 1);
    process(&host, "demo");
}

#[test]
fn what_operators_say_holds_for_what_has_no_process() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = with_plugins(&["demo"]);
    let ask = |host: &ServedHost, verb: &str| host.post(&format!("/api/v1/plugins/demo/{verb}"), "").ok();
    let host = ServedHost::start(&bench, &["--lazy"]);
    assert_eq!(ask(&host, "disable")["state"], "disabled");
    call(&host, "demo", &json!({})).refused(422, "plugin_disabled", "[demo] plugin is disabled");
    assert_eq!(host.terminate(), Some(0));
    let host = ServedHost::start(&bench, &["--lazy"]);
    assert_eq!((state(&host, "demo").as_str(), processes(&host)), ("disabled", 0));
    assert_eq!(ask(&host, "enable")["state"], "enabled");
    assert_eq!(host.delete("/api/v1/plugins/demo").status, 204);
    call(&host, "demo", &json!({})).refused_for(422, "plugin_not_loaded");
    assert_eq!(state(&host, "demo"), "unloaded");
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok()["discovered"], json!(["demo"]));
    process(&host, "demo");
}

#[test]
fn what_has_no_process_pins_nothing() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    bench.write("demo/plugin.py", code("first"));
    bench.signed_version("demo", "1.0.0", "release.key");
    bench.run(&["plugin", "install", "./demo", "--trusted-keys", "keys", "--plugins-dir", "plugins"]).ok();
    let host = ServedHost::start(&bench, &["--lazy", "--idle", "2"]);
    let uninstall = || bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"]);
    process(&host, "demo");
    host.wait_for(|host| {
        process(host, "demo");
        let run = uninstall();
        assert!(run.code != 0, "{run:?}");
        run.stderr.contains("plugin_in_use")
    });
    host.wait_for(|host| processes(host) == 0);
    host.wait_for(|_| uninstall().code == 0);
    call(&host, "demo", &json!({})).refused_for(422, "io_not_found");
}

#[test]
fn what_is_no_number_of_processes_or_seconds_is_refused() {
    let bench = bench();
    for (words, what) in [
        (&["--workers", "2"][..], "--lazy"),
        (&["--lazy", "--workers", "0"], "--workers"),
        (&["--lazy", "--workers", "4097"], "--workers"),
        (&["--idle", "0"], "--idle"),
        (&["--idle", "86401"], "--idle"),
    ] {
        let run = Run::of(&mut command(&bench, words));
        run.refused(2, "usage");
        assert!(run.stderr.contains(what), "{run:?}");
    }
    for words in [["--lazy", "--workers", "4096"], ["--lazy", "--workers", "1"], ["--lazy", "--idle", "86400"]] {
        assert_eq!(ServedHost::start(&bench, &words).terminate(), Some(0), "{words:?}");
    }
}
