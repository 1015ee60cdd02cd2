//! Calls that expect a plugin of a type: what is of another one is not called, however it came to be.

mod support;

use std::fs;
use std::thread;

use serde_json::{Value, json};
use support::host::{Answered, PATIENCE, ServedHost, bench, has_python, unconfined};
use support::{Bench, Run, copy_tree};

/// Leaves a mark with each call; waits with it where it is told to.
const CODE: &str = "import time\n\
                    class Plugin:\n    def __init__(self, config=None): pass\n    \
                    def run(self, payload, context):\n        \
                    with open(payload['mark'], 'a') as mark: mark.write('called\\n')\n        \
                    time.sleep(payload.get('seconds', 0))\n        return {}\n";

/// What can be expected, and what else there is.
const TYPES: [&str; 4] = ["enricher", "action", "connector", "responder"];

fn write(bench: &Bench, id: &str, kind: &str, version: &str) {
    bench.write(
        &format!("{id}/plugin.yaml"),
        format!("id: {id}\nname: Demo\nversion: \"{version}\"\nplugin_type: {kind}\ndescription: d\nauthor: a\n"),
    );
    bench.write(&format!("{id}/plugin.py"), CODE);
    bench.sign(id).ok();
}

fn put(bench: &Bench, id: &str, kind: &str) {
    write(bench, id, kind, "1.0.0");
    copy_tree(&bench.path(id), &bench.path(&format!("plugins/{id}")));
}

/// Marks in a directory that everybody may write, because root's plugins run as nobody.
struct Marks(tempfile::TempDir);

impl Marks {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().expect("a directory");
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).expect("set");
        Self(place)
    }

    fn payload(&self, seconds: u64) -> Value {
        json!({ "mark": self.0.path().join("mark"), "seconds": seconds })
    }

    /// How often a plugin was called.
    fn calls(&self) -> usize {
        fs::read_to_string(self.0.path().join("mark")).unwrap_or_default().lines().count()
    }
}

fn run(host: &ServedHost, id: &str, query: &str, payload: &Value) -> Answered {
    let id = id.replace('/', "%2F");
    host.post_json(&format!("/api/v1/plugins/{id}/run{query}"), &json!({ "payload": payload }))
}

fn ask(bench: &Bench, host: &ServedHost, words: &[&str]) -> Run {
    bench.run(&[&["api"], words, &["--url", &format!("http://{}", host.address)]].concat())
}

#[test]
fn a_call_that_expects_another_type_is_refused_and_nothing_is_called() {
    if !has_python() {
        return;
    }
    let (bench, marks) = (bench(), Marks::new());
    TYPES.iter().for_each(|kind| put(&bench, &format!("a-{kind}"), kind));
    let host = ServedHost::ready(&mut unconfined(&bench, &[]));
    let payload = marks.payload(0);
    for (index, kind) in TYPES.iter().enumerate() {
        let id = format!("a-{kind}");
        for expected in TYPES.iter().chain(&["detection", "widget"]).filter(|expected| *expected != kind) {
            let said = format!("[{id}] expected plugin_type={expected}, got {kind}");
            let answered = run(&host, &id, &format!("?expect_type={expected}"), &payload);
            answered.refused(422, "other_plugin_type", &said);
        }
        assert_eq!(marks.calls(), index, "{kind} was called as something else");
        assert_eq!(run(&host, &id, &format!("?expect_type={kind}"), &payload).ok()["plugin_id"], *id);
        assert_eq!(marks.calls(), index + 1);
    }
    // Without a word every type is.
    run(&host, "a-action", "", &payload).ok();
    // Whether it is there, and takes calls, comes first.
    run(&host, "nobody", "?expect_type=action", &payload).refused(422, "plugin_not_found", "[nobody] plugin not found");
    host.post("/api/v1/plugins/a-action/disable", "").ok();
    let disabled = run(&host, "a-action", "?expect_type=enricher", &payload);
    disabled.refused(422, "plugin_disabled", "[a-action] plugin is disabled");
    assert_eq!(marks.calls(), TYPES.len() + 1);
    let metrics = host.get("/metrics").text;
    assert!(metrics.contains("aisoc_plugin_calls_total{outcome=\"refused\"} 22\n"), "{metrics}");
}

#[test]
fn what_is_no_type_is_refused_as_a_request() {
    if !has_python() {
        return;
    }
    let (bench, marks) = (bench(), Marks::new());
    put(&bench, "demo", "enricher");
    let host = ServedHost::ready(&mut unconfined(&bench, &[]));
    let payload = marks.payload(0);
    for query in [
        "expect_type=",
        "expect_type=Enricher",
        "expect_type=enrichers",
        "expect_type=enricher%00",
        "expect_type=enricher&expect_type=enricher",
        "expected_type=enricher",
        "expect_type",
    ] {
        let why = run(&host, "demo", &format!("?{query}"), &payload).refused_for(400, "usage");
        assert!(why.contains("expect"), "{query}: {why}");
    }
    let said = run(&host, "demo", "?expect_type=magic", &payload);
    let known = "`expect_type` is one of action, connector, detection, enricher, responder, widget";
    said.refused(400, "usage", known);
    assert_eq!(marks.calls(), 0);

    let text = payload.to_string();
    let words = |kind| ["run", "demo", "--payload", &text, "--expect-type", kind];
    ask(&bench, &host, &words("magic")).refused(2, "usage");
    let refused = ask(&bench, &host, &words("action"));
    refused.refused(1, "other_plugin_type");
    assert!(refused.stderr.contains("[demo] expected plugin_type=action, got enricher"), "{refused:?}");
    assert!(refused.stderr.contains("aisoc api list --plugin-type TYPE"), "{refused:?}");
    assert_eq!(marks.calls(), 0);
    ask(&bench, &host, &words("enricher")).ok();
    assert_eq!(marks.calls(), 1);
}

#[test]
fn a_call_of_another_type_starts_no_process_and_a_drop_in_is_of_none() {
    if !has_python() {
        return;
    }
    let (bench, marks) = (bench(), Marks::new());
    put(&bench, "demo", "enricher");
    let tidy = bench.write("data/plugins/cleaners/tidy.py", CODE);
    assert!(tidy.exists());
    let host = ServedHost::ready(unconfined(&bench, &["--lazy"]).env("AISOC_DATA_DIR", bench.path("data")));
    let payload = marks.payload(0);
    let refused = run(&host, "demo", "?expect_type=widget", &payload);
    refused.refused(422, "other_plugin_type", "[demo] expected plugin_type=widget, got enricher");
    let checked = |host: &ServedHost| host.plugin("demo")["code_checked_against"].clone();
    assert_eq!(checked(&host), Value::Null, "its code was read for a call that is none");
    let refused = run(&host, "cleaner/tidy", "?expect_type=enricher", &payload);
    refused.refused(422, "other_plugin_type", "[cleaner/tidy] expected plugin_type=enricher, got cleaner");
    assert_eq!(marks.calls(), 0);
    run(&host, "demo", "?expect_type=enricher", &payload).ok();
    assert_eq!((checked(&host), marks.calls()), (json!("digest"), 1));
    run(&host, "cleaner/tidy", "", &payload).ok();
}

#[test]
fn a_call_that_waits_is_no_call_of_what_a_reload_has_made_of_its_plugin() {
    if !has_python() {
        return;
    }
    let (bench, marks) = (bench(), Marks::new());
    put(&bench, "demo", "enricher");
    let host = ServedHost::ready(&mut unconfined(&bench, &[]));
    write(&bench, "demo", "action", "2.0.0");
    copy_tree(&bench.path("demo"), &bench.path("plugins/demo-2"));
    thread::scope(|scope| {
        let first = scope.spawn(|| run(&host, "demo", "?expect_type=enricher", &marks.payload(4)));
        let begun = std::time::Instant::now();
        while marks.calls() == 0 {
            assert!(begun.elapsed() < PATIENCE, "{}", host.said());
            thread::sleep(std::time::Duration::from_millis(10));
        }
        // It waits behind the first, in the plugin that it was called for.
        let second = scope.spawn(|| run(&host, "demo", "?expect_type=enricher", &marks.payload(0)));
        thread::sleep(std::time::Duration::from_millis(500));
        host.post_json("/api/v1/plugins/demo/reload", &json!({ "from": "demo-2" })).ok();
        first.join().expect("answered").ok();
        let second = second.join().expect("answered");
        second.refused(422, "other_plugin_type", "[demo] expected plugin_type=enricher, got action");
    });
    assert_eq!(marks.calls(), 1);
    run(&host, "demo", "?expect_type=action", &marks.payload(0)).ok();
}
