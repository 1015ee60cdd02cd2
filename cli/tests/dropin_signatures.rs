//! Signatures over drop-ins: in production a host loads no file of which no key has said that it may sign such things.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use support::{Bench, Run};

const FILE: &str = "data/plugins/tools/a_plugin.py";
const SIGNATURE: &str = "data/plugins/tools/a_plugin.py.sig";
const NOTE: &str = r#"{"schema_version": 2, "may_sign": ["dropin"]}"#;

/// A drop-in that the lock accepts, and a trusted key whose note is that.
fn bench(note: Option<&str>) -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("plugins-here")).expect("made");
    bench.write(FILE, "x = 1\n");
    bench.run(&["keygen", "--out", "ops"]).ok();
    bench.write("keys-here/ops.pem", fs::read(bench.path("ops.pem")).expect("a key"));
    if let Some(note) = note {
        bench.write("keys-here/ops.json", note);
    }
    asked(&bench, &["plugins", "lock", "--from-installed", "--reason", "looked at"], "dev").ok();
    bench
}

fn asked(bench: &Bench, words: &[&str], mode: &str) -> Run {
    let places = ["--plugins-lock", "accepted.lock", "--plugins-dir", "plugins-here", "--trusted-keys", "keys-here"];
    let data = bench.path("data");
    let variables = [("AISOC_DATA_DIR", data.to_str().expect("text")), ("AISOC_PLUGIN_MODE", mode)];
    bench.run_with(&[words, &places].concat(), &variables)
}

fn sign(bench: &Bench) -> Run {
    bench.run(&["plugin", "sign", FILE, "--private-key", "ops.key"])
}

/// What a listing in production says of it: why it is refused, and what its signature is worth.
fn listed(bench: &Bench) -> (Value, Value) {
    let run = asked(bench, &["plugins", "list", "--json"], "production");
    let document: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let row = document["plugins"][0].clone();
    assert_eq!(row["id"], "tool/a_plugin", "{document}");
    (row["error"]["reason_code"].clone(), row["signature_status"].clone())
}

/// Every command that judges a drop-in says the same of it.
fn refused_everywhere(bench: &Bench, reason: &str, status: &str) {
    assert_eq!(listed(bench), (reason.into(), status.into()));
    let verified = asked(bench, &["plugins", "verify", "--only", "signatures"], "production");
    let start = format!("error[{reason}]: tool/a_plugin: ");
    assert!(verified.code == 3 && verified.error_line().starts_with(&start), "{verified:?}");
    for command in ["explain", "plugins describe"] {
        let words: Vec<&str> = command.split(' ').chain(["tool/a_plugin", "--json"]).collect();
        let run = asked(bench, &words, "production");
        let document: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
        assert_eq!(document["verdict"], "refused", "{command}: {document}");
        assert_eq!(document["objection"]["reason_code"], reason, "{command}: {document}");
    }
}

#[test]
fn a_drop_in_is_loaded_in_production_once_a_key_that_signs_such_has_signed_it() {
    let bench = bench(Some(NOTE));
    refused_everywhere(&bench, "unsigned", "unsigned");
    sign(&bench).ok();
    assert_eq!(listed(&bench), (Value::Null, "verified".into()));
    let verified = asked(&bench, &["plugins", "verify"], "production");
    assert!(verified.ok().stdout.contains("tool/a_plugin  0.0.0+local  verified   full      ops"), "{verified:?}");
    let page = asked(&bench, &["plugins", "describe", "tool/a_plugin"], "production");
    assert!(page.ok().stdout.contains("signed by   ops  SHA256:"), "{page:?}");
}

#[test]
fn one_byte_more_is_another_file() {
    let bench = bench(Some(NOTE));
    sign(&bench).ok();
    bench.write(FILE, "x = 1\n\n");
    refused_everywhere(&bench, "signature_invalid", "invalid");
}

#[test]
fn a_key_that_signs_plugins_signs_no_drop_in() {
    let bench = bench(None);
    sign(&bench).ok();
    refused_everywhere(&bench, "key_out_of_scope", "invalid");
}

#[test]
fn in_dev_it_is_loaded_and_what_there_is_to_say_is_said() {
    let bench = bench(Some(NOTE));
    let verified = asked(&bench, &["plugins", "verify", "--only", "signatures"], "dev");
    let lines = "tool/a_plugin  0.0.0+local  unsigned   -         -\n  unsigned: ";
    assert!(verified.ok().stdout.contains(lines), "{verified:?}");
}

#[test]
fn what_is_no_file_or_no_file_of_its_own_is_not_signed() {
    let bench = bench(Some(NOTE));
    // Somebody's own text is in the place of the signature.
    bench.write(SIGNATURE, "notes");
    sign(&bench).refused(1, "already_exists");
    assert_eq!(fs::read(bench.path(SIGNATURE)).expect("there"), b"notes");
    refused_everywhere(&bench, "signature_malformed", "invalid");
    fs::remove_file(bench.path(SIGNATURE)).expect("removed");
    let signed_as =
        |file: &str, out: &str| bench.run(&["plugin", "sign", file, "--private-key", "ops.key", "--out", out]);
    bench.write("empty.py", "");
    signed_as("empty.py", "./empty.py").refused(1, "already_exists");
    signed_as("ops.key", "of-key.sig").refused(1, "forbidden_entry");
    assert!(fs::read(bench.path("empty.py")).expect("there").is_empty() && !bench.path("of-key.sig").exists());
    // What is signed of a plugin is text as well, and one key may be allowed to sign both.
    bench.write(FILE, r#"{"files":{},"manifest":{"id":"acme"}}"#);
    sign(&bench).refused(1, "forbidden_entry");
    std::os::unix::fs::symlink("b_plugin.py", bench.path("data/plugins/tools/l_plugin.py")).expect("linked");
    bench.write("data/plugins/tools/b_plugin.py", "x = 1\n");
    bench
        .run(&["plugin", "sign", "data/plugins/tools/l_plugin.py", "--private-key", "ops.key"])
        .refused(1, "forbidden_entry");
    assert!(!bench.path(SIGNATURE).exists());
}

/// What cannot be read may be signed or not: that is no verdict, and no success.
#[test]
fn what_could_not_be_read_is_neither_signed_nor_passed_over() {
    let bench = bench(Some(NOTE));
    sign(&bench).ok();
    let data = bench.path("data");
    let variables = [("AISOC_DATA_DIR", data.to_str().expect("text")), ("AISOC_PLUGIN_MODE", "production")];
    let Some(nobody) = bench.as_nobody_with(&variables) else {
        eprintln!("SKIPPED: only root runs a command as somebody else");
        return;
    };
    let places = ["--plugins-dir", "plugins-here", "--trusted-keys", "keys-here"];
    let verify = [&["plugins", "verify", "--only", "signatures"], &places[..]].concat();
    nobody(&verify).ok();
    bench.write("data/plugins/tools/b_plugin.py", "x = 1\n");
    let closed = |path: &str| fs::set_permissions(bench.path(path), fs::Permissions::from_mode(0o000)).expect("set");
    closed("data/plugins/tools/b_plugin.py");
    let verified = nobody(&verify);
    let of_b = |run: &Run| run.code == 1 && run.error_line().starts_with("error[io_denied]: tool/b_plugin: ");
    assert!(of_b(&verified), "{verified:?}");
    assert!(verified.stdout.contains("tool/a_plugin  0.0.0+local  verified"), "{verified:?}");
    let named = nobody(&[&verify[..], &["tool/b_plugin"]].concat());
    assert!(of_b(&named), "{named:?}");
    fs::remove_file(bench.path("data/plugins/tools/b_plugin.py")).expect("removed");

    // The keys that would say it.
    closed("keys-here");
    let lock = ["plugins", "lock", "--from-installed", "--reason", "x", "--plugins-lock", "new.lock", "--dry-run"];
    let locked = nobody(&[&lock[..], &places].concat());
    assert!(locked.refused(1, "io_denied").error_line().contains("tool/a_plugin: "), "{locked:?}");
}

#[test]
fn trust_rules_are_asked_of_a_drop_in_too() {
    let bench = bench(Some(NOTE));
    sign(&bench).ok();
    let rule = |what: &str| format!("schema_version = 1\n[[rules]]\nname = \"all\"\nplugins = [\"**\"]\n{what}");
    let verified = |rules: &str, mode: &str| {
        bench.write("trust.toml", rules);
        asked(&bench, &["plugins", "verify", "--only", "signatures", "--trust-policy", "trust.toml"], mode)
    };
    verified(&rule(""), "production").ok();
    verified(&rule("keys = { at_least = 1, of = [\"ops\"] }\n"), "production").ok();
    for (rules, code, reason) in [
        (rule("").replace("**", "acme-*"), 3, "no_trust_rule"),
        (rule("keys = { at_least = 2 }\n"), 3, "signers_too_few"),
        (rule("keys = { at_least = 1, of = [\"other\"] }\n"), 3, "signers_too_few"),
        (rule("[[rules.proofs]]\nkind = \"sbom\"\n"), 3, "proof_missing"),
        (rule("more = 1\n"), 1, "trust_policy_invalid"),
    ] {
        let refused = verified(&rules, "production");
        assert!(refused.code == code && refused.error_line().contains(&format!("[{reason}]")), "{rules}{refused:?}");
        // In dev a host loads it whoever has made it.
        assert!(reason == "trust_policy_invalid" || verified(&rules, "dev").code == 0, "{rules}");
    }
    // And without a signature as well, where a mode lets that pass.
    fs::remove_file(bench.path(SIGNATURE)).expect("removed");
    bench.write("trust.toml", rule("more = 1\n"));
    let words = ["plugins", "list", "--json", "--trust-mode", "warn", "--trust-policy", "trust.toml"];
    let listed = asked(&bench, &words, "production");
    let document: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(document["plugins"][0]["error"]["reason_code"], "trust_policy_invalid", "{document}");
}
