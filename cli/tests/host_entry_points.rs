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
    let off = [("AISOC_ALLOW_USER_PLUGINS", "0"), ("CHAOSCYPHER_ALLOW_USER_PLUGINS", "0")];
    let host = ServedHost::ready(serving(&bench, &[]).envs(off));
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

#[test]
fn the_command_line_says_of_modules_what_a_host_does_and_runs_no_more_of_them() {
    if !has_python() {
        return;
    }
    let bench = bench();
    distribution(&bench, CODE, true);
    let site = ["--site-packages", "site", "--plugins-dir", "plugins", "--plugins-lock", "plugins.lock"];
    let ask = |words: &[&str]| bench.run(&[words, &site].concat());
    let keys = ["--trusted-keys", "keys"];
    let listed = || -> Vec<Value> {
        let said: Value = serde_json::from_str(&ask(&[&["plugins", "list", "--json"], &keys[..]].concat()).stdout)
            .expect("a document");
        said["plugins"].as_array().expect("plugins").clone()
    };
    let trust = |id: &str| ask(&[&["plugins", "trust", id, "--reason", "x"], &keys[..]].concat());
    // Of the hook too: it is of the same module.
    let verify = || ask(&[&["plugins", "verify", "--only", "lock"], &keys[..]].concat());
    trust("lab.flux").ok();
    trust("lab-hook").ok();
    verify().ok();
    let host = |id: &str| {
        let host = ServedHost::ready(&mut serving(&bench, &[]));
        let shown = host.get("/api/v1/plugins").ok();
        let shown = shown.as_array().expect("a list").iter().find(|one| one["id"] == id).expect("listed").clone();
        assert!(!host.said().contains("it was run"), "{}", host.said());
        (shown["state"].clone(), shown["code_checked_against"].clone(), shown["error"].clone())
    };
    let of = |id: &str| listed().into_iter().find(|one| one["id"] == id).expect("listed");
    assert_eq!(host("lab.flux"), (json!("enabled"), json!("record"), Value::Null));
    assert_eq!((&of("lab.flux")["code_checked_against"], &of("lab.flux")["error"]), (&json!("record"), &Value::Null));

    // Its RECORD is what was accepted, and the module is another one.
    let changed = format!("print('it was run', flush=True)\nopen({:?}, 'w')\n{CODE}", bench.path("ran"));
    bench.write("site/lab.py", &changed);
    let (state, checked, error) = host("lab.flux");
    assert_eq!((state, checked), (json!("failed"), Value::Null));
    let (error, row) = (error.as_str().expect("why").to_owned(), of("lab.flux"));
    assert_eq!((&row["state"], &row["code_checked_against"]), (&json!("failed"), &Value::Null), "{row}");
    assert_eq!(row["error"]["reason_code"], "tree_modified", "{row}");
    let message = row["error"]["message"].as_str().expect("why");
    assert!(error.starts_with(message) && message.contains("lab.py"), "{error} and {message}");
    let text = ask(&[&["plugins", "list"], &keys[..]].concat());
    assert!(text.ok().stdout.contains("\n  lab.flux: tree_modified: "), "{text:?}");
    let refused = verify();
    assert!(refused.code == 3 && refused.error_line().starts_with("error[tree_modified]: "), "{refused:?}");
    for name in ["lab.flux", "hooked"] {
        assert!(refused.stdout.contains(&format!("  {name}: tree_modified: ")), "{refused:?}");
    }
    bench.run(&[&["plugins", "untrust", "lab.flux", "--reason", "x"], &site[2..]].concat()).ok();
    let lock = fs::read(bench.path("plugins.lock")).expect("read");
    trust("lab.flux").refused(3, "tree_modified");
    assert_eq!(fs::read(bench.path("plugins.lock")).expect("read"), lock, "it was accepted");
    for words in [&["plugins", "describe", "lab.flux"][..], &["explain", "lab.flux"]] {
        let said = ask(&[words, &keys[..]].concat());
        assert!(format!("{}{}", said.stdout, said.stderr).contains("is not what its distribution states"), "{said:?}");
    }
    assert!(!bench.path("ran").exists(), "something has run it");

    // What nothing states is held to nothing, and both say so.
    distribution(&bench, CODE, false);
    assert_eq!(host("lab.flux"), (json!("enabled"), json!("nothing"), Value::Null));
    assert_eq!((&of("lab.flux")["code_checked_against"], &of("lab.flux")["error"]), (&json!("nothing"), &Value::Null));
}

#[test]
fn where_plugins_get_their_process_with_their_first_call_modules_are_held_then() {
    if !has_python() {
        return;
    }
    let bench = bench();
    distribution(&bench, CODE, true);
    let host = ServedHost::ready(&mut serving(&bench, &["--lazy", "--idle", "1"]));
    let shown = host.plugin("lab.flux");
    assert_eq!((&shown["state"], &shown["code_checked_against"]), (&json!("enabled"), &Value::Null), "{shown}");
    // Changed before its first call: it was asked for its name, and that is all.
    bench.write("site/lab.py", format!("print('it was run', flush=True)\n{CODE}").replace("first", "second"));
    let refused = run(&host, "lab.flux");
    assert!(refused.refused_for(422, "tree_modified").contains("lab.py"), "{refused:?}");
    assert_eq!(
        (&host.plugin("lab.flux")["state"], &host.plugin("lab.flux")["on_disk"]),
        (&json!("enabled"), &json!("differs"))
    );
    bench.write("site/lab.py", CODE);
    assert_eq!(value(&host), "first");
    assert_eq!(host.plugin("lab.flux")["code_checked_against"], "record");
    // Its process ends when nobody calls it, and the next one is held to the same.
    std::thread::sleep(std::time::Duration::from_millis(3000));
    bench.write("site/lab.py", format!("print('it was run', flush=True)\n{CODE}").replace("first", "second"));
    run(&host, "lab.flux").refused_for(422, "tree_modified");
    assert!(!host.said().contains("it was run"), "{}", host.said());
    // Stated, it is another distribution, and runs once that is asked for.
    distribution(&bench, &CODE.replace("first", "second"), true);
    run(&host, "lab.flux").refused_for(422, "tree_modified");
    host.post("/api/v1/plugins/lab.flux/reload", "").ok();
    assert_eq!(value(&host), "second");
    // One that is asked at hooks is awaited there: it has failed until it comes by itself, from what stands there now.
    host.wait_for(|host| run(host, "lab-hook").json()["reason_code"] == "execution_failed");
    assert_eq!(
        (&host.plugin("lab-hook")["state"], &host.plugin("lab-hook")["on_disk"]),
        (&json!("enabled"), &json!("same"))
    );
    // A hook has no method to call, and is started all the same to find that out.
    run(&host, "lab-hook").refused(422, "execution_failed", "[lab-hook] hook has no method 'run'");
}
