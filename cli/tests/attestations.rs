//! `plugin sbom` and `plugin provenance`: what is in a plugin and where it is from, in the forms of others.
//!
//! The documents of two plugins stand in `testdata/golden`. To accept new ones, run the test with `AISOC_ACCEPT_GOLDEN=1`
//! and read the difference.

mod support;

use std::collections::BTreeSet;
use std::fs;

use jsonschema::Validator;
use serde_json::{Value, json};
use support::jobs::{COMMIT, GITHUB, GITLAB, github_with};
use support::{Bench, Run, copy_tree, workspace};

const MANIFEST: &str = "id: demo\nname: Demo\nversion: \"1.2.0\"\nplugin_type: enricher\ndescription: d\nauthor: Ada <ada@example.com>\n\
                        license: Apache-2.0 OR MIT\n";

/// A plugin with a list of each kind, and with what is left out.
fn demo(bench: &Bench) {
    let (one, other) = ("1".repeat(64), "2".repeat(64));
    let files = [
        ("plugin.yaml", MANIFEST.to_owned()),
        ("plugin.py", "class Plugin:\n    pass\n".to_owned()),
        (".aisocignore", "notes/\n".to_owned()),
        ("notes/requirements.txt", "never-shipped==1\n".to_owned()),
        (
            "requirements.txt",
            format!(
                "-r more/base.txt\nRequests==2.32.3 --hash=sha256:{one}\nurllib3>=2,<3 ; python_version > \"3.9\"\n"
            ),
        ),
        ("more/base.txt", "idna==3.10\n".to_owned()),
        (
            "poetry.lock",
            format!(
                "[[package]]\nname = \"certifi\"\nversion = \"2025.1.31\"\nfiles = [{{file = \"c.whl\", hash = \"sha256:{other}\"}}]\n"
            ),
        ),
        (
            "uv.lock",
            "version = 1\n[[package]]\nname = \"idna\"\nversion = \"3.10\"\nsdist = { hash = \"sha256:".to_owned()
                + &one
                + "\" }\n",
        ),
        ("pdm.lock", "[[package]]\nname = \"anyio\"\nversion = \"4.8.0\"\n".to_owned()),
        ("pylock.toml", "lock-version = \"1.0\"\n[[packages]]\nname = \"h11\"\nversion = \"0.14.0\"\n".to_owned()),
        ("wheels/ruamel.yaml-0.18.6-py3-none-any.whl", "wheel".to_owned()),
        ("vendor/sniffio-1.3.1.dist-info/METADATA", "Name: sniffio\n".to_owned()),
    ];
    for (name, content) in files {
        bench.write(&format!("demo/{name}"), content);
    }
}

fn sbom(bench: &Bench, directory: &str) -> Value {
    serde_json::from_str(&bench.run(&["plugin", "sbom", directory]).ok().stdout).expect("JSON")
}

/// What version 1.6 asks of the parts that are written, and that nothing else is.
fn cyclonedx() -> Validator {
    let property = json!({
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": { "name": { "type": "string" }, "value": { "type": "string" } },
    });
    let hash = json!({
        "type": "object", "required": ["alg", "content"], "additionalProperties": false,
        "properties": {
            "alg": { "enum": ["SHA-256", "SHA-384", "SHA-512"] },
            "content": { "pattern": "^([a-f0-9]{64}|[a-f0-9]{96}|[a-f0-9]{128})$" },
        },
    });
    let license = json!({ "oneOf": [
        { "type": "array", "items": { "type": "object", "required": ["license"], "additionalProperties": false, "properties": {
            "license": { "type": "object", "required": ["name"], "additionalProperties": false, "properties": { "name": { "type": "string" } } },
        } } },
        { "type": "array", "minItems": 1, "maxItems": 1, "items": {
            "type": "object", "required": ["expression"], "additionalProperties": false, "properties": { "expression": { "type": "string" } },
        } },
    ] });
    let component = json!({
        "type": "object", "required": ["type", "name"], "additionalProperties": false,
        "properties": {
            "type": { "enum": ["application", "file", "library"] },
            "bom-ref": { "type": "string", "minLength": 1 },
            "authors": { "type": "array", "items": { "type": "object", "required": ["name"] } },
            "name": { "type": "string" },
            "version": { "type": "string", "maxLength": 1024 },
            "hashes": { "type": "array", "items": hash },
            "licenses": license,
            "purl": { "type": "string", "pattern": "^pkg:(pypi|generic)/[A-Za-z0-9._~%-]+(@[A-Za-z0-9._~:%-]+)?$" },
            "properties": { "type": "array", "items": property },
        },
    });
    let schema = json!({
        "type": "object",
        "required": ["bomFormat", "specVersion", "serialNumber", "version", "metadata", "components"],
        "additionalProperties": false,
        "properties": {
            "$schema": { "const": "http://cyclonedx.org/schema/bom-1.6.schema.json" },
            "bomFormat": { "const": "CycloneDX" },
            "specVersion": { "const": "1.6" },
            "serialNumber": { "pattern": "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$" },
            "version": { "const": 1 },
            "metadata": {
                "type": "object", "required": ["tools", "component"], "additionalProperties": false,
                "properties": {
                    "timestamp": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$" },
                    "tools": { "properties": { "components": { "type": "array", "items": component } } },
                    "component": component,
                },
            },
            "components": { "type": "array", "uniqueItems": true, "items": component },
            "dependencies": { "type": "array", "uniqueItems": true, "items": {
                "type": "object", "required": ["ref"], "additionalProperties": false,
                "properties": { "ref": { "type": "string" }, "dependsOn": { "type": "array", "uniqueItems": true } },
            } },
            "compositions": { "type": "array", "items": {
                "type": "object", "required": ["aggregate"], "additionalProperties": false,
                "properties": {
                    "aggregate": { "enum": ["complete", "incomplete", "unknown"] }, "assemblies": {}, "dependencies": {},
                },
            } },
        },
    });
    jsonschema::validator_for(&schema).expect("a schema")
}

/// Holds a document to the form, and its references to what is in it.
fn require_form(bom: &Value) {
    let problems: Vec<String> =
        cyclonedx().iter_errors(bom).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert_eq!(problems, [""; 0]);
    let components = bom["components"].as_array().expect("components");
    let all = components.iter().chain([&bom["metadata"]["component"]]);
    let references: Vec<&str> = all.filter_map(|component| component["bom-ref"].as_str()).collect();
    assert_eq!(references.len(), components.len() + 1, "each has one");
    let known: BTreeSet<&str> = references.iter().copied().collect();
    assert_eq!(known.len(), references.len(), "a reference stands twice");
    let dependency = &bom["dependencies"][0];
    let named = dependency["dependsOn"].as_array().expect("a list").iter().chain([&dependency["ref"]]);
    assert!(named.filter_map(Value::as_str).all(|reference| known.contains(reference)), "{dependency}");
}

/// As it stands in `testdata/golden`.
#[track_caller]
fn require_golden(name: &str, text: &str) {
    let golden = workspace::root().join("testdata/golden").join(name);
    if std::env::var_os("AISOC_ACCEPT_GOLDEN").is_some() {
        fs::write(&golden, text).expect("written");
    }
    assert_eq!(fs::read_to_string(&golden).expect("the golden file"), text, "AISOC_ACCEPT_GOLDEN=1 accepts it");
}

#[test]
fn a_plugin_with_a_list_of_each_kind_has_everything_in_its_document() {
    let bench = Bench::new();
    demo(&bench);
    let run = bench.run(&["plugin", "sbom", "demo"]);
    assert_eq!(run.ok().stderr, "", "nothing is unread");
    require_golden("sbom-demo.cdx.json", &run.stdout);
    let bom: Value = serde_json::from_str(&run.stdout).expect("JSON");
    require_form(&bom);
    let components = bom["components"].as_array().expect("components");
    let of = |kind: &str| -> BTreeSet<&str> {
        let of_kind = components.iter().filter(|component| component["type"] == kind);
        of_kind.filter_map(|component| component["purl"].as_str().or(component["name"].as_str())).collect()
    };
    let libraries = [
        "pkg:pypi/anyio@4.8.0",
        "pkg:pypi/certifi@2025.1.31",
        "pkg:pypi/h11@0.14.0",
        "pkg:pypi/idna@3.10",
        "pkg:pypi/requests@2.32.3",
        "pkg:pypi/ruamel-yaml@0.18.6",
        "pkg:pypi/sniffio@1.3.1",
        "pkg:pypi/urllib3",
    ];
    assert_eq!(of("library"), BTreeSet::from(libraries));
    assert!(!of("file").contains("notes/requirements.txt"), "what is left out is not shipped");
    let direct = bom["dependencies"][0]["dependsOn"].as_array().expect("a list");
    let direct: Vec<&str> = direct.iter().filter_map(Value::as_str).collect();
    assert_eq!(
        direct,
        [libraries[3], libraries[4], libraries[5], libraries[6], libraries[7]],
        "nobody knows of a lock's"
    );
}

/// The files are those that an artifact has, and the hashes theirs.
#[test]
fn the_files_of_a_document_are_those_that_are_packed() {
    let bench = Bench::new();
    demo(&bench);
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "demo", "--out", "demo.tar"]).ok();
    let inspected = bench.run(&["plugin", "inspect", "oci-archive:demo.tar", "--json"]);
    let inspected: Value = serde_json::from_str(&inspected.ok().stdout).expect("JSON");
    let packed: BTreeSet<&str> =
        inspected["files"].as_array().expect("files").iter().filter_map(|file| file["path"].as_str()).collect();
    let bom = sbom(&bench, "demo");
    let files =
        bom["components"].as_array().expect("components").iter().filter(|component| component["type"] == "file");
    let shipped: BTreeSet<&str> = files.filter_map(|file| file["name"].as_str()).collect();
    assert!(shipped.contains("plugin.sig") && shipped.len() > 10, "{shipped:?}");
    assert_eq!(shipped, packed);
}

#[test]
fn the_examples_have_documents_that_are_the_same_everywhere() {
    let bench = Bench::new();
    copy_tree(&workspace::root().join("examples/plugins/sightings"), &bench.path("sightings"));
    let run = bench.run(&["plugin", "sbom", "sightings"]);
    require_golden("sbom-sightings.cdx.json", &run.ok().stdout);
    require_form(&serde_json::from_str(&run.stdout).expect("JSON"));
    copy_tree(&bench.path("sightings"), &bench.path("elsewhere/again"));
    let again =
        bench.run_with(&["plugin", "sbom", "elsewhere/again"], &[("TZ", "Asia/Tokyo"), ("LANG", "de_DE.UTF-8")]);
    assert_eq!(again.ok().stdout, run.stdout);
}

#[test]
fn the_time_is_that_of_the_release_or_none_and_another_document_has_another_number() {
    let bench = Bench::new();
    demo(&bench);
    let at = |time: &str| bench.run_with(&["plugin", "sbom", "demo"], &[("SOURCE_DATE_EPOCH", time)]);
    let timed: Value = serde_json::from_str(&at("1700000000").ok().stdout).expect("JSON");
    require_form(&timed);
    assert_eq!(timed["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    let plain = sbom(&bench, "demo");
    assert_eq!(plain["metadata"].get("timestamp"), None);
    assert_ne!(plain["serialNumber"], timed["serialNumber"]);
    assert_eq!(at("1700000000").stdout, at("1700000000").stdout);
    at("yesterday").refused(2, "usage");
    bench.write("demo/plugin.py", "class Plugin:\n    changed = True\n");
    assert_ne!(sbom(&bench, "demo")["serialNumber"], plain["serialNumber"]);
}

#[test]
fn a_list_that_cannot_be_read_is_named_in_the_document_and_in_a_warning() {
    let bench = Bench::new();
    demo(&bench);
    for (name, content, why) in [
        ("poetry.lock", &b"[[package]\n"[..], "is not what its name says"),
        ("uv.lock", b"\xff\xfe", "is not UTF-8"),
        ("requirements.txt", b"-r ../outside.txt\n", "names another list"),
        ("requirements.txt", b"./local\n", "line 1: names no distribution"),
        ("requirements-dev.txt", b"-c constraints.txt\n", "constraints"),
        ("setup.py", b"setup()\n", "in words that are not read"),
        ("wheels/odd.whl", b"", "is not named as a wheel is"),
    ] {
        let before = fs::read(bench.path(&format!("demo/{name}"))).ok();
        bench.write(&format!("demo/{name}"), content);
        let run = bench.run(&["plugin", "sbom", "demo"]);
        assert!(run.ok().stderr.contains("warning[sbom_incomplete]") && run.stderr.contains(why), "{run:?}");
        let bom: Value = serde_json::from_str(&run.stdout).expect("JSON");
        require_form(&bom);
        assert_eq!(bom["compositions"][1]["aggregate"], "incomplete");
        let file = bom["components"].as_array().expect("components").iter().find(|component| component["name"] == name);
        let properties = &file.expect("shipped")["properties"];
        assert_eq!(properties[0]["name"], "aisoc:unread");
        assert!(properties[0]["value"].as_str().is_some_and(|value| value.contains(why)), "{properties}");
        let document = bench.run(&["plugin", "sbom", "demo", "--json"]);
        let document: Value = serde_json::from_str(&document.ok().stdout).expect("JSON");
        assert_eq!(document["unread_lists"][0]["path"], name);
        assert_eq!((&document["sbom"], &document["predicate_type"]), (&bom, &"https://cyclonedx.org/bom".into()));
        match before {
            Some(content) => drop(bench.write(&format!("demo/{name}"), content)),
            None => fs::remove_file(bench.path(&format!("demo/{name}"))).expect("removed"),
        }
    }
}

#[test]
fn a_list_that_is_larger_than_what_is_read_is_not_read() {
    const MAX_LIST_BYTES: usize = 8 << 20;
    let bench = Bench::new();
    bench.write("demo/plugin.yaml", MANIFEST);
    for (bytes, is_read) in [(MAX_LIST_BYTES - 1, true), (MAX_LIST_BYTES, true), (MAX_LIST_BYTES + 1, false)] {
        let list = "idna==3.10\n#".to_owned() + &"x".repeat(bytes - 12);
        bench.write("demo/requirements.txt", list);
        let bom = sbom(&bench, "demo");
        let is_there = bom["components"].as_array().expect("components").iter().any(|one| one["name"] == "idna");
        assert_eq!(is_there, is_read, "{bytes}");
        assert_eq!(bom["compositions"][1]["aggregate"] == "unknown", is_read, "{bytes}");
    }
}

/// In all lists together, to the byte.
#[test]
fn lists_behind_the_last_byte_that_is_read_are_not_read() {
    let bench = Bench::new();
    bench.write("demo/plugin.yaml", MANIFEST);
    let list = |bytes: usize| "#".repeat(bytes);
    for number in 0..8 {
        bench.write(&format!("demo/requirements-{number}.txt"), list(8 << 20));
    }
    let run = bench.run(&["plugin", "sbom", "demo"]);
    assert_eq!(run.ok().stderr, "", "just so much");
    bench.write("demo/requirements-7.txt", list((8 << 20) - 1));
    bench.write("demo/requirements-8.txt", "x");
    assert_eq!(bench.run(&["plugin", "sbom", "demo"]).ok().stderr, "");
    bench.write("demo/requirements-8.txt", "xy");
    let run = bench.run(&["plugin", "sbom", "demo"]);
    assert!(run.ok().stderr.contains("`requirements-8.txt`: is behind 67108864 bytes"), "{run:?}");
}

#[test]
fn a_document_that_would_hold_a_secret_is_refused_and_the_secret_is_not_shown() {
    let token = format!("ghp_{}", &"A1b2C3d4E5".repeat(4)[..36]);
    for (name, content) in [
        ("requirements.txt", "pkg @ https://me:hunter2@files.example/pkg.whl\n".to_owned()),
        ("requirements.txt", format!("pkg @ https://files.example/pkg.whl?token={token}\n")),
        ("pyproject.toml", "[project]\ndependencies = [\"pkg @ https://hunter2@files.example/pkg.whl\"]\n".to_owned()),
        ("pdm.lock", format!("[[package]]\nname = \"pkg\"\nversion = \"{token}\"\n")),
        (&format!("{token}.txt"), String::new()),
        ("plugin.yaml", MANIFEST.replace("Ada <ada@example.com>", &token)),
    ] {
        let bench = Bench::new();
        bench.write("demo/plugin.yaml", MANIFEST);
        bench.write(&format!("demo/{name}"), content);
        let run = bench.run(&["plugin", "sbom", "demo"]);
        run.refused(1, "forbidden_entry");
        assert!(!run.stderr.contains("hunter2") && !run.stderr.contains(&token), "{run:?}");
    }
    let bench = Bench::new();
    bench.write("demo/plugin.yaml", MANIFEST);
    bench.write(
        "demo/requirements.txt",
        "pkg @ git+ssh://git@github.com/acme/pkg@v1\n--index-url https://me:hunter2@pypi.example/\n",
    );
    bench.write("demo/pdm.lock", format!("package = \"{token}\"\n"));
    let run = bench.run(&["plugin", "sbom", "demo"]);
    assert!(!run.ok().stdout.contains("hunter2"), "where pip looks is not in it");
    assert!(!run.stdout.contains(&token) && !run.stderr.contains(&token), "nor what a list that is none holds");
}

#[test]
fn what_cannot_be_packed_has_no_document() {
    let bench = Bench::new();
    bench.run(&["plugin", "sbom", "nowhere"]).refused(1, "io_not_found");
    fs::create_dir(bench.path("empty")).expect("made");
    bench.run(&["plugin", "sbom", "empty"]).refused(1, "manifest_missing");
    demo(&bench);
    std::os::unix::fs::symlink("/etc/passwd", bench.path("demo/link")).expect("made");
    bench.run(&["plugin", "sbom", "demo"]).refused(1, "forbidden_entry");
    bench.run(&["plugin", "provenance", "demo"]).refused(1, "forbidden_entry");
}

fn provenance(bench: &Bench, variables: &[(&str, &str)], more: &[&str]) -> Run {
    bench.run_with(&[&["plugin", "provenance", "demo"], more].concat(), variables)
}

#[test]
fn provenance_is_what_the_ci_system_says_and_the_same_again() {
    let bench = Bench::new();
    demo(&bench);
    for (name, variables) in [("github", &GITHUB[..]), ("gitlab", &GITLAB[..]), ("elsewhere", &[])] {
        let run = provenance(&bench, variables, &[]);
        require_golden(&format!("provenance-{name}.json"), &run.ok().stdout);
        assert_eq!(run.stdout, provenance(&bench, variables, &[]).stdout);
        assert!(!run.stdout.contains("hunter2"));
        let predicate: Value = serde_json::from_str(&run.stdout).expect("JSON");
        for (part, fields) in
            [("buildDefinition", &["buildType", "externalParameters"][..]), ("runDetails", &["builder"])]
        {
            assert!(fields.iter().all(|field| predicate[part].get(field).is_some()), "{part} of {name}");
        }
        let document: Value =
            serde_json::from_str(&provenance(&bench, variables, &["--json"]).ok().stdout).expect("JSON");
        assert_eq!(document["provenance"], predicate);
        assert_eq!(document["predicate_type"], "https://slsa.dev/provenance/v1");
    }
}

#[test]
fn a_job_that_says_too_little_or_too_much_has_no_provenance() {
    let bench = Bench::new();
    demo(&bench);
    for (name, value) in [
        ("GITHUB_SHA", ""),
        ("GITHUB_SHA", "main"),
        ("GITHUB_SERVER_URL", "https://me:hunter2@github.com"),
        ("GITHUB_REF", "ghp_A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3"),
        ("RUNNER_ENVIRONMENT", ""),
    ] {
        let run = provenance(&bench, &github_with(name, value), &[]);
        run.refused(2, "usage");
        assert!(
            run.error_line().contains(name) && !run.stderr.contains("hunter2") && !run.stderr.contains("ghp_"),
            "{run:?}"
        );
    }
}

#[test]
fn the_source_is_named_where_no_job_says_it_and_nowhere_else() {
    let bench = Bench::new();
    demo(&bench);
    let named = ["--source", "https://github.com/acme/plugins", "--commit", COMMIT];
    let run = provenance(&bench, &[], &named);
    assert!(run.ok().stdout.contains("git+https://github.com/acme/plugins\""), "{run:?}");
    provenance(&bench, &GITHUB, &named).refused(2, "usage");
    for wrong in [
        &["--source", "https://me:hunter2@github.com/acme/plugins", "--commit", COMMIT],
        &["--source", "github.com/acme/plugins", "--commit", COMMIT],
        &["--source", "https://github.com/acme/plugins", "--commit", "v1"],
    ] {
        let run = provenance(&bench, &[], wrong);
        run.refused(2, "usage");
        assert!(!run.stderr.contains("hunter2"), "{run:?}");
    }
    assert_eq!(provenance(&bench, &[], &named[..2]).code, 2, "a source has a commit");
}
