//! `config show`: what counts of every variable, where that is from, and what is wrong with it. What is secret stays so.

mod support;

use serde_json::{Value, json};
use support::{Bench, Run};

fn show(bench: &Bench, variables: &[(&str, &str)]) -> Run {
    bench.run_with(&["config", "show", "--json"], variables)
}

fn setting(run: &Run, name: &str) -> Value {
    let document: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let settings = document["settings"].as_array().expect("a list").clone();
    settings.into_iter().find(|setting| setting["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

/// What counts of it, by whom, and whether something is wrong.
fn counting(run: &Run, name: &str) -> (Value, Value, bool) {
    let setting = setting(run, name);
    assert_eq!(setting["source"] == "environment", !setting["set_by"].is_null(), "{setting}");
    (setting["value"].clone(), setting["set_by"].clone(), setting["invalid"].is_string())
}

#[test]
fn the_three_variables_of_a_host_have_its_defaults() {
    let bench = Bench::new();
    let run = show(&bench, &[]);
    for (name, default) in [
        ("AISOC_PLUGINS_DIR", "/opt/aisoc/plugins"),
        ("PLUGIN_TRUST_MODE", "strict"),
        ("PLUGIN_TRUSTED_KEYS_DIR", "/opt/aisoc/plugin-keys"),
    ] {
        let shown = setting(&run, name);
        let values = (&shown["default"], &shown["value"], &shown["source"], &shown["set_by"]);
        assert_eq!(values, (&json!(default), &json!(default), &json!("default"), &Value::Null), "{shown}");
    }
    assert_eq!(run.stderr, "");
    let text = bench.run(&["config", "show"]);
    let rows: Vec<Vec<&str>> = text.ok().stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(rows.iter().any(|row| row == &["VARIABLE"]) || rows[0] == ["VARIABLE", "VALUE", "SOURCE"], "{rows:?}");
    assert!(text.stdout.contains("strict"), "{text:?}");
}

#[test]
fn what_is_set_counts_and_so_does_another_name_of_it() {
    let bench = Bench::new();
    let run = show(
        &bench,
        &[
            ("AISOC_PLUGINS_DIR", "here"),
            ("PLUGIN_TRUST_MODE", " WARN "),
            ("CAPA_PLUGIN_MODE", "production"),
            ("AISOC_DATA_DIR", ""),
            ("CHAOSCYPHER_DATA_DIR", "data"),
            ("AISOC_PLUGIN_ALLOW_UNPINNED", "never"),
            ("STIGMEM_PLUGIN_TRUSTED_PUBLISHERS", "release"),
            ("AISOC_PLUGIN_UNSIGNED_ACK", "i-understand-plugins-are-unsigned"),
        ],
    );
    for (name, value, set_by) in [
        ("AISOC_PLUGINS_DIR", "here", "AISOC_PLUGINS_DIR"),
        ("PLUGIN_TRUST_MODE", "warn", "PLUGIN_TRUST_MODE"),
        ("AISOC_PLUGIN_MODE", "production", "CAPA_PLUGIN_MODE"),
        ("AISOC_DATA_DIR", "data", "CHAOSCYPHER_DATA_DIR"),
        // Every word but those that mean yes asks for a digest.
        ("AISOC_PLUGIN_ALLOW_UNPINNED", "0", "AISOC_PLUGIN_ALLOW_UNPINNED"),
        ("AISOC_PLUGIN_TRUSTED_PUBLISHERS", "release", "STIGMEM_PLUGIN_TRUSTED_PUBLISHERS"),
        ("AISOC_PLUGIN_UNSIGNED_ACK", "i-understand-plugins-are-unsigned", "AISOC_PLUGIN_UNSIGNED_ACK"),
    ] {
        assert_eq!(counting(&run, name), (json!(value), json!(set_by), false), "{name}");
    }
    assert_eq!(run.stderr, "");
    // Ours counts before theirs, but a switch is off as soon as one of its names is.
    let both = [("AISOC_PLUGIN_MODE", "dev"), ("CAPA_PLUGIN_MODE", "production")];
    assert_eq!(counting(&show(&bench, &both), "AISOC_PLUGIN_MODE").0, "dev");
    let switches = [("AISOC_ALLOW_USER_PLUGINS", "1"), ("CHAOSCYPHER_ALLOW_USER_PLUGINS", "0")];
    let off = (json!("0"), json!("CHAOSCYPHER_ALLOW_USER_PLUGINS"), false);
    assert_eq!(counting(&show(&bench, &switches), "AISOC_ALLOW_USER_PLUGINS"), off);
}

#[test]
fn what_cannot_be_understood_is_said_with_what_counts_in_its_place() {
    let bench = Bench::new();
    for (name, set, value, said) in [
        ("PLUGIN_TRUST_MODE", "yolo", json!("strict"), "`yolo` is none of strict, warn or disabled; `strict` counts"),
        ("PLUGIN_TRUST_COVERAGE", "some", json!("full"), "`full` counts"),
        ("AISOC_PLUGIN_MODE", "x", json!("production"), "`production` counts"),
        ("AISOC_SANDBOX", "yes", json!("require"), "`require` counts"),
        ("AISOC_PLUGIN_UNSIGNED_ACK", "yes", Value::Null, "it says nothing"),
        ("AISOC_PLUGIN_TRUSTED_PUBLISHERS", "a,,b", Value::Null, "what goes by it is refused"),
        ("AISOC_PLUGIN_DENY_CAPABILITIES", "x", Value::Null, "what goes by it is refused"),
        ("AISOC_PLUGIN_REGISTRY_ALLOWLIST", "a/b", Value::Null, "what goes by it is refused"),
        ("SOURCE_DATE_EPOCH", "soon", Value::Null, "what goes by it is refused"),
    ] {
        let run = show(&bench, &[(name, set)]);
        assert_eq!(counting(&run, name), (value, json!(name), true), "{name}");
        let text = bench.run_with(&["config", "show"], &[(name, set)]);
        let warning = format!("warning[variable_invalid]: invalid {name}: ");
        let line =
            text.ok().stderr.lines().find(|line| line.starts_with(&warning)).unwrap_or_else(|| panic!("{text:?}"));
        assert!(line.contains(said), "{line}");
        assert!(text.stdout.contains("environment, invalid"), "{text:?}");
    }
}

#[test]
fn nobody_is_shown_a_secret() {
    let bench = Bench::new();
    let variables = [
        ("AISOC_HOST_TOKEN", "hunter2-token"),
        ("AISOC_REGISTRY_USERNAME", "hunter2-user"),
        ("AISOC_REGISTRY_PASSWORD", "hunter2-password"),
        ("DOCKER_AUTH_CONFIG", "{\"auths\": {\"ghcr.io\": {\"auth\": \"hunter2\"}}}"),
        ("HTTPS_PROXY", "http://me:hunter2/@hunter2@proxy:3128"),
        ("all_proxy", "hunter2@other:3128"),
        ("AISOC_HOST_URL", "https://hunter2@host.example"),
        ("PLUGIN_TRUST_MODE", "me:hunter2@ghcr.io"),
    ];
    for words in [&["config", "show", "--json"][..], &["config", "show"]] {
        let run = bench.run_with(words, &variables);
        run.ok();
        assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
    }
    let run = show(&bench, &variables);
    for name in ["AISOC_HOST_TOKEN", "AISOC_REGISTRY_USERNAME", "AISOC_REGISTRY_PASSWORD", "DOCKER_AUTH_CONFIG"] {
        assert_eq!(counting(&run, name), (Value::Null, json!(name), false), "{name}");
        assert_eq!(setting(&run, name)["is_secret"], true);
    }
    assert!(bench.run_with(&["config", "show"], &variables).stdout.contains("(set)"));
    assert_eq!(counting(&run, "HTTPS_PROXY").0, "http://[redacted]@proxy:3128");
    // A program that a web server calls takes none from a header of whoever asks.
    let cgi = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "theirs:1"), ("http_proxy", "ours:1")];
    assert_eq!(counting(&show(&bench, &cgi), "HTTP_PROXY"), (json!("ours:1"), json!("http_proxy"), false));
    assert_eq!(counting(&show(&bench, &cgi[1..]), "HTTP_PROXY").0, "theirs:1");
}
