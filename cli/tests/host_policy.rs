//! One policy for people and for a host: what operators ask, and every call of a plugin, is judged by it.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::Bench;
use support::host::{self, ServedHost, command, has_python};

const POLICY: &str = ".aisoc/policy.yml";

/// A bench with a plugin that answers calls.
fn bench(policy: &str) -> Bench {
    let bench = host::bench();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    fs::rename(bench.path("demo"), bench.path("plugins/demo")).expect("moved");
    bench.sign("plugins/demo").ok();
    bench.write(POLICY, policy);
    bench
}

fn serve(bench: &Bench, variables: &[(&str, &str)]) -> ServedHost {
    let mut command = command(bench, &[]);
    ServedHost::ready(command.env("HOME", bench.path(".")).envs(variables.iter().copied()))
}

#[test]
fn what_operators_ask_is_judged_as_the_command_that_asks_for_it() {
    let bench = bench("name: night\ndeny: [api/enable, plugin/install, 'plugin/*/run']\n");
    let host = serve(&bench, &[]);
    let said = |what: &str| format!("command \"{what}");
    for (method, path, command) in [
        ("POST", "/api/v1/plugins/demo/enable", "api/enable"),
        // It does what `plugin install` does.
        ("POST", "/api/v1/plugins/install_from_oci", "api/install"),
        ("POST", "/api/v1/plugins/install/oci", "api/install"),
    ] {
        let answered = host.send(method, path, "", "{}");
        let detail = answered.refused_for(403, "command_denylisted");
        assert!(detail.starts_with(&said(command)), "{detail}");
    }
    host.get("/api/v1/plugins").ok();
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(host.get("/healthz").status, 200);
}

#[test]
fn an_allow_list_leaves_nothing_else_of_a_host() {
    let bench = bench("allow: [serve, api/list]\n");
    let host = serve(&bench, &[]);
    host.get("/api/v1/plugins").ok();
    for (method, path) in [
        ("GET", "/api/v1/plugins/demo"),
        ("GET", "/api/v1/hooks"),
        ("GET", "/api/v1/audit"),
        ("GET", "/api/v1/events"),
        ("POST", "/api/v1/plugins/discover"),
        ("POST", "/api/v1/plugins/demo/disable"),
        ("POST", "/api/v1/plugins/demo/reload"),
        ("POST", "/api/v1/plugins/demo/rollback"),
        ("POST", "/api/v1/plugins/demo/run"),
        ("POST", "/api/v1/hooks/capability_check"),
        ("DELETE", "/api/v1/plugins/demo"),
    ] {
        let answered = host.send(method, path, "", "{}");
        answered.refused_for(403, "domain_not_allowed");
    }
}

#[test]
fn a_call_is_judged_by_the_plugin_and_by_who_calls() {
    if !has_python() {
        return eprintln!("skipped: no Python");
    }
    let run = |policy: &str, variables: &[(&str, &str)]| {
        let bench = bench(policy);
        let host = serve(&bench, variables);
        let answered = host.post("/api/v1/plugins/demo/run", r#"{"payload": {"indicator": "203.0.113.7"}}"#);
        match answered.status {
            200 => "called".to_owned(),
            _ => answered.json()["reason_code"].as_str().unwrap_or_default().to_owned(),
        }
    };
    for (policy, variables, expected) in [
        ("deny: [plugin/other/run]\n", &[][..], "called"),
        ("deny: [plugin/demo/run]\n", &[], "command_denylisted"),
        ("deny: ['plugin/*/run']\n", &[], "command_denylisted"),
        // Whoever asks without a token is at the machine.
        ("identities: [user]\n", &[], "called"),
        ("identities: [bot]\n", &[], "identity_mismatch"),
        ("identities: [bot]\n", &[("AISOC_IDENTITY", "bot")], "called"),
        ("identities: [user]\n", &[("AISOC_IDENTITY", "bot")], "identity_mismatch"),
    ] {
        assert_eq!(run(policy, variables), expected, "{policy} {variables:?}");
    }
}

#[test]
fn a_host_does_not_begin_beside_a_policy_that_cannot_be_used() {
    let bench = bench("nmae: x\n");
    let mut command = command(&bench, &["--json"]);
    let output = command.env("HOME", bench.path(".")).output().expect("it ends");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    let error =
        said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|line| line["ok"] == false);
    let error = error.or_else(|| serde_json::from_str(&said).ok()).expect("a report");
    assert_eq!(error["error"]["detail"]["reason_code"], json!("policy_invalid"), "{said}");
    let misspelt = bench.run_with(&["api", "run", "demo"], &[("AISOC_IDENTITY", "root")]);
    assert!(misspelt.stderr.contains("AISOC_IDENTITY"), "{}", misspelt.stderr);
}
