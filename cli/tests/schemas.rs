//! The published schemas: one for every document, those of this build, in one vocabulary, and what commands print.

mod support;

use std::collections::BTreeMap;
use std::fs;

use jsonschema::Validator;
use serde_json::{Value, json};
use support::{Bench, Run, workspace};

/// Numbers that neither count things nor are a size.
const NUMBERS: [&str; 9] = [
    "schema_version",
    "column",
    "exit_code",
    "process_id",
    "set_version",
    "previous_set_version",
    "band_number",
    "seconds",
    "timeout_seconds",
];
/// What digests are of.
const DIGESTS: [&str; 13] = [
    "artifact_digest",
    "index_digest",
    "referrer_digest",
    "subject_digest",
    "layer_digest",
    "blob_digest",
    "tree_digest",
    "canonical_digest",
    "content_digest",
    "chain_digest",
    "newest_chain_digest",
    "payload_digest",
    "signature_digest",
];
/// What a key is called where a document is about keys, and nowhere else: there it is somebody's who has signed.
const OF_A_KEY: [&str; 2] = ["fingerprint", "key_id"];
/// Names that stood for one thing in one document and for another in the next.
const FORBIDDEN: [&str; 17] = [
    "bytes",
    "count",
    "detail_text",
    "error_code",
    "file",
    "fingerprint",
    "instead",
    "key",
    "key_id",
    "manifest",
    "next",
    "next_step",
    "plugins_dir",
    "sha256",
    "signer",
    "size",
    "would_change_it",
];

/// Numbers that are called what the contract for commands calls them, which others read from elsewhere as well.
const OF_A_CONTRACT: [(&str, &str); 3] =
    [("config-policy-show", "denied_paths"), ("config-plugins-show", "total"), ("config-plugins-show", "count")];

/// Name → schema, as `docs/schemas` has them.
fn published() -> BTreeMap<String, Value> {
    let files = fs::read_dir(workspace::root().join("docs/schemas")).expect("listed");
    let schema = |path: std::path::PathBuf| {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        (name, serde_json::from_str(&fs::read_to_string(path).expect("read")).expect("JSON"))
    };
    files.map(|file| schema(file.expect("an entry").path())).collect()
}

#[test]
fn the_published_schemas_are_those_of_this_build() {
    let bench = Bench::new();
    fs::create_dir(bench.path("docs")).expect("made");
    bench.run(&["docs", "--write", "docs"]).ok();
    let names = bench.run(&["schema"]);
    let names: Vec<&str> = names.ok().stdout.lines().collect();
    let published = published();
    assert_eq!(published.len(), names.len(), "docs/schemas holds what is none: run `aisoc docs --write docs`");
    for name in names {
        let generated = fs::read_to_string(bench.path(&format!("docs/schemas/{name}.json"))).expect("generated");
        let is_same = published.get(name) == serde_json::from_str(&generated).ok().as_ref();
        assert!(is_same, "docs/schemas/{name}.json is stale: run `aisoc docs --write docs`");
        let words: Vec<&str> = name.split('-').collect();
        assert_eq!(bench.run(&[&["schema"][..], &words].concat()).ok().stdout, generated, "{name}");
        assert!(jsonschema::meta::is_valid(&published[name]), "{name} is no schema");
    }
    bench.run(&["schema", "nope"]).refused(2, "usage");
    for (typed, name) in [("plugin publish", "plugin release"), ("keygen", "plugin keygen")] {
        let of = |words: &str| {
            bench.run(&[&["schema"][..], &words.split(' ').collect::<Vec<_>>()].concat()).ok().stdout.clone()
        };
        assert_eq!(of(typed), of(name), "{typed}");
    }
}

/// Every property of a schema, with the name under which it stands.
fn properties<'a>(schema: &'a Value, found: &mut Vec<(&'a str, &'a Value)>) {
    match schema {
        Value::Object(members) => {
            for (name, property) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
                found.push((name, property));
            }
            members.values().for_each(|member| properties(member, found));
        }
        Value::Array(members) => members.iter().for_each(|member| properties(member, found)),
        _ => {}
    }
}

/// Whether a value of that type can stand there.
fn allows(property: &Value, wanted: &str) -> bool {
    match &property["type"] {
        Value::String(only) => only == wanted,
        Value::Array(types) => types.iter().any(|one| one == wanted),
        _ => false,
    }
}

fn refers_to(property: &Value, definition: &str) -> bool {
    property.to_string().contains(&format!("\"#/$defs/{definition}\""))
}

/// What registries keep is of either algorithm, and what is ours of one.
fn pattern_of_digest(name: &str) -> &'static str {
    match name {
        "artifact_digest" | "index_digest" | "layer_digest" | "blob_digest" => {
            "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"
        }
        _ => "^sha256:[0-9a-f]{64}$",
    }
}

/// What is wrong with a name for such a value; nothing when it is one of the vocabulary.
fn objection(name: &str, property: &Value) -> Option<&'static str> {
    let number = allows(property, "integer") || allows(property, "number");
    let text = allows(property, "string");
    let ends = |ending: &str| name == ending || name.ends_with(&format!("_{ending}"));
    match name {
        // As every client of a host's API has it: seconds since 1970, and what a manifest says.
        "loaded_at" if number => None,
        "manifest" if refers_to(property, "HostedManifest") => None,
        _ if FORBIDDEN.contains(&name) => Some("says not of what"),
        _ if ends("digest") && (!DIGESTS.contains(&name) || property["pattern"] != pattern_of_digest(name)) => {
            Some("a digest says of what, and is `sha256:…`, or `sha512:…` where registries keep it so")
        }
        _ if ends("fingerprint") && property["pattern"] != "^SHA256:[0-9a-f]{64}$" => {
            Some("a fingerprint is `SHA256:…`")
        }
        _ if number != (ends("count") || ends("bytes") || ends("line") || NUMBERS.contains(&name)) => {
            Some("a number ends in `_count` or `_bytes`, and nothing else does")
        }
        _ if ends("at") && property["format"] != "date-time" => Some("a time is RFC 3339"),
        _ if (ends("path") || ends("directory")) && !text => Some("a path is text"),
        _ if ["_dir", "_file", "_size", "_problem", "_key", "_hint"].iter().any(|end| name.ends_with(end)) => {
            Some("has another name everywhere else")
        }
        _ if ends("objection") && !refers_to(property, "Objection") => Some("an objection has one form"),
        "signers" if !refers_to(property, "Signer") => Some("signers have one form"),
        "hint" | "message" if !text => Some("is text"),
        _ => None,
    }
}

#[test]
fn every_document_speaks_one_language() {
    for (name, property, wrong) in [
        ("digest", json!({"type": "string"}), true),
        ("files", json!({"type": "integer"}), true),
        ("layer_size", json!({"type": "integer"}), true),
        ("next", json!({"type": "string"}), true),
        ("objection", json!({"type": "string"}), true),
        ("file_count", json!({"type": "integer"}), false),
        ("layer_digest", json!({"type": "string", "pattern": "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"}), false),
        ("layer_digest", json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}), true),
        ("canonical_digest", json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}), false),
        (
            "canonical_digest",
            json!({"type": "string", "pattern": "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"}),
            true,
        ),
    ] {
        assert_eq!(objection(name, &property).is_some(), wrong, "{name}");
    }
    let mut seen = 0;
    for (document, schema) in published().iter().filter(|(name, _)| *name != "plugin") {
        let mut found = Vec::new();
        properties(schema, &mut found);
        seen += found.len();
        let is_of_a_key = |name: &str| document.starts_with("keys-") && OF_A_KEY.contains(&name);
        for (name, property) in found {
            if is_of_a_key(name) {
                assert!(name != "fingerprint" || property["pattern"] == "^SHA256:[0-9a-f]{64}$", "{document}");
                continue;
            }
            if OF_A_CONTRACT.contains(&(document, name)) {
                assert!(allows(property, "integer"), "{document}: `{name}` {property}");
                continue;
            }
            assert_eq!(objection(name, property), None, "{document}: `{name}` {property}");
        }
        // A line of progress is no outcome.
        let outcome = (document != "progress").then_some("ok");
        for required in outcome.into_iter().chain(["schema_version"]) {
            assert!(schema["required"].as_array().expect("a list").contains(&required.into()), "{document}");
        }
    }
    assert!(seen > 200, "{seen}");
}

/// A schema that takes no member which it does not describe, so that what is printed is what is published.
fn closed(mut schema: Value) -> Value {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(members) => {
                members.values_mut().for_each(close);
                if members.get("properties").is_some_and(Value::is_object) && members.contains_key("type") {
                    members.insert("additionalProperties".into(), false.into());
                }
            }
            Value::Array(members) => members.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut schema);
    // Of what is one of several, each has members that the others have not: closed is what is left of all of them.
    let names = |one: &Value| one["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")).map(str::to_owned);
    let one_of: Vec<String> = schema["anyOf"].as_array().into_iter().flatten().filter_map(names).collect();
    for name in &one_of {
        schema["$defs"][name].as_object_mut().expect("described").remove("additionalProperties");
    }
    if !one_of.is_empty() {
        let members = schema.as_object_mut().expect("an object");
        members.remove("additionalProperties");
        members.insert("unevaluatedProperties".into(), false.into());
    }
    schema
}

struct Schemas(BTreeMap<String, Validator>);

impl Schemas {
    /// Holds what a command printed to its schema, and what it said beside to the report's.
    #[track_caller]
    fn hold(&self, name: &str, run: &Run) {
        for (name, text) in [(name, &run.stdout), ("report", &run.stderr)] {
            if !text.is_empty() {
                let document: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("one document: {run:?}"));
                let wrong: Vec<String> = self.0[name].iter_errors(&document).map(|wrong| wrong.to_string()).collect();
                assert_eq!((wrong, &document["schema_version"]), (Vec::new(), &2.into()), "{name}: {document:#}");
            }
        }
        assert!(!run.stdout.is_empty() || run.code != 0, "{run:?}");
    }
}

impl Schemas {
    /// Holds each line that a command said beside its answer: how far it was, and at the end what it reports.
    #[track_caller]
    fn hold_lines(&self, run: &Run) {
        assert!(!run.stderr.is_empty(), "{run:?}");
        for line in run.stderr.lines() {
            let document: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("a line of JSON: {run:?}"));
            let name = if document.get("ok").is_some() { "report" } else { "progress" };
            let wrong: Vec<String> = self.0[name].iter_errors(&document).map(|wrong| wrong.to_string()).collect();
            assert_eq!((wrong, &document["schema_version"]), (Vec::new(), &2.into()), "{name}: {document:#}");
        }
    }
}

#[test]
fn what_commands_print_is_what_is_published() {
    let validator = |schema: Value| jsonschema::validator_for(&closed(schema)).expect("a schema");
    let schemas = Schemas(published().into_iter().map(|(name, schema)| (name, validator(schema))).collect());
    let bench = Bench::new();
    bench.published();
    bench.write("keys/bad.pem", "not a key");
    let places = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
    let run = |words: &[&str]| bench.run(&[words, &["--json"]].concat());
    let at = |words: &[&str]| bench.run(&[words, &places, &["--json"]].concat());
    schemas.hold("commands", &run(&["commands"]));
    schemas.hold("plugin-new", &run(&["plugin", "new", "fresh", "--type", "widget"]));
    schemas.hold("plugin-keygen", &run(&["plugin", "keygen", "--out", "other"]));
    schemas.hold("plugin-validate", &run(&["plugin", "validate", "demo"]));
    schemas.hold("plugin-digest", &run(&["plugin", "digest", "demo", "--canonical"]));
    schemas.hold("plugin-sign", &run(&["plugin", "sign", "--plugin-dir", "fresh", "--private-key", "other.key"]));
    schemas.hold("plugin-package", &run(&["plugin", "package", "--plugin-dir", "demo", "--out", "again.tar"]));
    schemas.hold("plugin-push", &run(&["plugin", "push", "demo.tar", "oci:layout:1"]));
    for form in ["--cosign", "--cosign=tag"] {
        schemas.hold("plugin-sign", &run(&["plugin", "sign", "oci:layout:1", form, "--private-key", "release.key"]));
    }
    bench.write("said.json", "{}");
    let attest = ["plugin", "attest", "oci:layout:1", "--type", "urn:x", "--private-key", "release.key", "--predicate"];
    for predicate in ["said.json", "nowhere.json"] {
        schemas.hold("plugin-attest", &run(&[&attest[..], &[predicate]].concat()));
    }
    schemas.hold("plugin-inspect", &run(&["plugin", "inspect", "oci:layout:1"]));
    schemas.hold_lines(&run(&["plugin", "push", "demo.tar", "oci:beside:1", "--progress=json"]));
    schemas.hold_lines(&run(&["plugin", "push", "demo", "oci:beside:2", "--progress=json"]));
    schemas.hold_lines(&run(&["plugin", "push", "nothing", "oci:beside:2", "--progress=json"]));
    schemas.hold(
        "plugin-release",
        &run(&["plugin", "release", "--plugin-dir", "demo", "--private-key", "release.key", "oci:layout:2"]),
    );
    for source in ["demo", "oci-archive:demo.tar"] {
        schemas.hold("plugin-verify", &run(&["plugin", "verify", source, "--keys", "keys"]));
        schemas.hold("plugin-inspect", &run(&["plugin", "inspect", source]));
        schemas.hold("plugin-index", &run(&["plugin", "index", source, "--keys", "release.pem"]));
    }
    // Refused, with a verdict, and let in all the same, with a warning.
    for mode in ["strict", "warn"] {
        schemas.hold("plugin-verify", &run(&["plugin", "verify", "fresh", "--keys", "keys", "--trust-mode", mode]));
    }
    schemas.hold("plugin-pull", &run(&["plugin", "pull", "oci:layout:1", "--out", "pulled"]));
    schemas.hold("plugin-install", &at(&["plugin", "install", "oci-archive:demo.tar"]));
    schemas.hold("plugin-install", &at(&["plugin", "install", "oci:layout:nope"]));
    schemas.hold("plugin-install", &at(&["plugin", "install", "oci:layout:2"]));
    schemas.hold("plugin-list", &at(&["plugin", "list", "--versions"]));
    schemas.hold("plugins-verify", &at(&["plugins", "verify"]));
    schemas.hold("plugin-rollback", &at(&["plugin", "rollback", "demo"]));
    bench.write("plugins/demo/plugin.py", "changed");
    schemas.hold("plugins-verify", &at(&["plugins", "verify"]));
    schemas.hold("plugin-list", &at(&["plugin", "list"]));
    schemas.hold("plugin-gc", &run(&["plugin", "gc", "--keep", "0", "--plugins-dir", "plugins"]));
    let gc = ["registry", "gc", "--dir", "layout", "--grace", "0s", "--untagged", "--older-than", "0s"];
    schemas.hold("registry-gc", &run(&gc));
    schemas.hold("registry-gc", &run(&[&gc[..], &["--dry-run"]].concat()));
    schemas.hold("plugin-uninstall", &run(&["plugin", "uninstall", "demo", "--plugins-dir", "plugins"]));
    schemas.hold("plugin-uninstall", &run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"]));
    // Without a policy, and with one.
    for policy in [None, Some("name: x\ndeny: [plugin/sign, 'token/*']\nmax_risk: write\n")] {
        if let Some(text) = policy {
            bench.write(".aisoc/policy.yml", text);
            bench.write("cases.yml", "cases:\n- {command: plugin/sign, expect: denied}\n");
            schemas.hold("config-policy-test", &run(&["config", "policy", "test", "cases.yml"]));
            schemas.hold("config-policy-validate", &run(&["config", "policy", "validate"]));
        }
        schemas.hold("config-policy-show", &run(&["config", "policy", "show"]));
        schemas.hold("config-plugins-show", &run(&["config", "plugins", "show"]));
        for command in ["plugin/sign", "plugin/list", "token", "plugin/some/run"] {
            schemas.hold("config-policy-explain", &run(&["config", "policy", "explain", command]));
        }
    }
    fs::remove_file(bench.path(".aisoc/policy.yml")).expect("removed");
    schemas.hold("config-strict-mode", &run(&["config", "strict-mode"]));
    bench.write("fresh/plugin.yaml", "id: [");
    schemas.hold("plugin-validate", &run(&["plugin", "validate", "fresh"]));
    bench.write("fresh/plugin.yaml", "id: X\n");
    schemas.hold("plugin-validate", &run(&["plugin", "validate", "fresh"]));
    for (name, words) in [
        ("reasons", &["reasons"][..]),
        ("version", &["version"]),
        ("config-show", &["config", "show"]),
        ("completions", &["completions", "bash"]),
        ("help", &["help"]),
        ("help", &["help", "trust"]),
        ("help", &["help", "plugin", "list"]),
        ("help", &["plugin", "list", "--help"]),
        ("help", &["--help"]),
        ("docs", &["docs", "--write", "."]),
        ("report", &["demo"]),
        ("man", &["man", "--out", "man"]),
        ("schema", &["schema"]),
        ("report", &["plugin", "sign", "--nonsense"]),
        ("report", &["nonsense"]),
    ] {
        schemas.hold(name, &run(words));
    }
    schemas.hold("schema", &run(&["schema", "report"]));
    let names: Value = serde_json::from_str(&run(&["schema"]).ok().stdout).expect("one document");
    assert!(names["schemas"].as_array().expect("names").len() > 20, "{names}");
}
