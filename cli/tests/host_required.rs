//! A hook that an operator does not let come to anything without certain plugins, and what is said of those that are missing.

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::hooks::{fire, fired, handler, plugin, serving, write};
use support::host::{ServedHost, bench, command, has_python};
use support::{Bench, Run};

const HOOK: &str = "pre_assert_authorize";
const ALLOWS: &str = "def vote(ctx, **rest): return Allow()\ndef tidy(ctx, value, **rest): return value\n";

fn guard(bench: &Bench, name: &str) {
    let hooks = "'pre_assert_authorize': vote, 'recall_filter': tidy, 'post_assert_persist': vote";
    plugin(bench, name, ALLOWS, hooks, "");
}

/// A host that requires the guard where it votes, filters and is told.
fn requiring(bench: &Bench) -> ServedHost {
    let hooks = [HOOK, "recall_filter", "post_assert_persist"];
    let lines: String = hooks.iter().map(|hook| format!("{hook} = [\"lab-guard\"]\n")).collect();
    bench.write("plugins.toml", format!("[hooks.require]\n{lines}"));
    looked(&mut serving(bench, &["--config", "plugins.toml"]))
}

/// A host that has looked for its plugins, whether those are there that are required or not.
fn looked(command: &mut Command) -> ServedHost {
    let host = ServedHost::begin(command);
    host.wait_for(|host| host.get("/api/v1/hooks").ok()["is_frozen"] == true);
    host
}

fn ready(host: &ServedHost) -> u16 {
    host.get("/readyz").status
}

fn vote(host: &ServedHost) -> support::host::Answered {
    fire(host, HOOK, &json!({}))
}

#[test]
fn who_is_required_and_not_there_has_failed_before_anybody_is_asked() {
    if !has_python() {
        return;
    }
    let bench = bench();
    guard(&bench, "aaa-other");
    let host = requiring(&bench);
    assert_eq!(ready(&host), 503, "nobody is sent here before who is required is there");
    let detail = vote(&host).refused_for(422, "execution_failed");
    assert!(detail.starts_with(&format!("handler 'lab-guard' failed for hook '{HOOK}': ")), "{detail}");
    fire(&host, "recall_filter", &json!({ "value": [] })).refused_for(422, "execution_failed");
    // Where nothing is asked of handlers it is told, and the others are called.
    let told = fired(&host, "post_assert_persist", &json!({}));
    let outcomes: Vec<_> = told["handlers"].as_array().expect("some").iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "returned"], "{told}");
    // Any other hook is as it was, and so is this one of a host that requires nothing.
    assert_eq!(fired(&host, "capability_check", &json!({}))["decision"], "allow");
    let required = host.get("/api/v1/hooks").ok();
    let of =
        |name: &str| required["hooks"].as_array().expect("hooks").iter().find(|hook| hook["name"] == name).cloned();
    assert_eq!(of(HOOK).expect("there")["required"], json!(["lab-guard"]));
    assert_eq!(of("capability_check").expect("there")["required"], json!([]));
    drop(host);
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    let allowed = fired(&host, HOOK, &json!({}));
    assert_eq!((&allowed["decision"], allowed.get("not_registered")), (&json!("allow"), None), "{allowed}");
}

#[test]
fn who_is_required_is_asked_and_a_word_of_an_operators_does_not_pass_over_it() {
    if !has_python() {
        return;
    }
    let bench = bench();
    guard(&bench, "lab-guard");
    let host = requiring(&bench);
    let allowed = json!({ "hook": HOOK, "semantic": "voting", "decision": "allow", "handlers": [handler("lab-guard", "vote", "allow")] });
    assert_eq!(fired(&host, HOOK, &json!({})), allowed);
    assert_eq!(ready(&host), 200);
    host.post("/api/v1/plugins/lab-guard/disable", "").ok();
    assert_eq!(ready(&host), 503);
    let detail = vote(&host).refused_for(422, "execution_failed");
    assert!(detail.ends_with("plugin is disabled, and the operator requires it here"), "{detail}");
    host.post("/api/v1/plugins/lab-guard/enable", "").ok();
    assert_eq!(fired(&host, HOOK, &json!({})), allowed);
    assert_eq!((ready(&host), host.delete("/api/v1/plugins/lab-guard").status, ready(&host)), (200, 204, 503));
    vote(&host).refused_for(422, "execution_failed");
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(fired(&host, HOOK, &json!({})), allowed, "it is there again");
    // One that runs, and has no handler there any more.
    plugin(&bench, "lab-guard", ALLOWS, "'recall_filter': tidy", "");
    host.post("/api/v1/plugins/lab-guard/reload", "").ok();
    let detail = vote(&host).refused_for(422, "execution_failed");
    assert!(detail.ends_with("the plugin has no handler for it, and the operator requires it here"), "{detail}");
    assert_eq!(ready(&host), 503, "it runs, and is not asked");
}

/// Who was not even understood when the host started may come later, where an operator counts on it.
#[test]
fn who_is_required_comes_once_it_can_and_who_is_not_comes_no_more() {
    if !has_python() {
        return;
    }
    let bench = bench();
    for name in ["lab-guard", "not-required"] {
        write(&bench, name, "def manifest(): raise ValueError('broken')\n");
    }
    let host = requiring(&bench);
    vote(&host).refused_for(422, "execution_failed");
    for name in ["lab-guard", "not-required"] {
        guard(&bench, name);
    }
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok()["discovered"], json!(["lab-guard"]));
    let handlers = json!([handler("lab-guard", "vote", "allow")]);
    assert_eq!(fired(&host, HOOK, &json!({}))["handlers"], handlers);
    assert_eq!(ready(&host), 200);
}

#[test]
fn a_guard_that_was_refused_is_named_wherever_it_would_have_been_asked() {
    if !has_python() {
        return;
    }
    let bench = bench();
    // It says at which hooks it would be asked, and refuses its own configuration.
    let refuses = format!("{ALLOWS}def no(ctx, **rest): return Deny('not like this')\n");
    plugin(&bench, "lab-guard", &refuses, "'pre_assert_authorize': vote, 'config_validate': no", "");
    // And this one has not even a manifest.
    write(&bench, "no-manifest", "def manifest(): raise ValueError('broken')\n");
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    let missing = |hook: &str, body: Value| fired(&host, hook, &body)["not_registered"].clone();
    let allowed = fired(&host, HOOK, &json!({}));
    assert_eq!(allowed["decision"], "allow", "as hosts of Stigmem do");
    assert_eq!(allowed["not_registered"], json!(["lab-guard", "no-manifest"]), "{allowed}");
    assert_eq!(missing("recall_filter", json!({ "value": [1] })), json!(["no-manifest"]));
    assert_eq!(host.get("/api/v1/hooks").ok()["not_registered"], json!(["lab-guard", "no-manifest"]));
    let url = format!("http://{}", host.address);
    let words = |words: &[&str]| bench.run(&[&["api"], words, &["--url", url.as_str()]].concat()).ok().stdout.clone();
    assert!(words(&["fire", HOOK]).contains("  lab-guard  not registered\n"), "{}", words(&["fire", HOOK]));
    assert!(words(&["hooks"]).contains("no-manifest  not registered\n"));
    // Once it is as it should be it comes no more before the host is started again; once it is gone it is missed no more.
    std::fs::remove_dir_all(bench.path("site/no_manifest-1.0.dist-info")).expect("removed");
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(missing("recall_filter", json!({ "value": [1] })), json!(null));
    drop(host);
    // The same where an operator requires it.
    let host = requiring(&bench);
    vote(&host).refused_for(422, "execution_failed");
    drop(host);
    guard(&bench, "lab-guard");
    let host = requiring(&bench);
    assert_eq!(fired(&host, HOOK, &json!({}))["decision"], "allow");
    assert_eq!(host.get("/api/v1/hooks").ok()["not_registered"], json!([]));
}

#[test]
fn no_hook_is_fired_before_everybody_was_looked_for_who_may_be_against_it() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let slow = format!("import time\ntime.sleep(2)\n{ALLOWS}");
    plugin(&bench, "lab-guard", &slow, "'pre_assert_authorize': vote", "");
    let host = ServedHost::begin(&mut serving(&bench, &[]));
    let detail = vote(&host).refused_for(503, "host_busy");
    assert!(detail.contains("before the host has looked for its plugins"), "{detail}");
    host.wait_for(|host| host.get("/readyz").status == 200);
    assert_eq!(fired(&host, HOOK, &json!({}))["handlers"], json!([handler("lab-guard", "vote", "allow")]));
}

/// A lock that is just being written is no lock: a host that could not look the first time is ready once it has.
#[test]
fn a_host_whose_first_look_has_failed_is_ready_after_another_one() {
    if !has_python() {
        return;
    }
    let bench = bench();
    guard(&bench, "lab-guard");
    bench.write("a.lock", "[[");
    let host = ServedHost::begin(&mut serving(&bench, &["--plugins-lock", "a.lock"]));
    host.wait_for(|host| host.said().contains("warning[discovery_failed]"));
    assert_eq!(ready(&host), 503);
    vote(&host).refused_for(503, "host_busy");
    std::fs::remove_file(bench.path("a.lock")).expect("removed");
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(ready(&host), 200);
    assert_eq!(fired(&host, HOOK, &json!({}))["decision"], "allow");
}

#[test]
fn what_is_required_has_names_that_there_are() {
    let bench = bench();
    for (line, why) in [
        ("pre_assert_authorise = [\"lab-guard\"]", "pre_assert_authorise"),
        ("config_validate = [\"lab-guard\"]", "`config_validate` is fired while plugins are registered"),
        ("recall_filter = [\"Lab Guard\"]", "`Lab Guard` is no name"),
        ("recall_filter = \"lab-guard\"", "from line 2"),
    ] {
        bench.write("plugins.toml", format!("[hooks.require]\n{line}\n"));
        let run = Run::of(&mut command(&bench, &["--config", "plugins.toml"]));
        run.refused(1, "configuration_invalid");
        assert!(run.stderr.contains(why) && run.stderr.contains("hint: "), "{line}: {run:?}");
    }
    bench.write("plugins.toml", "[hooks]\nrequired = {}\n");
    Run::of(&mut command(&bench, &["--config", "plugins.toml"])).refused(1, "configuration_invalid");
}
