//! `aisoc serve`: real plugins, held by a real host, asked over its API.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::host::{PATIENCE, ServedHost, bench, command, descendants_of, has_python, left_of, marks, unconfined};
use support::{Bench, Run, copy_tree};

/// Says where it is told to what runs, and from where.
const PLUGIN: &str = "import os, sys, time\nVALUE = 'first'\nclass Plugin:\n    def __init__(self, config=None): pass\n    \
                      def run(self, payload, context):\n        do = payload.get('do')\n        \
                      if do == 'crash': raise ValueError('broken on purpose')\n        \
                      if do == 'exit': os._exit(3)\n        if do == 'ids': return [os.getpid(), os.getppid()]\n        \
                      if do == 'sleep': print('sleeps', flush=True); time.sleep(payload['seconds'])\n        if do == 'print': print('a line', flush=True)\n        \
                      return VALUE if do == 'value' else {'payload': payload, 'context': context}\n";

/// The same, and leaves a mark when it is imported.
fn marking(mark: &Path) -> String {
    format!("open({mark:?}, 'w')\n{PLUGIN}")
}

/// A signed plugin in `plugins/`.
fn plugin(bench: &Bench, id: &str, source: &str) {
    unsigned(bench, id, "enricher", Some(source));
    sign(bench, id);
}

fn unsigned(bench: &Bench, id: &str, kind: &str, source: Option<&str>) {
    bench.run(&["plugin", "new", id, "--type", kind]).ok();
    if let Some(source) = source {
        bench.write(&format!("{id}/plugin.py"), source);
    }
    copy_tree(&bench.path(id), &bench.path(&format!("plugins/{id}")));
}

fn sign(bench: &Bench, id: &str) {
    bench.sign(&format!("plugins/{id}")).ok();
}

fn run(host: &ServedHost, id: &str, payload: &Value) -> support::host::Answered {
    host.post(&format!("/api/v1/plugins/{id}/run"), &json!({ "payload": payload }).to_string())
}

/// What every test says without Python.
const SKIPPED: &str = "SKIPPED: there is no python3, so nothing was loaded";

#[test]
fn every_plugin_is_listed_with_its_verdict_and_what_is_admitted_is_called() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, marks) = (bench(), marks());
    let mark = |id: &str| marks.path().join(id);
    plugin(&bench, "demo", &marking(&mark("demo")));
    unsigned(&bench, "bare", "connector", Some(&marking(&mark("bare"))));
    plugin(&bench, "tampered", PLUGIN);
    bench.write("plugins/tampered/plugin.py", marking(&mark("tampered")));
    bench.write("plugins/broken-yaml/plugin.yaml", "id: [\n");
    let host = ServedHost::ready(&mut unconfined(&bench, &[]));
    let listed = host.get("/api/v1/plugins").ok();
    let states: Vec<_> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|plugin| (plugin["id"].as_str().expect("an id"), plugin["state"].as_str().expect("one state")))
        .collect();
    assert_eq!(states, [("bare", "failed"), ("broken-yaml", "failed"), ("demo", "enabled"), ("tampered", "failed")]);
    let demo = host.plugin("demo");
    assert_eq!(demo["signature_status"], "verified");
    assert_eq!(
        (&demo["signing_key_id"], &demo["source"], &demo["kind"]),
        (&json!("release"), &json!("dir"), &json!("enricher"))
    );
    assert_eq!((&demo["enabled"], &demo["error"]), (&json!(true), &Value::Null));
    assert_eq!((&demo["manifest"]["id"], &demo["manifest"]["plugin_type"]), (&json!("demo"), &json!("enricher")));
    assert!(demo["manifest"]["config_schema"].is_object() && demo["loaded_at"].is_f64(), "{demo}");
    let bare = host.plugin("bare");
    assert!(bare["error"].as_str().expect("why").contains("plugin.sig"), "{bare}");
    assert_eq!((&bare["enabled"], &bare["loaded_at"]), (&json!(false), &Value::Null));
    assert!(!host.plugin("tampered")["error"].as_str().expect("why").is_empty());
    let has_run = |id: &str| mark(id).exists();
    assert!(has_run("demo") && !has_run("bare") && !has_run("tampered"), "what was refused has run, or nothing has");
    let called = run(&host, "demo", &json!({ "a": 1 })).ok();
    assert_eq!(called, json!({ "plugin_id": "demo", "result": { "payload": { "a": 1 }, "context": {} } }));
    // What is no object is the one member of one; a call without a body, and without a kind of body, is a call.
    assert_eq!(run(&host, "demo", &json!({ "do": "value" })).ok()["result"], json!({ "result": "first" }));
    let empty = host.post("/api/v1/plugins/demo/run", "").ok();
    assert_eq!(empty["result"], json!({ "payload": {}, "context": {} }));
    assert_eq!(host.get("/api/v1/plugins?plugin_type=enricher").ok().as_array().map(Vec::len), Some(2));
    assert_eq!(host.get("/api/v1/plugins?plugin_type=nothing").ok(), json!([]));
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn the_scaffold_of_every_type_is_loaded_and_answers() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let kinds = ["enricher", "connector", "responder", "detection", "widget"];
    for kind in kinds {
        unsigned(&bench, &format!("a-{kind}"), kind, None);
        sign(&bench, &format!("a-{kind}"));
    }
    let host = ServedHost::start(&bench, &[]);
    for kind in kinds {
        let id = format!("a-{kind}");
        assert_eq!(host.plugin(&id)["state"], "enabled", "{}", host.plugin(&id));
        let payload = match kind {
            "connector" => json!({ "action": "normalize", "raw": { "id": 7, "title": "Login", "severity": "HIGH" } }),
            "responder" => json!({ "action": "block_ip", "params": { "ip": "203.0.113.7" } }),
            _ => json!({ "indicator": "203.0.113.7" }),
        };
        let called = run(&host, &id, &payload);
        assert!(called.ok()["result"].is_object(), "{id}: {called:?}");
    }
}

#[test]
fn a_disabled_plugin_takes_no_calls_and_stays_so_across_everything() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    plugin(&bench, "demo", PLUGIN);
    let host = ServedHost::start(&bench, &[]);
    let disabled = host.post("/api/v1/plugins/demo/disable", "").ok();
    assert_eq!((&disabled["state"], &disabled["enabled"]), (&json!("disabled"), &json!(false)));
    let is_disabled = |host: &ServedHost, when: &str| {
        assert_eq!(host.plugin("demo")["state"], "disabled", "{when}");
        // Whatever is worth of its signature is another matter.
        assert_eq!(host.plugin("demo")["signature_status"], "verified", "{when}");
        run(host, "demo", &json!({})).refused(422, "plugin_disabled", "[demo] plugin is disabled");
    };
    is_disabled(&host, "disabled");
    assert_eq!(host.post("/api/v1/plugins/demo/reload", "").ok()["state"], "disabled");
    is_disabled(&host, "reloaded");
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": [] }));
    is_disabled(&host, "found again");
    assert_eq!(host.delete("/api/v1/plugins/demo").status, 204);
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": ["demo"] }));
    is_disabled(&host, "unloaded and found again");
    // However it ends.
    host.kill();
    let host = ServedHost::start(&bench, &[]);
    is_disabled(&host, "another host");
    assert_eq!(host.post("/api/v1/plugins/demo/enable", "").ok()["state"], "enabled");
    assert_eq!(host.post("/api/v1/plugins/demo/enable", "").ok()["state"], "enabled");
    run(&host, "demo", &json!({})).ok();
    assert_eq!(host.terminate(), Some(0));
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(host.plugin("demo")["state"], "enabled");
}

#[test]
fn what_is_unloaded_is_gone_from_memory_and_nothing_else() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    plugin(&bench, "demo", PLUGIN);
    let host = ServedHost::start(&bench, &[]);
    let before = bench.snapshot_but_journal("plugins");
    run(&host, "demo", &json!({ "do": "ids" })).ok();
    let ids = descendants_of(host.id());
    assert!(ids.len() >= 3, "{ids:?}");
    let unloaded = host.delete("/api/v1/plugins/demo");
    assert_eq!((unloaded.status, unloaded.text.as_str()), (204, ""));
    assert_eq!(left_of(&ids), Vec::<u32>::new());
    assert_eq!(host.plugin("demo")["state"], "unloaded");
    assert_eq!(bench.snapshot_but_journal("plugins"), before);
    for (method, path, status, detail) in [
        ("POST", "/enable", 409, "Plugin 'demo' is unloaded"),
        ("POST", "/disable", 409, "Plugin 'demo' is unloaded"),
        ("POST", "/reload", 400, "[demo] plugin is unloaded"),
        ("POST", "/run", 422, "[demo] plugin is unloaded"),
        ("DELETE", "", 409, "Plugin 'demo' is unloaded"),
    ] {
        let answered = host.send(method, &format!("/api/v1/plugins/demo{path}"), "", "");
        answered.refused(status, "plugin_not_loaded", detail);
    }
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": ["demo"] }));
    assert_eq!(host.plugin("demo")["state"], "enabled");
    // One whose files are gone stays in memory until somebody unloads it.
    fs::remove_dir_all(bench.path("plugins/demo")).expect("removed");
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": [] }));
    run(&host, "demo", &json!({})).ok();
    assert_eq!(host.delete("/api/v1/plugins/demo").status, 204);
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": [] }));
    host.get("/api/v1/plugins/demo").refused(404, "plugin_not_found", "Plugin 'demo' not found");
}

#[test]
fn a_reload_takes_what_was_signed_and_a_failing_one_keeps_what_there_was() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, marks) = (bench(), marks());
    plugin(&bench, "demo", PLUGIN);
    let host = ServedHost::ready(&mut unconfined(&bench, &[]));
    let value = || run(&host, "demo", &json!({ "do": "value" })).ok()["result"]["result"].clone();
    let put = |source: &str, is_signed: bool| {
        bench.write("plugins/demo/plugin.py", source);
        if is_signed {
            fs::remove_file(bench.path("plugins/demo/plugin.sig")).expect("removed");
            sign(&bench, "demo");
        }
    };
    put(&marking(&marks.path().join("signed")).replace("first", "second"), true);
    assert_eq!(value(), "first", "it was not asked for");
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(value(), "first", "a discovery touches nothing that is in memory");
    assert_eq!(host.post("/api/v1/plugins/demo/reload", "").ok()["error"], Value::Null);
    assert_eq!(value(), "second");
    // Unsigned, it is not even looked into.
    assert!(marks.path().join("signed").exists(), "what was admitted would leave a mark");
    put(&marking(&marks.path().join("ran")), false);
    let refused = host.post("/api/v1/plugins/demo/reload", "");
    assert_eq!(refused.status, 400, "{refused:?}");
    assert_eq!((value(), marks.path().join("ran").exists()), (json!("second"), false));
    // Signed and broken.
    put("def f(:\n", true);
    let refused = host.post("/api/v1/plugins/demo/reload", "");
    assert_eq!((refused.status, &refused.json()["reason_code"]), (400, &json!("import_failed")), "{refused:?}");
    let detail = refused.json()["detail"].as_str().expect("why").to_owned();
    assert!(detail.starts_with("[demo] error importing plugin.py: "), "{detail}");
    let kept = host.plugin("demo");
    assert_eq!((value(), &kept["state"]), (json!("second"), &json!("enabled")));
    assert!(kept["error"].as_str().expect("why").contains("error importing plugin.py"), "{kept}");
    put(&PLUGIN.replace("first", "third"), true);
    assert_eq!(host.post("/api/v1/plugins/demo/reload", "").ok()["error"], Value::Null);
    assert_eq!(value(), "third");
    let nobody = host.post("/api/v1/plugins/nobody/reload", "");
    nobody.refused(400, "plugin_not_found", "[nobody] plugin not found");
}

#[test]
fn what_a_call_can_fail_of_is_said_and_a_plugin_that_ends_is_loaded_again() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    plugin(&bench, "demo", PLUGIN);
    plugin(&bench, "beside", PLUGIN);
    plugin(&bench, "no-run", "class Plugin: pass\n");
    plugin(&bench, "no-class", "x = 1\n");
    let host = ServedHost::start(&bench, &[]);
    run(&host, "nobody", &json!({})).refused(422, "plugin_not_found", "[nobody] plugin not found");
    let crashed = run(&host, "demo", &json!({ "do": "crash" }));
    crashed.refused(422, "execution_failed", "[demo] execution error: broken on purpose");
    let missing = run(&host, "no-run", &json!({}));
    missing.refused(422, "execution_failed", "[no-run] Plugin class missing 'run' method");
    let broken = host.plugin("no-class");
    assert_eq!(
        (&broken["state"], &broken["error"]),
        (&json!("failed"), &json!("plugin.py must define a class named 'Plugin'"))
    );
    run(&host, "no-class", &json!({})).refused(422, "plugin_not_loaded", "[no-class] plugin is failed");
    for (method, path, status, detail) in [
        ("POST", "/enable", 409, "Plugin 'no-class' is failed"),
        ("POST", "/disable", 409, "Plugin 'no-class' is failed"),
        ("POST", "/reload", 400, "[no-class] plugin is failed"),
        ("DELETE", "", 409, "Plugin 'no-class' is failed"),
    ] {
        let answered = host.send(method, &format!("/api/v1/plugins/no-class{path}"), "", "");
        answered.refused(status, "plugin_not_loaded", detail);
    }
    assert_eq!(host.plugin("demo")["state"], "enabled", "a call that fails is no end");
    let ended = run(&host, "demo", &json!({ "do": "exit" }));
    assert_eq!(ended.status, 422, "{ended:?}");
    host.wait_for(|host| host.said().contains("demo: enabled → failed: ") && host.said().contains("exit status: 3"));
    // Nothing else notices, and it is loaded again by itself.
    run(&host, "beside", &json!({})).ok();
    host.wait_for(|host| host.plugin("demo")["state"] == "enabled");
    run(&host, "demo", &json!({ "do": "print" })).ok();
    host.wait_for(|host| host.said().contains("demo: a line"));
}

#[test]
fn one_host_has_a_state_file_and_an_environment_of_production_has_none() {
    let bench = bench();
    let host = ServedHost::start(&bench, &[]);
    let second = Run::of(&mut command(&bench, &[]));
    second.refused(4, "locked");
    assert!(second.error_line().contains(&format!("process {}", host.id())), "{second:?}");
    host.kill();
    ServedHost::start(&bench, &[]);
    for environment in ["production", "test", ""] {
        let refused = Run::of(command(&bench, &[]).env("ENVIRONMENT", environment));
        refused.refused(2, "usage");
    }
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let mut open =
            bench.command(&["serve", "--listen", address, "--state", "host.json", "--plugins-dir", "plugins"]);
        Run::of(open.env("ENVIRONMENT", "development")).refused(2, "usage");
    }
    bench.write("host.json", "[]");
    let damaged = Run::of(&mut command(&bench, &[]));
    damaged.refused(1, "record_invalid");
    assert!(!damaged.stderr.contains("struct"), "{damaged:?}");
    bench.write("host.json", "{\"schema\": 1}");
    Run::of(&mut command(&bench, &[])).refused(1, "record_invalid");
    assert_eq!(fs::read_to_string(bench.path("host.json")).expect("read"), "{\"schema\": 1}");
    fs::remove_file(bench.path("host.json")).expect("removed");
    let missing = Run::of(&mut command(&bench, &["--plugin-mode", "production"]));
    let places = ["plugins.lock", ".config/aisoc/plugins.lock"].map(|name| bench.path(name).display().to_string());
    let said = format!("there is no `{}`, and no `{}`", places[0], places[1]);
    assert!(missing.refused(2, "lock_missing").error_line().ends_with(&said), "{missing:?}");
    let elsewhere = Run::of(command(&bench, &["--plugin-mode", "production"]).env("XDG_CONFIG_HOME", "xdg"));
    assert!(elsewhere.error_line().contains("/xdg/aisoc/plugins.lock`"), "{elsewhere:?}");
    // A refusal leaves nothing behind.
    let refused = Bench::new();
    let before = refused.state();
    Run::of(refused.command(&["serve", "--state", "host.json"]).env("ENVIRONMENT", "production")).refused(2, "usage");
    assert_eq!(refused.state(), before);
}

#[test]
fn a_lock_that_nobody_has_named_is_said() {
    let bench = bench();
    let place = bench.write(".config/aisoc/plugins.lock", "version = 1\n");
    let line = format!("plugins.lock (auto-discovered): {}", place.display());
    for mode in ["production", "dev"] {
        let host = ServedHost::start(&bench, &["--plugin-mode", mode]);
        assert!(host.said().lines().any(|said| said == line), "{mode}: {}", host.said());
    }
    let path = place.to_str().expect("text");
    for words in [&["--plugins-lock", path][..], &["-q"]] {
        let host = ServedHost::start(&bench, words);
        assert!(!host.said().contains("auto-discovered"), "{words:?}: {}", host.said());
    }
}

#[test]
fn requests_that_are_none_of_ours_reach_no_plugin() {
    let bench = bench();
    let host = ServedHost::start(&bench, &[]);
    let address = &host.address;
    assert_eq!(host.get("/healthz").ok(), json!({ "status": "ok" }));
    host.get("/api/v1/plugins/nobody").refused(404, "plugin_not_found", "Plugin 'nobody' not found");
    for verb in ["enable", "disable"] {
        let answered = host.post(&format!("/api/v1/plugins/nobody/{verb}"), "");
        answered.refused(404, "plugin_not_found", "Plugin 'nobody' not found");
    }
    host.delete("/api/v1/plugins/nobody").refused(404, "plugin_not_found", "Plugin 'nobody' not found");
    let long = "x".repeat(10_000);
    for id in ["%2e%2e%2fx", "..", "%00", "%0a", "a%2Fb", "%ff", "a%20b", long.as_str(), "%F0%9D%94%B8b"] {
        let answered = host.get(&format!("/api/v1/plugins/{id}"));
        assert!([400, 404].contains(&answered.status), "{id:.20}: {answered:?}");
        assert_eq!(answered.json()["reason_code"], "usage", "{id:.20}: {answered:?}");
    }
    for (method, path, status) in [
        ("GET", "/", 404),
        ("GET", "/api/v1/plugins/", 404),
        ("GET", "//api/v1/plugins", 404),
        ("GET", "/API/v1/plugins", 404),
        ("GET", "/api/v1/plugins;x", 404),
        ("PUT", "/api/v1/plugins", 405),
        ("GET", "/api/v1/plugins/discover/x", 404),
        ("GET", "/api/v1/plugins/demo/run", 405),
        ("GET", "/api/v1/plugins?plugin_typ=x", 400),
    ] {
        assert_eq!(host.send(method, path, "", "").status, status, "{method} {path}");
    }
    // Names that are not this host's, none, two, and what a page sends.
    for (head, status) in [
        ("Host: evil.example\r\n", 421),
        ("", 400),
        (&format!("Host: {address}\r\nHost: {address}\r\n"), 400),
        (&format!("Host: {address}\r\nOrigin: https://evil.example\r\n"), 403),
        (&format!("Host: {address}\r\nSec-Fetch-Site: cross-site\r\n"), 403),
    ] {
        let answered = host.raw(&format!("POST /api/v1/plugins/discover HTTP/1.1\r\nConnection: close\r\n{head}\r\n"));
        assert_eq!(answered.status, status, "{head}");
    }
    // Bodies.
    let body = |head: &str, body: &str| host.send("POST", "/api/v1/plugins/nobody/run", head, body).status;
    assert_eq!(body("Content-Type: application/json; charset=utf-8\r\n", "{\"payload\": {}}"), 422);
    assert_eq!(body("", "{\"payload\": {}}"), 422);
    assert_eq!(body("Content-Type: text/plain\r\n", "{}"), 415);
    assert_eq!(body("Content-Type: application/x-www-form-urlencoded\r\n", "{}"), 415);
    assert_eq!(body("", "{\"payload\": {}, \"payload\": {}}"), 400);
    assert_eq!(body("", "{\"other\": 1}"), 400);
    assert_eq!(body("", "[]"), 400);
    assert_eq!(body("", &format!("{{\"payload\": {{\"a\": \"{}\"}}}}", "x".repeat(1 << 20))), 413);
}

#[test]
fn a_host_that_is_told_to_end_lets_requests_end_and_leaves_nothing() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    plugin(&bench, "demo", PLUGIN);
    let host = ServedHost::start(&bench, &[]);
    run(&host, "demo", &json!({ "do": "ids" })).ok();
    let ids = descendants_of(host.id());
    assert!(ids.len() >= 3, "{ids:?}");
    let address = host.address.clone();
    let called = thread::scope(|scope| {
        let calling = scope.spawn(|| run(&host, "demo", &json!({ "do": "sleep", "seconds": 1 })));
        host.wait_for(|host| host.said().contains("demo: sleeps"));
        host.tell_to_end();
        calling.join().expect("no panic")
    });
    assert_eq!(called.status, 200, "{called:?}");
    assert_eq!(host.end(), Some(0));
    assert_eq!(left_of(&ids), Vec::<u32>::new());
    std::net::TcpStream::connect(&address).expect_err("nobody listens");
}

/// A host that is killed has no time to end anything, and its plugins end all the same.
#[test]
fn no_plugin_outlives_a_host_that_is_killed() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    plugin(&bench, "demo", PLUGIN);
    let host = ServedHost::start(&bench, &[]);
    run(&host, "demo", &json!({ "do": "ids" })).ok();
    let ids = descendants_of(host.id());
    assert!(ids.len() >= 3, "{ids:?}");
    host.kill();
    let deadline = Instant::now() + PATIENCE;
    while !left_of(&ids).is_empty() {
        assert!(Instant::now() < deadline, "{:?} are left", left_of(&ids));
        thread::sleep(Duration::from_millis(10));
    }
}

/// A client that goes away cancels its call, and the plugin is free for the next one.
#[test]
fn a_client_that_goes_away_frees_the_plugin() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let source = "import asyncio\nclass Plugin:\n    async def run(self, payload, context):\n        \
                  await asyncio.sleep(payload.get('seconds', 0))\n        return {}\n";
    plugin(&bench, "demo", source);
    let host = ServedHost::start(&bench, &[]);
    let body = json!({ "payload": { "seconds": 25 } }).to_string();
    let request = format!(
        "POST /api/v1/plugins/demo/run HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
        host.address,
        body.len()
    );
    let mut stream = host.connect();
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
    thread::sleep(Duration::from_millis(300));
    drop(stream);
    let began = Instant::now();
    run(&host, "demo", &json!({})).ok();
    assert!(began.elapsed() < Duration::from_secs(20), "it waited for the other");
    assert_eq!(host.plugin("demo")["state"], "enabled");
}

/// Of both kinds of plugins: those that answer calls beside each other, and those that do not.
#[test]
fn a_reload_under_two_hundred_calls_drops_none() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let asynchronous = "import asyncio\nclass Plugin:\n    async def run(self, payload, context):\n        \
                        await asyncio.sleep(2)\n        return {}\n";
    let one_by_one = "import time\nclass Plugin:\n    def run(self, payload, context):\n        \
                      time.sleep(0.01)\n        return {}\n";
    for (id, source) in [("together", asynchronous), ("one-by-one", one_by_one)] {
        plugin(&bench, id, source);
    }
    let host = ServedHost::start(&bench, &[]);
    for id in ["together", "one-by-one"] {
        thread::scope(|scope| {
            let calling: Vec<_> = (0..200).map(|_| scope.spawn(|| run(&host, id, &json!({})))).collect();
            thread::sleep(Duration::from_millis(700));
            for _ in 0..3 {
                host.post(&format!("/api/v1/plugins/{id}/reload"), "").ok();
            }
            let refused: Vec<_> = calling.into_iter().map(|call| call.join().expect("no panic")).collect();
            let refused: Vec<_> = refused.iter().filter(|answer| answer.status != 200).collect();
            assert!(refused.is_empty(), "{id}: {} refused, {:?}", refused.len(), refused.first());
        });
    }
}

/// More calls than there may be at a time, none of which ends: whoever wants to take the plugin away still can.
#[test]
fn calls_that_do_not_end_keep_nobody_from_disabling_their_plugin() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let source = "import asyncio\nclass Plugin:\n    async def run(self, payload, context):\n        \
                  await asyncio.sleep(600)\n";
    plugin(&bench, "hangs", source);
    let host = ServedHost::start(&bench, &[]);
    let request =
        format!("POST /api/v1/plugins/hangs/run HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n", host.address);
    let calls: Vec<_> = (0..300)
        .map(|_| {
            let mut stream = host.connect();
            std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
            stream
        })
        .collect();
    host.post("/api/v1/plugins/hangs/disable", "").ok();
    assert_eq!(host.get("/healthz").status, 200);
    assert_eq!(host.delete("/api/v1/plugins/hangs").status, 204);
    drop(calls);
    assert_eq!(host.terminate(), Some(0));
}

/// What runs goes on, whatever becomes of the directory, and what is asked of the disk is refused for what is wrong there.
#[test]
fn a_plugins_directory_that_goes_away_takes_nothing_with_it() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    plugin(&bench, "demo", PLUGIN);
    let host = ServedHost::start(&bench, &[]);
    let (plugins, gone) = (bench.path("plugins"), bench.path("gone"));
    let answers = || run(&host, "demo", &json!({ "do": "value" })).ok()["result"]["result"].clone();
    let reload = || host.post("/api/v1/plugins/demo/reload", "");
    let back = || {
        if fs::symlink_metadata(&plugins).is_ok_and(|found| found.is_dir()) {
            fs::remove_dir_all(&plugins).expect("removed");
        } else {
            let _ = fs::remove_file(&plugins);
        }
        fs::rename(&gone, &plugins).expect("back");
    };
    for instead in ["nothing", "a directory", "a link", "a file"] {
        fs::rename(&plugins, &gone).expect("away");
        match instead {
            "a directory" => fs::create_dir(&plugins).expect("made"),
            "a link" => std::os::unix::fs::symlink(&gone, &plugins).expect("linked"),
            "a file" => fs::write(&plugins, "").expect("written"),
            _ => {}
        }
        let discovered = host.post("/api/v1/plugins/discover", "");
        match instead {
            "a directory" => assert_eq!(discovered.ok()["discovered"], json!([])),
            _ => assert_eq!(
                (discovered.status, discovered.json()["reason_code"] == "usage"),
                (500, false),
                "{discovered:?}"
            ),
        }
        assert_eq!(reload().status, 400, "{instead}");
        assert_eq!(answers(), "first", "{instead}");
        back();
        reload().ok();
    }

    for (mode, status) in [(0o777, 400), (0o555, 200), (0o755, 200)] {
        fs::set_permissions(&plugins, fs::Permissions::from_mode(mode)).expect("set");
        assert_eq!(reload().status, status, "{mode:o}");
        assert_eq!(answers(), "first", "{mode:o}");
    }
}
