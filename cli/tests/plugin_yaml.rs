//! Three say what a manifest may hold: the validator, the page `docs/plugin-yaml.md` and the JSON Schema. They say the
//! same, and the validator is who is asked.

mod support;

use std::collections::BTreeSet;
use std::fs;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::Reason;
use aisoc_manifests::plugin::{Document, ManifestFile, PluginType, Profile, SCHEMA, strange_keys, validate};
use serde_json::{Map, Value, json};
use support::{Bench, pages, workspace};

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("JSON")
}

/// A manifest that every profile takes, with every field.
fn whole() -> Map<String, Value> {
    let manifest = json!({
        "id": "shodan", "name": "Shodan", "version": "0.1.0", "plugin_type": "enricher", "description": "Adds.",
        "author": "Ada", "license": "MIT", "homepage": "https://example.com", "tier": "community", "tags": ["one"],
        "capabilities": ["facts.read", "pull_alerts"], "min_aisoc_version": "4.0.0", "runtime": "python",
        "entry_point": "plugin.py", "config_schema": {"type": "object"},
    });
    manifest.as_object().expect("an object").clone()
}

fn with(field: &str, value: Value) -> Map<String, Value> {
    let mut manifest = whole();
    manifest.insert(field.to_owned(), value);
    manifest
}

/// The reasons that the validator has against a manifest, beside a `plugin.py`.
fn reasons(manifest: &Map<String, Value>, profile: Profile) -> Vec<Reason> {
    let bytes = serde_json::to_vec(manifest).expect("JSON");
    let has = |path: &str| ["plugin.py", "rules/", "lib/a.py"].contains(&path);
    validate(ManifestFile::Json, &bytes, &has, profile).iter().map(|problem| problem.reason).collect()
}

/// One row of the page's table of fields.
struct Row {
    field: String,
    kind: String,
    required_by: BTreeSet<String>,
    may_be: String,
}

fn rows() -> Vec<Row> {
    let page = fs::read_to_string(workspace::root().join("docs/plugin-yaml.md")).expect("the page");
    let table = page.lines().skip_while(|line| !line.starts_with("| field |")).skip(2);
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let required_by = cells[2].split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let field = cells[0].trim_matches('`').to_owned();
        Row { field, kind: cells[1].to_owned(), required_by, may_be: cells[3].to_owned() }
    };
    table.take_while(|line| line.starts_with('|')).map(row).collect()
}

/// Fields that the code looks at, by how it does.
fn fields_in_the_code() -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for file in ["validate.rs", "manifest.rs"] {
        let source = fs::read_to_string(workspace::root().join("manifests/src/plugin").join(file)).expect("a source");
        for call in [
            "get(\"",
            "text(\"",
            "texts(\"",
            "shown(\"",
            "text_field(\"",
            "checked_text(\"",
            "list_of_texts(\"",
            "one_of(\"",
        ] {
            let names = source.split(call).skip(1).filter_map(|rest| rest.split('"').next());
            fields.extend(names.map(str::to_owned));
        }
        let lists = source.split("for name in [").skip(1).filter_map(|rest| rest.split(']').next());
        fields.extend(lists.flat_map(|list| list.split('"').skip(1).step_by(2)).map(str::to_owned));
    }
    // No field, and said so on the page: the name that some give to `plugin_type`.
    assert!(fields.remove("type"), "`type` is looked at");
    fields
}

#[test]
fn the_page_and_the_schema_have_every_field_that_the_code_looks_at() {
    let mut expected = fields_in_the_code();
    expected.insert("integrity".to_owned());
    assert!(expected.len() > 14, "{expected:?}");
    assert_eq!(rows().into_iter().map(|row| row.field).collect::<BTreeSet<_>>(), expected);
    let schema = schema();
    let properties = schema["properties"].as_object().expect("properties").keys().cloned();
    expected.extend(["signature".to_owned(), "trust".to_owned()]);
    assert_eq!(properties.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn a_field_is_required_by_the_profiles_that_the_page_names() {
    for row in rows() {
        let mut manifest = whole();
        manifest.remove(&row.field);
        let refuses = |profile: &Profile| reasons(&manifest, *profile).contains(&Reason::ManifestFieldMissing);
        let required_by: BTreeSet<String> =
            Profile::ALL.iter().filter(|p| refuses(p)).map(ToString::to_string).collect();
        assert_eq!(required_by, row.required_by, "{}", row.field);
    }
    assert!(reasons(&whole(), Profile::Strict).is_empty(), "{:?}", reasons(&whole(), Profile::Strict));
}

#[test]
fn a_field_is_of_the_type_and_the_length_that_the_page_says() {
    let kinds = [("text", json!("x")), ("list of texts", json!(["x"])), ("mapping", json!({"x": 1})), ("", json!(7))];
    for row in rows().iter().filter(|row| row.field != "integrity") {
        assert!(kinds.iter().any(|(kind, _)| *kind == row.kind), "{}: {}", row.field, row.kind);
        for (kind, value) in &kinds {
            let found = reasons(&with(&row.field, value.clone()), Profile::Strict);
            let has_wrong_type = found.iter().any(|r| matches!(r, Reason::FieldType | Reason::InvalidVersion));
            let is_word = ["tier", "runtime", "version"].contains(&row.field.as_str());
            assert_eq!(has_wrong_type, *kind != row.kind || is_word, "{} as {kind}: {found:?}", row.field);
        }
        let most = row.may_be.split("at most ").nth(1).and_then(|rest| rest.split(' ').next());
        let Some(most) = most.map(|most| most.parse::<usize>().expect("a number")) else { continue };
        assert!(reasons(&with(&row.field, json!("é".repeat(most))), Profile::Strict).is_empty(), "{}", row.field);
        assert!(!reasons(&with(&row.field, json!("é".repeat(most + 1))), Profile::Strict).is_empty(), "{}", row.field);
    }
}

#[test]
fn the_words_that_a_field_may_be_are_those_of_the_page_and_of_the_schema() {
    let words = |cell: &str| pages::spans(cell).into_iter().map(|(_, word)| word).collect::<Vec<_>>();
    for row in rows().iter().filter(|row| ["plugin_type", "tier", "runtime"].contains(&row.field.as_str())) {
        let said = words(&row.may_be);
        assert_eq!(schema()["properties"][&row.field]["enum"], json!(said), "{}", row.field);
        for word in said {
            assert!(reasons(&with(&row.field, json!(word)), Profile::Strict).is_empty(), "{}: {word}", row.field);
        }
    }
    assert_eq!(
        schema()["properties"]["plugin_type"]["enum"],
        json!(PluginType::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
    );
    let capabilities: Vec<&str> = Capability::ALL.iter().map(|capability| capability.as_str()).collect();
    assert_eq!(schema()["properties"]["capabilities"]["items"]["anyOf"][0]["enum"], json!(capabilities));
}

/// Values that a field is tried with: right ones, wrong ones, and those that only look like one of them.
fn tried() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(false),
        json!(true),
        json!(0),
        json!(1),
        json!(1.5),
        json!(""),
        json!(" "),
        json!([]),
        json!({}),
        json!(["one"]),
        json!([1]),
        json!([null]),
        json!(["facts.read"]),
        json!(["facts.reed"]),
        json!(["a.b", "ok"]),
        json!({"type": "object"}),
        json!("x"),
        json!("é".repeat(256)),
        json!("é".repeat(257)),
        json!("é".repeat(2048)),
        json!("é".repeat(2049)),
        json!("é".repeat(4096)),
        json!("é".repeat(4097)),
    ];
    let words = [
        "shodan",
        "Shodan",
        "s",
        "-x",
        "x.y",
        "a_b-c",
        "con",
        "com1",
        "nul",
        "x\n",
        "é",
        "0.1.0",
        "1.0",
        "01.0.0",
        "1.0.0-rc.1",
        "1.2.3.4",
        "v1.0.0",
        "enricher",
        "action",
        "Enricher",
        "stable",
        "imported",
        "python",
        "oci",
        "python3.11",
        "plugin.py",
        "rules",
        "rules/",
        "lib/a.py",
        "/plugin.py",
        "../plugin.py",
        "./plugin.py",
        "a//b",
        "a\\b",
    ];
    values.extend(words.map(|word| json!(word)));
    values
}

/// What a JSON Schema cannot say: whether an entry point is there.
fn is_about_files(field: &str, found: &[Reason], value: &Value) -> bool {
    let is_path = value.as_str().is_some_and(|path| {
        let parts = path.strip_suffix('/').unwrap_or(path).split('/');
        !path.contains('\\') && !path.starts_with('/') && parts.clone().all(|part| !["", ".", ".."].contains(&part))
    });
    field == "entry_point" && found == [Reason::EntryPointInvalid] && is_path
}

#[test]
fn the_schema_takes_what_the_profile_strict_takes() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let (mut differences, mut refused, mut taken) = (Vec::new(), 0, 0);
    for row in rows() {
        let without = std::iter::once({
            let mut manifest = whole();
            manifest.remove(&row.field);
            (manifest, Value::Null)
        });
        let fields =
            if row.field == "integrity" { vec!["signature", "trust", "anything"] } else { vec![row.field.as_str()] };
        for field in fields {
            let changed = tried().into_iter().map(|value| (with(field, value.clone()), value));
            for (manifest, value) in without.clone().chain(changed) {
                let found = reasons(&manifest, Profile::Strict);
                let is_taken = validator.is_valid(&Value::Object(manifest));
                (taken, refused) = (taken + usize::from(is_taken), refused + usize::from(!is_taken));
                if is_taken != found.is_empty() && !is_about_files(field, &found, &value) {
                    differences.push(format!("{field}: {value}: the schema says {is_taken}, the validator {found:?}"));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(taken > 100 && refused > 300, "{taken} were taken and {refused} refused");
}

#[test]
fn the_schema_takes_every_scaffold_and_the_example_of_the_page() {
    let (bench, validator) = (Bench::new(), jsonschema::validator_for(&schema()).expect("a schema"));
    let page = fs::read_to_string(workspace::root().join("docs/plugin-yaml.md")).expect("the page");
    let example = pages::blocks("plugin-yaml", &page).into_iter().find(|block| block.language == "yaml");
    let mut manifests = vec![example.expect("an example").text];
    for kind in ["enricher", "connector", "responder", "detection", "widget"] {
        bench.run(&["plugin", "new", kind, "--type", kind]).ok();
        manifests.push(fs::read_to_string(bench.path(kind).join("plugin.yaml")).expect("a manifest"));
    }
    for text in manifests {
        let document = Document::read(ManifestFile::Yaml, text.as_bytes()).expect("a manifest");
        let value: Value = serde_json::from_slice(&document.canonical().expect("canonical")).expect("JSON");
        let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{problems:?} in\n{text}");
    }
}

/// Other programs may have keys of their own, so it is said and no more.
#[test]
fn a_key_that_is_nearly_one_that_is_read_is_named_and_refused_by_nobody() {
    let bench = Bench::new();
    bench.run(&["plugin", "keygen", "--out", "a"]).ok();
    for (key, nearest) in [
        ("capabilites: [facts.write]", Some("capabilities")),
        ("plugintype: enricher", Some("plugin_type")),
        ("Version: 2", Some("version")),
        ("vendor: acme", None),
        ("category: network", None),
        ("docs_url: https://acme.test", None),
        ("requires_stigmem: '1'", None),
    ] {
        let _ = fs::remove_dir_all(bench.path("near"));
        bench.run(&["plugin", "new", "near", "--type", "enricher"]).ok();
        let manifest = fs::read_to_string(bench.path("near/plugin.yaml")).expect("there");
        bench.write("near/plugin.yaml", format!("{manifest}{key}\n"));
        let line = manifest.lines().count() + 1;
        for words in [&["plugin", "validate", "near"][..], &["plugin", "sign", "near", "--private-key", "a.key"]] {
            let run = bench.run(words);
            let said = run.ok().stderr.lines().find(|line| line.starts_with("warning[manifest_key_strange]: "));
            match nearest {
                None => assert_eq!(said, None, "{key}"),
                Some(nearest) => {
                    let (found, _) = key.split_once(':').expect("a key");
                    let expected = format!(
                        "near/plugin.yaml:{line}:1: nobody reads the key `{found}`, which is nearly `{nearest}`"
                    );
                    assert!(said.is_some_and(|said| said.ends_with(&expected)), "{expected}: {run:?}");
                    assert!(run.stderr.contains("hint: correct it if that is what was meant"), "{run:?}");
                }
            }
        }
    }
}

#[test]
fn every_key_of_the_schema_is_known_to_who_looks_for_slips() {
    for key in schema()["properties"].as_object().expect("fields").keys().filter(|key| key.len() > 2) {
        let found = |text: String| strange_keys(ManifestFile::Yaml, text.as_bytes());
        assert_eq!(found(format!("{key}: 1\n")), [], "{key}");
        assert_eq!(found(format!("{key}x: 1\n")).first().map(|strange| strange.nearest), Some(key.as_str()), "{key}");
    }
}
