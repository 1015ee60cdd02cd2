//! What a plugin asks of its host: said when it comes, and when it grows; and nothing new comes that asks for what no
//! host can grant.

mod support;

use std::collections::BTreeSet;
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

fn accept(bench: &Bench, archive: &str, capabilities: &str) -> Run {
    run(bench, &["plugin", "install", &format!("oci-archive:{archive}"), "--accept-capabilities", capabilities])
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
    // What it does not ask for nobody accepts of it without being told.
    assert!(!accept(&bench, &archive, "facts.write").ok().stderr.contains("capability_not_asked"));
    let meant = accept(&bench, &archive, "facts.write,audit.read").ok().stderr.clone();
    let said = "warning[capability_not_asked]: `demo` does not ask for audit.read, which is accepted of it";
    assert!(meant.contains(said), "{meant}");
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
    let before = bench.snapshot("plugins");
    let refused = install(&bench, &second);
    let stderr = &refused.refused(3, "capabilities_not_accepted").stderr;
    assert!(stderr.contains("demo 1.1.0: the plugin asks for more than") && stderr.contains(": network.outbound\n"));
    assert_eq!(bench.snapshot("plugins"), before, "what is refused leaves no trace");
    let line = "`aisoc plugin install oci-archive:1.1.0.tar --trusted-keys keys --plugins-dir plugins \
                --accept-capabilities network.outbound`";
    assert!(stderr.contains(line), "{stderr}");
    for other in ["audit.read", "network.outbound,audit.read", "facts.read"] {
        let refused = accept(&bench, &second, other);
        let stderr = &refused.refused(3, "capabilities_not_accepted").stderr;
        assert!(stderr.contains(line) && stderr.contains("found:    accepted: "), "{stderr}");
    }
    for none in ["network.outbuond", "network.*", ""] {
        accept(&bench, &second, none).refused(2, "usage");
    }
    let stderr = accept(&bench, &second, "network.outbound").ok().stderr.clone();
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

/// As the record of a version of aisoc that did not write down what was accepted.
fn forget_what_was_accepted(bench: &Bench) {
    let path = bench.path("plugins/.aisoc/records/demo.json");
    let mut record = aisoc_installation::InstallRecord::parse(&fs::read(&path).expect("there")).expect("a record");
    assert!(record.capabilities.take().is_some(), "an install writes it down");
    fs::write(path, record.to_text().expect("text")).expect("written");
}

#[test]
fn what_is_accepted_is_what_was_written_down_and_else_what_the_manifest_in_place_says() {
    let bench = bench();
    let (first, second) = (publish(&bench, "1.0.0", "[facts.read]"), publish(&bench, "1.1.0", "[facts.write]"));
    let third = publish(&bench, "1.2.0", "[facts.write]");
    install(&bench, &first).ok();
    // Whoever can write there could write this.
    bench.write(
        "plugins/demo/plugin.yaml",
        "id: demo\nname: d\nversion: '1'\nplugin_type: enricher\ncapabilities: [facts.write]\n",
    );
    install(&bench, &second).refused(3, "capabilities_not_accepted");
    accept(&bench, &second, "facts.write").ok();
    forget_what_was_accepted(&bench);
    install(&bench, &third).ok();
}

#[test]
fn growth_is_refused_as_unknown_when_neither_record_nor_manifest_can_be_read() {
    let bench = bench();
    let (first, second) = (publish(&bench, "1.0.0", "[facts.read]"), publish(&bench, "1.1.0", "[facts.read]"));
    let less = publish(&bench, "1.2.0", "[]");
    install(&bench, &first).ok();
    forget_what_was_accepted(&bench);
    bench.write("plugins/demo/plugin.yaml", "[");
    let refused = install(&bench, &second);
    let stderr = &refused.refused(3, "capabilities_not_accepted").stderr;
    assert!(stderr.contains("cannot be read, and it asks for facts.read"), "{stderr}");
    let words =
        ["plugin", "install", &format!("oci-archive:{second}"), "--accept-capabilities", "facts.read", "--json"];
    let upgraded = run(&bench, &words);
    let said = &upgraded.ok().stderr;
    assert!(
        said.contains("capabilities_grown") && said.contains("cannot be read; now it asks for facts.read"),
        "{said}"
    );
    assert_eq!(document(&upgraded)["added_capabilities"], Value::Null);
    forget_what_was_accepted(&bench);
    bench.write("plugins/demo/plugin.yaml", "[");
    // What asks for nothing asks for nothing new.
    install(&bench, &less).ok();
}

#[test]
fn what_was_accepted_is_in_the_record_and_in_the_journal() {
    let bench = bench();
    let (first, second) =
        (publish(&bench, "1.0.0", "[facts.read]"), publish(&bench, "1.1.0", "[facts.read, audit.read]"));
    install(&bench, &first).ok();
    assert!(!bench.path("plugins/.aisoc/plugins.journal").exists(), "nobody had to answer for anything");
    accept(&bench, &second, "audit.read").ok();
    let record = fs::read_to_string(bench.path("plugins/.aisoc/records/demo.json")).expect("there");
    assert!(record.contains("audit.read") && record.contains("facts.read"), "{record}");
    let journal = fs::read_to_string(bench.path("plugins/.aisoc/plugins.journal")).expect("there");
    assert!(journal.contains("\tinstall\tdemo\t1.1.0\tsha256:"), "{journal}");
    assert!(journal.ends_with("\taccepted capabilities: audit.read\n") && journal.lines().count() == 1, "{journal}");
    // The same command again has nothing left to accept.
    accept(&bench, &second, "audit.read").ok();
    bench.run(&["plugins", "journal", "verify", "--plugins-dir", "plugins"]).ok();
    let (one, other) = (publish(&bench, "1.3.0", "[]"), publish(&bench, "1.4.0", "[]"));
    let both = [format!("oci-archive:{one}"), format!("oci-archive:{other}")];
    let words = ["plugin", "install", &both[0], &both[1], "--accept-capabilities", "audit.read"];
    run(&bench, &words).refused(2, "usage");
}

#[test]
fn the_command_of_the_hint_is_about_the_plugin_that_asks_for_more() {
    let bench = bench();
    let first = publish(&bench, "1.0.0", "[]");
    install(&bench, &first).ok();
    let second = publish(&bench, "1.1.0", "[tenant.write, audit.read]");
    let words = ["plugin", "install", &format!("oci-archive:{second}"), "./other", "--accept-capabilities"];
    let typed = run(&bench, &[&words[..4], &["--quiet"]].concat());
    let line =
        typed.stderr.split('`').find(|part| part.contains("--accept-capabilities")).expect("a command").to_owned();
    assert!(!line.contains("./other") && line.ends_with("--accept-capabilities audit.read,tenant.write"), "{line}");
    let again: Vec<&str> = line.split(' ').skip(1).collect();
    bench.run(&again).ok();
}

#[test]
fn what_a_site_denies_is_not_installed_in_any_mode_and_is_marked_where_it_stands() {
    let bench = bench();
    let first = publish(&bench, "1.0.0", "[facts.write, alerts]");
    let plain = publish(&bench, "0.9.0", "[facts.read]");
    for list in ["facts.write", "*.write", " facts.* ,tenant.read"] {
        let denied = run(&bench, &["plugin", "install", &format!("oci-archive:{first}"), "--deny-capabilities", list]);
        let stderr = &denied.refused(3, "capability_denied").stderr;
        assert!(stderr.contains("asks for facts.write, which this site denies"), "{stderr}");
    }
    let deny = [("AISOC_PLUGIN_DENY_CAPABILITIES", "*.write")];
    let with = |words: &[&str]| bench.run_with(&[words, &PLACES].concat(), &deny);
    let archive = format!("oci-archive:{first}");
    bench.acknowledge_unsigned();
    for mode in ["strict", "warn", "disabled"] {
        with(&["plugin", "install", &archive, "--trust-mode", mode]).refused(3, "capability_denied");
        let accepted = ["plugin", "install", &archive, "--trust-mode", mode, "--accept-capabilities", "facts.write"];
        with(&accepted).refused(3, "capability_denied");
    }
    assert!(!bench.path("plugins/demo").exists());
    with(&["plugin", "install", &format!("oci-archive:{plain}")]).ok();
    accept(&bench, &first, "facts.write").ok();
    assert_eq!(with(&["plugins", "verify"]).code, 3);
    let listed: Value = serde_json::from_str(&with(&["plugin", "list", "--json"]).ok().stdout).expect("JSON");
    assert_eq!(listed["plugins"][0]["objection"]["reason_code"], "capability_denied", "{listed}");
    bench.run_with(&["plugin", "verify", "plugins/demo", "--keys", "keys"], &deny).refused(3, "capability_denied");
    // What was accepted before is not denied less.
    with(&["plugin", "install", &archive]).refused(3, "capability_denied");
    run(&bench, &["plugin", "rollback", "demo"]).ok();
    with(&["plugin", "rollback", "demo"]).refused(3, "capability_denied");
    for none in ["facts.reed", "facts", "*", ","] {
        let deny = [("AISOC_PLUGIN_DENY_CAPABILITIES", none)];
        bench.run_with(&[&["plugins", "verify"], &PLACES[..]].concat(), &deny).refused(2, "usage");
    }
}

#[test]
fn the_thirteen_are_listed_with_what_a_reviewer_asks() {
    let bench = Bench::new();
    let document: Value = serde_json::from_str(&bench.run(&["capabilities", "--json"]).ok().stdout).expect("JSON");
    let capabilities = document["capabilities"].as_array().expect("a list");
    assert_eq!(capabilities.len(), 13);
    let of = |name: &str| capabilities.iter().find(|one| one["name"] == name).expect("known").clone();
    for (name, accessor, access, impact) in [
        ("facts.read", "get_facts_reader", "read", "none"),
        ("facts.write", "get_facts_writer", "write", "high"),
        ("recall.read", "get_recall_reader", "read", "none"),
        ("recall.write", "get_recall_writer", "write", "high"),
        ("audit.emit", "get_audit_emitter", "emit", "none"),
        ("audit.read", "get_audit_reader", "read", "sensitive"),
        ("federation.read", "get_federation_reader", "read", "none"),
        ("federation.write", "get_federation_writer", "write", "high"),
        ("identity.read", "get_identity_reader", "read", "sensitive"),
        ("tenant.read", "get_tenant_reader", "read", "none"),
        ("tenant.write", "get_tenant_writer", "write", "high"),
        ("config.read", "get_config_reader", "read", "none"),
        ("network.outbound", "get_network_outbound", "outbound", "high"),
    ] {
        let one = of(name);
        assert_eq!(
            (&one["accessor"], &one["access"], &one["impact"]),
            (&json!(accessor), &json!(access), &json!(impact))
        );
    }
    let text = bench.run(&["capabilities"]).ok().stdout.clone();
    assert!(text.contains("audit.read  read, impact sensitive, by get_audit_reader()\n"), "{text}");
    // What a reviewer asks of each is in the text, in the document and on the page of a plugin that asks for all: a text of
    // its own for every one of them.
    let guidance = |one: &Value| one["guidance"].as_str().expect("a text").to_owned();
    let texts: BTreeSet<String> = capabilities.iter().map(guidance).collect();
    assert!(texts.len() == 13 && texts.iter().all(|text| text.len() > 20), "{texts:?}");
    let names: Vec<&str> = capabilities.iter().map(|one| one["name"].as_str().expect("a name")).collect();
    bench.run(&["plugin", "new", "greedy", "--type", "enricher"]).ok();
    let manifest = fs::read_to_string(bench.path("greedy/plugin.yaml")).expect("there");
    let others: String =
        manifest.lines().filter(|line| !line.starts_with("capabilities:")).map(|line| format!("{line}\n")).collect();
    bench.write("greedy/plugin.yaml", format!("{others}capabilities: [{}]\n", names.join(", ")));
    let describe = ["plugins", "describe", "./greedy", "--trust-mode", "warn"];
    let page = bench.run(&describe);
    let described: Value =
        serde_json::from_str(&bench.run(&[&describe[..], &["--json"]].concat()).stdout).expect("JSON");
    for text_of_one in &texts {
        assert!(text.contains(text_of_one.as_str()), "{text_of_one}: {text}");
        assert!(page.stdout.contains(text_of_one.as_str()), "{text_of_one}: {page:?}");
        assert!(described.to_string().contains(text_of_one.as_str()), "{text_of_one}: {described}");
    }
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
    bench.acknowledge_unsigned();
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

/// Whoever reads `capabilities` in another way than aisoc may find in them what is denied.
#[test]
fn what_cannot_be_read_may_be_what_a_site_denies() {
    let bench = bench();
    let manifest = "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\ncapabilities: ";
    fs::create_dir_all(bench.path("plugins/demo")).expect("made");
    fs::write(bench.path("plugins/demo/plugin.py"), "class Plugin: ...\n").expect("written");
    let deny = [("AISOC_PLUGIN_DENY_CAPABILITIES", "*.write")];
    for stated in ["facts.write", "{facts.write: true}", "[[facts.write]]", "[{facts.write: 1}]", "[1]"] {
        fs::write(bench.path("plugins/demo/plugin.yaml"), format!("{manifest}{stated}\n")).expect("written");
        let directory = ["plugin", "verify", "plugins/demo", "--keys", "keys", "--trust-mode", "warn"];
        bench.run_with(&directory, &deny).refused(1, "field_type");
        let all =
            bench.run_with(&[&["plugins", "verify", "--trust-mode", "warn", "--json"], &PLACES[..]].concat(), &deny);
        assert_ne!(all.code, 0, "{all:?}");
        assert!(all.stdout.contains("field_type"), "{all:?}");
        // Where nothing is denied, a host reads on as it always has.
        bench.run(&directory).ok();
    }
}

/// What was agreed to once may still be more than what stands there now.
#[test]
fn a_rollback_says_what_it_changes() {
    let bench = bench();
    let (first, second) = (publish(&bench, "1.0.0", "[facts.write]"), publish(&bench, "1.1.0", "[facts.read]"));
    install(&bench, &first).ok();
    accept(&bench, &second, "facts.read").ok();
    let back = run(&bench, &["plugin", "rollback", "demo"]);
    assert!(back.ok().stderr.contains("warning[capabilities_grown]: `demo` may do more than before: + facts.write"));
    assert!(back.stderr.contains("- facts.read (any more)"), "{back:?}");
    let again = run(&bench, &["plugin", "rollback", "demo", "--json"]);
    let document: Value = serde_json::from_str(&again.ok().stdout).expect("JSON");
    assert_eq!(document["capabilities"], json!(["facts.read"]));
    assert_eq!(document["added_capabilities"], json!(["facts.read"]));
    assert_eq!(document["removed_capabilities"], json!(["facts.write"]));
}
