//! A guard that was there when its host started, and could not be started or lost its id, lets nothing pass until it comes.

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use support::Bench;
use support::asking::put;
use support::hooks::{HEAD, fire, plugin, serving, write};
use support::host::{ServedHost, bench, has_python};

const GUARD: &str = "lab-guard";
const HOOK: &str = "pre_assert_authorize";
const DENIES: &str = "def vote(ctx, **rest): return Deny('no')\n";

fn guard(bench: &Bench) {
    plugin(bench, GUARD, DENIES, &format!("'{HOOK}': vote"), "");
}

/// A host whose guard is configured by a file that is not there yet: it cannot be started before that is.
fn waiting_for_a_secret(bench: &Bench) -> (ServedHost, PathBuf) {
    bench.write("plugins.toml", format!("[plugins.{GUARD}]\nsecret = {{ from_file = \"secret\" }}\n"));
    (ServedHost::ready(&mut serving(bench, &["--config", "plugins.toml"])), bench.path("secret"))
}

fn give(secret: &PathBuf) {
    fs::write(secret, "hunter2").expect("written");
    fs::set_permissions(secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("set");
}

#[track_caller]
fn is_missed(host: &ServedHost) {
    let why = fire(host, HOOK, &json!({})).refused_for(422, "execution_failed");
    assert!(why.starts_with(&format!("handler 'lab-guard.vote' failed for hook '{HOOK}': ")), "{why}");
}

fn decision(host: &ServedHost) -> Value {
    fire(host, HOOK, &json!({})).ok()["decision"].clone()
}

#[test]
fn a_guard_that_cannot_be_started_for_a_moment_is_missed_and_comes_by_itself() {
    if !has_python() {
        return;
    }
    let bench = bench();
    guard(&bench);
    let (host, secret) = waiting_for_a_secret(&bench);
    assert_eq!(host.plugin(GUARD)["state"], "failed");
    is_missed(&host);
    give(&secret);
    host.wait_for(|host| fire(host, HOOK, &json!({})).status == 200);
    assert_eq!(decision(&host), "deny");
    assert_eq!(host.get("/api/v1/hooks").ok()["not_registered"], json!([]));
}

#[test]
fn a_guard_that_never_starts_is_tried_so_often_and_missed_until_an_operator_says_otherwise() {
    if !has_python() {
        return;
    }
    let bench = bench();
    guard(&bench);
    let (host, secret) = waiting_for_a_secret(&bench);
    let restarts = |host: &ServedHost| host.get("/metrics").text.contains("aisoc_plugin_restarts 3\n");
    host.wait_for(restarts);
    is_missed(&host);
    give(&secret);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(restarts(&host), "nobody tries it any more");
    is_missed(&host);
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok()["discovered"], json!([GUARD]));
    assert_eq!(decision(&host), "deny");
    drop(host);
    fs::remove_file(&secret).expect("removed");
    let (host, _) = waiting_for_a_secret(&bench);
    is_missed(&host);
    assert_eq!(host.delete("/api/v1/plugins/lab-guard").status, 204);
    assert_eq!(decision(&host), "allow", "its operator has said so");
}

/// What is asked about others and cannot be has not agreed to them.
#[test]
fn a_guard_of_which_nobody_could_be_asked_is_missed_as_well() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let asks = format!("{DENIES}def agree(ctx, **rest): return Allow()\n");
    // It comes first by its name.
    plugin(&bench, GUARD, &asks, "'config_validate': agree", "");
    plugin(&bench, "zzz-guard", DENIES, &format!("'{HOOK}': vote"), "");
    let (host, secret) = waiting_for_a_secret(&bench);
    let why = fire(&host, HOOK, &json!({})).refused_for(422, "execution_failed");
    assert!(why.starts_with("handler 'zzz-guard.vote' failed"), "{why}");
    give(&secret);
    host.wait_for(|host| fire(host, HOOK, &json!({})).status == 200);
    assert_eq!(decision(&host), "deny");
}

/// A signed plugin in a directory, which is called at no hook.
fn take_its_id(bench: &Bench) {
    let code = "class Plugin:\n    def run(self, payload, context):\n        return 1\n";
    put(bench, GUARD, &[], code, "release.key");
}

#[test]
fn a_guard_whose_id_is_taken_when_its_host_starts_lets_nothing_pass() {
    if !has_python() {
        return;
    }
    let bench = bench();
    // Its entry point has another name, so it has been asked what it is called, and at which hooks.
    let manifest = format!("PluginManifest(name='{GUARD}', version='1.0.0', hooks={{'{HOOK}': vote}})");
    write(&bench, "guard", &format!("{HEAD}{DENIES}def manifest(): return {manifest}\n"));
    take_its_id(&bench);
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    is_missed(&host);
    assert_eq!(fire(&host, "capability_check", &json!({})).ok()["decision"], "allow", "where it has no handler");
}

#[test]
fn a_guard_whose_id_was_taken_before_it_was_asked_is_named_and_where_it_is_required_it_is_missed() {
    if !has_python() {
        return;
    }
    let bench = bench();
    guard(&bench);
    take_its_id(&bench);
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    let allowed = fire(&host, HOOK, &json!({})).ok();
    assert_eq!((&allowed["decision"], &allowed["not_registered"]), (&json!("allow"), &json!([GUARD])));
    drop(host);
    bench.write("plugins.toml", format!("[hooks.require]\n{HOOK} = [\"{GUARD}\"]\n"));
    let host = ServedHost::begin(&mut serving(&bench, &["--config", "plugins.toml"]));
    host.wait_for(|host| host.get("/api/v1/hooks").ok()["is_frozen"] == true);
    fire(&host, HOOK, &json!({})).refused_for(422, "execution_failed");
    assert_eq!(host.get("/readyz").status, 503);
}
