//! `keys lint`: every fault of a directory of keys, all of them at once.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use aisoc_pipeline::keys::lint::Rule;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use support::{Bench, Run};

const HERE: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
/// Signs nothing that a plugin is.
const NO_PLUGINS: &str = r#"{"schema_version":2,"may_sign":["keyset"]}"#;

fn lint(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["keys", "lint"], words, &HERE].concat())
}

/// Rule and path of each finding, in the order in which they are printed.
fn found(run: &Run) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let findings = document["findings"].as_array().expect("findings").iter();
    let text = |finding: &Value, name: &str| finding[name].as_str().expect("a text").to_owned();
    findings.map(|finding| (text(finding, "rule"), text(finding, "path"))).collect()
}

/// What was found is printed although the command fails.
fn failed(run: &Run) -> &Run {
    assert!(
        run.code == 1 && run.stderr.contains("error[keys_faulty]: there are faults among the trusted keys"),
        "{run:?}"
    );
    assert!(!run.stdout.is_empty(), "{run:?}");
    run
}

/// `demo`, installed and verified by `release`, which has an owner.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let words = ["keys", "annotate", "release", "--owner", "Ada", "--reason", "x", "--trusted-keys", "keys"];
    bench.run(&words).ok();
    bench
}

/// A new key as the public file of that name among the keys.
fn new_key(bench: &Bench, file: &str) {
    let made = format!("made-{}", file.replace('/', "-"));
    bench.run(&["plugin", "keygen", "--out", &made]).ok();
    let path = bench.path(&format!("keys/{file}"));
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::copy(bench.path(&format!("{made}.pem")), path).expect("copied");
}

fn noted_key(bench: &Bench, name: &str, note: &str) {
    new_key(bench, &format!("{name}.pem"));
    bench.write(&format!("keys/{name}.json"), note);
}

fn copy(bench: &Bench, from: &str, to: &str) {
    fs::create_dir_all(bench.path(to).parent().expect("a directory")).expect("made");
    fs::copy(bench.path(from), bench.path(to)).expect("copied");
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

/// The `SubjectPublicKeyInfo` of the point of order one.
fn weak() -> String {
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 1];
    der.resize(44, 0);
    pem(&der)
}

/// The beginning of one of an RSA key is enough to know it.
fn rsa() -> String {
    pem(&[
        0x30, 0x20, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 3, 1, 0,
    ])
}

fn fingerprint(bench: &Bench, word: &str) -> String {
    let shown = bench.run(&["keys", "show", word, "--json", "--trusted-keys", "keys", "--plugins-dir", "plugins"]);
    let shown: Value = serde_json::from_str(&shown.ok().stdout).expect("JSON");
    shown["fingerprint"].as_str().expect("text").to_owned()
}

/// A directory with every fault that there is, but for a change that was begun and is understood.
fn faulty() -> Bench {
    let bench = bench();
    noted_key(&bench, "gone", GONE);
    let endorser = fingerprint(&bench, "gone");
    bench.write("keys/release.json", RELEASE);
    files_without_keys(&bench);
    for (name, note) in NOTED {
        noted_key(&bench, name, note);
    }
    noted_key(&bench, "heir", &format!(r#"{{"schema_version":2,"may_sign":["keyset"],"endorsed_by":["{endorser}"]}}"#));
    copy(&bench, "keys/expired.pem", "keys/bad.pem");
    bench.write("keys/bad.json", "{\"schema_version\": 2, \"not_afer\": \"x\"}");
    copy(&bench, "keys/release.pem", "keys/twin.pem");
    copy(&bench, "keys/release.pem", "keys/retired/twin.pem");
    new_key(&bench, "same.pub");
    new_key(&bench, "retired/ops.pem");
    bench.write("keys/ops.json", NO_PLUGINS);
    let second = fs::read_to_string(bench.path("keys/planned.pem")).expect("a key");
    let two = fs::read_to_string(bench.path("keys/two.pem")).expect("a key") + &second;
    bench.write("keys/two.pem", two);
    fs::rename(bench.path("keys/link.pem"), bench.path("outside.pem")).expect("moved");
    symlink("../outside.pem", bench.path("keys/link.pem")).expect("linked");
    fs::set_permissions(bench.path("keys/open.pem"), fs::Permissions::from_mode(0o666)).expect("set");
    let journal = fs::read_to_string(bench.path("keys/keys.journal")).expect("a journal");
    bench.write("keys/keys.journal", journal.replace("\tx\n", "\ty\n"));
    bench.write("keys/.aisoc/pending.json", "{}");
    bench.write("plugins/.aisoc/keys.journal", "by hand\n");
    bench
}

fn files_without_keys(bench: &Bench) {
    copy(bench, "release.key", "keys/private.pem");
    copy(bench, "release.key", "keys/old.key");
    copy(bench, "release.pem", "keys/spare.pem.bak");
    bench.write("keys/weak.pem", weak());
    bench.write("keys/rsa.pem", rsa());
    bench.write("keys/broken.pem", "no key");
    bench.write("keys/noted.pem", "no key");
    bench.write("keys/noted.json", NO_PLUGINS);
    bench.write("keys/revoked/lost.pem", "no key");
    bench.write("keys/nobody.json", NO_PLUGINS);
    bench.write("keys/README", "the keys of the team");
    bench.write("keys/staged", "no directory");
    fs::create_dir(bench.path("keys/directory.pem")).expect("made");
}

const GONE: &str =
    r#"{"schema_version":2,"revoked":{"at":"2020-01-02T00:00:00Z","reason":"stolen","since":"2020-01-01T00:00:00Z"}}"#;
const RELEASE: &str =
    r#"{"schema_version":2,"may_sign":["keyset"],"coverage":"code","not_after":"2040-01-01T00:00:00Z"}"#;
const NOTED: [(&str, &str); 9] = [
    ("open", NO_PLUGINS),
    ("two", NO_PLUGINS),
    ("same", NO_PLUGINS),
    ("link", NO_PLUGINS),
    (".hidden", NO_PLUGINS),
    ("expired", r#"{"schema_version":2,"not_after":"2020-01-01T00:00:00Z"}"#),
    (
        "never",
        r#"{"schema_version":2,"not_before":"2095-01-01T00:00:00Z","revoked":{"at":"2090-01-01T00:00:00Z","reason":"x"}}"#,
    ),
    ("planned", r#"{"schema_version":2,"may_sign":["keyset"],"revoked":{"at":"2090-01-01T00:00:00Z","reason":"x"}}"#),
    ("scoped", r#"{"schema_version":2,"may_sign":["keyset"],"scope":{"plugins":["nothing-*","demo"]}}"#),
];

/// Everything that is found in that directory, and nothing else.
const FINDINGS: &[(&str, &str)] = &[
    ("place_unlisted", "keys"),
    ("no_key_counts", "keys"),
    ("change_unknown", "keys/.aisoc"),
    ("note_invalid", "keys/bad.json"),
    ("revoked_at_top", "keys/gone.pem"),
    ("journal_broken", "keys/keys.journal"),
    ("orphan_note", "keys/nobody.json"),
    ("noted_key_unusable", "keys/noted.pem"),
    ("private_key", "keys/old.key"),
    ("writable_by_others", "keys/open.pem"),
    ("private_key", "keys/private.pem"),
    ("revoked_key_unusable", "keys/revoked/lost.pem"),
    ("weak_key", "keys/weak.pem"),
    ("odd_name", "keys/.hidden.pem"),
    ("duplicate_key", "keys/bad.pem"),
    ("expired", "keys/bad.pem"),
    ("no_key", "keys/broken.pem"),
    ("unreadable", "keys/directory.pem"),
    ("expired", "keys/expired.pem"),
    ("endorser_revoked", "keys/heir.pem"),
    ("link_outside", "keys/link.pem"),
    ("never_counts", "keys/never.pem"),
    ("no_key", "keys/noted.pem"),
    ("note_in_flight", "keys/ops.json"),
    ("duplicate_key", "keys/release.pem"),
    ("expiring", "keys/release.pem"),
    ("scope_excludes", "keys/release.pem"),
    ("retired_at_top", "keys/release.pem"),
    ("no_key", "keys/revoked/lost.pem"),
    ("other_algorithm", "keys/rsa.pem"),
    ("ambiguous_id", "keys/same.pem"),
    ("scope_matches_nothing", "keys/scoped.pem"),
    ("unread_key", "keys/spare.pem.bak"),
    ("expiring", "keys/twin.pem"),
    ("scope_excludes", "keys/twin.pem"),
    ("several_blocks", "keys/two.pem"),
    ("journal_line", "plugins/.aisoc/keys.journal"),
    ("ignored", "keys/README"),
    ("since_without_effect", "keys/gone.pem"),
    ("not_yet_valid", "keys/never.pem"),
    ("planned_revocation", "keys/planned.pem"),
    ("coverage_code", "keys/release.pem"),
];

#[test]
fn everything_is_found_at_once_and_every_rule_finds_something() {
    let bench = faulty();
    let before = bench.snapshot("keys");
    let run = lint(&bench, &["--within", "9000d", "--json"]);
    assert_eq!(run.code, 1, "{run:?}");
    let expected: Vec<(String, String)> =
        FINDINGS.iter().map(|(rule, path)| ((*rule).to_owned(), (*path).to_owned())).collect();
    assert_eq!(found(&run), expected);
    let seen: BTreeSet<&str> = FINDINGS.iter().map(|(rule, _)| *rule).chain(["change_unfinished"]).collect();
    let all: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(seen, all, "each rule has a case");
    assert_eq!(bench.snapshot("keys"), before, "nothing is changed");
    let private = fs::read_to_string(bench.path("release.key")).expect("a key");
    let secret = private.lines().nth(1).expect("its body");
    let text = lint(&bench, &["--within", "9000d"]);
    for said in [&run.stdout, &run.stderr, &text.stdout, &text.stderr] {
        assert!(!said.contains(secret), "a private key is printed");
    }
    assert_eq!(failed(&text).stdout.lines().last(), Some("13 errors, 24 warnings, 5 notes"));
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let bench = bench();
    for words in [&["--json"][..], &["--json", "--strict"]] {
        assert_eq!(found(lint(&bench, words).ok()), []);
    }
    assert_eq!(lint(&bench, &[]).ok().stdout, "nothing was found\n");
}

/// Whatever a private key is called, whatever it is written as, and wherever it stands.
#[test]
fn a_private_key_is_found_in_every_file_and_whole() {
    let bench = bench();
    let key = fs::read_to_string(bench.path("release.key")).expect("a key");
    let jwk = r#"{ "crv": "Ed25519", "d" : "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", "kty": "OKP", "x": "11qY" }"#;
    let padding = |bytes: usize| "x ".repeat(bytes / 2) + &" "[..bytes % 2];
    for (file, content) in [
        ("okp.jwk", jwk.to_owned()),
        ("set.txt", format!("[{jwk}]")),
        ("rsa.jwk", r#"{"kty":"RSA","n":"sXch","e":"AQAB","d":"VFCW"}"#.to_owned()),
        ("shared.jwk", r#"{"kty":"oct","k":"AyM1"}"#.to_owned()),
        ("padded.txt", padding(65 << 10) + &key),
        ("long.pem", padding(65 << 10) + &key),
        ("nearly.txt", padding((1 << 20) - key.len()) + &key),
        (".aisoc/forgotten", key.clone()),
        (".aisoc/sync.json", key.clone()),
        ("staged/kept.bak", key.clone()),
    ] {
        let path = bench.write(&format!("keys/{file}"), content);
        let expected = ("private_key".to_owned(), format!("keys/{file}"));
        let run = lint(&bench, &["--json"]);
        assert!(run.code == 1 && found(&run).contains(&expected), "{file}: {run:?}");
        fs::remove_file(path).expect("removed");
    }
    for (file, content) in [
        ("public.jwk", r#"{"kty":"OKP","crv":"Ed25519","x":"11qY","kid":"d"}"#.to_owned()),
        ("other.txt", r#"a "d" : "x" without a type"#.to_owned()),
        (".aisoc/other", "nothing".to_owned()),
    ] {
        let path = bench.write(&format!("keys/{file}"), content);
        let rules: Vec<String> = found(&lint(&bench, &["--json"])).into_iter().map(|(rule, _)| rule).collect();
        assert!(!rules.contains(&"private_key".to_owned()), "{file}: {rules:?}");
        fs::remove_file(path).expect("removed");
    }
    // One byte more than is searched is not passed over in silence.
    bench.write("keys/large.txt", padding((1 << 20) - key.len()) + &key + " ");
    let text = lint(&bench, &[]);
    let said = "note[ignored]: `keys/large.txt` is larger than 1048576 bytes, and is searched for no key";
    assert!(text.ok().stdout.contains(said), "{text:?}");
}

#[test]
fn a_link_that_leads_out_by_another_one_is_found() {
    let bench = bench();
    new_key(&bench, "..2026/ops.pem");
    fs::rename(bench.path("keys/release.pem"), bench.path("keys/..2026/release.pem")).expect("moved");
    symlink("..2026", bench.path("keys/..data")).expect("linked");
    symlink("..data/release.pem", bench.path("keys/release.pem")).expect("linked");
    assert_eq!(found(lint(&bench, &["--json"]).ok()).iter().filter(|(rule, _)| rule == "link_outside").count(), 0);
    fs::rename(bench.path("keys/..2026"), bench.path("elsewhere")).expect("moved");
    fs::remove_file(bench.path("keys/..data")).expect("removed");
    symlink("../elsewhere", bench.path("keys/..data")).expect("linked");
    let run = lint(&bench, &[]);
    let said = "`keys/release.pem` is led out of the directory by `..data`, a link to `../elsewhere`";
    assert!(run.ok().stdout.contains(said), "{run:?}");
}

#[test]
fn a_change_that_was_begun_is_seen() {
    let bench = bench();
    let line = format!(r"2026-01-01T00:00:00Z\tkey-retire\trelease\t-\t{}\tx", fingerprint(&bench, "release"));
    bench.write("keys/.aisoc/pending.json", format!(r#"{{"schema_version":1,"line":"{line}","steps":[]}}"#));
    let run = lint(&bench, &["--json"]);
    assert_eq!(found(run.ok()), [("change_unfinished".to_owned(), "keys/.aisoc".to_owned())]);
    assert!(run.stdout.contains("`key-retire` of key `release`"), "{run:?}");
}

#[test]
fn warnings_fail_where_that_is_asked_for_and_notes_never_do() {
    let bench = bench();
    bench.write("keys/README", "a note");
    lint(&bench, &["--strict"]).ok();
    bench.write("keys/broken.pem", "no key");
    assert!(lint(&bench, &[]).ok().stdout.ends_with("1 warning, 1 note\n"));
    failed(&lint(&bench, &["--strict"]));
    let run = lint(&bench, &["--strict", "--json"]);
    assert_eq!(run.code, 1);
    let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!((&document["ok"], &document["warning_count"]), (&false.into(), &1.into()));
}

#[test]
fn what_is_not_there_is_said() {
    let bench = bench();
    for words in [
        &["keys", "lint", "--trusted-keys", "absent", "--plugins-dir", "plugins"][..],
        &["keys", "lint", "--trusted-keys", "keys", "--plugins-dir", "absent"],
    ] {
        bench.run(words).refused(1, "io_not_found");
    }
    bench.run(&["keys", "lint", "--within", "soon"]).refused(2, "usage");
    // One file is looked at with its note, and nothing else beside it is.
    bench.write("keys/broken.pem", "no key");
    let one = bench.run(&["keys", "lint", "--trusted-keys", "keys/release.pem", "--plugins-dir", "plugins"]);
    assert_eq!(one.ok().stdout, "nothing was found\n");
}

#[test]
fn the_page_has_every_rule_as_it_is() {
    let page = fs::read_to_string(support::workspace::root().join("docs/keys.md")).expect("the page");
    for rule in Rule::ALL {
        let (id, level) = (rule.as_str(), rule.level().as_str());
        let row = format!("| `{id}` | {level} | {} | {} |", rule.title(), rule.meaning());
        assert!(page.lines().any(|line| line == row), "{row}");
    }
}

/// `count` plugins that `release` has signed, and that its note lets it sign no more.
fn out_of_scope(count: usize) -> String {
    let bench = Bench::new();
    bench.published();
    for number in 0..count {
        let id = format!("plug-{number:02}");
        bench.run(&["plugin", "new", &id, "--type", "enricher"]).ok();
        bench.run(&["plugin", "sign", &id, "--private-key", "release.key"]).ok();
        bench.run(&[&["plugin", "install", &id], &HERE[..]].concat()).ok();
    }
    bench.write("keys/release.json", r#"{"schema_version":2,"scope":{"plugins":["other-*"]}}"#);
    let run = lint(&bench, &["--json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let findings: Vec<_> = document["findings"].as_array().expect("findings").clone();
    let findings: Vec<_> = findings.iter().filter(|finding| finding["rule"] == "scope_excludes").collect();
    assert_eq!(findings.len(), 1, "{run:?}");
    findings[0]["message"].as_str().expect("a text").to_owned()
}

#[test]
fn what_a_scope_shuts_out_is_one_finding_of_its_key() {
    let why = "and signs `other-*`, and not `plug-00`";
    assert_eq!(out_of_scope(1), format!("key `release` has signed `plug-00`, which is installed, {why}"));
    assert_eq!(out_of_scope(2), format!("key `release` has signed `plug-00`, `plug-01`, which are installed, {why}"));
    let twenty: Vec<String> = (0..20).map(|number| format!("`plug-{number:02}`")).collect();
    let twenty = twenty.join(", ");
    assert_eq!(out_of_scope(20), format!("key `release` has signed {twenty}, which are installed, {why}"));
    let more = format!("key `release` has signed {twenty} and 1 more, which are installed, {why}");
    assert_eq!(out_of_scope(21), more);
}
