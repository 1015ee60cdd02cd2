//! What the host demands of a manifest, and where faults point.

use std::time::{Duration, Instant};

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::plugin::{Document, Manifest, ManifestFile, PluginType, Profile, PythonFiles, validate};

fn manifest(text: &str) -> Result<Manifest, Fault> {
    Manifest::from_document(&Document::read(ManifestFile::Yaml, text.as_bytes())?)
}

#[track_caller]
fn refused(text: &str, reason: Reason, line: usize, column: usize) -> Fault {
    let fault = manifest(text).expect_err("must be refused");
    let location = fault.location().expect("always there");
    assert_eq!((fault.reason(), location.line, location.column), (reason, line, column), "{fault:?}");
    assert_eq!(location.file, "plugin.yaml");
    fault
}

const GOOD: &str = "id: demo.one\nname: Demo\nversion: \"1.0.0\"\nplugin_type: action\n";

#[test]
fn fields_are_read() {
    let text = format!("{GOOD}author: [x]\ntags: [a, 1, b]\ncapabilities: [facts.read]\nhomepage: https://h\n");
    let manifest = manifest(&text).expect("good");
    assert_eq!(
        (manifest.id.as_str(), manifest.name.as_str(), manifest.version.as_str()),
        ("demo.one", "Demo", "1.0.0")
    );
    assert_eq!(manifest.plugin_type, PluginType::Action);
    assert_eq!((manifest.author, manifest.homepage.as_deref()), (None, Some("https://h")));
    assert_eq!(
        (manifest.tags, manifest.capabilities),
        (vec!["a".to_owned(), "b".to_owned()], vec!["facts.read".to_owned()])
    );
}

#[test]
fn a_version_that_is_a_number_is_shown_as_the_host_reads_it() {
    assert_eq!(manifest(&GOOD.replace("\"1.0.0\"", "1.10")).expect("the host takes it").version, "1.1");
    assert_eq!(manifest(&GOOD.replace("Demo", "[a]")).expect("the host takes it").name, "[\"a\"]");
}

#[test]
fn four_fields_must_be_there_and_truthy() {
    for line in GOOD.lines() {
        let (name, _) = line.split_once(':').expect("a field");
        for empty in ["''", "0", "false", "null", "[]", "{}", "0.0"] {
            let fault = refused(&GOOD.replace(line, &format!("{name}: {empty}")), Reason::ManifestFieldMissing, 1, 1);
            assert!(fault.message().ends_with(name), "{fault}");
        }
    }
    let fault = refused("x: y\n", Reason::ManifestFieldMissing, 1, 1);
    assert_eq!(fault.message(), "the manifest has no id, name, version, plugin_type");
}

#[test]
fn ids_must_be_text() {
    for id in ["42", "1.5", "[a]", "{a: 1}", "yes"] {
        refused(&GOOD.replace("demo.one", id), Reason::FieldType, 1, 5);
    }
    for id in ["a", "\"ab\\n\"", "../x", "a/b", "-a"] {
        refused(&GOOD.replace("demo.one", id), Reason::InvalidPluginId, 1, 5);
    }
    refused(&GOOD.replace("action", "actor"), Reason::InvalidPluginType, 4, 14);
}

#[test]
fn plugin_yaml_wins() {
    assert_eq!(ManifestFile::find(|_| true), Some(ManifestFile::Yaml));
    assert_eq!(ManifestFile::find(|name| name == "aisoc-plugin.json"), Some(ManifestFile::Json));
    assert_eq!(ManifestFile::find(|_| false), None);
}

#[test]
fn faults_name_the_place_and_the_path_of_the_value() {
    let document = Document::read(ManifestFile::Yaml, b"a:\n  b:\n  - x\n  - when: 2024-01-01\n").expect("readable");
    for fault in
        [document.canonical(), document.signed_payload(&PythonFiles::default())].map(|r| r.expect_err("a date"))
    {
        assert_eq!(fault.reason(), Reason::ManifestNotCanonical);
        assert_eq!(fault.to_string(), "plugin.yaml:4:11: `a.b[1].when` is a date, which cannot be signed");
    }
    let fault = Document::read(ManifestFile::Yaml, b"a: 1\nb:\tc\n").expect_err("a tab");
    assert_eq!(
        (fault.reason(), fault.location().map(|at| (at.line, at.column))),
        (Reason::ManifestInvalid, Some((2, 3)))
    );
}

#[test]
fn signature_and_trust_are_left_out_at_the_top_only() {
    let document = Document::read(ManifestFile::Yaml, b"trust: 2024-01-01\nsignature: x\na: {trust: 1}\n1: x\n");
    let fault = document.expect("readable").signed_payload(&PythonFiles::default()).expect_err("mixed keys");
    assert_eq!(fault.reason(), Reason::ManifestNotCanonical);
    let document =
        Document::read(ManifestFile::Yaml, b"trust: 2024-01-01\nsignature: x\na: {trust: 1}\n").expect("readable");
    let payload = document.signed_payload(&PythonFiles::default()).expect("only text keys");
    assert_eq!(payload, b"{\"files\":{},\"manifest\":{\"a\":{\"trust\":1}}}");
}

/// Documents that are made to exhaust a reader: each of them would take minutes, gigabytes or the whole
/// stack if it were read without care.
#[test]
fn bombs_come_to_an_end() {
    let aliases: String =
        (1..30).map(|n| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 9].join(","))).collect();
    let merges: String = (1..40).map(|n| format!("m{n}: &m{n} {{<<: [*m{0}, *m{0}]}}\n", n - 1)).collect();
    let documents = [
        format!("l0: &l0 lol\n{aliases}"),
        format!("m0: &m0 {{a: 1}}\n{merges}"),
        format!("a: {}", "[".repeat(100_000)),
        format!("a: {}", "{".repeat(100_000)),
        "? ".repeat(60_000),
        "- ".repeat(60_000),
        format!("a: 0x{}", "f".repeat(200_000)),
        format!("a: 1{}", ":59".repeat(60_000)),
        format!("a: !!float 1{}", ":59".repeat(60_000)),
        format!("a: \"{}", "\n".repeat(200_000)),
        format!("a: {}", "x ".repeat(100_000)),
        format!("a: {}", "!a".repeat(100_000)),
        (0..10_000).map(|n| format!("k{n}: [{{}}, []]\n")).collect(),
        (0..20_000).map(|n| format!("{n}: 1\n")).collect(),
        format!("a: [{}]", "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]],".repeat(4_000)),
        format!("a: {{{}}}", "<<: {}, ".repeat(20_000)),
        format!("{}\n", "x".repeat((1 << 20) + 1)),
    ];
    for document in &documents {
        if let Ok(document) = Document::read(ManifestFile::Yaml, document.as_bytes()) {
            let _ = document.canonical();
        }
    }
    let json = [
        format!("{{\"a\":{}", "[".repeat(100_000)),
        format!("[{}1]", "1,".repeat(100_000)),
        format!("{{{}\"a\":1}}", "\"a\":1,".repeat(30_000)),
    ];
    for document in &json {
        if let Ok(document) = Document::read(ManifestFile::Json, document.as_bytes()) {
            let _ = document.canonical();
        }
    }
}

#[test]
fn many_problems_take_one_more_reading_and_not_one_each() {
    let entries = 20_000;
    let manifest = format!("{GOOD}tags: [{}]\n", "1, ".repeat(entries));
    let start = Instant::now();
    let problems = validate(ManifestFile::Yaml, manifest.as_bytes(), &|_| true, Profile::Strict);
    // A minute and more when every problem reads the file again.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let advised = problems.iter().filter(|problem| problem.instead.as_deref() == Some("write \"1\" with quotes"));
    assert_eq!(advised.count(), entries);
}

#[test]
fn one_long_tag_prefix_is_not_copied_to_every_use() {
    // 400 KB for each of 70,000 uses would be 28 GB.
    let manifest = format!("%TAG !e! {}\n---\nk: [{}]\n", "a".repeat(400_000), "!e!x 1, ".repeat(70_000));
    let fault = Document::read(ManifestFile::Yaml, manifest.as_bytes()).expect_err("no such tag is known");
    assert_eq!(fault.reason(), Reason::ManifestInvalid);
    let long = "n".repeat(9000);
    for text in [format!("k: *{long}\n"), format!("k: [&{long} x, &{long} y]\n"), format!("k: !{long}!x y\n")] {
        let fault = Document::read(ManifestFile::Yaml, text.as_bytes()).expect_err("not a manifest");
        assert!(fault.message().len() < 200, "{fault:?}");
    }
}

/// A thousand merges of a mapping of 999 members: each moves its `<<` and copies 999, a million in all.
fn a_million_merged_members() -> String {
    let members = (0..999).map(|key| format!("k{key}: 1")).collect::<Vec<_>>().join(", ");
    let merges: String = (0..1000).map(|place| format!("m{place}: {{<<: *many}}\n")).collect();
    format!("none: &none {{}}\nmany: &many {{{members}}}\n{merges}")
}

#[test]
fn merge_keys_make_a_million_members_and_not_one_more() {
    let most = a_million_merged_members();
    for allowed in [most.as_str(), most.strip_suffix("m999: {<<: *many}\n").expect("the last")] {
        Document::read(ManifestFile::Yaml, allowed.as_bytes()).expect("a million at most");
    }
    let fault = Document::read(ManifestFile::Yaml, (most + "last: {<<: *none}\n").as_bytes()).expect_err("one more");
    assert_eq!(fault.reason(), Reason::TooLarge);
    assert!(fault.message().contains("1000000 members") && fault.message().contains("aisoc help limits"), "{fault:?}");
}
