//! `verify --explain`: the same story for people and for machines.

mod support;

use std::fs;

use serde_json::Value;
use support::{Bench, Run};

fn explain(bench: &Bench) -> Run {
    bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--explain"])
}

fn explanation(bench: &Bench) -> (i32, Value) {
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--json"]);
    let document: Value = serde_json::from_str(&run.stdout).expect("one document on stdout");
    assert_eq!(document["ok"], run.code == 0);
    (run.code, document["explanation"].clone())
}

fn results(explanation: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let checks = explanation["checks"].as_array().expect("checks");
    checks.iter().map(|check| (text(&check["name"]), text(&check["result"]))).collect()
}

#[test]
fn a_good_plugin_passes_every_check_in_order() {
    let bench = Bench::new();
    bench.published();
    let run = explain(&bench);
    assert!(run.ok().stdout.starts_with("admitted: signature verified, coverage full\n"), "{run:?}");
    for line in ["  ok  signed by a trusted key  release\n", "verifies plugin.sig, plugin.sig.d/"] {
        assert!(run.stdout.contains(line), "{line:?} in {}", run.stdout);
    }
    let (_, explanation) = explanation(&bench);
    let names: Vec<String> = results(&explanation).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "id",
            "manifest",
            "capabilities allowed here",
            "signature present",
            "signature form",
            "trusted keys",
            "signed by a trusted key",
            "files as signed",
            "policy",
            "publisher"
        ]
    );
    assert!(results(&explanation).iter().all(|(_, result)| result == "passed"), "{explanation}");
    assert_eq!(explanation["objection"], Value::Null);
}

#[test]
fn a_tampered_plugin_names_each_file_with_both_hashes() {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/plugin.py", "import os\n");
    bench.write("demo/extra.so", "x");
    fs::remove_file(bench.path("demo/README.md")).expect("removed");
    let run = explain(&bench);
    assert_eq!(run.code, 3);
    assert!(
        run.error_line().starts_with(
            "error[signature_invalid]: demo: the plugin was changed after signing: `plugin.py` and 2 other files"
        ),
        "{run:?}"
    );
    for part in [
        "refused (signature_invalid)",
        "  changed  plugin.py\n",
        "signed  sha256 ",
        "found   sha256 ",
        "  extra    extra.so\n",
        "  missing  README.md\n",
        "\nnext: ",
    ] {
        assert!(run.stdout.contains(part), "{part:?} in {}", run.stdout);
    }
    let (code, explanation) = explanation(&bench);
    assert_eq!(code, 3);
    assert_eq!(explanation["objection"]["reason_code"], "signature_invalid");
    assert_eq!(explanation["file_list"], "intact");
    assert_eq!(explanation["changed"][0]["path"], "plugin.py");
    assert_ne!(
        explanation["changed"][0]["signed"]["content_digest"],
        explanation["changed"][0]["found"]["content_digest"]
    );
    assert_eq!((&explanation["extra"][0], &explanation["missing"][0]), (&"extra.so".into(), &"README.md".into()));
    let expected = [
        "passed",
        "passed",
        "passed",
        "passed",
        "passed",
        "passed",
        "failed",
        "not_reached",
        "not_reached",
        "not_reached",
    ];
    assert_eq!(results(&explanation).iter().map(|(_, result)| result.as_str()).collect::<Vec<_>>(), expected);
}

#[test]
fn a_rotated_key_names_the_signer_that_is_missing_and_the_keys_that_were_tried() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "keygen", "--out", "next"]).ok();
    fs::rename(bench.path("keys/release.pem"), bench.path("release-retired.pem")).expect("moved");
    fs::copy(bench.path("next.pem"), bench.path("keys/next.pem")).expect("copied");
    bench.write("keys/broken.pem", "not a key");
    let run = explain(&bench);
    run.error_line();
    assert_eq!(run.code, 3);
    assert!(run.stdout.starts_with("refused (untrusted_key)"), "{}", run.stdout);
    for part in [
        "next (next.pem) SHA256:",
        ": verifies no signature of this content\n",
        "broken.pem: error[key_invalid]",
        "no key verifies plugin.sig.d/",
    ] {
        assert!(run.stdout.contains(part), "{part:?} in {}", run.stdout);
    }
    let (_, explanation) = explanation(&bench);
    let signer = bench.run(&["plugin", "verify", "demo", "--keys", ".", "--json"]);
    let signer: Value = serde_json::from_str(&signer.ok().stdout).expect("JSON");
    let named = explanation["signatures"]
        .as_array()
        .expect("a list")
        .iter()
        .find_map(|file| file["stated_key_fingerprint"].as_str());
    assert_eq!(named, signer["signing_key_fingerprint"].as_str());
}

#[test]
fn the_five_reasons_stay_apart() {
    let reason = |prepare: &dyn Fn(&Bench), options: &[&str]| {
        let bench = Bench::new();
        bench.published();
        prepare(&bench);
        let run = bench.run(&[&["plugin", "verify", "demo", "--keys", "keys", "--json"], options].concat());
        assert_eq!(run.code, 3, "{run:?}");
        let envelope: Value = serde_json::from_str(run.stderr.trim()).expect("an envelope");
        envelope["error"]["detail"]["reason_code"].as_str().expect("a code").to_owned()
    };
    let unsigned = |bench: &Bench| fs::remove_file(bench.path("demo/plugin.sig")).expect("removed");
    let stranger = |bench: &Bench| {
        bench.run(&["plugin", "keygen", "--out", "other"]).ok();
        bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "other.key"]).ok();
    };
    let tampered = |bench: &Bench| drop(bench.write("demo/plugin.py", "import os\n"));
    let notes = |content: &'static str| move |bench: &Bench| drop(bench.write("keys/release.json", content));
    let expired = notes(r#"{"schema_version": 1, "not_after": "2020-01-01T00:00:00Z"}"#);
    let revoked = notes(r#"{"schema_version": 1, "revoked_at": "2020-01-01T00:00:00Z", "reason": "lost"}"#);
    assert_eq!(reason(&unsigned, &[]), "unsigned");
    assert_eq!(reason(&stranger, &[]), "untrusted_key");
    assert_eq!(reason(&tampered, &[]), "signature_invalid");
    assert_eq!(reason(&expired, &[]), "key_expired");
    assert_eq!(reason(&revoked, &[]), "key_revoked");
    assert_eq!(reason(&|_| (), &["--require", "2"]), "signers_too_few");
}

/// What `aisoc explain` says: the verdict, and of every gate its number, what it came to and its checks.
fn decision(bench: &Bench, words: &[&str]) -> Value {
    let places = ["--trusted-keys", "keys", "--plugins-dir", "plugins", "--json"];
    let run = bench.run(&[&["explain"], words, &places].concat());
    serde_json::from_str(&run.ok().stdout).expect("JSON")
}

fn gates(decision: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let gates = decision["gates"].as_array().expect("gates").iter();
    gates.map(|gate| (text(&gate["gate"]), text(&gate["result"]))).collect()
}

#[test]
fn every_gate_is_explained_in_the_order_of_the_manual_of_what_is_offered_and_of_what_is_installed() {
    let bench = Bench::new();
    bench.published();
    let named = |results: [&str; 9]| {
        let numbers = ["1", "2", "3a", "4", "5", "6", "7", "8", "3b"];
        numbers
            .iter()
            .zip(results)
            .map(|(number, result)| ((*number).to_owned(), result.to_owned()))
            .collect::<Vec<_>>()
    };
    let offered = decision(&bench, &["demo.tar"]);
    assert_eq!((&offered["verdict"], &offered["trust_decision"]), (&"admitted".into(), &"trusted_publisher".into()));
    let (ok, no, none) = ("passed", "failed", "not_reached");
    assert_eq!(gates(&offered), named([ok, none, ok, ok, ok, ok, none, ok, none]));
    assert!(!bench.path("plugins").exists(), "it looks, and makes nothing");
    bench.run(&["plugin", "install", "oci-archive:demo.tar", "--keys", "keys", "--plugins-dir", "plugins"]).ok();
    let installed = decision(&bench, &["demo"]);
    assert_eq!((&installed["id"], &installed["verdict"]), (&"demo".into(), &"admitted".into()));
    bench.write("demo/plugin.yaml", "id: demo\nname: D\nversion: '0.0.1'\nplugin_type: enricher\n");
    let changed = decision(&bench, &["./demo"]);
    assert_eq!(changed["verdict"], "refused");
    let of = gates(&changed);
    assert_eq!(of[4], ("5".to_owned(), no.to_owned()), "{of:?}");
    let failed = changed["gates"][4]["checks"].as_array().expect("checks").iter().find(|check| check["result"] == no);
    assert!(failed.is_some_and(|check| check["hint"].as_str().is_some_and(|hint| !hint.is_empty())), "{changed}");
}

/// What nobody can tell from another one is refused by the gate about names, and by no other.
#[test]
fn a_plugin_that_is_there_twice_is_refused_at_gate_8() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    // Of the installed one, and not of the author's, whose path would be taken.
    fs::rename(bench.path("demo"), bench.path("source")).expect("mine");
    support::copy_tree(&bench.path("plugins/demo"), &bench.path("plugins/copy"));
    let words = ["explain", "demo", "--trusted-keys", "keys", "--plugins-dir", "plugins"];
    let decision = decision(&bench, &["demo"]);
    assert_eq!(
        (&decision["verdict"], &decision["objection"]["reason_code"]),
        (&"refused".into(), &"identity_ambiguous".into())
    );
    let failed: Vec<_> = gates(&decision).into_iter().filter(|(_, result)| result == "failed").collect();
    assert_eq!(failed, [("8".to_owned(), "failed".to_owned())], "{decision:#}");
    let text = bench.run(&words);
    assert!(text.ok().stdout.contains("NO  8   duplicate id\n        NO  one plugin of the id  demo: "), "{text:?}");
    assert!(text.stdout.contains("`plugins/copy`, `plugins/demo`"), "{text:?}");
}

#[test]
fn what_a_site_wants_is_explained_with_what_would_change_it() {
    let bench = Bench::new();
    bench.published();
    let words = ["explain", "demo.tar", "--trusted-keys", "keys", "--plugins-dir", "plugins"];
    let variables = [("AISOC_PLUGIN_TRUSTED_PUBLISHERS", "other")];
    let run = bench.run_with(&words, &variables);
    let text = &run.ok().stdout;
    assert!(text.starts_with("demo: refused\n"), "{text}");
    for line in [
        "NO  6   publisher\n",
        "to change it: compare the fingerprint with the publisher's; then name the key in AISOC_PLUGIN_TRUSTED_PUBLISHERS",
        "--  2   kill switch  asked of drop-ins alone\n",
        "--  7   lock\n        --  accepted by plugins.lock  there is no plugins.lock, and dev asks for none\n",
        "ok  5   signature\n",
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    let denied = bench.run(&[&words[..], &["--deny-capabilities", "*.write"]].concat());
    assert!(denied.ok().stdout.contains("none of the 4 that are denied"), "{denied:?}");
}

/// An install refuses it, and so nothing else is said of it.
#[test]
fn what_nobody_reads_is_refused_until_somebody_says_to_know_that() {
    let bench = Bench::new();
    bench.published();
    let places = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
    let explain = [&["explain", "demo.tar"], &places[..]].concat();
    let disabled = ("PLUGIN_TRUST_MODE", "disabled");
    let run = bench.run_with(&explain, &[disabled]);
    let text = &run.ok().stdout;
    assert!(text.starts_with("demo: refused\n") && text.contains("NO  5   signature\n"), "{text}");
    assert!(
        text.contains("        NO  known to be unsigned  trust mode disabled lets in what nobody vouches"),
        "{text}"
    );
    assert!(text.contains("to change it: unset PLUGIN_TRUST_MODE"), "{text}");
    let run = bench.run_with(&[&explain[..], &["--json"]].concat(), &[disabled]);
    let said: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(
        (&said["verdict"], &said["objection"]["reason_code"]),
        (&"refused".into(), &"unsigned_not_acknowledged".into())
    );
    let known = [disabled, ("AISOC_PLUGIN_UNSIGNED_ACK", "i-understand-plugins-are-unsigned")];
    let run = bench.run_with(&explain, &known);
    assert!(run.ok().stdout.starts_with("demo: admitted\n"), "{run:?}");
    assert!(!run.stdout.contains("known to be unsigned"), "{run:?}");
}
