//! A guard is missed where it is not there: whatever else takes its id, or becomes of its distribution, lets nothing pass.

mod support;

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use aisoc_testkit::registry::Registry;
use serde_json::{Value, json};
use support::Bench;
use support::hooks::plugin;
use support::host::{Answered, ServedHost, bench, command, has_python};

const GUARD: &str = "lab-guard";
const HOOK: &str = "pre_assert_authorize";
const INFO: &str = "site/lab_guard-1.0.dist-info";
/// What is called at no hook, and has the id of what is.
const NO_GUARD: &str = "class Plugin:\n    def run(self, payload, context):\n        return 1\n";

fn serving(bench: &Bench) -> Command {
    let mut command = command(bench, &["--site-packages", "site"]);
    command.env("AISOC_LOG_FILE", bench.path("events.jsonl"));
    command
}

/// Denies everything, and ends where it is told to; its module begins with `head`.
fn write_guard(bench: &Bench, head: &str) {
    let vote = format!("{head}\nimport os\ndef vote(ctx, **rest):\n if rest: os._exit(3)\n return Deny('no')\n");
    plugin(bench, GUARD, &vote, &format!("'{HOOK}': vote"), "");
}

fn fire(host: &ServedHost, payload: &Value) -> Answered {
    host.post_json(&format!("/api/v1/hooks/{HOOK}"), &json!({ "payload": payload }))
}

#[track_caller]
fn denies(host: &ServedHost) {
    let answered = fire(host, &json!({}));
    assert_eq!(answered.ok()["decision"], "deny", "{answered:?}");
}

/// It lets nothing pass.
#[track_caller]
fn is_missed(host: &ServedHost) {
    let answered = fire(host, &json!({}));
    assert_eq!(answered.status, 422, "{answered:?}");
    let why = answered.refused_for(422, "execution_failed");
    assert!(why.starts_with(&format!("handler 'lab-guard.vote' failed for hook '{HOOK}': ")), "{why}");
}

fn discover(host: &ServedHost) -> Value {
    host.post("/api/v1/plugins/discover", "").ok()["discovered"].clone()
}

/// Ends the guard, which cannot come back by itself.
fn end_for_good(bench: &Bench, host: &ServedHost) {
    write_guard(bench, "import nothing_like_this");
    assert_eq!(fire(host, &json!({ "n": 1 })).status, 422);
    let is_refused = |host: &ServedHost| {
        let shown = host.plugin(GUARD);
        shown["state"] == "failed" && shown["error"].as_str().is_some_and(|why| why.contains("nothing_like_this"))
    };
    host.wait_for(is_refused);
    is_missed(host);
}

/// A signed plugin of the same id, which is called at no hook.
fn write_other(bench: &Bench) {
    bench.run(&["plugin", "new", GUARD, "--type", "enricher"]).ok();
    bench.write(format!("{GUARD}/plugin.py").as_str(), NO_GUARD);
    bench.signed_version(GUARD, "0.1.0", "release.key");
}

#[test]
fn a_signed_plugin_with_the_id_of_a_guard_does_not_take_its_place() {
    if !has_python() {
        return;
    }
    let (bench, registry) = (bench(), Registry::start());
    write_guard(&bench, "");
    write_other(&bench);
    let reference = registry.reference("team/lab-guard:0.1.0");
    bench.run(&["plugin", "push", GUARD, &reference]).ok();
    let host = ServedHost::ready(&mut serving(&bench));
    denies(&host);
    let install = || host.post_json("/api/v1/plugins/install_from_oci", &json!({ "oci_ref": reference }));
    let refused = install().refused_for(400, "duplicate_plugin_id");
    assert!(refused.contains("plugin 'lab-guard' is registered at hooks from "), "{refused}");
    denies(&host);
    // It has never been there: a host that is killed meanwhile leaves nothing that takes the guard's place.
    assert!(!bench.path("plugins/lab-guard").exists(), "it does not stay");
    assert!(!host.said().contains("Installed lab-guard"), "{}", host.said());
    assert_eq!(host.plugin(GUARD)["source"], "entry_point");
    // Nor where it lies there already.
    fs::rename(bench.path(GUARD), bench.path("plugins/lab-guard")).expect("moved");
    assert_eq!(discover(&host), json!([]));
    denies(&host);
    let reload = "/api/v1/plugins/lab-guard/reload";
    for refused in [host.post(reload, ""), host.post_json(reload, &json!({ "from": GUARD }))] {
        refused.refused_for(400, "duplicate_plugin_id");
        denies(&host);
    }
    // Nor once the guard has ended for good.
    end_for_good_beside(&bench, &host);
    assert_eq!(discover(&host), json!([]));
    is_missed(&host);
    fs::remove_dir_all(bench.path("plugins/lab-guard")).expect("removed");
    install().refused_for(400, "duplicate_plugin_id");
    is_missed(&host);
    write_guard(&bench, "");
    assert_eq!(discover(&host), json!([GUARD]));
    denies(&host);
}

/// As [`end_for_good`], beside a plugin of the same id.
fn end_for_good_beside(bench: &Bench, host: &ServedHost) {
    write_guard(bench, "import nothing_like_this");
    assert_eq!(fire(host, &json!({ "n": 1 })).status, 422);
    host.wait_for(|host| host.plugin(GUARD)["state"] == "failed");
    is_missed(host);
}

#[test]
fn an_upgrade_that_cannot_be_loaded_and_one_that_is_being_loaded_let_nothing_pass() {
    if !has_python() {
        return;
    }
    let bench = bench();
    write_guard(&bench, "");
    let host = ServedHost::ready(&mut serving(&bench));
    denies(&host);
    end_for_good(&bench, &host);
    let upgrade = |from: &str, to: &str| {
        let place = |version: &str| bench.path(&format!("site/lab_guard-{version}.dist-info"));
        fs::rename(place(from), place(to)).expect("renamed");
        let metadata = format!("Metadata-Version: 2.1\nName: lab_guard\nVersion: {to}\n");
        fs::write(place(to).join("METADATA"), metadata).expect("written");
    };
    upgrade("1.0", "1.1");
    assert_eq!(discover(&host), json!([]));
    is_missed(&host);
    let shown = host.plugin(GUARD);
    assert!(shown["place"].as_str().is_some_and(|place| place.contains("lab_guard-1.1")), "{shown}");
    // One that takes its time.
    fs::rename(bench.path("site/lab_guard-1.1.dist-info"), bench.path(INFO)).expect("renamed");
    write_guard(&bench, "import time\ntime.sleep(1)");
    upgrade("1.0", "1.2");
    let is_over = AtomicBool::new(false);
    let answers = thread::scope(|scope| {
        let firing = scope.spawn(|| {
            let mut answers = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                let answered = fire(&host, &json!({}));
                let decision = if answered.status == 200 { answered.json()["decision"].clone() } else { Value::Null };
                answers.push((answered.status, decision));
            }
            answers
        });
        assert_eq!(discover(&host), json!([GUARD]));
        is_over.store(true, Ordering::SeqCst);
        firing.join().expect("fired")
    });
    let is_guarded = |(status, decision): &(u16, Value)| *status == 422 || (*status == 200 && decision == "deny");
    assert!(answers.iter().all(is_guarded), "{answers:?}");
    assert!(answers.iter().any(|(status, _)| *status == 422), "it takes its time: {}", answers.len());
    denies(&host);
    let listed = host.get("/api/v1/plugins").ok().as_array().expect("plugins").len();
    assert_eq!(listed, 1, "one, at its place");
}

#[test]
fn a_guard_that_was_upgraded_and_ends_comes_back_by_itself() {
    if !has_python() {
        return;
    }
    let bench = bench();
    write_guard(&bench, "");
    let host = ServedHost::ready(&mut serving(&bench));
    denies(&host);
    fs::rename(bench.path(INFO), bench.path("site/lab_guard-1.1.dist-info")).expect("renamed");
    let metadata = fs::read_to_string(bench.path("site/lab_guard-1.1.dist-info/METADATA")).expect("read");
    bench.write("site/lab_guard-1.1.dist-info/METADATA", metadata.replace("Version: 1.0", "Version: 1.1"));
    fire(&host, &json!({ "payload": { "ends": true } }));
    // Nobody asks for a discovery.
    host.wait_for(|host| fire(host, &json!({})).status == 200);
    denies(&host);
    assert!(host.plugin("lab-guard")["place"].as_str().is_some_and(|place| place.contains("lab_guard-1.1")));
}

#[test]
fn a_guard_that_is_gone_from_the_disk_is_missed_until_an_operator_unloads_it() {
    if !has_python() {
        return;
    }
    let bench = bench();
    write_guard(&bench, "");
    let host = ServedHost::ready(&mut serving(&bench));
    // What runs goes on.
    let site = bench.path("site");
    let aside = bench.path("aside");
    fs::rename(&site, &aside).expect("moved");
    fs::create_dir(&site).expect("made");
    assert_eq!(discover(&host), json!([]));
    denies(&host);
    assert_eq!(fire(&host, &json!({ "n": 1 })).status, 422);
    host.wait_for(|host| host.plugin(GUARD)["state"] == "failed");
    for _ in 0..2 {
        assert_eq!(discover(&host), json!([]));
        is_missed(&host);
    }
    assert_eq!(host.get("/api/v1/hooks").ok()["plugins"][0]["plugin_id"], GUARD);
    // An operator's word.
    assert_eq!(host.delete("/api/v1/plugins/lab-guard").status, 204);
    assert_eq!(fire(&host, &json!({})).ok()["decision"], "allow");
    assert_eq!(host.get("/api/v1/hooks").ok()["plugins"], json!([]));
    let journal = host.get("/api/v1/audit").ok();
    let unloaded = journal["entries"].as_array().expect("entries").iter().any(|line| line["action"] == "unload");
    assert!(unloaded, "{journal}");
    assert_eq!(discover(&host), json!([]));
    assert_eq!(host.get("/api/v1/plugins/lab-guard").status, 404);
    // It was there, and comes back.
    fs::remove_dir(&site).expect("removed");
    fs::rename(&aside, &site).expect("moved");
    assert_eq!(discover(&host), json!([GUARD]));
    denies(&host);
}

#[test]
fn another_distribution_does_not_take_the_place_of_a_guard() {
    if !has_python() {
        return;
    }
    let bench = bench();
    write_guard(&bench, "");
    let host = ServedHost::ready(&mut serving(&bench));
    end_for_good(&bench, &host);
    fs::remove_dir_all(bench.path(INFO)).expect("removed");
    let nothing = "from stigmem_node.plugins import *\ndef manifest(): return PluginManifest(name='lab-guard', version='2.0.0')\n";
    support::hooks::write(&bench, "other", nothing);
    assert_eq!(discover(&host), json!([]));
    is_missed(&host);
    assert_eq!(host.delete("/api/v1/plugins/lab-guard").status, 204);
    assert_eq!(discover(&host), json!([GUARD]));
    let decided = fire(&host, &json!({})).ok();
    assert_eq!((&decided["decision"], &decided["handlers"]), (&json!("allow"), &json!([])));
}

/// What happened, of that name, at `audit_emit`.
fn not_told(bench: &Bench) -> Vec<Value> {
    let text = fs::read_to_string(bench.path("events.jsonl")).unwrap_or_default();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let is_it = |event: &Value| event["event"] == "plugin.handler_error" && event["metadata"]["hook"] == "audit_emit";
    events.filter(is_it).collect()
}

fn dropped(host: &ServedHost) -> usize {
    let text = host.get("/metrics").text;
    let line = text.lines().find_map(|line| line.strip_prefix("aisoc_plugin_audit_dropped_total "));
    line.expect("counted").parse().expect("a number")
}

#[test]
fn every_handler_is_told_what_happened_whatever_came_of_the_one_before_it() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let begun = Instant::now();
    let raises = "def emit(ctx, **rest): raise RuntimeError('no disk')\n";
    plugin(&bench, "aaa-raises", raises, "'audit_emit': emit", "");
    let hangs = "import asyncio\n@handler_timeout(0.05)\nasync def emit(ctx, **rest): await asyncio.sleep(60)\n";
    plugin(&bench, "bbb-hangs", hangs, "'audit_emit': emit", "");
    let told = "def emit(ctx, *, event, **rest): print('TOLD', event.event_type, event.metadata.plugin_name, flush=True)\n\
                def fail(ctx, **rest): raise ValueError('no')\n";
    for name in ["yyy-keeps", "zzz-keeps"] {
        plugin(&bench, name, told, "'audit_emit': emit, 'post_assert_persist': fail", "");
    }
    let host = ServedHost::ready(&mut serving(&bench));
    let count = |words: &str| host.said().matches(words).count();
    // One for each of those that are registered, to both.
    for name in ["aaa-raises", "bbb-hangs", "yyy-keeps", "zzz-keeps"] {
        host.wait_for(|_| count(&format!("TOLD plugin.registered {name}")) == 2);
    }
    for _ in 0..8 {
        host.post_json("/api/v1/hooks/post_assert_persist", &json!({})).ok();
    }
    host.wait_for(|_| count("TOLD plugin.handler_error") == 32);
    // Twenty events that two were not told.
    host.wait_for(|host| dropped(host) >= 40);
    // It is told to those who watch, no more than somebody reads, and to no handler.
    let events = not_told(&bench);
    let of = |name: &str| events.iter().filter(|event| event["plugin_id"] == name).count();
    let most = 10 * (usize::try_from(begun.elapsed().as_secs()).expect("few") + 1);
    for (name, words) in [("aaa-raises", "no disk"), ("bbb-hangs", "timed out")] {
        assert!((1..=most.min(20)).contains(&of(name)), "{name}: {events:?}");
        let event = events.iter().find(|event| event["plugin_id"] == name).expect("told");
        assert!(event["metadata"]["error"].as_str().is_some_and(|why| why.contains(words)), "{event}");
        assert_eq!(count(&format!("TOLD plugin.handler_error {name}")), 0);
    }
    // Whoever fires it is told of the first that fails, as before.
    host.post_json("/api/v1/hooks/audit_emit", &json!({})).refused_for(422, "execution_failed");
}
