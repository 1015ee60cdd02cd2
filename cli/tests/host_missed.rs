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
fn a_guard_that_does_not_start_is_tried_until_it_does_and_missed_unless_an_operator_says_otherwise() {
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
    // Other plugins are given up by then.
    host.wait_for(|host| fire(host, HOOK, &json!({})).status == 200);
    assert!(host.get("/metrics").text.contains("aisoc_plugin_restarts 4\n"));
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
    let (_bench, host) = taken();
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

/// Who cannot tell whether it is set up as it has to be says no word against itself, and none about others.
#[test]
fn a_guard_whose_own_validation_fails_for_a_moment_is_missed_until_it_does_not() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let own = "import os\ndef own(ctx, **rest):\n    open(os.path.join(os.path.dirname(__file__), 'ready')).close()\n    return Allow()\n";
    plugin(&bench, GUARD, &format!("{DENIES}{own}"), &format!("'{HOOK}': vote, 'config_validate': own"), "");
    let allows = "def allow(ctx, **rest): return Allow()\n";
    plugin(&bench, "zzz-guard", allows, "'capability_check': allow", "");
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    let failed = host.plugin(GUARD);
    assert_eq!((&failed["state"], &failed["reason_code"]), (&json!("failed"), &json!("registration_refused")));
    is_missed(&host);
    assert_eq!(host.plugin("zzz-guard")["state"], "enabled", "others come without it");
    let ready = bench.path("site/ready");
    fs::write(&ready, "").expect("written");
    fs::set_permissions(&ready, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("set");
    host.wait_for(|host| fire(host, HOOK, &json!({})).status == 200);
    assert_eq!(decision(&host), "deny");
    // By now it is asked about others, as one that is registered whole.
    let hooks = host.get("/api/v1/hooks").ok();
    assert!(hooks.to_string().contains("lab-guard.own"), "{hooks}");
}

/// A guard whose entry point has another name, so it has been asked what it is called, and at which hooks.
fn guard_of_another_name(bench: &Bench) {
    let manifest = format!("PluginManifest(name='{GUARD}', version='1.0.0', hooks={{'{HOOK}': vote}})");
    write(bench, "guard", &format!("{HEAD}{DENIES}def manifest(): return {manifest}\n"));
}

/// A host in which a plugin that runs has the id of a guard, which is missed.
fn taken() -> (Bench, ServedHost) {
    let bench = bench();
    guard_of_another_name(&bench);
    take_its_id(&bench);
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    is_missed(&host);
    (bench, host)
}

#[test]
fn what_cannot_be_loaded_takes_no_guard_away_by_its_id() {
    if !has_python() {
        return;
    }
    let bench = bench();
    guard_of_another_name(&bench);
    put(&bench, GUARD, &[], "raise ImportError('never')\n", "release.key");
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    is_missed(&host);
    // Once nothing has its id, it comes.
    fs::remove_dir_all(bench.path(&format!("plugins/{GUARD}"))).expect("removed");
    host.wait_for(|host| fire(host, HOOK, &json!({})).status == 200);
    assert_eq!(decision(&host), "deny");
}

#[test]
fn what_an_operator_unloads_is_what_is_in_memory() {
    if !has_python() {
        return;
    }
    let (bench, host) = taken();
    assert_eq!(host.plugin(GUARD)["source"], "dir");
    fs::remove_dir_all(bench.path(&format!("plugins/{GUARD}"))).expect("removed");
    assert_eq!(host.delete("/api/v1/plugins/lab-guard").status, 204);
    let run = host.post("/api/v1/plugins/lab-guard/run", "");
    assert_eq!(run.status, 422, "{run:?}");
    host.wait_for(|host| fire(host, HOOK, &json!({})).status == 200);
    assert_eq!(decision(&host), "deny", "the guard has not been let go of");
}

/// What is said of an id holds for it, wherever the plugin is by then.
#[test]
fn a_guard_that_was_enabled_again_stays_so_when_it_is_upgraded() {
    if !has_python() {
        return;
    }
    let bench = bench();
    guard(&bench);
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    host.post("/api/v1/plugins/lab-guard/disable", "").ok();
    let upgrade = |from: &str, to: &str| {
        let info = |version: &str| bench.path(&format!("site/lab_guard-{version}.dist-info"));
        fs::rename(info(from), info(to)).expect("moved");
        host.post("/api/v1/plugins/discover", "").ok();
    };
    upgrade("1.0", "1.1");
    host.post("/api/v1/plugins/lab-guard/enable", "").ok();
    assert_eq!(host.delete("/api/v1/plugins/lab-guard").status, 204);
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!((&host.plugin(GUARD)["state"], decision(&host)), (&json!("enabled"), json!("deny")));
}
