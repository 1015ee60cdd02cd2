//! `doctor`: everything that is insecure or broken on a site, at once, and nothing is changed by it.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use aisoc_pipeline::doctor::Rule;
use serde_json::Value;
use support::{Bench, Run};

const HERE: [&str; 2] = ["doctor", "--json"];
/// What depends on who runs the test, and on which mount its directory is.
const OF_THE_MACHINE: [&str; 7] = [
    "as_root",
    "key_owner",
    "noexec_mount",
    "network_mount",
    "read_only_mount",
    "keys_writable_mount",
    "sandbox_partial",
];
/// What depends on who is here and on the kernel: of the latter `confined` has the tests.
const ELSEWHERE: [&str; 4] = ["as_root", "key_owner", "sandbox_partial", "sandbox_unavailable"];
/// What no test of one user without mounts can make.
const NEED_A_MOUNT: [&str; 3] = ["noexec_mount", "network_mount", "read_only_mount"];

/// `demo`, installed and verified by `release`, which has an owner; and nothing to be said of it.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    bench.run(&["keys", "annotate", "release", "--owner", "Ada", "--reason", "x", "--trusted-keys", "keys"]).ok();
    mode(&bench, "keys/release.pem", 0o444);
    fs::rename(bench.path("demo"), bench.path("bench")).expect("moved");
    bench
}

fn mode(bench: &Bench, name: &str, bits: u32) {
    fs::set_permissions(bench.path(name), fs::Permissions::from_mode(bits)).expect("set");
}

fn doctor(bench: &Bench, words: &[&str], variables: &[(&str, &str)]) -> Run {
    let (plugins, keys) = (bench.path("plugins"), bench.path("keys"));
    let text = |path: &std::path::PathBuf| path.to_str().expect("UTF-8").to_owned();
    let places = [("AISOC_PLUGINS_DIR", text(&plugins)), ("PLUGIN_TRUSTED_KEYS_DIR", text(&keys))];
    let places: Vec<(&str, &str)> = places.iter().map(|(name, value)| (*name, value.as_str())).collect();
    bench.run_with(&[&HERE, words].concat(), &[&places, variables].concat())
}

fn findings(run: &Run) -> Vec<Value> {
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    document["site_findings"].as_array().expect("findings").clone()
}

/// The rules of what was found, but for those of the machine.
fn rules(run: &Run) -> BTreeSet<String> {
    let rules = findings(run).into_iter().map(|finding| finding["rule"].as_str().expect("a rule").to_owned());
    rules.filter(|rule| !OF_THE_MACHINE.contains(&rule.as_str())).collect()
}

fn set(rules: &[&str]) -> BTreeSet<String> {
    rules.iter().map(|rule| (*rule).to_owned()).collect()
}

type Case = (&'static [&'static str], fn(&Bench), &'static [&'static str], &'static [(&'static str, &'static str)]);

fn trust_demo(bench: &Bench) {
    bench.run(&["plugins", "trust", "demo", "--reason", "read it", "--keys", "keys", "--plugins-dir", "plugins"]).ok();
}

fn edit(bench: &Bench, name: &str, change: impl Fn(String) -> String) {
    let text = fs::read_to_string(bench.path(name)).expect("read");
    bench.write(name, change(text));
}

/// A capability that there is not.
const UNKNOWN: &str = "[facts.reed]";

/// A signed plugin of somebody, put into the plugins directory by hand.
fn asking(bench: &Bench, capabilities: &str) {
    bench.run(&["plugin", "new", "other", "--type", "enricher", "--output-dir", "plugins"]).ok();
    edit(bench, "plugins/other/plugin.yaml", |text| format!("{text}capabilities: {capabilities}\n"));
    // What no host can grant nobody signs.
    assert_eq!(bench.sign("plugins/other").code, i32::from(capabilities == UNKNOWN));
}

/// What is found → how it comes about, with which words and variables.
const CASES: &[Case] = &[
    (&["place_writable"], |bench| mode(bench, "plugins", 0o777), &[], &[]),
    (&["group_writable"], |bench| mode(bench, "plugins", 0o775), &[], &[]),
    (&["writable_by_others", "key_mode", "plugins_unjudged"], |bench| mode(bench, "keys/release.pem", 0o666), &[], &[]),
    (&["key_mode"], |bench| mode(bench, "keys/release.pem", 0o644), &[], &[]),
    (
        &["keys_missing", "plugins_unjudged"],
        |bench| fs::rename(bench.path("keys"), bench.path("gone")).expect("moved"),
        &[],
        &[],
    ),
    (&["plugins_missing"], |bench| fs::rename(bench.path("plugins"), bench.path("gone")).expect("moved"), &[], &[]),
    (&["plugin_refused"], |bench| drop(bench.write("plugins/demo/plugin.py", "x = 1\n")), &[], &[]),
    (&["capability_unknown", "trust_lenient"], |bench| asking(bench, UNKNOWN), &[], &[("PLUGIN_TRUST_MODE", "warn")]),
    (&["writes_without_audit", "high_impact"], |bench| asking(bench, "[facts.write]"), &[], &[]),
    (&["high_impact"], |bench| asking(bench, "[facts.write, audit.emit]"), &[], &[]),
    (&["lock_unreadable"], |bench| drop(bench.write("plugins.lock", "version = 9\n")), &[], &[]),
    (&["lock_absent"], |_| (), &["--plugin-mode", "production"], &[]),
    (
        &["lock_differs", "lock_unexplained"],
        |bench| {
            trust_demo(bench);
            edit(bench, "plugins.lock", |text| text.replace("sha256:", "sha256:0").replace("0.1.0", "0.0.9"));
        },
        &[],
        &[],
    ),
    (
        &["lock_entry_unused"],
        |bench| {
            trust_demo(bench);
            fs::remove_dir_all(bench.path("plugins")).expect("removed");
            fs::create_dir(bench.path("plugins")).expect("made");
        },
        &[],
        &[],
    ),
    (
        &["lock_journal_broken"],
        |bench| {
            trust_demo(bench);
            edit(bench, "plugins.lock.journal", |text| text.replace("read it", "never read"));
        },
        &[],
        &[],
    ),
    (&["setting_invalid"], |_| (), &[], &[("PLUGIN_TRUST_MODE", "yolo")]),
    (&["setting_invalid"], |_| (), &[], &[("AISOC_PLUGIN_DENY_CAPABILITIES", "facts.reed")]),
    (&["setting_invalid"], |_| (), &[], &[("AISOC_PLUGIN_TRUSTED_PUBLISHERS", "a,,b")]),
    (
        &["trust_off"],
        |_| (),
        &[],
        &[("PLUGIN_TRUST_MODE", "disabled"), ("AISOC_PLUGIN_UNSIGNED_ACK", "i-understand-plugins-are-unsigned")],
    ),
    (&["trust_lenient"], |_| (), &[], &[("PLUGIN_TRUST_MODE", "warn")]),
    (&["coverage_lenient"], |_| (), &[], &[("PLUGIN_TRUST_COVERAGE", "code")]),
    (&["sandbox_off"], |_| (), &[], &[("AISOC_SANDBOX", "off")]),
    (
        &["token_without_operator"],
        |bench| {
            bench.run(&["token", "create", "ops", "--role", "admin", "--tokens", "tokens.json"]).ok();
        },
        &["--tokens", "tokens.json"],
        &[],
    ),
    (&["kill_switch_misread"], |_| (), &[], &[("AISOC_ALLOW_USER_PLUGINS", "false")]),
    (
        &["clock_strange"],
        |bench| drop(bench.write("plugins/.aisoc/last-seen", "2090-01-01T00:00:00Z\n")),
        &["--within", "1h"],
        &[],
    ),
    (&["clock_record_broken"], |bench| drop(bench.write("plugins/.aisoc/last-seen", "soon\n")), &[], &[]),
    (&["left_over"], |bench| bench.abandon("plugins/.aisoc-staging-killed"), &[], &[]),
    (
        &["place_unreadable", "plugins_unjudged", "clock_record_broken", "lock_journal_broken"],
        |bench| {
            fs::rename(bench.path("plugins"), bench.path("gone")).expect("moved");
            std::os::unix::fs::symlink("plugins", bench.path("plugins")).expect("linked");
        },
        &[],
        &[],
    ),
    (&["data_directory_suspicious"], |_| (), &[], &[("AISOC_DATA_DIR", "/etc/aisoc-data")]),
    (&["noticed"], |bench| drop(bench.write("data/plugins/tools/x.zip", "PK")), &[], &[("AISOC_DATA_DIR", "data")]),
    (
        &["dropins_allowed", "dropin_to_move", "unsigned_source"],
        |bench| drop(bench.write("data/plugins/tools/x_plugin.py", "x = 1\n")),
        &["--shared"],
        &[("AISOC_DATA_DIR", "data")],
    ),
    (
        &["python_missing"],
        |bench| {
            bench.write("site/lab.dist-info/METADATA", "Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n");
            bench.write("site/lab.dist-info/RECORD", "lab.py,,\n");
            bench.write("site/lab.dist-info/entry_points.txt", "[capa.procedures]\ngood = lab:Good\n");
        },
        &["--site-packages", "site"],
        &[("AISOC_PYTHON", "no-such-python")],
    ),
];

#[test]
fn every_rule_finds_something_and_nothing_is_changed() {
    let (mut seen, mut problems) = (set(&NEED_A_MOUNT), Vec::new());
    for (expected, arrange, words, variables) in CASES {
        let bench = bench();
        arrange(&bench);
        let before = bench.state();
        let run = doctor(&bench, words, variables);
        assert_eq!(bench.state(), before, "{expected:?} changes something");
        if rules(&run) != set(expected) {
            let others = findings(&run)
                .into_iter()
                .filter(|finding| !expected.contains(&finding["rule"].as_str().unwrap_or("")));
            problems.push(format!("{expected:?}: {:?}: {:#?}", rules(&run), others.collect::<Vec<_>>()));
        }
        let errors = findings(&run).iter().filter(|finding| finding["level"] == "error").count();
        assert_eq!(run.code, i32::from(errors > 0), "{run:?}");
        for finding in findings(&run) {
            assert!(finding["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{finding:#}");
            assert!(!finding["place"].as_str().expect("a place").is_empty(), "{finding:#}");
        }
        seen.extend(findings(&run).into_iter().map(|finding| finding["rule"].as_str().expect("a rule").to_owned()));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    for rule in Rule::ALL {
        let is_seen = seen.contains(rule.as_str()) || ELSEWHERE.contains(&rule.as_str());
        assert!(is_seen, "no case finds {}", rule.as_str());
    }
}

#[test]
fn a_site_without_faults_is_said_to_have_none() {
    let bench = bench();
    let run = doctor(&bench, &[], &[]);
    assert_eq!(rules(run.ok()), set(&[]), "{run:?}");
    let text = Run::of(
        bench
            .command(&["doctor", "--plugins-dir", "plugins", "--trusted-keys", "keys"])
            .env("AISOC_ALLOW_USER_PLUGINS", "0"),
    );
    assert!(text.ok().stdout.contains("note[keys_writable_mount]: ") && !text.stdout.contains("error["), "{text:?}");
    trust_demo(&bench);
    assert_eq!(
        rules(doctor(&bench, &["--shared", "--plugin-mode", "production"], &[("AISOC_ALLOW_USER_PLUGINS", "0")]).ok()),
        set(&[])
    );
}

/// A host is better run by a user of its own.
#[test]
fn whoever_is_root_is_told_so_and_nobody_else_is() {
    let bench = bench();
    let words = ["doctor", "--json", "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    let is_told = |run: &Run| found(&findings(run), "as_root").len();
    let is_root = fs::metadata(bench.path("plugins")).expect("there").uid() == 0;
    let run = bench.run(&words);
    assert_eq!(is_told(&run), usize::from(is_root), "{run:?}");
    if is_root {
        let (all, text) = (findings(&run), bench.run(&words[..1]));
        let finding = found(&all, "as_root")[0];
        assert_eq!((&finding["level"], &finding["place"]), (&"warning".into(), &"user 0".into()), "{finding:#}");
        assert!(finding["hint"].as_str().is_some_and(|hint| hint.contains("as that user")), "{finding:#}");
        assert!(text.stdout.contains("warning[as_root]: "), "{text:?}");
    }
    match bench.as_nobody() {
        Some(run) => assert_eq!(is_told(&run(&words)), 0),
        None => eprintln!("SKIPPED: only root can be somebody else"),
    }
}

#[test]
fn warnings_fail_where_that_is_asked_and_errors_always_do() {
    let bench = bench();
    mode(&bench, "keys/release.pem", 0o644);
    doctor(&bench, &[], &[]).ok();
    let strict = doctor(&bench, &["--strict"], &[]);
    assert_eq!(strict.code, 1);
    assert!(strict.stderr.contains("site_faulty"), "{strict:?}");
    assert!(findings(&strict).iter().any(|finding| finding["rule"] == "key_mode"), "{strict:?}");
    bench.write("plugins/demo/plugin.py", "x = 1\n");
    assert_eq!(doctor(&bench, &[], &[]).code, 1);
}

#[test]
fn a_finding_has_both_values_and_a_command_that_mends_it() {
    let bench = bench();
    mode(&bench, "plugins", 0o757);
    let found = findings(&doctor(&bench, &[], &[]));
    let finding = found.iter().find(|finding| finding["rule"] == "place_writable").expect("found");
    assert!(finding["found"].as_str().expect("a text").ends_with("mode 0757"), "{finding:#}");
    assert!(
        finding["expected"].as_str().expect("a text").contains("without write permission for others"),
        "{finding:#}"
    );
    let hint = finding["hint"].as_str().expect("a hint");
    let command = hint.split('`').nth(1).expect("a command");
    assert!(Command::new("sh").args(["-c", command]).status().expect("run").success(), "{command}");
    assert_eq!(rules(doctor(&bench, &[], &[]).ok()), set(&[]));
}

#[test]
fn what_never_ends_and_what_is_too_much_are_findings() {
    let pipe = |bench: &Bench, name: &str| {
        let made = Command::new("mkfifo").arg(bench.path(name)).status().expect("run");
        assert!(made.success(), "{name}");
    };
    let bench = bench();
    pipe(&bench, "keys/pipe.pem");
    pipe(&bench, "plugins.lock");
    pipe(&bench, "plugins/demo/pipe");
    fs::remove_file(bench.path("plugins/.aisoc/last-seen")).ok();
    pipe(&bench, "plugins/.aisoc/last-seen");
    let found = rules(&doctor(&bench, &[], &[]));
    for rule in ["unreadable", "lock_unreadable", "plugin_refused", "clock_record_broken"] {
        assert!(found.contains(rule), "{rule} in {found:?}");
    }
    let bench = self::bench();
    fs::create_dir_all(bench.path("data/plugins/cleaners")).expect("made");
    for number in 0..10_001 {
        fs::File::create(bench.path(&format!("data/plugins/cleaners/{number}.py"))).expect("made");
    }
    let found = rules(&doctor(&bench, &[], &[("AISOC_DATA_DIR", "data")]));
    assert_eq!(found, set(&["plugin_refused"]));
}

#[test]
fn what_is_named_and_not_there_is_refused() {
    let bench = bench();
    for words in [["--plugins-dir", "absent"], ["--trusted-keys", "absent"], ["--site-packages", "absent"]] {
        bench.run(&[&["doctor"], &words[..]].concat()).refused(1, "io_not_found");
    }
}

#[test]
fn the_page_has_every_rule_as_it_is() {
    let page = fs::read_to_string(support::workspace::root().join("docs/trust.md")).expect("the page");
    for rule in Rule::ALL {
        let (id, level) = (rule.as_str(), rule.level().as_str());
        let row = format!("| `{id}` | {level} | {} | {} |", rule.title(), rule.meaning());
        assert!(page.lines().any(|line| line == row), "{row}");
    }
}

fn found<'a>(findings: &'a [Value], rule: &str) -> Vec<&'a Value> {
    findings.iter().filter(|finding| finding["rule"] == rule).collect()
}

#[test]
fn a_key_that_is_not_roots_is_named_with_its_owner() {
    let bench = bench();
    let key = bench.path("keys/release.pem");
    let owner = fs::metadata(&key).expect("there").uid();
    // Whoever is not root has made a key that is not root's.
    let other = if owner == 0 { 65534 } else { owner };
    std::os::unix::fs::chown(&key, Some(other), None).expect("given away");
    let findings = findings(&doctor(&bench, &[], &[]));
    let mut named =
        found(&findings, "key_owner").into_iter().filter(|finding| finding["place"] == key.to_str().unwrap());
    let finding = named.next().unwrap_or_else(|| panic!("{findings:#?}"));
    assert_eq!((&finding["expected"], &finding["found"]), (&"owner 0".into(), &format!("owner {other}").into()));
    assert_eq!(finding["level"], "warning");
}

#[test]
fn who_else_may_change_plugins_or_keys_is_named_by_the_doctor_and_by_a_verification() {
    let bench = bench();
    let verify = || bench.run(&["plugins", "verify", "--plugins-dir", "plugins", "--trusted-keys", "keys"]);
    let clean = verify();
    assert!(!clean.ok().stderr.contains("warning["), "{clean:?}");
    assert!(clean.stderr.contains("Note `keys` is on a mount that can be written"), "{clean:?}");
    // What is above them is on the way to both, and is said once.
    for (place, named) in [("plugins", "plugins"), ("keys", "keys"), ("", "")] {
        let path = bench.path(named);
        let before = fs::metadata(&path).expect("there").permissions();
        mode(&bench, place, 0o775);
        let named = path.to_str().expect("text").trim_end_matches('/');
        let findings = findings(&doctor(&bench, &[], &[]));
        let of_group = found(&findings, "group_writable");
        assert!(of_group.len() == 1 && of_group[0]["place"].as_str().expect("text") == named, "{findings:#?}");
        let run = verify();
        let said = format!("warning[group_writable]: `{named}` can be written by its group");
        assert_eq!(run.ok().stderr.matches(&said).count(), 1, "{run:?}");
        assert_eq!(run.stderr.matches("warning[").count(), 1, "{run:?}");
        fs::set_permissions(&path, before).expect("set");
    }
}

#[test]
fn an_ancestor_that_others_may_exchange_is_named_with_its_mode() {
    let bench = bench();
    mode(&bench, "", 0o777);
    let findings = findings(&doctor(&bench, &[], &[]));
    let place = bench.path("");
    let place = place.to_str().expect("text").trim_end_matches('/');
    let named = found(&findings, "place_writable");
    assert!(named.iter().any(|finding| finding["place"] == place), "{findings:#?}");
    assert!(named.iter().all(|finding| finding["found"].as_str().expect("text").ends_with("mode 0777")), "{named:#?}");
    let run = bench.run(&["plugins", "verify", "--plugins-dir", "plugins", "--trusted-keys", "keys"]);
    let line = run.refused(1, "directory_insecure").error_line();
    assert!(line.contains(place), "{run:?}");
}

#[test]
fn what_nobody_has_signed_is_counted_by_where_it_is_from() {
    let bench = bench();
    bench.run(&["plugin", "new", "bare", "--type", "enricher", "-o", "plugins"]).ok();
    bench.write("data/plugins/tools/x_plugin.py", "x = 1\n");
    bench.write("data/plugins/cleaners/y.py", "x = 1\n");
    bench.write("site/lab.dist-info/METADATA", "Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n");
    bench.write("site/lab.dist-info/RECORD", "");
    bench.write("site/lab.dist-info/entry_points.txt", "[capa.procedures]\none = lab:A\ntwo = lab:B\nthree = lab:C\n");
    let run = doctor(&bench, &["--shared", "--site-packages", "site"], &[("AISOC_DATA_DIR", "data")]);
    let findings = findings(&run);
    let named = found(&findings, "unsigned_source");
    assert_eq!(named.len(), 1, "{findings:#?}");
    assert_eq!(named[0]["found"], "6: 1 installed, 2 drop-ins, 3 entry points", "{findings:#?}");

    // A drop-in can have a signature, in a file beside it.
    bench.run(&["plugin", "keygen", "--out", "files"]).ok();
    bench.run(&["plugin", "sign", "data/plugins/cleaners/y.py", "--private-key", "files.key"]).ok();
    bench.run(&["keys", "add", "files.pem", "--may-sign", "dropin", "--keys", "keys", "--reason", "for files"]).ok();
    let run = doctor(&bench, &["--shared", "--site-packages", "site"], &[("AISOC_DATA_DIR", "data")]);
    let findings = self::findings(&run);
    assert_eq!(
        found(&findings, "unsigned_source")[0]["found"],
        "5: 1 installed, 1 drop-ins, 3 entry points",
        "{run:?}"
    );
}
