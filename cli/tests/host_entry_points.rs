//! Entry points in a host: the modules that a distribution states run, and what differs from that does not.

mod support;

use std::fs;
use std::process::Command;

use aisoc_manifests::digest::FileDigest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::Bench;
use support::host::{Answered, ServedHost, bench, command, has_python};

const CODE: &str = "import json, needed\n\nclass Flux:\n    id = 'lab.flux'\n    \
                    async def run(self, payload, context): return [VALUE, needed.VALUE]\n\n\
                    def hook(): return {'name': 'lab-hook', 'version': '1.0.0'}\n\nVALUE = 'first'\n";

/// A distribution whose module says that it has run, and states it, or not.
fn distribution(bench: &Bench, code: &str, is_stated: bool) {
    bench.write("site/lab.py", code);
    bench.write("site/needed.py", "VALUE = 'needed'\n");
    bench.write("site/lab-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n");
    let points = "[aisoc.plugins]\nlab.flux = lab:Flux\n[stigmem.plugins]\nhooked = lab:hook\n";
    bench.write("site/lab-1.0.dist-info/entry_points.txt", points);
    let hash = URL_SAFE_NO_PAD.encode(FileDigest::of(code.as_bytes()).as_bytes());
    let stated = if is_stated { format!("lab.py,sha256={hash},{}\n", code.len()) } else { "lab.py,,\n".to_owned() };
    bench.write("site/lab-1.0.dist-info/RECORD", format!("{stated}lab-1.0.dist-info/RECORD,,\n"));
    // Whoever is nobody imports it too.
    for place in ["", "site", "site/lab-1.0.dist-info"] {
        fs::set_permissions(bench.path(place), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    }
}

fn serving(bench: &Bench, words: &[&str]) -> Command {
    command(bench, &[words, &["--site-packages", "site"]].concat())
}

fn run(host: &ServedHost, id: &str) -> Answered {
    host.post(&format!("/api/v1/plugins/{id}/run"), "")
}

fn value(host: &ServedHost) -> Value {
    run(host, "lab.flux").ok()["result"]["result"][0].clone()
}

#[test]
fn what_a_distribution_states_runs_and_what_was_changed_beside_it_does_not() {
    if !has_python() {
        return;
    }
    let bench = bench();
    distribution(&bench, CODE, true);
    // The switch is for drop-ins.
    let host = ServedHost::ready(serving(&bench, &[]).env("AISOC_ALLOW_USER_PLUGINS", "0"));
    let shown = host.plugin("lab.flux");
    assert_eq!((&shown["state"], &shown["source"]), (&json!("enabled"), &json!("entry_point")), "{shown}");
    assert_eq!((&shown["code_checked_against"], &shown["on_disk"]), (&json!("record"), &json!("same")), "{shown}");
    assert_eq!(run(&host, "lab.flux").ok()["result"], json!({ "result": ["first", "needed"] }));
    assert_eq!(host.plugin("lab-hook")["state"], "enabled");
    run(&host, "lab-hook").refused(422, "execution_failed", "[lab-hook] hook has no method 'run'");

    // Changed, and not stated: none of it runs, not even to be asked for its name.
    bench.write("site/lab.py", format!("print('it was run', flush=True)\n{CODE}").replace("first", "second"));
    let refused = host.post("/api/v1/plugins/lab.flux/reload", "");
    assert!(refused.status == 400 && !host.said().contains("it was run"), "{refused:?} {}", host.said());
    assert_eq!(value(&host), "first");
    // Stated, it is another distribution, which is what is asked for.
    distribution(&bench, &CODE.replace("first", "second"), true);
    host.wait_for(|host| host.plugin("lab.flux")["on_disk"] == "differs");
    assert_eq!(host.plugin("lab-hook")["on_disk"], "differs");
    host.post("/api/v1/plugins/lab.flux/reload", "").ok();
    assert_eq!(value(&host), "second");
    assert_eq!(host.post("/api/v1/plugins/lab.flux/disable", "").ok()["state"], "disabled");
    assert_eq!(host.delete("/api/v1/plugins/lab.flux").status, 204);
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": ["lab.flux"] }));
    assert_eq!(host.plugin("lab.flux")["state"], "disabled");
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn what_is_changed_before_a_host_starts_is_refused_and_what_nothing_states_is_said_to_be_held_to_nothing() {
    if !has_python() {
        return;
    }
    let bench = bench();
    distribution(&bench, CODE, true);
    bench.write("site/lab.py", format!("print('it was run', flush=True)\n{CODE}"));
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    let shown = host.plugin("lab.flux");
    let error = shown["error"].as_str().expect("why");
    assert!(shown["state"] == "failed" && error.contains("lab.py"), "{shown}");
    assert!(error.contains(&format!("expected {}", FileDigest::of(CODE.as_bytes()).hex())), "{shown}");
    assert!(!host.said().contains("it was run"), "{}", host.said());
    drop(host);
    distribution(&bench, CODE, false);
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    let shown = host.plugin("lab.flux");
    assert_eq!((&shown["state"], &shown["code_checked_against"]), (&json!("enabled"), &json!("nothing")), "{shown}");
    assert_eq!(value(&host), "first");
}

#[test]
fn what_the_lock_accepts_no_more_takes_no_calls() {
    if !has_python() {
        return;
    }
    let bench = bench();
    distribution(&bench, CODE, true);
    let site = ["--site-packages", "site", "--plugins-dir", "plugins", "--plugins-lock", "plugins.lock"];
    let trust = ["plugins", "trust", "lab.flux", "--reason", "x", "--trusted-keys", "keys"];
    bench.run(&[&trust[..], &site].concat()).ok();
    let host =
        ServedHost::ready(&mut serving(&bench, &["--plugin-mode", "production", "--plugins-lock", "plugins.lock"]));
    assert_eq!(value(&host), "first");
    assert_eq!(host.plugin("hooked")["state"], "failed", "nobody has accepted it");
    let is_quarantined = |host: &ServedHost| host.plugin("lab.flux")["quarantined"] == Value::Bool(true);
    let untrust = ["plugins", "untrust", "lab.flux", "--reason", "x"];
    bench.run(&[&untrust[..], &site[2..]].concat()).ok();
    host.wait_for(is_quarantined);
    assert_eq!(run(&host, "lab.flux").status, 422);
    bench.run(&[&trust[..], &site].concat()).ok();
    host.wait_for(|host| !is_quarantined(host));
    assert_eq!(value(&host), "first");
}
