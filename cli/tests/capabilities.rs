//! What a plugin asks of its host: said when it comes, and when it grows; and nothing new comes that asks for what no
//! host can grant.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Bench, Run};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];

/// A plugin `demo`, and a key that is trusted.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    bench.run(&["plugin", "keygen", "--out", "a"]).ok();
    fs::create_dir(bench.path("keys")).expect("made");
    fs::copy(bench.path("a.pem"), bench.path("keys/a.pem")).expect("copied");
    bench
}

/// Writes the manifest of `demo`: that version, and that value of `capabilities`.
fn ask(bench: &Bench, version: &str, capabilities: &str) {
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("there");
    let is_kept = |line: &&str| !line.starts_with("version:") && !line.starts_with("capabilities:");
    let kept: String = manifest.lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
    bench.write("demo/plugin.yaml", format!("version: \"{version}\"\ncapabilities: {capabilities}\n{kept}"));
}

fn sign(bench: &Bench) -> Run {
    bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "a.key"])
}

fn publish(bench: &Bench, version: &str, capabilities: &str) -> String {
    ask(bench, version, capabilities);
    sign(bench).ok();
    let archive = format!("{version}.tar");
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", &archive]).ok();
    archive
}

fn run(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[words, &PLACES].concat())
}

fn install(bench: &Bench, archive: &str) -> Run {
    run(bench, &["plugin", "install", &format!("oci-archive:{archive}")])
}

fn document(run: &Run) -> Value {
    serde_json::from_str::<Value>(&run.ok().stdout).expect("JSON")["plugins"][0].clone()
}

fn install_json(bench: &Bench, archive: &str) -> Value {
    document(&run(bench, &["plugin", "install", &format!("oci-archive:{archive}"), "--json"]))
}

#[test]
fn a_new_plugin_says_what_it_may_do_and_tags_are_no_grants() {
    let bench = bench();
    let archive = publish(&bench, "1.0.0", "[facts.write, alerts, facts.read, facts.read]");
    let stderr = install(&bench, &archive).ok().stderr.clone();
    assert!(stderr.lines().any(|line| line.trim() == "May facts.read, facts.write"), "{stderr}");
    assert!(!stderr.contains("capabilities_grown") && !stderr.contains("alerts"), "{stderr}");
    let list = run(&bench, &["plugin", "list"]).ok().stdout.clone();
    assert!(list.contains("\n  may: facts.read, facts.write\n"), "{list}");
    let inspected = bench.run(&["plugin", "inspect", "demo/"]).ok().stdout.clone();
    assert!(inspected.lines().any(|line| line.ends_with(" facts.read, facts.write")), "{inspected}");
}

#[test]
fn an_upgrade_says_what_is_new_and_what_went() {
    let bench = bench();
    let first = publish(&bench, "1.0.0", "[facts.read, audit.emit]");
    let second = publish(&bench, "1.1.0", "[facts.read, network.outbound]");
    let (third, fourth) = (publish(&bench, "1.2.0", "[facts.read]"), publish(&bench, "1.3.0", "[facts.read]"));
    let new = install_json(&bench, &first);
    assert_eq!(new["capabilities"], json!(["audit.emit", "facts.read"]));
    assert_eq!((&new["added_capabilities"], &new["removed_capabilities"]), (&Value::Null, &Value::Null));
    let again = install_json(&bench, &first);
    assert_eq!((&again["change"], &again["capabilities"]), (&json!("unchanged"), &new["capabilities"]));
    assert_eq!((&again["added_capabilities"], &again["removed_capabilities"]), (&json!([]), &json!([])));
    let stderr = install(&bench, &second).ok().stderr.clone();
    let grown = "warning[capabilities_grown]: `demo` may do more than before: + network.outbound";
    assert!(stderr.contains(grown) && stderr.contains("May not - audit.emit"), "{stderr}");
    let less = install_json(&bench, &third);
    assert_eq!(
        (&less["added_capabilities"], &less["removed_capabilities"]),
        (&json!([]), &json!(["network.outbound"]))
    );
    let same = install(&bench, &fourth).ok().stderr.clone();
    assert!(!same.contains("capabilities_grown") && !same.contains("May"), "{same}");
}

#[test]
fn growth_is_said_as_unknown_when_the_manifest_in_place_cannot_be_read() {
    let bench = bench();
    let (first, second) = (publish(&bench, "1.0.0", "[facts.read]"), publish(&bench, "1.1.0", "[facts.read]"));
    install(&bench, &first).ok();
    bench.write("plugins/demo/plugin.yaml", "[");
    let upgraded = run(&bench, &["plugin", "install", &format!("oci-archive:{second}"), "--json"]);
    let said = &upgraded.ok().stderr;
    assert!(
        said.contains("capabilities_grown") && said.contains("cannot be read; now it asks for facts.read"),
        "{said}"
    );
    assert_eq!(document(&upgraded)["added_capabilities"], Value::Null);
}

#[test]
fn what_no_host_can_grant_is_neither_signed_nor_packed_nor_released() {
    let bench = bench();
    sign(&bench).ok();
    ask(&bench, "1.0.0", "[facts.reed, alerts]");
    let before = bench.snapshot("demo");
    for words in [
        &["plugin", "sign", "--plugin-dir", "demo", "--private-key", "a.key"][..],
        &["plugin", "sign", "--plugin-dir", "demo", "--private-key", "a.key", "--allow-ambiguous"],
        &["plugin", "sign", "--plugin-dir", "demo", "--private-key", "a.key", "--coverage", "code"],
        &["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar", "--unsigned"],
        &["plugin", "push", "demo/", "oci:registry:demo", "--unsigned"],
        &["plugin", "release", "--plugin-dir", "demo", "oci:registry:demo", "--private-key", "a.key"],
    ] {
        let run = bench.run(words);
        let stderr = &run.refused(1, "unknown_capability").stderr;
        assert!(stderr.contains("demo/plugin.yaml:2:16: "), "{words:?}: {stderr}");
        assert!(stderr.contains("`facts.reed` is not a capability") && stderr.contains("did you mean `facts.read`?"));
    }
    assert_eq!(bench.snapshot("demo"), before);
    assert!(!bench.path("x.tar").exists() && !bench.path("registry").exists());
}

/// Signed by another tool, which knows no such rule: the signature is valid, and the plugin is refused all the same.
#[test]
fn an_unknown_capability_is_not_installed_whoever_has_signed_it() {
    let bench = bench();
    let known = publish(&bench, "1.0.0", "[facts.read]");
    install(&bench, &known).ok();
    sign_elsewhere(&bench, "1.1.0", "[facts.read, process.spawn]");
    let before = bench.snapshot("plugins");
    let refused = run(&bench, &["plugin", "install", "./demo"]);
    let stderr = &refused.refused(1, "unknown_capability").stderr;
    assert!(stderr.contains("demo 1.1.0: ") && stderr.contains("`process.spawn` is not"), "{stderr}");
    assert!(stderr.contains("hint: its publisher has to correct that entry"), "{stderr}");
    assert_eq!(bench.snapshot("plugins"), before, "what is refused leaves no trace");
    for mode in ["warn", "disabled"] {
        let variables = [("PLUGIN_TRUST_MODE", mode), ("AISOC_ENV", "development")];
        let words = [&["plugin", "install", "./demo"][..], &PLACES].concat();
        bench.run_with(&words, &variables).refused(1, "unknown_capability");
    }
    bench.run(&["plugin", "verify", "./demo", "--trusted-keys", "keys"]).ok();
}

/// Signs `demo` as another tool would that does not look at capabilities.
fn sign_elsewhere(bench: &Bench, version: &str, capabilities: &str) {
    ask(bench, version, capabilities);
    let pem = fs::read(bench.path("a.key")).expect("there");
    let key = aisoc_signing::SigningKey::from_pem(&pem).expect("a key");
    let how = aisoc_pipeline::Signing::WholeTree { out: None };
    let limits = aisoc_packaging::Limits::default();
    aisoc_pipeline::sign_directory(&bench.path("demo"), &key, how, &limits).expect("signed");
}

/// What stands there already was agreed to when it came.
#[test]
fn what_is_installed_with_an_unknown_capability_stays_and_is_marked() {
    let bench = bench();
    sign_elsewhere(&bench, "1.0.0", "[facts.read, process.spawn]");
    fs::create_dir(bench.path("plugins")).expect("made");
    fs::rename(bench.path("demo"), bench.path("plugins/demo")).expect("moved");
    let list = run(&bench, &["plugin", "list"]).ok().stdout.clone();
    assert!(list.contains("\n  may: facts.read, process.spawn (unknown)\n"), "{list}");
    let listed = document(&run(&bench, &["plugin", "list", "--json"]));
    assert_eq!(listed["capabilities"], json!(["facts.read", "process.spawn"]));
    assert_eq!(listed["unknown_capabilities"], json!(["process.spawn"]));
    run(&bench, &["plugins", "verify"]).ok();
    let inspected = bench.run(&["plugin", "inspect", "plugins/demo/"]).ok().stdout.clone();
    assert!(inspected.contains("facts.read, process.spawn (unknown)"), "{inspected}");
}

/// As after an install by a version of aisoc that had no such rule: the record names the artifact.
fn record_as_installed(bench: &Bench, archive: &str, digest: &str) {
    install(bench, archive).ok();
    let path = bench.path("plugins/.aisoc/records/demo.json");
    let mut record = aisoc_installation::InstallRecord::parse(&fs::read(&path).expect("there")).expect("a record");
    record.digest = digest.parse().expect("a digest");
    fs::write(path, record.to_text().expect("text")).expect("written");
}

#[test]
fn what_was_installed_with_an_unknown_capability_is_put_back_and_rolled_back_to() {
    let bench = bench();
    let (first, last) = (publish(&bench, "1.0.0", "[facts.read]"), publish(&bench, "1.2.0", "[facts.read]"));
    sign_elsewhere(&bench, "1.1.0", "[facts.read, process.spawn]");
    let other = format!("sha256:{}", "0".repeat(64));
    let mismatch = run(&bench, &["plugin", "install", "./demo", "--require-digest", &other, "--json"]);
    let found = serde_json::from_str::<Value>(&mismatch.stderr).expect("JSON")["error"]["detail"]["found"].clone();
    record_as_installed(&bench, &first, found.as_str().expect("a digest"));
    // Damaged, so that it has to be put back.
    bench.write("plugins/demo/plugin.py", "");
    let back = run(&bench, &["plugin", "install", "./demo"]).ok().stderr.clone();
    assert!(back.contains("+ process.spawn"), "{back}");
    install(&bench, &last).ok();
    run(&bench, &["plugin", "rollback", "demo"]).ok();
    let listed = document(&run(&bench, &["plugin", "list", "--json"]));
    assert_eq!(listed["unknown_capabilities"], json!(["process.spawn"]));
    install(&bench, &last).ok();
    bench.write("demo/README.md", "another artifact\n");
    sign_elsewhere(&bench, "1.3.0", "[facts.read, process.spawn]");
    run(&bench, &["plugin", "install", "./demo"]).refused(1, "unknown_capability");
}

/// Another reader may take for a grant what this one does not.
#[test]
fn what_is_no_list_of_texts_is_neither_signed_nor_packed_nor_installed() {
    let bench = bench();
    for (capabilities, said) in [
        ("facts.write", "`capabilities` is text, not a list"),
        ("{facts.write: true}", "`capabilities` is a mapping, not a list"),
        ("[7]", "an entry of `capabilities` is an integer, not text"),
        ("[facts.read, [facts.write]]", "an entry of `capabilities` is a list, not text"),
    ] {
        ask(&bench, "1.0.0", capabilities);
        let run = sign(&bench);
        assert!(run.refused(1, "field_type").stderr.contains(said), "{run:?}");
        sign_elsewhere(&bench, "1.0.0", capabilities);
        for words in [
            &["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"][..],
            &["plugin", "push", "demo/", "oci:registry:demo"],
            &["plugin", "install", "./demo", "--trusted-keys", "keys", "--plugins-dir", "plugins"],
        ] {
            let run = bench.run(words);
            assert!(run.refused(1, "field_type").stderr.contains(said), "{words:?} {run:?}");
        }
    }
    assert!(!bench.path("x.tar").exists() && !bench.path("registry").exists() && !bench.path("plugins/demo").exists());
    for nothing in ["", "[]", "~"] {
        let archive = publish(&bench, "1.0.0", nothing);
        assert_eq!(install_json(&bench, &archive)["capabilities"], json!([]), "{nothing}");
        fs::remove_file(bench.path(&archive)).expect("removed");
    }
}

/// What was agreed to once may still be more than what stands there now.
#[test]
fn a_rollback_says_what_it_changes() {
    let bench = bench();
    let (first, second) = (publish(&bench, "1.0.0", "[facts.write]"), publish(&bench, "1.1.0", "[facts.read]"));
    install(&bench, &first).ok();
    install(&bench, &second).ok();
    let back = run(&bench, &["plugin", "rollback", "demo"]);
    assert!(back.ok().stderr.contains("warning[capabilities_grown]: `demo` may do more than before: + facts.write"));
    assert!(back.stderr.contains("- facts.read (any more)"), "{back:?}");
    let again = run(&bench, &["plugin", "rollback", "demo", "--json"]);
    let document: Value = serde_json::from_str(&again.ok().stdout).expect("JSON");
    assert_eq!(document["capabilities"], json!(["facts.read"]));
    assert_eq!(document["added_capabilities"], json!(["facts.read"]));
    assert_eq!(document["removed_capabilities"], json!(["facts.write"]));
}
