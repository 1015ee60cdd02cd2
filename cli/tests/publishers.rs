//! Whose plugins a site takes, which references, and what it has to be told before it takes what nobody vouches for.

mod support;

use std::fs;

use serde_json::Value;
use support::{Bench, Run};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
const TRUSTED: &str = "AISOC_PLUGIN_TRUSTED_PUBLISHERS";
const OVERRIDE: &str = "AISOC_PLUGIN_TRUST_OVERRIDE_PUBLISHERS";

fn run(bench: &Bench, words: &[&str], variables: &[(&str, &str)]) -> Run {
    bench.run_with(&[words, &PLACES].concat(), variables)
}

fn install(bench: &Bench, variables: &[(&str, &str)]) -> Run {
    run(bench, &["plugin", "install", "oci-archive:demo.tar", "--json"], variables)
}

fn installed(run: &Run) -> Value {
    serde_json::from_str::<Value>(&run.ok().stdout).expect("JSON")["plugins"][0].clone()
}

fn fingerprint(bench: &Bench) -> String {
    let shown = bench.run(&["keys", "fingerprint", "release.pem"]).ok().stdout.clone();
    shown.split_whitespace().find(|word| word.starts_with("SHA256:")).expect("one").to_owned()
}

fn error(run: &Run) -> Value {
    assert_eq!(run.stdout, "", "{run:?}");
    serde_json::from_str::<Value>(&run.stderr).expect("JSON")["error"].clone()
}

#[test]
fn without_a_list_every_trusted_key_is_a_trusted_publisher() {
    let bench = Bench::new();
    bench.published();
    assert_eq!(installed(&install(&bench, &[]))["trust_decision"], "trusted_publisher");
    assert!(!bench.path("plugins/.aisoc/plugins.journal").exists());
}

#[test]
fn a_list_takes_those_on_it_by_name_or_fingerprint_and_nobody_else() {
    let bench = Bench::new();
    bench.published();
    let (print, before) = (fingerprint(&bench), bench.snapshot(""));
    for list in ["other", "Release", "release.pem", "SHA256:00", "*"] {
        let refused = install(&bench, &[(TRUSTED, list)]);
        let error = error(&refused);
        assert_eq!((refused.code, &error["detail"]["reason_code"]), (3, &Value::from("untrusted_publisher")));
        let hint = error["hint"].as_str().expect("a hint");
        assert!(hint.contains(TRUSTED) && hint.contains(OVERRIDE), "{hint}");
    }
    for empty in [",", "release,", " , release"] {
        assert_eq!(install(&bench, &[(TRUSTED, empty)]).code, 2, "{empty}");
    }
    assert_eq!(bench.snapshot(""), before, "what is refused leaves no trace");
    for list in ["release", " other , release ", &print] {
        let decision = installed(&install(&bench, &[(TRUSTED, list)]))["trust_decision"].clone();
        assert_eq!(decision, "trusted_publisher", "{list}");
    }
    // Both lists, and the trusted one counts.
    assert_eq!(
        installed(&install(&bench, &[(TRUSTED, "release"), (OVERRIDE, "release")]))["trust_decision"],
        "trusted_publisher"
    );
    let listed = run(&bench, &["plugin", "list", "--json"], &[(TRUSTED, "other")]);
    let listed: Value = serde_json::from_str(&listed.ok().stdout).expect("JSON");
    assert_eq!(listed["plugins"][0]["objection"]["reason_code"], "untrusted_publisher", "{listed}");
    assert_eq!(listed["plugins"][0]["signature_status"], "verified");
    assert_eq!(run(&bench, &["plugins", "verify"], &[(TRUSTED, "other")]).code, 3);
}

#[test]
fn an_override_is_said_each_time_and_written_down() {
    let bench = Bench::new();
    bench.published();
    for (name, also) in [(OVERRIDE, None), ("STIGMEM_PLUGIN_TRUST_OVERRIDE_PUBLISHERS", Some((TRUSTED, "other")))] {
        let variables: Vec<(&str, &str)> = [Some((name, "release")), also].into_iter().flatten().collect();
        let run = install(&bench, &variables);
        assert_eq!(installed(&run)["trust_decision"], "operator_override", "{name}");
        assert!(run.stderr.contains("publisher_overridden"), "{run:?}");
    }
    let journal = fs::read_to_string(bench.path("plugins/.aisoc/plugins.journal")).expect("there");
    let reason = format!("\ttrust_decision=operator_override: key release ({})\n", fingerprint(&bench));
    assert!(journal.contains("\tinstall\tdemo\t0.1.0\tsha256:") && journal.ends_with(&reason), "{journal}");
    // Ours is set, so theirs is not asked.
    let both = [(TRUSTED, "other"), ("STIGMEM_PLUGIN_TRUSTED_PUBLISHERS", "release")];
    assert_eq!(install(&bench, &both).code, 3);
}

#[test]
fn a_signature_that_was_removed_is_no_way_around_a_list() {
    let bench = Bench::new();
    bench.published();
    fs::remove_file(bench.path("demo/plugin.sig")).expect("removed");
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    bench.forge("demo", "bare.tar");
    let bare = |variables: &[(&str, &str)]| {
        run(&bench, &["plugin", "install", "oci-archive:bare.tar", "--trust-mode", "warn", "--json"], variables)
    };
    let before = bench.snapshot("");
    let refused = bare(&[(TRUSTED, "release")]);
    assert_eq!((refused.code, &error(&refused)["detail"]["reason_code"]), (3, &Value::from("unsigned")));
    assert!(refused.stderr.contains("listed publishers alone"), "{refused:?}");
    assert_eq!(bench.snapshot(""), before);
    let installed = installed(&bare(&[]));
    assert_eq!((&installed["signature_status"], &installed["trust_decision"]), (&"unsigned".into(), &Value::Null));
}

#[test]
fn as_many_publishers_as_are_required_have_to_be_on_the_lists() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "keygen", "--out", "second"]).ok();
    fs::copy(bench.path("second.pem"), bench.path("keys/second.pem")).expect("copied");
    bench.run(&["plugin", "sign", "demo", "--private-key", "second.key", "--add"]).ok();
    fs::remove_file(bench.path("demo.tar")).expect("removed");
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "demo.tar"]).ok();
    let two = |variables: &[(&str, &str)]| {
        run(&bench, &["plugin", "install", "oci-archive:demo.tar", "--require", "2", "--json"], variables)
    };
    assert_eq!(error(&two(&[(TRUSTED, "release")]))["detail"]["reason_code"], "untrusted_publisher");
    let mixed = [(TRUSTED, "release"), (OVERRIDE, "second")];
    assert_eq!(installed(&two(&mixed))["trust_decision"], "operator_override");
    assert_eq!(installed(&two(&[(TRUSTED, "release,second")]))["trust_decision"], "trusted_publisher");
}

#[test]
fn nothing_is_let_in_unread_before_somebody_has_said_to_know_what_that_means() {
    let bench = Bench::new();
    bench.published();
    let disabled = |words: &[&str], ack: &[(&str, &str)]| {
        run(&bench, words, &[&[("PLUGIN_TRUST_MODE", "disabled")], ack].concat())
    };
    let words = ["plugin", "install", "oci-archive:demo.tar"];
    let before = bench.snapshot("");
    for ack in [
        &[][..],
        &[("AISOC_PLUGIN_UNSIGNED_ACK", "yes")],
        &[("AISOC_PLUGIN_UNSIGNED_ACK", "I-understand-plugins-are-unsigned")],
        &[("AISOC_PLUGIN_UNSIGNED_ACK", " i-understand-plugins-are-unsigned")],
        &[("ENVIRONMENT", "development")],
    ] {
        let refused = disabled(&words, ack);
        let stderr = &refused.refused(2, "unsigned_not_acknowledged").stderr;
        assert!(stderr.contains("AISOC_PLUGIN_UNSIGNED_ACK=i-understand-plugins-are-unsigned"), "{stderr}");
    }
    assert_eq!(bench.snapshot(""), before, "what is refused leaves no trace");
    for name in ["AISOC_PLUGIN_UNSIGNED_ACK", "STIGMEM_PLUGIN_UNSIGNED_ACK"] {
        let ack = [(name, "i-understand-plugins-are-unsigned"), ("ENVIRONMENT", "production")];
        let done = disabled(&[&words[..], &["--json"]].concat(), &ack);
        let plugin = installed(&done);
        assert_eq!(
            (&plugin["signature_status"], plugin["trust_decision"].as_str()),
            (&"skipped".into(), Some("development_unsigned_override"))
        );
        assert!(done.stderr.contains("PLUGIN_TRUST_MODE=disabled outside development"), "{done:?}");
    }
    let journal = fs::read_to_string(bench.path("plugins/.aisoc/plugins.journal")).expect("there");
    assert!(journal.ends_with("\ttrust_decision=development_unsigned_override\n"), "{journal}");
    // What stands there is looked at all the same.
    disabled(&["plugin", "list"], &[]).ok();
    disabled(&["plugins", "verify"], &[]).ok();
    disabled(&["plugin", "rollback", "demo"], &[]).refused(2, "unsigned_not_acknowledged");
}

#[test]
fn a_name_of_two_keys_names_nobody_and_a_fingerprint_names_one() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    fs::copy(bench.path("other.pem"), bench.path("keys/release.pub")).expect("copied");
    let before = bench.snapshot("");
    for list in [TRUSTED, OVERRIDE] {
        let error = error(&install(&bench, &[(list, "release")]));
        assert_eq!((&error["type"], &error["detail"]["reason_code"]), (&"usage".into(), &"usage".into()), "{error}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.starts_with(&format!("{list} names `release`")), "{message}");
    }
    assert_eq!(bench.snapshot(""), before, "what is refused leaves no trace");
    // Nobody asks for that name.
    assert_eq!(install(&bench, &[(TRUSTED, "others")]).code, 3);
    installed(&install(&bench, &[(TRUSTED, &fingerprint(&bench))]));
    // One key under two names of files is one key.
    fs::copy(bench.path("release.pem"), bench.path("keys/release.pub")).expect("copied");
    installed(&install(&bench, &[(TRUSTED, "release")]));
}
