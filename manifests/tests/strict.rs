//! The strict profile: one test per way in which readers of manifests were seen to disagree.
//!
//! Every case gives a manifest fragment, and the reason, line and column that must be named.

use aisoc_manifests::fault::Reason;
use aisoc_manifests::plugin::{ManifestFile, Problem, Profile, ambiguities, validate};

fn found(problems: &[Problem]) -> Vec<(Reason, usize, usize)> {
    problems.iter().map(|problem| (problem.reason, problem.location.line, problem.location.column)).collect()
}

#[track_caller]
fn yaml(text: &str, expected: &[(Reason, usize, usize)]) -> Vec<Problem> {
    let problems = ambiguities(ManifestFile::Yaml, text.as_bytes());
    assert_eq!(found(&problems), expected, "{text:?}\n{problems:#?}");
    for problem in &problems {
        assert_eq!(problem.location.file, "plugin.yaml");
        let says_how = problem.instead.as_ref().is_some_and(|instead| !instead.is_empty());
        assert!(says_how || problem.reason == Reason::ManifestInvalid, "{problem:?}");
    }
    problems
}

#[track_caller]
fn json(text: &str, expected: &[(Reason, usize, usize)]) {
    let problems = ambiguities(ManifestFile::Json, text.as_bytes());
    assert_eq!(found(&problems), expected, "{text:?}\n{problems:#?}");
}

#[test]
fn plain_manifests_have_no_ambiguity() {
    yaml(
        "\u{feff}# comment\n---\nid: demo\nname: 'Démo: \u{1f600}'\nversion: \"1.10.0\"\ndescription: >\n  two\n  lines\n\
         tags: [a, \"yes\", b c]\nnested: {m: null, e: , t: true, i: -12, f: 1.5, u: ~, s: !!str 12}\nlist:\n- 0\n- 0.5\n",
        &[],
    );
    json(r#"{"id": "demo", "v": [0, -1, 1.5, 1e3, true, null, "\ud83d\ude00"]}"#, &[]);
}

#[test]
fn row_36_duplicate_keys() {
    yaml("a: 1\nb: 2\na: 3\n", &[(Reason::DuplicateKey, 3, 1)]);
    yaml("top:\n  a: 1\n  \"a\": 2\n", &[(Reason::DuplicateKey, 3, 3)]);
    yaml("version: 'x'\n\"\\x76ersion\": 'y'\n", &[(Reason::DuplicateKey, 2, 1)]);
    yaml("f: {k: 1, k: 2}\n", &[(Reason::DuplicateKey, 1, 11)]);
    yaml("a: {k: 1}\nb: {k: 1}\n", &[]);
}

#[test]
fn row_37_words_that_are_booleans_in_yaml_1_1_only() {
    for word in ["yes", "NO", "on", "Off", "y", "N"] {
        let problems = yaml(&format!("v: {word}\n"), &[(Reason::AmbiguousScalar, 1, 4)]);
        let instead = problems[0].instead.as_deref().expect("always there");
        assert!(instead.contains(&format!("write \"{word}\" for the text or ")), "{instead}");
        yaml(&format!("v: \"{word}\"\n"), &[]);
    }
}

#[test]
fn row_38_numbers_that_differ_between_readers() {
    for number in [
        "010", "00", "089", "0o10", "1_000", "1:30:00", "1:30.5", "1e3", "1.0e3", "-.5", "+.5", "0b11", "1_0.5",
        "1e+16",
    ] {
        yaml(&format!("v: {number}\n"), &[(Reason::AmbiguousScalar, 1, 4)]);
        yaml(&format!("v: '{number}'\n"), &[]);
    }
}

#[test]
fn rows_39_to_41_numbers_beyond_every_reader() {
    for number in ["123456789012345678901234567890", "-9007199254740992", ".inf", "-.INF", ".nan", "1.0e+400", "0x1F"] {
        yaml(&format!("v: {number}\n"), &[(Reason::NumberForm, 1, 4)]);
    }
    yaml(&format!("v: {}\n", "1".repeat(5000)), &[(Reason::NumberForm, 1, 4)]);
    yaml("v: 9007199254740991\n", &[]);
}

#[test]
fn row_42_floats_of_any_size_are_fine_when_readers_agree() {
    yaml("a: -0.0\nb: 0.1000000000000000055\nc: 1.0e+16\nd: 1.0e-05\n", &[]);
}

#[test]
fn rows_43_to_45_keys_that_are_not_text() {
    for key in ["1", "true", "~", "1.5", "2024-01-01"] {
        let written = yaml(
            &format!("top:\n  {key}: x\n"),
            &[(Reason::KeyType, 2, 3)].into_iter().take(if key.starts_with('2') { 2 } else { 1 }).collect::<Vec<_>>(),
        );
        assert!(written[0].instead.as_deref().expect("there").contains(&format!("\"{key}\":")));
    }
    yaml("m: {true: a, 1: b}\n", &[(Reason::KeyType, 1, 5), (Reason::KeyType, 1, 14)]);
    yaml("? [a]\n: b\n", &[(Reason::KeyType, 1, 3)]);
    yaml("y: 1\n", &[(Reason::AmbiguousScalar, 1, 1)]);
}

#[test]
fn mixed_keys_are_named_at_the_key_and_at_the_mapping() {
    yaml("m: {1: a, b: c}\n", &[(Reason::ManifestNotCanonical, 1, 4), (Reason::KeyType, 1, 5)]);
}

#[test]
fn row_46_dates_bytes_and_sets() {
    let problems = yaml("a: 1\nreleased: 2024-01-01\n", &[(Reason::ValueType, 2, 11)]);
    assert_eq!(problems[0].instead.as_deref(), Some("write \"2024-01-01\" with quotes"));
    for (tag, value) in [("binary", "aGk="), ("timestamp", "2024-01-01"), ("set", "{a}")] {
        yaml(
            &format!("v: !!{tag} {value}\n"),
            &[(Reason::ValueType, 1, 4), (Reason::ManifestNotCanonical, 1, 6 + tag.len() + 1)],
        );
    }
    yaml("v: !!omap [a: 1]\n", &[(Reason::ValueType, 1, 4)]);
}

#[test]
fn row_47_merge_keys() {
    yaml("<<: {id: evil}\nid: good\n", &[(Reason::MergeKey, 1, 1)]);
    yaml("m:\n  <<: {a: 1}\n", &[(Reason::MergeKey, 2, 3)]);
    yaml("\"<<\": 1\n", &[]);
}

#[test]
fn rows_48_and_49_anchors_and_aliases() {
    yaml("a: &x 1\nb: *x\n", &[(Reason::Alias, 1, 4), (Reason::Alias, 2, 4)]);
    yaml("a: &x [*x]\n", &[(Reason::Alias, 1, 4), (Reason::ManifestNotCanonical, 1, 7), (Reason::Alias, 1, 8)]);
    yaml("a: &x 1\nb: &x 2\n", &[(Reason::ManifestInvalid, 2, 4)]);
    let bomb: String =
        (1..8).map(|n| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 9].join(","))).collect();
    let problems = ambiguities(ManifestFile::Yaml, format!("l0: &l0 lol\n{bomb}").as_bytes());
    assert_eq!(found(&problems)[0], (Reason::Alias, 1, 5));
}

#[test]
fn row_50_tags() {
    yaml("v: ! x\n", &[(Reason::Tag, 1, 4)]);
    yaml("v: !!python/object/apply:os.system [id]\n", &[(Reason::Tag, 1, 4)]);
    yaml("v: !foo x\n", &[(Reason::Tag, 1, 4)]);
    yaml("v: !!str 12\nw: !!map {}\n", &[]);
}

#[test]
fn rows_51_and_52_characters() {
    yaml("a: 1 # c\u{85}id: evil\n", &[(Reason::ForbiddenCharacter, 1, 9)]);
    yaml("a: 1 # c\u{2028}id: evil\n", &[(Reason::ForbiddenCharacter, 1, 9)]);
    yaml("a: 'x\u{2029}y'\n", &[(Reason::ForbiddenCharacter, 1, 6)]);
    yaml("a: 1\rb: 2\r\n", &[(Reason::ForbiddenCharacter, 1, 5)]);
    yaml("a: 1\r\nb: 2\r\n", &[]);
    yaml("a: x\u{feff}y\n", &[(Reason::ForbiddenCharacter, 1, 5)]);
    yaml("a: 1\nb: \u{1}\n", &[(Reason::ForbiddenCharacter, 2, 4)]);
    yaml("a: \u{ffff}\n", &[(Reason::ForbiddenCharacter, 1, 4)]);
}

#[test]
fn row_53_more_than_one_document() {
    yaml("a: 1\n---\nb: 2\n", &[(Reason::ManifestInvalid, 2, 1)]);
    yaml("a: 1\n...\ngarbage\n", &[(Reason::ManifestInvalid, 3, 1)]);
    yaml("---\n---\na: 1\n", &[(Reason::ManifestInvalid, 2, 1)]);
}

#[test]
fn row_54_directives() {
    yaml("%YAML 1.2\n---\na: 1\n", &[(Reason::Directive, 1, 1)]);
    yaml("%TAG !e! tag:yaml.org,2002:\n---\na: 1\n", &[(Reason::Directive, 1, 1)]);
}

#[test]
fn row_55_half_characters() {
    yaml("a: \"\\ud800\"\n", &[(Reason::ForbiddenCharacter, 1, 4)]);
    yaml("a: \"\\ud83d\\ude00\"\n", &[(Reason::ForbiddenCharacter, 1, 4)]);
    yaml("a: \"\\U0001f600\"\n", &[]);
    json(r#"{"a": "\ud800"}"#, &[(Reason::ForbiddenCharacter, 1, 8)]);
}

#[test]
fn row_57_depth() {
    let yaml_of = |depth: usize| format!("v: {}{}\n", "[".repeat(depth - 1), "]".repeat(depth - 1));
    yaml(&yaml_of(64), &[]);
    yaml(&yaml_of(65), &[(Reason::TooDeep, 1, 67)]);
    yaml(&yaml_of(2000), &[(Reason::TooDeep, 1, 403)]);
    let json_of = |depth: usize| format!("{{\"v\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    json(&json_of(64), &[]);
    json(&json_of(65), &[(Reason::TooDeep, 1, 69)]);
    json(&json_of(100_000), &[(Reason::TooDeep, 1, 405)]);
}

#[test]
fn row_58_size() {
    let large = format!("a: \"{}\"\n", "x".repeat(256 << 10));
    yaml(&large, &[(Reason::TooLarge, 1, 1)]);
    json(&format!("{{\"a\":\"{}\"}}", "x".repeat(256 << 10)), &[(Reason::TooLarge, 1, 1)]);
}

#[test]
fn row_59_root() {
    for text in ["", "# c\n", "---\n", "- a\n", "text\n", "null\n"] {
        let problems = ambiguities(ManifestFile::Yaml, text.as_bytes());
        assert_eq!(problems.len(), 1, "{text:?}");
        assert_eq!(problems[0].reason, Reason::ManifestInvalid);
    }
    json("[]", &[(Reason::ManifestInvalid, 1, 1)]);
    json("null", &[(Reason::ManifestInvalid, 1, 1)]);
}

#[test]
fn row_60_json_that_strict_readers_refuse() {
    json("{\"a\": 1,\n \"a\": 2}", &[(Reason::DuplicateKey, 2, 2)]);
    json(r#"{"a": NaN}"#, &[(Reason::StrictJson, 1, 7)]);
    json(r#"{"a": -Infinity}"#, &[(Reason::StrictJson, 1, 7)]);
    json(r#"{"a": 1e400}"#, &[(Reason::NumberForm, 1, 7)]);
    json(r#"{"a": 123456789012345678901234567890}"#, &[(Reason::NumberForm, 1, 7)]);
    json("{\"a\": 1} // c", &[(Reason::ManifestInvalid, 1, 10)]);
    json("{\"a\": 1,}", &[(Reason::ManifestInvalid, 1, 9)]);
    json("\u{feff}{}", &[(Reason::ManifestInvalid, 1, 1)]);
    assert_eq!(found(&ambiguities(ManifestFile::Json, b"\xff\xfe{\0}\0")), [(Reason::ManifestInvalid, 1, 1)]);
}

#[test]
fn row_67_keys_outside_the_signature() {
    yaml("id: a\ntrust: {level: high}\nsignature: x\n", &[(Reason::UnsignedKey, 2, 1), (Reason::UnsignedKey, 3, 1)]);
    yaml("id: a\nnested: {trust: x}\n", &[]);
    json(r#"{"signature": ""}"#, &[(Reason::UnsignedKey, 1, 2)]);
}

const GOOD: &str = "id: my-plugin\nname: My plugin\nversion: \"1.10.0\"\nplugin_type: enricher\n\
                    description: Adds context\nauthor: Me\n";

#[track_caller]
fn check(text: &str, profile: Profile, expected: &[(Reason, usize, usize)]) -> Vec<Problem> {
    let has = |path: &str| matches!(path, "plugin.yaml" | "plugin.py" | "code.py" | "rules/");
    let problems = validate(ManifestFile::Yaml, text.as_bytes(), &has, profile);
    assert_eq!(found(&problems), expected, "{text:?}\n{problems:#?}");
    problems
}

#[test]
fn a_good_manifest_passes_every_profile() {
    for profile in Profile::ALL {
        assert_eq!(profile.as_str().parse::<Profile>().expect("its own name"), profile);
        check(GOOD, profile, &[]);
    }
    assert!("lenient".parse::<Profile>().is_err());
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_file() {
    let text = "id: My.Plugin\nname: yes\nversion: 1.10\nplugin_type: enrichr\ntags: [a, 1]\ncapabilities: [pull_logs, fact.read]\n";
    let problems = check(
        text,
        Profile::Strict,
        &[
            (Reason::ManifestFieldMissing, 1, 1),
            (Reason::ManifestFieldMissing, 1, 1),
            (Reason::InvalidPluginId, 1, 5),
            (Reason::AmbiguousScalar, 2, 7),
            (Reason::FieldType, 2, 7),
            (Reason::InvalidVersion, 3, 10),
            (Reason::InvalidPluginType, 4, 14),
            (Reason::FieldType, 5, 11),
            (Reason::UnknownCapability, 6, 27),
        ],
    );
    let instead = |index: usize| problems[index].instead.as_deref().expect("always there");
    assert_eq!(instead(5), "write it in quotes, with three numbers, for example \"1.10.0\"");
    assert_eq!(instead(6), "did you mean `enricher`?");
    assert_eq!(instead(8), "did you mean `facts.read`?");
}

#[test]
fn row_61_an_id_is_text() {
    for id in ["123", "1.0"] {
        let text = GOOD.replace("my-plugin", id);
        let problems = check(&text, Profile::Strict, &[(Reason::FieldType, 1, 5)]);
        assert_eq!(problems[0].instead.as_deref(), Some(format!("write \"{id}\" with quotes").as_str()));
    }
    check(
        &GOOD.replace("my-plugin", "yes"),
        Profile::Strict,
        &[(Reason::AmbiguousScalar, 1, 5), (Reason::FieldType, 1, 5)],
    );
}

#[test]
fn rows_62_and_63_an_id_is_a_safe_name() {
    for id in ["abc\\n", ".", "..", "../x", "a/b", "a\\\\b", "a\\0b", "-a", "A", "a.b", &"x".repeat(65)] {
        let text = GOOD.replace("my-plugin", &format!("\"{id}\""));
        check(&text, Profile::Strict, &[(Reason::InvalidPluginId, 1, 5)]);
    }
    check(&GOOD.replace("my-plugin", "A.b"), Profile::Manager, &[]);
    check(&GOOD.replace("my-plugin", "\"ab\\n\""), Profile::Manager, &[(Reason::InvalidPluginId, 1, 5)]);
    check(&GOOD.replace("my-plugin", "x"), Profile::Cli, &[]);
    check(&GOOD.replace("my-plugin", "any.thing/here"), Profile::Sdk, &[]);
    check(&GOOD.replace("my-plugin", "\"\""), Profile::Strict, &[(Reason::ManifestFieldMissing, 1, 5)]);
}

#[test]
fn row_64_a_version_is_three_numbers() {
    for version in ["../../tmp/x", "1.0", "1.0.0-rc1", "v1.0.0", "01.0.0", "1.0.0\\n"] {
        let text = GOOD.replace("1.10.0", version);
        check(&text, Profile::Strict, &[(Reason::InvalidVersion, 3, 10)]);
        check(&text, Profile::Manager, &[]);
    }
    check(
        &GOOD.replace("\"1.10.0\"", "2024-01-01"),
        Profile::Strict,
        &[(Reason::ValueType, 3, 10), (Reason::InvalidVersion, 3, 10)],
    );
}

#[test]
fn types_differ_by_profile() {
    let action = GOOD.replace("enricher", "action");
    check(&action, Profile::Strict, &[]);
    check(&action, Profile::Cli, &[(Reason::InvalidPluginType, 4, 14)]);
    let widget = GOOD.replace("enricher", "widget");
    check(&widget, Profile::Sdk, &[(Reason::InvalidPluginType, 4, 14)]);
    check(
        &GOOD.replace("plugin_type: enricher", "type: enricher"),
        Profile::Manager,
        &[(Reason::ManifestFieldMissing, 1, 1)],
    );
    check("{}\n", Profile::Marketplace, &[]);
    check("tier: gold\n", Profile::Marketplace, &[(Reason::FieldType, 1, 7)]);
}

#[test]
fn entry_points_exist_inside_the_plugin() {
    for (path, expected) in [
        ("code.py", vec![]),
        ("rules/", vec![]),
        ("rules", vec![]),
        ("gone.py", vec![(Reason::EntryPointInvalid, 7, 14)]),
        ("../x.py", vec![(Reason::EntryPointInvalid, 7, 14)]),
        ("/etc/passwd", vec![(Reason::EntryPointInvalid, 7, 14)]),
    ] {
        check(&format!("{GOOD}entry_point: {path}\n"), Profile::Strict, &expected);
        check(&format!("{GOOD}entry_point: {path}\n"), Profile::Cli, &expected);
        check(&format!("{GOOD}entry_point: {path}\n"), Profile::Manager, &[]);
    }
    let without_code = |profile| found(&validate(ManifestFile::Yaml, GOOD.as_bytes(), &|_| false, profile));
    for profile in [Profile::Strict, Profile::Cli, Profile::Manager] {
        assert_eq!(without_code(profile), [(Reason::EntryPointInvalid, 1, 1)], "{profile}");
    }
    assert_eq!(without_code(Profile::Sdk), []);
}

#[test]
fn entry_points_are_covered_by_the_signature() {
    let files =
        ["plugin.yaml", "plugin.py", "plugin.PY", "plugin.pyw", "fast.pyx", "native.so", "run", "sub/run", "ui.tsx"];
    let found = |path: &str| {
        let manifest = format!("{GOOD}entry_point: {path}\n");
        found(&validate(ManifestFile::Yaml, manifest.as_bytes(), &|name| files.contains(&name), Profile::Strict))
    };
    for path in ["plugin.PY", "plugin.pyw", "fast.pyx", "native.so", "run", "sub/run"] {
        assert_eq!(found(path), [(Reason::EntryPointInvalid, 7, 14)], "{path}");
    }
    for path in ["plugin.py", "ui.tsx"] {
        assert_eq!(found(path), [], "{path}");
    }
}

#[test]
fn two_manifests_are_one_too_many() {
    let problems = validate(ManifestFile::Yaml, GOOD.as_bytes(), &|_| true, Profile::Strict);
    assert_eq!(found(&problems), [(Reason::ManifestAmbiguous, 1, 1)]);
}

#[test]
fn other_fields_have_their_types() {
    for (line, column) in
        [("homepage: 1", 11), ("tags: x", 7), ("config_schema: []", 16), ("runtime: perl", 10), ("tier: x", 7)]
    {
        check(&format!("{GOOD}{line}\n"), Profile::Strict, &[(Reason::FieldType, 7, column)]);
    }
}

#[test]
fn row_68_texts_that_are_shown_are_short() {
    let name = |length: usize| GOOD.replace("My plugin", &"é".repeat(length));
    check(&name(256), Profile::Strict, &[]);
    check(&name(257), Profile::Strict, &[(Reason::FieldType, 2, 7)]);
}

#[test]
fn what_cannot_be_read_is_reported_once_in_every_profile() {
    for profile in Profile::ALL {
        check("id: a\n\tb: c\n", profile, &[(Reason::ManifestInvalid, 2, 1)]);
    }
}

#[test]
fn a_message_shows_the_beginning_of_a_long_number() {
    for text in [format!("{{\"v\": {}.5}}", "7".repeat(9000)), format!("{{\"v\": 1e{}}}", "9".repeat(9000))] {
        let problems = ambiguities(ManifestFile::Json, text.as_bytes());
        assert_eq!(found(&problems), [(Reason::NumberForm, 1, 7)]);
        assert!(problems[0].message.len() < 100, "{}", problems[0].message);
    }
}
