//! `plugins describe`: what a reviewer sees of one plugin, installed, offered, or a file in the data directory.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use support::{Bench, Run};

const HERE: [&str; 4] = ["--keys", "keys", "--plugins-dir", "plugins"];

fn describe(bench: &Bench, words: &[&str]) -> Run {
    fs::create_dir_all(bench.path("plugins")).expect("made");
    bench.run(&[&["plugins", "describe"], words, &HERE].concat())
}

fn page(bench: &Bench, words: &[&str]) -> Value {
    let run = describe(bench, &[words, &["--json"]].concat());
    serde_json::from_str(&run.ok().stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// The bench of a plugin that asks for these capabilities, packed as `NAME.tar`.
fn asking(bench: &Bench, version: &str, capabilities: &str, archive: &str) {
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
    let kept = manifest
        .lines()
        .filter(|line| !["version:", "capabilities:", "integrity:"].iter().any(|key| line.starts_with(key)));
    let kept: Vec<&str> =
        kept.filter(|line| !line.starts_with("  scheme") && !line.starts_with("  tree_sha256")).collect();
    bench.write("demo/plugin.yaml", format!("{}\nversion: {version}\ncapabilities: {capabilities}\n", kept.join("\n")));
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", archive]).ok();
}

fn result(page: &Value, item: usize) -> (String, String) {
    let item = &page["checklist"][item - 1];
    (item["result"].as_str().expect("a word").to_owned(), item["finding"].as_str().expect("a text").to_owned())
}

#[test]
fn what_is_offered_is_described_whole_and_nothing_is_written() {
    let bench = Bench::new();
    bench.published();
    asking(&bench, "1.1.0", "[recall.read, network.outbound, facts.write, facts.read, connector-tag]", "next.tar");
    let run = describe(&bench, &["next.tar"]);
    let before = bench.state();
    for line in [
        "id          demo\n",
        "version     1.1.0\n",
        "kind        enricher\n",
        "state       offered\n",
        "signature   verified, coverage full\n",
        "decision    admitted: trusted_publisher\n",
        "facts.write  write, impact high, by get_facts_writer()\n",
        "network.outbound  outbound, impact high, by get_network_outbound()\n",
        "Ask for the list of destinations",
        "  flagged: writes without audit.emit\n",
        "  no version of it was accepted here\n",
        "ok  5   signature\n",
    ] {
        assert!(run.ok().stdout.contains(line), "{line:?} in {}", run.stdout);
    }
    let page = page(&bench, &["next.tar"]);
    assert_eq!(bench.state(), before, "nothing is written");
    assert_eq!((&page["installed"], &page["writes_without_audit"]), (&json!(false), &json!(true)));
    let asked: Vec<&str> = page["asked_capabilities"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|asked| asked["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        asked,
        ["facts.read", "facts.write", "network.outbound", "recall.read"],
        "sorted, and a tag is no capability"
    );
    assert_eq!(result(&page, 1), ("ok".to_owned(), "signed by release: trusted_publisher".to_owned()));
    assert_eq!(result(&page, 3), ("look".to_owned(), "high impact: facts.write, network.outbound".to_owned()));
    assert_eq!(result(&page, 4), ("look".to_owned(), "writes without audit.emit".to_owned()));
    assert_eq!(result(&page, 5).0, "look");
    let files = page["files"].as_array().expect("files");
    let named = |name: &str| files.iter().find(|file| file["path"] == name).expect("listed");
    let size = fs::metadata(bench.path("demo/plugin.py")).expect("there").len();
    assert_eq!(named("plugin.py")["content_bytes"], size);
    assert!(named("plugin.yaml")["content_digest"].as_str().expect("a digest").starts_with("sha256:"));
}

#[test]
fn the_gates_are_those_of_explain_and_a_refusal_is_described() {
    let bench = Bench::new();
    bench.published();
    bench.install("demo.tar").ok();
    let explained = bench.run(&[&["explain", "demo.tar", "--json"], &HERE[..]].concat());
    let explained: Value = serde_json::from_str(&explained.ok().stdout).expect("a document");
    let described = page(&bench, &["demo.tar"]);
    for field in ["id", "verdict", "trust_decision", "gates", "objection"] {
        assert_eq!(described[field], explained[field], "{field}");
    }
    fs::remove_file(bench.path("keys/release.pem")).expect("removed");
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    fs::copy(bench.path("other.pem"), bench.path("keys/other.pem")).expect("copied");
    let refused = page(&bench, &["demo.tar"]);
    assert_eq!(
        (&refused["verdict"], &refused["objection"]["reason_code"]),
        (&json!("refused"), &json!("untrusted_key"))
    );
    assert_eq!((&refused["signers"], &refused["trust_decision"]), (&json!([]), &json!(null)));
    assert_eq!(result(&refused, 1).0, "no");
}

#[test]
fn an_override_and_what_nobody_signed_are_told_apart_from_a_trusted_publisher() {
    let bench = Bench::new();
    bench.published();
    let lists =
        [("AISOC_PLUGIN_TRUSTED_PUBLISHERS", "somebody"), ("AISOC_PLUGIN_TRUST_OVERRIDE_PUBLISHERS", "release")];
    fs::create_dir(bench.path("plugins")).expect("made");
    let words = [&["plugins", "describe", "demo.tar", "--json"], &HERE[..]].concat();
    let run = bench.run_with(&words, &lists);
    let page: Value = serde_json::from_str(&run.ok().stdout).expect("a document");
    assert_eq!(page["trust_decision"], "operator_override", "{page:#}");
    assert_eq!(
        result(&page, 1),
        ("look".to_owned(), "signed by release: let in by an exception, operator_override".to_owned())
    );

    fs::remove_file(bench.path("demo/plugin.sig")).expect("removed");
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    bench.forge("demo", "unsigned.tar");
    let page = self::page(&bench, &["unsigned.tar"]);
    assert_eq!(
        (&page["signature_status"], &page["objection"]["reason_code"]),
        (&json!("unsigned"), &json!("unsigned"))
    );
    assert_eq!((result(&page, 1).0.as_str(), &page["signers"]), ("no", &json!([])));
    let warned = describe(&bench, &["unsigned.tar", "--trust-mode", "warn"]);
    assert!(warned.ok().stdout.contains("prefer a source whose plugins are signed"), "{warned:?}");
}

#[test]
fn what_changed_since_the_accepted_version_is_marked() {
    let bench = Bench::new();
    bench.published();
    asking(&bench, "1.0.0", "[facts.read]", "first.tar");
    bench.install("first.tar").ok();
    let same = page(&bench, &["first.tar"]);
    assert_eq!((&same["since_accepted"]["differs"], result(&same, 5).0.as_str()), (&json!(false), "ok"), "{same:#}");
    bench.write("demo/rules/more.yaml", "a: 1\n");
    asking(&bench, "1.1.0", "[facts.read, audit.read]", "next.tar");
    let next = page(&bench, &["next.tar"]);
    let changes = &next["since_accepted"];
    assert_eq!((&changes["differs"], &changes["before"]["version"]), (&json!(true), &json!("1.0.0")));
    assert_eq!(changes["capability_changes"], json!({"added": ["audit.read"], "removed": []}));
    assert_eq!(changes["file_changes"]["added"][0]["path"], "rules/more.yaml");
    assert_eq!(result(&next, 5), ("look".to_owned(), "asks for more than what was accepted: audit.read".to_owned()));
    let asked = next["asked_capabilities"].as_array().expect("a list");
    let news: Vec<_> = asked.iter().map(|asked| (&asked["name"], &asked["is_new"])).collect();
    assert_eq!(news, [(&json!("audit.read"), &json!(true)), (&json!("facts.read"), &json!(false))]);
    let text = describe(&bench, &["next.tar"]);
    assert!(text.ok().stdout.contains("+ audit.read  read, impact sensitive"), "{text:?}");

    // What the lock has accepted counts before what is installed.
    bench.run(&["plugins", "trust", "demo", "--reason", "read it", "--keys", "keys", "--plugins-dir", "plugins"]).ok();
    let locked = page(&bench, &["next.tar"]);
    assert_eq!(locked["since_accepted"]["before"]["known_from"], "plugins_lock");
    assert_eq!(locked["since_accepted"]["capability_changes"]["added"], json!(["audit.read"]));
    fs::rename(bench.path("demo"), bench.path("bench")).expect("moved");
    let installed = page(&bench, &["demo"]);
    assert_eq!((&installed["installed"], &installed["since_accepted"]["differs"]), (&json!(true), &json!(false)));
    bench.write("plugins/demo/plugin.py", "changed = 1\n");
    let changed = page(&bench, &["demo"]);
    assert_eq!((&changed["verdict"], &changed["since_accepted"]["differs"]), (&json!("refused"), &json!(true)));
}

#[test]
fn a_signature_is_worth_what_it_is_whatever_else_refuses_the_plugin() {
    let bench = Bench::new();
    bench.published();
    asking(&bench, "1.1.0", "[facts.read]", "first.tar");
    asking(&bench, "1.2.0", "[facts.read, audit.read]", "grown.tar");
    asking(&bench, "1.0.0", "[facts.read]", "older.tar");
    bench.install("first.tar").ok();
    for (archive, reason) in [("grown.tar", "capabilities_not_accepted"), ("older.tar", "version_downgrade")] {
        let page = page(&bench, &[archive]);
        assert_eq!((&page["verdict"], &page["objection"]["reason_code"]), (&json!("refused"), &json!(reason)));
        assert_eq!(
            (&page["signature_status"], &page["signers"][0]["signing_key_id"]),
            (&json!("verified"), &json!("release"))
        );
        let text = describe(&bench, &[archive]);
        assert!(text.stdout.contains("signature   verified, coverage "), "{text:?}");
        assert!(!text.stdout.contains("~ coverage"), "{text:?}");
    }
    // An admission despite what is missing is no signature, whatever comes behind it.
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    fs::remove_file(bench.path("demo/plugin.sig")).expect("removed");
    let words = ["demo", "--trust-mode", "warn", "--deny-capabilities", "facts.read"];
    assert_eq!(page(&bench, &words)["signature_status"], "unsigned");
}

#[test]
fn a_drop_in_is_said_to_be_unconfined_and_data_to_be_data() {
    let bench = Bench::new();
    bench.published();
    bench.write("data/plugins/loaders/csv_loader.py", "raise RuntimeError('it was run')\n");
    bench.write("data/plugins/domains/net.jsonld", "{}");
    fs::create_dir(bench.path("plugins")).expect("made");
    let data = bench.path("data");
    let describe = |id: &str, words: &[&str]| {
        let words = [&["plugins", "describe", id], words, &HERE].concat();
        bench.run_with(&words, &[("AISOC_DATA_DIR", data.to_str().expect("UTF-8"))])
    };
    let run = describe("loader/csv_loader", &[]);
    for part in [
        "source      dropin",
        "full process privileges",
        "capabilities do not confine it",
        "prefer a source whose plugins are signed",
    ] {
        assert!(run.ok().stdout.contains(part), "{part:?} in {}", run.stdout);
    }
    let domain = describe("domain/net", &["--json"]);
    let domain: Value = serde_json::from_str(&domain.ok().stdout).expect("a document");
    assert!(domain["confinement"].as_str().expect("a text").contains("data"), "{domain:#}");
    assert_eq!(domain["files"][0]["content_bytes"], 2);
    describe("loader/absent_loader", &[]).refused(1, "io_not_found");
}

/// What the kernel keeps it from depends on how hosts are started here; what it declares, on nothing.
#[test]
fn what_confines_a_plugin_is_said_by_the_setting_and_by_where_it_is_from() {
    let bench = Bench::new();
    bench.published();
    bench.write("data/plugins/loaders/csv_loader.py", "raise RuntimeError('it was run')\n");
    fs::create_dir(bench.path("plugins")).expect("made");
    let data = bench.path("data");
    let confinement = |subject: &str, sandbox: Option<&str>| {
        let mut variables = vec![("AISOC_DATA_DIR", data.to_str().expect("UTF-8"))];
        variables.extend(sandbox.map(|word| ("AISOC_SANDBOX", word)));
        let run = bench.run_with(&[&["plugins", "describe", subject, "--json"], &HERE[..]].concat(), &variables);
        let page: Value = serde_json::from_str(&run.ok().stdout).expect("a document");
        page["confinement"].as_str().expect("a text").to_owned()
    };
    for (sandbox, layers, is_confined) in [
        (None, "the layers of confinement that the kernel gives (AISOC_SANDBOX=best-effort", true),
        (Some("best-effort"), "the layers of confinement that the kernel gives (AISOC_SANDBOX=best-effort", true),
        (Some("require"), "every layer of confinement, or not at all (AISOC_SANDBOX=require)", true),
        (Some("off"), "nothing confines that (AISOC_SANDBOX=off)", false),
    ] {
        let (dropin, offered) = (confinement("loader/csv_loader", sandbox), confinement("demo.tar", sandbox));
        for said in [&dropin, &offered] {
            assert!(said.contains(layers), "{sandbox:?}: {said}");
            assert_eq!(said.contains("has no network"), is_confined, "{sandbox:?}: {said}");
        }
        // A context is not what the kernel gives.
        assert!(offered.starts_with("a host opens to it what it asks for and nothing else"), "{offered}");
        for part in ["past every broker and its rates", "It has no context", "capabilities do not confine it"] {
            assert!(dropin.contains(part) && !offered.contains(part), "{part:?}: {dropin}; {offered}");
        }
    }
}

#[test]
fn nothing_from_outside_reaches_a_terminal_as_it_is() {
    let bench = Bench::new();
    bench.published();
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
    let kept: Vec<&str> =
        manifest.lines().filter(|line| !line.starts_with("name:") && !line.starts_with("min_")).collect();
    let odd = "name: \"red \\e[31m\\u202e\"\nmin_aisoc_version: \"4\\e]0;x\\a\"\ncapabilities: [\"x.\\e[2J\"]\n";
    bench.write("demo/plugin.yaml", format!("{}\n{odd}", kept.join("\n")));
    bench.forge("demo", "odd.tar");
    for words in [&["odd.tar"][..], &["odd.tar", "--json"]] {
        let run = describe(&bench, words);
        assert!(!run.ok().stdout.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{run:?}");
    }
}

#[test]
fn what_cannot_be_described_is_refused_with_a_reason() {
    let bench = Bench::new();
    bench.published();
    describe(&bench, &["absent"]).refused(1, "io_not_found");
    for named in ["--plugins-dir", "--plugins-lock", "--site-packages"] {
        bench.run(&["plugins", "describe", "demo.tar", "--keys", "keys", named, "absent"]).refused(1, "io_not_found");
    }
    bench.write("empty/readme", "x");
    describe(&bench, &["./empty"]).refused(1, "manifest_missing");
    bench.write("plugins.lock", "version = 9\n");
    describe(&bench, &["demo.tar"]).refused(2, "lock_schema_unsupported");
    fs::remove_file(bench.path("plugins.lock")).expect("removed");
    fs::set_permissions(bench.path("keys"), fs::Permissions::from_mode(0o777)).expect("mode");
    describe(&bench, &["demo.tar"]).refused(1, "directory_insecure");
}
