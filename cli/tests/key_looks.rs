//! What else looks keys over: findings for code scanning, what falls due, and whose key something is.

mod support;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;

use aisoc_pipeline::keys::lint::Rule;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use support::{Bench, Run};

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

fn keys(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["keys"], words, &["--trusted-keys", "keys"]].concat())
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench
}

/// RFC 3986, section 2.1: the bytes of the name, and not what is shown of them.
#[test]
fn a_name_that_is_no_text_is_written_by_its_bytes() {
    let bench = bench();
    for (name, content) in [
        (&b"b\xffad.pem"[..], "no key".to_owned()),
        (b"t\xfewin.pem", fs::read_to_string(bench.path("release.pem")).expect("a key")),
    ] {
        fs::write(bench.path("keys").join(OsString::from_vec(name.to_vec())), content).expect("written");
    }
    let log = json(&keys(&bench, &["lint", "--format", "sarif"]));
    let results = log["runs"][0]["results"].as_array().expect("results").iter();
    let uris: BTreeSet<&str> = results
        .map(|result| &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        .map(|uri| uri.as_str().expect("a text"))
        .collect();
    assert!(uris.contains("keys/b%FFad.pem") && uris.contains("keys/t%FEwin.pem"), "{uris:?}");
}

/// What the specification asks of each part of a log, and what code scanning asks beside it.
#[test]
fn sarif_is_what_code_scanning_takes() {
    let bench = bench();
    bench.write("keys/a b:c.pem", "no key");
    bench.write("keys/README", "a note");
    let run = keys(&bench, &["lint", "--format", "sarif"]);
    let log = json(run.ok());
    assert_eq!((&log["version"], log.as_object().map(serde_json::Map::len)), (&"2.1.0".into(), Some(3)));
    assert!(log["$schema"].as_str().expect("a schema").ends_with("/sarif-2.1.0.json"));
    let driver = &log["runs"][0]["tool"]["driver"];
    assert_eq!((&driver["name"], driver["version"].is_string()), (&"aisoc".into(), true));
    let rules = driver["rules"].as_array().expect("rules");
    let ids: Vec<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
    assert_eq!(ids, Rule::ALL.iter().map(|rule| rule.as_str()).collect::<Vec<_>>(), "also those that found nothing");
    assert!(rules.iter().all(|rule| rule["shortDescription"]["text"].is_string()));
    let results = log["runs"][0]["results"].as_array().expect("results");
    let expected = [("no_key", "warning"), ("odd_name", "warning"), ("ignored", "note")];
    assert_eq!(results.len(), expected.len(), "{log}");
    for (result, (id, weight)) in results.iter().zip(expected) {
        assert_eq!((&result["ruleId"], &result["level"]), (&id.into(), &weight.into()));
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().expect("a text").is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let path = if id == "ignored" { "keys/README" } else { "keys/a%20b%3Ac.pem" };
        assert_eq!((&place["artifactLocation"]["uri"], &place["region"]["startLine"]), (&path.into(), &1.into()));
        let known_by = result["partialFingerprints"]["aisocFinding/v1"].as_str().expect("one");
        assert!(known_by.len() == 64 && run.stdout.matches(known_by).count() == 1, "{known_by}");
    }
    assert_eq!(keys(&bench, &["lint", "--format", "sarif"]).stdout, run.stdout, "the same again");
    let failed = keys(&bench, &["lint", "--format", "sarif", "--strict"]);
    assert_eq!((failed.code, &failed.stdout), (1, &run.stdout));
}

#[test]
fn a_format_is_one_of_three_and_json_has_a_short_form() {
    let bench = bench();
    let short = keys(&bench, &["lint", "--json"]);
    assert_eq!(keys(&bench, &["lint", "--format", "json"]).ok().stdout, short.ok().stdout);
    assert_eq!(keys(&bench, &["lint", "--format", "json", "--json"]).ok().stdout, short.stdout);
    assert_eq!(keys(&bench, &["lint", "--format", "text"]).ok().stdout, "nothing was found\n");
    for words in [&["lint", "--format", "sarif", "--json"][..], &["lint", "--format", "xml"]] {
        assert_eq!(keys(&bench, words).code, 2, "{words:?}");
    }
    bench.write("keys/broken.pem", "no key");
    let failed = keys(&bench, &["lint", "--format", "json", "--strict"]);
    let report: Value = serde_json::from_str(&failed.stderr).expect("one document");
    assert_eq!(report["error"]["detail"]["reason_code"], "keys_faulty");
}

#[test]
fn a_calendar_has_what_falls_due_and_what_should_have() {
    let bench = bench();
    for (name, note) in [
        ("past", r#""not_after":"2020-01-01T00:00:00Z""#),
        ("later", r#""not_before":"2026-01-01T00:00:00Z","not_after":"2095-02-01T00:00:00Z""#),
        ("ended", r#""revoked":{"at":"2095-01-01T00:00:00Z","reason":"x"}"#),
        ("begun", r#""not_before":"2095-01-02T00:00:00Z""#),
        ("staged/next", r#""not_before":"2020-02-01T00:00:00Z""#),
        ("retired/gone", r#""not_after":"2095-01-01T00:00:00Z""#),
        ("far", r#""not_after":"2195-01-01T00:00:00Z""#),
    ] {
        bench.run(&["plugin", "keygen", "--out", &name.replace('/', "-")]).ok();
        let file = format!("keys/{name}.pem");
        fs::create_dir_all(bench.path(&file).parent().expect("a directory")).expect("made");
        fs::copy(bench.path(&format!("{}.pem", name.replace('/', "-"))), bench.path(&file)).expect("copied");
        bench.write(&format!("keys/{name}.json"), format!(r#"{{"schema_version":2,{note}}}"#));
    }
    bench.run(&["plugin", "keygen", "--out", "waits"]).ok();
    keys(&bench, &["stage", "waits.pem", "--reason", "x"]).ok();
    keys(&bench, &["calendar", "--within", "99999w"]).refused(2, "usage");
    let near = json(keys(&bench, &["calendar", "--json"]).ok());
    assert_eq!(entries(&near), [("past", "expires", true), ("next", "begins", true), ("waits", "staged_since", true)]);
    let text = keys(&bench, &["calendar"]).ok().stdout.clone();
    let said: Vec<&str> = text.lines().skip(1).map(|line| line.rsplit("  ").next().unwrap_or_default()).collect();
    assert_eq!(said, ["has expired, and is still there", "to be promoted", "staged since then, not promoted"]);
    for (name, at) in [("ended", "2050-01-01"), ("begun", "2050-01-02"), ("later", "2050-02-01")] {
        let path = format!("keys/{name}.json");
        let note = fs::read_to_string(bench.path(&path)).expect("a note");
        let far = note.find("2095").expect("a date");
        bench.write(&path, note.replace(&note[far..far + 10], at));
    }
    let ahead = json(keys(&bench, &["calendar", "--within", "10000d", "--json"]).ok());
    let later = [("ended", "is_revoked", false), ("begun", "begins", false), ("later", "expires", false)];
    assert_eq!(entries(&ahead)[3..], later, "{ahead}");
}

/// Name, word, and whether it is over, of each entry.
fn entries(calendar: &Value) -> Vec<(&str, &str, bool)> {
    let text = |due: &'_ Value, name: &str| due[name].as_str().map(str::to_owned);
    let due = calendar["due"].as_array().expect("entries").iter();
    due.map(|due| {
        assert!(text(due, "at").is_some() && text(due, "fingerprint").is_some(), "{due}");
        (due["key_id"].as_str().expect("a name"), due["what"].as_str().expect("a word"), due["is_over"] == true)
    })
    .collect()
}

#[test]
fn a_key_is_known_by_its_file_and_by_what_it_has_signed() {
    let bench = bench();
    let of_file = bench.run(&["keys", "fingerprint", "release.pem"]);
    let words: Vec<&str> = of_file.ok().stdout.split_whitespace().collect();
    assert!(words[0].len() == 71 && words[0].starts_with("SHA256:") && words[2] == "release.pem", "{of_file:?}");
    for source in ["demo", "demo.tar", "oci-archive:demo.tar"] {
        let alone = json(bench.run(&["keys", "fingerprint", source, "--json"]).ok());
        let key = &alone["keys"][0];
        assert_eq!((&key["fingerprint"], &key["source"]), (&words[0].into(), &source.into()));
        assert!(key["key_id"].is_null() && key["openssh"].is_null());
        let known = json(keys(&bench, &["fingerprint", source, "--json"]).ok());
        let key = &known["keys"][0];
        assert_eq!((&key["key_id"], &key["openssh"]), (&"release".into(), &words[1].into()));
    }
    let several = json(bench.run(&["keys", "fingerprint", "release.pem", "demo", "--json"]).ok());
    assert_eq!(several["keys"].as_array().map(Vec::len), Some(2));
}

#[test]
fn of_a_private_key_nothing_is_said_but_how_to_make_its_public_half() {
    let bench = bench();
    let run = bench.run(&["keys", "fingerprint", "release.key"]);
    let private = fs::read_to_string(bench.path("release.key")).expect("a key");
    let secret = private.lines().nth(1).expect("its body");
    assert!(run.refused(1, "key_invalid").error_line().contains("`release.key` holds a private key"), "{run:?}");
    assert!(run.stderr.contains("`openssl pkey -in release.key -pubout -out PREFIX.pem`"), "{run:?}");
    assert!(!run.stderr.contains(secret));
    bench.run(&["keys", "fingerprint", "absent.pem"]).refused(1, "io_not_found");
    bench.run(&["keys", "fingerprint", "demo", "--trusted-keys", "absent"]).refused(1, "io_not_found");
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    bench.run(&["keys", "fingerprint", "demo"]).refused(3, "unsigned");
}

/// The way on is a command that works as it is printed, and no other.
#[test]
fn of_a_bare_key_it_is_said_how_to_make_a_file_of_it() {
    let bench = bench();
    let fingerprint =
        bench.run(&["keys", "fingerprint", "release.pem"]).ok().stdout.split(' ').next().map(str::to_owned);
    let pem = fs::read_to_string(bench.path("release.pem")).expect("a key");
    let body = pem.lines().nth(1).expect("base64").to_owned();
    let shell = |command: &str| {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_aisoc")).parent().expect("a directory");
        let path = format!("{}:{}", program.display(), std::env::var("PATH").expect("a path"));
        let mut sh = std::process::Command::new("sh");
        let output = sh.args(["-c", command]).current_dir(bench.path(".")).env("PATH", path).output().expect("a shell");
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let hinted = |run: &Run| -> String {
        let hint = run.stderr.split("hint: ").nth(1).unwrap_or_else(|| panic!("{run:?}"));
        hint.split('`').nth(1).unwrap_or_else(|| panic!("{run:?}")).to_owned()
    };
    bench.write("bare.pem", format!("{body}\n"));
    let run = bench.run(&["keys", "fingerprint", "bare.pem"]);
    run.refused(1, "key_invalid");
    shell(&hinted(&run));
    let made = bench.run(&["keys", "fingerprint", "repaired-signing.pem"]).ok().stdout.clone();
    assert_eq!(made.split(' ').next().map(str::to_owned), fingerprint);
    let typed = bench.run(&["keys", "fingerprint", &body]);
    assert!(typed.refused(2, "usage").error_line().contains("is a public key, and not the path of one"), "{typed:?}");
    let lines: Vec<&str> = typed.stderr.split("hint: ").nth(1).expect("a hint").split('`').collect();
    bench.write("made.pem", [lines[1], &body, lines[3], ""].join("\n"));
    let made = bench.run(&["keys", "fingerprint", "made.pem"]).ok().stdout.clone();
    assert_eq!(made.split(' ').next().map(str::to_owned), fingerprint);
    // The seed of a key and the bytes of a public one look alike: nothing is made of them.
    let raw = STANDARD.encode(&STANDARD.decode(&body).expect("base64")[12..]);
    bench.write("raw.pem", &raw);
    let run = bench.run(&["keys", "fingerprint", "raw.pem"]);
    assert!(!run.refused(1, "key_invalid").stderr.contains("openssl"), "{run:?}");
    assert!(!run.stderr.contains(&raw));
    bench.run(&["keys", "fingerprint", &raw]).refused(2, "usage");
}

#[test]
fn a_key_whose_name_is_no_text_is_read() {
    let bench = bench();
    let name = OsString::from_vec(b"n\xffame.pem".to_vec());
    fs::copy(bench.path("release.pem"), bench.path(".").join(&name)).expect("copied");
    let mut command = bench.command(&["keys", "fingerprint"]);
    let output = command.arg(&name).output().expect("run");
    let text = String::from_utf8_lossy(&output.stdout);
    let expected = bench.run(&["keys", "fingerprint", "release.pem"]).ok().stdout.split(' ').next().map(str::to_owned);
    assert!(output.status.success() && text.split(' ').next().map(str::to_owned) == expected, "{output:?}");
}

#[test]
fn that_less_is_accepted_from_a_key_is_said_wherever_the_plugin_is() {
    let bench = bench();
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("a manifest");
    let lines = manifest.lines().filter(|line| !line.starts_with("integrity")).map(|line| format!("{line}\n"));
    bench.write("demo/plugin.yaml", lines.collect::<String>());
    bench.write("demo/rules.bin", "\0no text");
    let words = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key", "--coverage", "code"];
    bench.run(&words).ok();
    let package = ["plugin", "package", "--plugin-dir", "demo", "--out", "demo.tar"];
    bench.run(&[&package[..], &["--trusted-keys", "keys", "--trust-coverage", "code"]].concat()).ok();
    bench.install("oci-archive:demo.tar").refused(3, "coverage_partial");
    bench.write("keys/release.json", r#"{"schema_version":2,"coverage":"code"}"#);
    bench.install("oci-archive:demo.tar").ok();
    let said = "code is enough from release, as the note on the key says";
    let here = ["--plugins-dir", "plugins"];
    for words in [&["plugin", "list"][..], &["plugins", "verify"]] {
        let run = bench.run(&[words, &here, &["--trusted-keys", "keys"]].concat());
        assert!(run.ok().stdout.contains(&format!("\n  {said}\n")), "{run:?}");
        let run = bench.run(&[words, &here, &["--trusted-keys", "keys", "--json"]].concat());
        assert_eq!(json(run.ok())["plugins"][0]["coverage_accepted_from"], serde_json::json!(["release"]));
    }
    let verify = ["plugin", "verify", "demo", "--trusted-keys", "keys"];
    let run = bench.run(&verify);
    assert!(run.ok().stderr.contains(said), "{run:?}");
    let verdict = json(bench.run(&[&verify[..], &["--json"]].concat()).ok());
    assert_eq!(verdict["coverage_accepted_from"], serde_json::json!(["release"]));
    // Of whom everything is accepted that the site asks for, nothing is said.
    bench.sign("demo").ok();
    let whole = bench.run(&verify);
    assert!(!format!("{:?}", whole.ok()).contains("code is enough"), "{whole:?}");
}

#[test]
fn two_findings_of_one_kind_about_one_key_are_two_in_code_scanning() {
    let bench = Bench::new();
    bench.run(&["plugin", "keygen", "--out", "one"]).ok();
    bench.write("keys/one.pem", fs::read(bench.path("one.pem")).expect("a key"));
    bench.write("keys/one.json", r#"{"schema_version":2,"scope":{"plugins":["foo","bar"]}}"#);
    fs::create_dir_all(bench.path("plugins")).expect("made");
    let words = ["keys", "lint", "--keys", "keys", "--plugins-dir", "plugins", "--format", "sarif"];
    let log: Value = serde_json::from_str(&bench.run(&words).ok().stdout).expect("JSON");
    let results = log["runs"][0]["results"].as_array().expect("results").clone();
    let known: BTreeSet<String> = results.iter().map(|result| result["partialFingerprints"].to_string()).collect();
    assert!(results.len() >= 2 && known.len() == results.len(), "{log}");
}

#[test]
fn a_private_key_that_is_named_as_a_note_is_found_as_one() {
    let bench = Bench::new();
    bench.run(&["plugin", "keygen", "--out", "one"]).ok();
    bench.write("keys/one.pem", fs::read(bench.path("one.pem")).expect("a key"));
    bench.write("keys/one.json", fs::read(bench.path("one.key")).expect("a key"));
    let run = bench.run(&["keys", "lint", "--keys", "keys"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("error[private_key]: `keys/one.json` holds a private key"), "{run:?}");
}
