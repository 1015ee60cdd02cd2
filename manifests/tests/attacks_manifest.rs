//! Section B of the catalogue, both halves of each row: what the strict profile says of new work, and
//! what the host reads in work that is signed already (PyYAML 6.0.3 and json of Python 3.11).
//!
//! The second half is what makes the first one matter: where the host reads a value at all, a verifier
//! that read another one would check a signature over other content than the host loads.

use aisoc_manifests::fault::Reason;
use aisoc_manifests::plugin::{Document, Manifest, ManifestFile, PythonFiles, ambiguities};

/// What the host does with a document.
#[derive(Debug, PartialEq, Eq)]
enum Host {
    /// Reads it, and signs this.
    Signs(String),
    /// Reads it, and cannot sign it.
    CannotSign,
    /// Cannot read it.
    CannotRead,
}

fn signs(canonical: &str) -> Host {
    Host::Signs(canonical.to_owned())
}

fn read_as_host(file: ManifestFile, bytes: &[u8]) -> Host {
    match Document::read(file, bytes).map(|document| document.canonical()) {
        Err(_) => Host::CannotRead,
        Ok(Err(fault)) => {
            assert_eq!(fault.reason(), Reason::ManifestNotCanonical);
            Host::CannotSign
        }
        Ok(Ok(canonical)) => Host::Signs(String::from_utf8(canonical).expect("ASCII")),
    }
}

/// The strict profile names `reason`, at a place and with a way out; the host does what it does.
#[track_caller]
fn yaml(text: &str, reason: Reason, host: Host) {
    refused(ManifestFile::Yaml, text, reason, host);
}

#[track_caller]
fn json(text: &str, reason: Reason, host: Host) {
    refused(ManifestFile::Json, text, reason, host);
}

#[track_caller]
fn refused(file: ManifestFile, text: &str, reason: Reason, host: Host) {
    let problems = ambiguities(file, text.as_bytes());
    let problem = problems.iter().find(|problem| problem.reason == reason);
    let problem = problem.unwrap_or_else(|| panic!("{text:?}: no {reason} in {problems:?}"));
    assert!(problem.location.line > 0 && problem.location.column > 0 && problem.location.file == file.name());
    assert_eq!(read_as_host(file, text.as_bytes()), host, "{text:?}");
}

/// The strict profile has nothing to say, and the host signs this.
#[track_caller]
fn taken(text: &str, canonical: &str) {
    assert_eq!(ambiguities(ManifestFile::Yaml, text.as_bytes()), [], "{text:?}");
    assert_eq!(read_as_host(ManifestFile::Yaml, text.as_bytes()), signs(canonical), "{text:?}");
}

#[test]
fn a_key_that_stands_twice() {
    let reason = Reason::DuplicateKey;
    yaml("version: a\nversion: b", reason, signs(r#"{"version":"b"}"#));
    yaml("m: {k: 1, k: 2}", reason, signs(r#"{"m":{"k":2}}"#));
    yaml("version: a\n\"\\x76ersion\": b", reason, signs(r#"{"version":"b"}"#));
    yaml("version: a\n'version': b", reason, signs(r#"{"version":"b"}"#));
}

#[test]
fn words_that_are_booleans() {
    for (word, read) in
        [("yes", "true"), ("NO", "false"), ("on", "true"), ("Off", "false"), ("y", "\"y\""), ("N", "\"N\"")]
    {
        yaml(&format!("v: {word}"), Reason::AmbiguousScalar, signs(&format!("{{\"v\":{read}}}")));
        taken(&format!("v: '{word}'"), &format!("{{\"v\":\"{word}\"}}"));
    }
}

#[test]
fn numbers_of_another_yaml() {
    for (number, read) in [
        ("010", "8"),
        ("0o10", "\"0o10\""),
        ("00", "0"),
        ("089", "\"089\""),
        ("1_000", "1000"),
        ("1:30:00", "5400"),
        ("1:30.5", "90.5"),
        ("1e3", "\"1e3\""),
        ("1.0e3", "\"1.0e3\""),
        ("0b11", "3"),
        ("0x_1F", "31"),
    ] {
        yaml(&format!("v: {number}"), Reason::AmbiguousScalar, signs(&format!("{{\"v\":{read}}}")));
    }
}

#[test]
fn integers_beyond_64_bits() {
    for number in ["123456789012345678901234567890", "-9007199254740993"] {
        yaml(&format!("v: {number}"), Reason::NumberForm, signs(&format!("{{\"v\":{number}}}")));
        json(&format!("{{\"v\": {number}}}"), Reason::NumberForm, signs(&format!("{{\"v\":{number}}}")));
    }
}

#[test]
fn an_integer_of_thousands_of_digits() {
    let digits = "1".repeat(5000);
    yaml(&format!("v: {digits}"), Reason::NumberForm, Host::CannotRead);
    // The host's limit is 4,300 digits.
    let digits = "1".repeat(4300);
    yaml(&format!("v: {digits}"), Reason::NumberForm, signs(&format!("{{\"v\":{digits}}}")));
}

#[test]
fn numbers_that_json_does_not_have() {
    for (number, read) in [(".inf", "Infinity"), ("-.INF", "-Infinity"), (".NaN", "NaN"), ("1.0e+400", "Infinity")] {
        yaml(&format!("v: {number}"), Reason::NumberForm, signs(&format!("{{\"v\":{read}}}")));
    }
    json(r#"{"v": NaN}"#, Reason::StrictJson, signs(r#"{"v":NaN}"#));
    json(r#"{"v": 1e400}"#, Reason::NumberForm, signs(r#"{"v":Infinity}"#));
}

#[test]
fn floats_are_written_as_python_writes_them() {
    for (number, read) in [
        ("1.0e+16", "1e+16"),
        ("1.0e-05", "1e-05"),
        ("1.0e+22", "1e+22"),
        ("-0.0", "-0.0"),
        ("0.1000000000000000055", "0.1"),
        ("1000000000000000.0", "1000000000000000.0"),
    ] {
        taken(&format!("v: {number}"), &format!("{{\"v\":{read}}}"));
    }
}

#[test]
fn keys_that_are_not_text() {
    for (key, read) in [("1", "1"), ("true", "true"), ("~", "null"), ("1.5", "1.5")] {
        yaml(&format!("m: {{{key}: a}}"), Reason::KeyType, signs(&format!("{{\"m\":{{\"{read}\":\"a\"}}}}")));
    }
    // Sorted as numbers, written as text.
    let numbers = signs(r#"{"m":{"1":"a","2":"b","10":"c"}}"#);
    yaml("m: {10: c, 1: a, 2: b}", Reason::KeyType, numbers);
}

#[test]
fn keys_that_are_equal_to_the_host_only() {
    yaml("m: {true: a, 1: b}", Reason::KeyType, signs(r#"{"m":{"true":"b"}}"#));
    yaml("m: {1: a, 1.0: b}", Reason::KeyType, signs(r#"{"m":{"1":"b"}}"#));
}

#[test]
fn keys_of_mixed_types() {
    yaml("m: {1: a, b: c}", Reason::KeyType, Host::CannotSign);
    yaml("1: x\nid: y", Reason::KeyType, Host::CannotSign);
}

#[test]
fn dates_bytes_and_sets() {
    for value in ["2024-01-01", "2024-01-01 10:00:00", "!!binary aGk=", "!!set {a, b}"] {
        yaml(&format!("v: {value}"), Reason::ValueType, Host::CannotSign);
    }
    yaml("v: !!omap [a: 1]", Reason::ValueType, signs(r#"{"v":[["a",1]]}"#));
}

#[test]
fn merge_keys() {
    yaml("<<: {id: evil}\nid: good", Reason::MergeKey, signs(r#"{"id":"good"}"#));
    yaml("b: &b {id: evil}\n<<: *b", Reason::MergeKey, signs(r#"{"b":{"id":"evil"},"id":"evil"}"#));
    yaml("m: {<<: {a: 1}, b: 2}", Reason::MergeKey, signs(r#"{"m":{"a":1,"b":2}}"#));
}

#[test]
fn anchors_and_aliases() {
    yaml("a: &x 1\nb: *x", Reason::Alias, signs(r#"{"a":1,"b":1}"#));
    yaml("a: &x [*x]", Reason::Alias, Host::CannotSign);
    let twice = "a: &x 1\nb: &x 2\nc: *x";
    assert!(!ambiguities(ManifestFile::Yaml, twice.as_bytes()).is_empty());
    assert_eq!(read_as_host(ManifestFile::Yaml, twice.as_bytes()), Host::CannotRead);
}

#[test]
fn aliases_that_grow() {
    let levels: String =
        (1..8).map(|n| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 9].join(","))).collect();
    let bomb = format!("l0: &l0 lol\n{levels}");
    let started = std::time::Instant::now();
    let problems = ambiguities(ManifestFile::Yaml, bomb.as_bytes());
    assert_eq!(problems[0].reason, Reason::Alias);
    // 28 MB of canonical JSON for 300 bytes: the reader stops, in either way of reading.
    assert_eq!(read_as_host(ManifestFile::Yaml, bomb.as_bytes()), Host::CannotSign);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn explicit_tags() {
    yaml("v: !!python/object/apply:os.system [id]", Reason::Tag, Host::CannotRead);
    yaml("v: !foo x", Reason::Tag, Host::CannotRead);
    yaml("v: ! 7", Reason::Tag, signs(r#"{"v":7}"#));
}

#[test]
fn lines_that_end_for_some_readers() {
    for character in ['\u{85}', '\u{2028}', '\u{2029}'] {
        let text = format!("a: 1 # c{character}id: evil");
        yaml(&text, Reason::ForbiddenCharacter, signs(r#"{"a":1,"id":"evil"}"#));
    }
}

#[test]
fn characters_that_some_readers_refuse() {
    yaml("a: 1\rb: 2", Reason::ForbiddenCharacter, signs(r#"{"a":1,"b":2}"#));
    yaml("a: x\u{feff}y", Reason::ForbiddenCharacter, signs(r#"{"a":"x\ufeffy"}"#));
    for character in ['\u{1}', '\u{7f}', '\u{ffff}'] {
        yaml(&format!("a: {character}"), Reason::ForbiddenCharacter, Host::CannotRead);
    }
    taken("\u{feff}a: 1\r\nb: 2", r#"{"a":1,"b":2}"#);
}

#[test]
fn more_than_one_document() {
    for text in ["a: 1\n---\nb: 2", "a: 1\n...\ngarbage", "---\n---\na: 1"] {
        yaml(text, Reason::ManifestInvalid, Host::CannotRead);
    }
}

#[test]
fn directives() {
    yaml("%YAML 1.2\n---\nv: yes", Reason::Directive, signs(r#"{"v":true}"#));
    yaml("%TAG !e! tag:yaml.org,2002:\n---\nv: !e!int 7", Reason::Directive, signs(r#"{"v":7}"#));
}

#[test]
fn halves_of_characters() {
    yaml("a: \"\\ud800\"", Reason::ForbiddenCharacter, signs(r#"{"a":"\ud800"}"#));
    yaml("a: \"\\ud83d\\ude00\"", Reason::ForbiddenCharacter, signs(r#"{"a":"\ud83d\ude00"}"#));
    json(r#"{"a": "\ud800"}"#, Reason::ForbiddenCharacter, signs(r#"{"a":"\ud800"}"#));
    taken("a: \"\\U0001f600\"", r#"{"a":"\ud83d\ude00"}"#);
}

#[test]
fn text_is_escaped_as_python_escapes_it() {
    taken("a: é😀", r#"{"a":"\u00e9\ud83d\ude00"}"#);
    taken("a: \"\\x7f\\u2028\\t/\"", r#"{"a":"\u007f\u2028\t/"}"#);
}

#[test]
fn nesting_without_end() {
    let deep = |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    yaml(&format!("v: {}", deep("[", "]", 2_000)), Reason::TooDeep, Host::CannotRead);
    json(&format!("{{\"v\":{}}}", deep("[", "]", 100_000)), Reason::TooDeep, Host::CannotRead);
    yaml(&format!("v: {}", deep("[", "]", 70)), Reason::TooDeep, signs(&format!("{{\"v\":{}}}", deep("[", "]", 70))));
}

#[test]
fn a_manifest_without_end() {
    let large = format!("a: \"{}\"", "x".repeat(256 << 10));
    yaml(&large, Reason::TooLarge, signs(&format!("{{\"a\":\"{}\"}}", "x".repeat(256 << 10))));
    let larger = format!("a: \"{}\"", "x".repeat(1 << 20));
    yaml(&larger, Reason::TooLarge, Host::CannotRead);
}

#[test]
fn another_root_than_a_mapping() {
    for text in ["", "# c", "---", "- a", "text", "null"] {
        yaml(text, Reason::ManifestInvalid, Host::CannotRead);
    }
    for text in ["[]", "null", "1", "\"x\""] {
        let problems = ambiguities(ManifestFile::Json, text.as_bytes());
        assert_eq!(problems[0].reason, Reason::ManifestInvalid, "{text}");
        let document = Document::read(ManifestFile::Json, text.as_bytes()).expect("the host's json reads it");
        let fault = document.signed_payload(&PythonFiles::default()).expect_err("and cannot sign it");
        assert_eq!(fault.reason(), Reason::ManifestNotCanonical, "{text}");
    }
}

#[test]
fn json_that_is_not_json() {
    json("{\"a\": 1, \"a\": 2}", Reason::DuplicateKey, signs(r#"{"a":2}"#));
    json("{\"a\": -Infinity}", Reason::StrictJson, signs(r#"{"a":-Infinity}"#));
    for text in ["{\"a\": 1} // c", "{\"a\": 1,}", "\u{feff}{}", "{'a': 1}", "{\"a\": 01}", "{\"a\": \"\t\"}"] {
        json(text, Reason::ManifestInvalid, Host::CannotRead);
    }
    assert_eq!(read_as_host(ManifestFile::Json, b"\xff\xfe{\0}\0"), Host::CannotRead);
}

#[test]
fn an_id_that_is_not_text() {
    for (id, read) in [("123", "123"), ("1.0", "1.0"), ("yes", "true")] {
        let text = format!("id: {id}\nname: x\nversion: '1'\nplugin_type: enricher\n");
        let document = Document::read(ManifestFile::Yaml, text.as_bytes()).expect("readable");
        assert!(document.canonical().expect("signable").starts_with(format!("{{\"id\":{read},").as_bytes()));
        let fault = Manifest::from_document(&document).expect_err("the host would make a directory of that name");
        assert_eq!(fault.reason(), Reason::FieldType, "{id}");
    }
}

#[test]
fn ids_that_are_paths_options_or_lines() {
    let long = "x".repeat(65);
    for id in ["abc\\n", ".", "..", "../x", "a/b", "a\\\\b", "a\\0b", "-x", "", long.as_str()] {
        let text = format!("id: \"{id}\"\nname: x\nversion: '1'\nplugin_type: enricher\n");
        let document = Document::read(ManifestFile::Yaml, text.as_bytes()).expect("readable");
        let fault = Manifest::from_document(&document).expect_err(id);
        let expected = if id.is_empty() { Reason::ManifestFieldMissing } else { Reason::InvalidPluginId };
        assert_eq!(fault.reason(), expected, "{id}");
    }
}

#[test]
fn keys_that_no_signature_covers() {
    let text = "id: a\ntrust: {level: high}\nsignature: x";
    yaml(text, Reason::UnsignedKey, signs(r#"{"id":"a","signature":"x","trust":{"level":"high"}}"#));
    let payload = |text: &str| {
        let document = Document::read(ManifestFile::Yaml, text.as_bytes()).expect("readable");
        document.signed_payload(&PythonFiles::default()).expect("signable")
    };
    assert_eq!(payload(text), payload("id: a"), "they can be added after signing, so nothing may follow from them");
}
