//! What a plugin of Stigmem says in its code that it asks for is held to what a site denies and has accepted, as what a manifest
//! says that can be read without running anything.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::Bench;
use support::hooks::plugin;
use support::host::{ServedHost, bench, command, has_python};

const SITE: [&str; 6] = ["--site-packages", "site", "--plugins-dir", "plugins", "--trusted-keys", "keys"];

fn asking_for(bench: &Bench, capabilities: &str) {
    plugin(bench, "aaa-guard", "", "", &format!(", capabilities={capabilities}"));
}

fn at(bench: &Bench, words: &[&str]) -> Vec<String> {
    let words = [words, &SITE, &["--plugins-lock", "plugins.lock"]].concat();
    bench.command(&words);
    words.into_iter().map(str::to_owned).collect()
}

fn run(bench: &Bench, words: &[&str]) -> support::Run {
    let words = at(bench, words);
    bench.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn listed(bench: &Bench, words: &[&str]) -> Value {
    let ran = run(bench, &[&["plugins", "list", "--json"], words].concat());
    let list: Value = serde_json::from_str(&ran.stdout).expect("a document");
    list["plugins"].as_array().expect("plugins").iter().find(|one| one["id"] == "aaa-guard").expect("listed").clone()
}

#[test]
fn what_a_site_denies_is_not_had_by_saying_it_in_code() {
    if !has_python() {
        return;
    }
    let bench = bench();
    asking_for(&bench, "['facts.read', 'network.outbound']");
    let deny = ["--deny-capabilities", "network.*"];
    let refused = run(&bench, &[&["plugins", "trust", "aaa-guard", "--reason", "x"][..], &deny].concat());
    refused.refused(3, "capability_denied");
    assert!(refused.stderr.contains("network.outbound"), "{refused:?}");
    assert!(!bench.path("plugins.lock").exists());
    assert_eq!(listed(&bench, &deny)["error"]["reason_code"], "capability_denied");
    assert_eq!(listed(&bench, &[])["error"], Value::Null);
    let words = [&SITE[..2], &deny].concat();
    let host = ServedHost::ready(&mut command(&bench, &words));
    let plugin = host.plugin("aaa-guard");
    assert_eq!(plugin["state"], "failed", "{plugin}");
    assert!(plugin["error"].as_str().is_some_and(|why| why.contains("network.outbound, which this site denies")));
    assert_eq!(plugin["capabilities"], json!(["facts.read", "network.outbound"]));
}

/// S34: who has accepted one version has not accepted what the next one asks for.
#[test]
fn what_the_lock_accepts_of_it_is_written_down_and_no_more_is_had() {
    if !has_python() {
        return;
    }
    let bench = bench();
    asking_for(&bench, "['facts.read']");
    let trust = ["plugins", "trust", "aaa-guard", "--reason", "x", "--with-provenance"];
    run(&bench, &trust).ok();
    let lock = || fs::read_to_string(bench.path("plugins.lock")).expect("read");
    assert!(lock().contains("capabilities = [\"facts.read\"]"), "{}", lock());
    assert_eq!(listed(&bench, &["--plugin-mode", "production"])["error"], Value::Null);
    // Of the next version, in dev as well, where a hash that differs is told and no more.
    asking_for(&bench, "['audit.read', 'facts.read']");
    let grown = listed(&bench, &[]);
    assert_eq!(grown["error"]["reason_code"], "capabilities_not_accepted", "{grown}");
    let words = [&SITE[..2], &["--plugins-lock", "plugins.lock"]].concat();
    let host = ServedHost::ready(&mut command(&bench, &words));
    assert_eq!(host.plugin("aaa-guard")["state"], "failed");
    drop(host);
    let explained = run(&bench, &["explain", "aaa-guard"]).stdout;
    assert!(explained.contains("asks for more than plugins.lock accepts of it: audit.read"), "{explained}");
    let page = run(&bench, &["plugins", "describe", "aaa-guard"]).stdout;
    assert!(page.contains("+ audit.read") && page.contains("  facts.read"), "{page}");
    run(&bench, &trust).ok();
    assert!(lock().contains("capabilities = [\"audit.read\", \"facts.read\"]"), "{}", lock());
    let host = ServedHost::ready(&mut command(&bench, &words));
    let plugin = host.plugin("aaa-guard");
    assert_eq!((&plugin["state"], &plugin["capabilities"]), (&json!("enabled"), &json!(["audit.read", "facts.read"])));
    // What somebody takes out of the entry is taken from what runs.
    let narrower = lock().replace("capabilities = [\"audit.read\", \"facts.read\"]", "capabilities = [\"facts.read\"]");
    bench.write("plugins.lock", narrower);
    host.wait_for(|host| host.plugin("aaa-guard")["quarantined"] == Value::Bool(true));
}
