//! Bad input, one test each at least: exit code of the table, one error line with its reason code, a
//! hint, and nothing written.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use support::Bench;

const MANIFEST: &str = "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\ndescription: d\nauthor: a\n";
const CODE: &str = "class Plugin:\n    def run(self, payload, context):\n        return {}\n";

/// Installs `reference` and checks that the plugins directory stayed as it was.
#[track_caller]
fn refuses_install(bench: &Bench, reference: &str, code: i32, reason: &str) {
    let before = bench.snapshot("plugins");
    let existed = bench.path("plugins").exists();
    bench.install(reference).refused(code, reason);
    assert_eq!(bench.snapshot("plugins"), before);
    assert_eq!(bench.path("plugins").exists(), existed, "the plugins directory appeared or went");
}

/// A plugin directory of that manifest, signed although it may be ambiguous, packed as `NAME.tar`.
fn packed(bench: &Bench, name: &str, manifest: &str) -> String {
    bench.write(&format!("{name}/plugin.yaml"), manifest);
    bench.write(&format!("{name}/plugin.py"), CODE);
    let words = ["plugin", "sign", "--plugin-dir", name, "--private-key", "release.key", "--allow-ambiguous"];
    bench.run(&words).ok();
    let tar = format!("{name}.tar");
    bench.run(&["plugin", "package", "--plugin-dir", name, "--out", &tar]).ok();
    format!("oci-archive:{tar}")
}

#[test]
fn references_that_could_be_taken_for_something_else() {
    let bench = Bench::new();
    bench.published();
    for reference in ["ghcr.io/x/y:1\n", "user:pw@host.example/x", "https://ghcr.io/o/p", "ghcr.io/../../x", "x:1"] {
        refuses_install(&bench, reference, 2, "invalid_ref");
    }
    for path in ["a b", "x", "x/y"] {
        refuses_install(&bench, path, 1, "io_not_found");
    }
    for reference in
        ["169.254.169.254/o/p", "2852039166/x", "0xA9FEA9FE/x", "metadata.google.internal/t/p", "169.254.170.2/x"]
    {
        refuses_install(&bench, reference, 2, "forbidden_registry");
    }
    // To the shell's user a leading `-` is an option; after `--` it is a reference, and refused as one.
    bench.run(&["plugin", "install", "--config=/x"]).refused(2, "usage");
    bench.run(&["plugin", "install", "--plugins-dir", "plugins", "--", "--config=/x"]).refused(2, "invalid_ref");
}

#[test]
fn manifests_that_a_host_would_not_load() {
    let bench = Bench::new();
    bench.published();
    for (name, manifest, reason) in [
        ("no-fields", "id: demo\n", "manifest_field_missing"),
        ("other-type", &MANIFEST.replace("enricher", "magic"), "invalid_plugin_type"),
        ("id-newline", &MANIFEST.replace("id: demo", "id: \"demo\\n\""), "invalid_plugin_id"),
        ("id-path", &MANIFEST.replace("id: demo", "id: ../x"), "invalid_plugin_id"),
        ("id-dot", &MANIFEST.replace("id: demo", "id: \"..\""), "invalid_plugin_id"),
        ("id-number", &MANIFEST.replace("id: demo", "id: 42"), "field_type"),
        ("date", &format!("{MANIFEST}released: 2024-01-01\n"), "manifest_not_canonical"),
    ] {
        bench.write(&format!("{name}/plugin.yaml"), manifest);
        bench.write(&format!("{name}/plugin.py"), CODE);
        let tar = format!("{name}.tar");
        let packed = bench.run(&["plugin", "package", "--plugin-dir", name, "--out", &tar]);
        if reason == "manifest_not_canonical" {
            bench.sign(name);
            let words = ["plugin", "sign", "--plugin-dir", name, "--private-key", "release.key", "--allow-ambiguous"];
            bench.run(&words).refused(1, reason);
            assert!(!bench.path(name).join("plugin.sig").exists());
        } else {
            packed.refused(1, reason);
            assert!(!bench.path(&tar).exists());
        }
    }
}

#[test]
fn an_unreadable_manifest_names_line_and_column() {
    let bench = Bench::new();
    bench.write("p/plugin.yaml", "id: demo\nname:\tx\n");
    let run = bench.run(&["plugin", "digest", "p"]);
    assert!(run.refused(1, "manifest_invalid").error_line().contains("plugin.yaml:2:"), "{run:?}");
    bench.write("empty/README.md", "");
    bench.run(&["plugin", "digest", "empty"]).refused(1, "manifest_missing");
    bench.run(&["plugin", "digest", "nowhere"]).refused(1, "manifest_missing");
}

#[test]
fn sign_refuses_what_readers_disagree_on() {
    let bench = Bench::new();
    bench.published();
    bench.write("p/plugin.yaml", format!("{MANIFEST}flag: yes\n"));
    bench.write("p/plugin.py", CODE);
    let run = bench.sign("p");
    assert!(run.refused(1, "manifest_ambiguous_scalar").error_line().contains("p/plugin.yaml:7:7:"), "{run:?}");
    assert!(!bench.path("p/plugin.sig").exists());
}

#[test]
fn validate_shows_every_problem_at_once() {
    let bench = Bench::new();
    bench.write(
        "p/plugin.yaml",
        "id: Demo.x\nname: D\nversion: 1.10\nplugin_type: enricher\nflag: on\ncapabilities: [facts.raed]\n",
    );
    let run = bench.run(&["plugin", "validate", "p"]);
    assert_eq!(run.code, 1, "{run:?}");
    for expected in [
        "plugin.yaml:1:5:",
        "plugin.yaml:3:10:",
        "plugin.yaml:5:7:",
        "error[unknown_capability]",
        "facts.read",
        "error[invalid_plugin_id]",
    ] {
        assert!(run.stderr.contains(expected), "{expected} is not in {run:?}");
    }
    let json = bench.run(&["plugin", "validate", "p", "--json"]);
    assert_eq!((json.code, json.stdout.as_str()), (1, ""), "the answer is an error, and stands where errors do");
    let report: serde_json::Value = serde_json::from_str(&json.stderr).expect("one document");
    assert_eq!(report["ok"], false);
    let problems = report["error"]["detail"]["problems"].as_array().expect("problems");
    let said = format!("{} problems in p/plugin.yaml, the first: p/plugin.yaml:", problems.len());
    assert!(report["error"]["message"].as_str().expect("text").starts_with(&said), "{report}");
    assert_eq!(report["error"]["detail"]["reason_code"], problems[0]["reason_code"]);
    assert!(problems.len() >= 5);
    for problem in problems {
        assert_eq!(problem["path"], "p/plugin.yaml");
        assert!(problem["line"].as_u64() >= Some(1) && problem["column"].as_u64() >= Some(1), "{problem}");
        assert!(!problem["hint"].as_str().expect("a next step").is_empty(), "{problem}");
    }
}

#[test]
fn signing_keys_that_cannot_sign() {
    let bench = Bench::new();
    bench.published();
    bench.write("garbage.key", "not a key");
    bench.write("encrypted.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let before = bench.snapshot("demo");
    for key in ["missing.key", "garbage.key", "encrypted.key", "release.pem", "env:UNSET_VARIABLE", "-"] {
        bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", key]).refused(1, "key_invalid");
    }
    assert_eq!(bench.snapshot("demo"), before);
    bench.run(&["plugin", "keygen", "--out", "release"]).refused(1, "key_exists");
}

#[test]
fn bad_key_files_are_named_and_never_break_the_others() {
    let bench = Bench::new();
    bench.published();
    fs::copy(bench.path("release.key"), bench.path("keys/a-private.pem")).expect("copied");
    bench.write("keys/b-garbage.pem", "not a key");
    // A valid SubjectPublicKeyInfo of the neutral element, for which anybody can sign.
    let weak = "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    bench.write("keys/c-weak.pem", format!("-----BEGIN PUBLIC KEY-----\n{weak}\n-----END PUBLIC KEY-----\n"));
    bench.write(
        "keys/d-rsa.pem",
        "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK==\n-----END PUBLIC KEY-----\n",
    );
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    assert!(run.ok().stdout.starts_with("verified key=release "), "{run:?}");
    for named in ["a-private.pem", "b-garbage.pem", "c-weak.pem: error[weak_key]", "d-rsa.pem"] {
        assert!(run.stderr.contains(named), "{named} is not named in {run:?}");
    }
    fs::remove_file(bench.path("keys/release.pem")).expect("removed");
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).refused(3, "no_trusted_keys");
}

#[test]
fn strict_mode_refuses_unsigned_malformed_and_foreign_signatures() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    for (name, reason) in [("unsigned", "unsigned"), ("malformed", "signature_malformed"), ("foreign", "untrusted_key")]
    {
        bench.write(&format!("{name}/plugin.yaml"), MANIFEST);
        bench.write(&format!("{name}/plugin.py"), CODE);
        match name {
            "malformed" => drop(bench.write(&format!("{name}/plugin.sig"), "0xabcdef")),
            "foreign" => drop(bench.run(&["plugin", "sign", "--plugin-dir", name, "--private-key", "other.key"])),
            _ => {}
        }
        let tar = format!("{name}.tar");
        bench.forge(name, &tar);
        refuses_install(&bench, &format!("oci-archive:{tar}"), 3, reason);
        let warned = bench.run(&["plugin", "verify", name, "--keys", "keys", "--trust-mode", "warn"]);
        assert!(warned.ok().stderr.contains("warning[admitted_despite]: "), "{warned:?}");
    }
}

#[test]
fn trust_modes_come_from_flag_variable_and_default_in_that_order() {
    let bench = Bench::new();
    bench.write("p/plugin.yaml", MANIFEST);
    fs::create_dir(bench.path("keys")).expect("made");
    let verify = |words: &[&str], variables: &[(&str, &str)]| {
        bench.run_with(&[&["plugin", "verify", "p", "--trusted-keys", "keys"], words].concat(), variables)
    };
    verify(&[], &[]).refused(3, "unsigned");
    assert!(verify(&[], &[("PLUGIN_TRUST_MODE", "warn")]).ok().stdout.starts_with("unsigned"));
    verify(&["--trust-mode", "strict"], &[("PLUGIN_TRUST_MODE", "warn")]).refused(3, "unsigned");
    verify(&["--trust-mode", "yolo"], &[]).refused(2, "usage");
    let misspelt = verify(&[], &[("PLUGIN_TRUST_MODE", "yolo")]);
    assert!(misspelt.refused(3, "unsigned").stderr.contains("falling back to strict"), "{misspelt:?}");
    let disabled = verify(&[], &[("PLUGIN_TRUST_MODE", "disabled"), ("ENVIRONMENT", "production")]);
    assert!(disabled.ok().stdout.starts_with("skipped"), "{disabled:?}");
    assert!(disabled.stderr.contains("plugins will load without signature verification."), "{disabled:?}");
    let development = verify(&[], &[("PLUGIN_TRUST_MODE", "disabled"), ("ENVIRONMENT", "dev")]);
    assert!(!development.ok().stderr.contains("without signature"), "{development:?}");
}

#[test]
fn directories_with_links_and_secrets_are_not_packed() {
    let bench = Bench::new();
    bench.published();
    symlink("plugin.py", bench.path("demo/link.py")).expect("linked");
    bench.sign("demo").refused(1, "forbidden_entry");
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"]).refused(1, "forbidden_entry");
    fs::remove_file(bench.path("demo/link.py")).expect("removed");
    fs::copy(bench.path("release.key"), bench.path("demo/release.key")).expect("copied");
    let run = bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"]);
    assert!(run.refused(1, "forbidden_entry").error_line().contains("release.key"), "{run:?}");
    bench.write("demo/.aisocignore", "release.key\n");
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"]).ok();
}

#[test]
fn another_artifact_than_the_required_one() {
    let bench = Bench::new();
    bench.published();
    let other = format!("sha256:{}", "0".repeat(64));
    let words = [
        "plugin",
        "install",
        "oci-archive:demo.tar",
        "--keys",
        "keys",
        "--plugins-dir",
        "plugins",
        "--require-digest",
        &other,
    ];
    let run = bench.run(&words);
    assert!(run.refused(3, "digest_mismatch").stderr.contains("expected: sha256:0000"), "{run:?}");
    assert!(!bench.path("plugins").exists());
    bench
        .run(&["plugin", "install", "oci-archive:demo.tar", "--require-digest", "sha256:xyz"])
        .refused(2, "invalid_ref");
}

#[test]
fn a_plugins_directory_that_cannot_be_written() {
    let bench = Bench::new();
    bench.published();
    bench.write("plugins/other/README.md", "kept\n");
    fs::set_permissions(bench.path("plugins"), fs::Permissions::from_mode(0o555)).expect("set");
    if fs::write(bench.path("plugins/probe"), "").is_ok() {
        fs::remove_file(bench.path("plugins/probe")).expect("removed");
        println!("skipped: this user writes into read-only directories");
    } else {
        refuses_install(&bench, "oci-archive:demo.tar", 1, "io_denied");
    }
    fs::set_permissions(bench.path("plugins"), fs::Permissions::from_mode(0o755)).expect("set");
    bench.write("file", "not a directory");
    bench
        .run(&["plugin", "install", "oci-archive:demo.tar", "--keys", "keys", "--plugins-dir", "file"])
        .refused(1, "directory_insecure");
}

#[test]
fn nobody_answers_is_not_a_no() {
    let bench = Bench::new();
    bench.published();
    // A port that was free a moment ago: nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("an address").port();
    refuses_install(&bench, &format!("127.0.0.1:{port}/team/demo:1"), 4, "registry_unavailable");
}

#[test]
fn what_a_registry_does_not_have() {
    let bench = Bench::new();
    let registry = bench.registry();
    bench.published();
    refuses_install(&bench, &format!("{}/team/demo:none", registry.address), 1, "reference_not_found");
}

#[test]
fn usage_errors_have_the_form_of_every_error() {
    let bench = Bench::new();
    for words in [
        &[][..],
        &["plugin"],
        &["plugin", "sgin"],
        &["plugin", "new"],
        &["plugin", "sign", "--nope"],
        &["reasons", "nope"],
    ] {
        bench.run(words).refused(2, "usage");
    }
    bench.run(&["plugin", "new", "../x", "--type", "enricher"]).refused(2, "usage");
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).refused(1, "already_exists");
    let json = bench.run(&["plugin", "verify", "nowhere:x", "--json"]);
    let envelope: serde_json::Value = serde_json::from_str(&json.stderr).expect("JSON");
    assert_eq!((json.code, &envelope["error"]["detail"]["reason_code"]), (2, &"invalid_ref".into()));
}

#[test]
fn a_closed_pipe_is_success() {
    let bench = Bench::new();
    let mut child = bench.command(&["reasons"]).stdout(std::process::Stdio::piped()).spawn().expect("started");
    drop(child.stdout.take());
    assert!(child.wait().expect("ended").success());
}

#[test]
fn an_artifact_signed_for_ambiguous_yaml_still_installs() {
    let bench = Bench::new();
    bench.published();
    let reference = packed(&bench, "legacy", &format!("{MANIFEST}flag: yes\n"));
    bench.install(&reference).ok();
}

#[test]
fn names_from_outside_cannot_add_rows_to_a_listing() {
    let bench = Bench::new();
    bench.published();
    let manifest = MANIFEST.replace("\"1.0.0\"", "\"0.1.0\\nfoo  1.0  verified\"");
    let reference = packed(&bench, "forged", &manifest);
    bench.install(&reference).ok();
    let list = bench.run(&["plugin", "list", "--keys", "keys", "--plugins-dir", "plugins"]);
    assert_eq!(list.ok().stdout.lines().count(), 2, "{list:?}");
}

#[test]
fn install_records_are_as_readable_as_plugins_and_odd_ones_do_not_hang() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let record = bench.path("plugins/.aisoc/records/demo.json");
    assert_eq!(fs::metadata(&record).expect("written").permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_dir(record.parent().expect("a directory")).expect("listed").count(), 1);
    let list = |expected: &str| {
        let run = bench.run(&["plugin", "list", "--keys", "keys", "--plugins-dir", "plugins"]);
        assert!(run.ok().stdout.contains(expected), "{run:?}");
    };
    fs::remove_file(&record).expect("removed");
    list("no install record");
    let made = std::process::Command::new("mkfifo").arg(&record).status().expect("mkfifo runs");
    assert!(made.success());
    list("record_invalid");
    fs::remove_file(&record).expect("removed");
    symlink("/dev/zero", &record).expect("linked");
    list("record_invalid");
}

#[test]
fn uninstall_takes_plugins_and_nothing_else() {
    let bench = Bench::new();
    bench.write("plugins/data/precious.txt", "kept\n");
    let before = bench.snapshot("plugins");
    bench.run(&["plugin", "uninstall", "data", "--plugins-dir", "plugins", "--yes"]).refused(1, "plugin_not_found");
    assert_eq!(bench.snapshot("plugins"), before);
}

#[test]
fn keygen_wants_the_name_of_a_file() {
    let bench = Bench::new();
    fs::create_dir(bench.path("keys")).expect("made");
    for prefix in ["keys/", ".", "keys/."] {
        bench.run(&["plugin", "keygen", "--out", prefix]).refused(2, "usage");
    }
    assert_eq!(bench.snapshot("keys").len(), 0);
}

#[test]
fn warnings_and_the_error_are_one_document() {
    let bench = Bench::new();
    bench.published();
    bench.write("keys/bad.pem", "not a key");
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&run.ok().stderr).expect("one document");
    assert_eq!((&report["schema_version"], &report["ok"], report.get("error")), (&2.into(), &true.into(), None));
    let [warning] = report["warnings"].as_array().expect("warnings").as_slice() else { panic!("one: {report}") };
    assert_eq!(warning["code"], "key_not_used");
    assert!(warning["message"].as_str().expect("text").contains("bad.pem"), "{run:?}");
    bench.write("demo/plugin.py", "changed");
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stderr).expect("one document");
    assert_eq!((run.code, &report["warnings"][0]["code"]), (3, &"key_not_used".into()));
    assert_eq!(report["error"]["detail"]["reason_code"], "signature_invalid");
    let verdict: serde_json::Value = serde_json::from_str(&run.stdout).expect("one document");
    assert_eq!((&verdict["ok"], &verdict["objection"]["reason_code"]), (&false.into(), &"signature_invalid".into()));
}

#[test]
fn what_stands_in_the_way_of_an_install_is_named() {
    let bench = Bench::new();
    bench.published();
    fs::create_dir_all(bench.path("plugins")).expect("made");
    fs::create_dir(bench.path("elsewhere")).expect("made");
    symlink(bench.path("elsewhere"), bench.path("plugins/demo")).expect("linked");
    refuses_install(&bench, "oci-archive:demo.tar", 1, "already_exists");
    assert_eq!(bench.snapshot("elsewhere").len(), 0);
    fs::remove_file(bench.path("plugins/demo")).expect("removed");
    bench.install("oci-archive:demo.tar").ok();
    let reference = packed(&bench, "spelt", &MANIFEST.replace("id: demo", "id: Demo"));
    refuses_install(&bench, &reference, 1, "already_exists");
}

#[test]
fn a_layer_that_claims_to_be_endless_is_refused_before_it_is_read() {
    use aisoc_manifests::digest::Digest;
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "layout"]).ok();
    let index = fs::read_to_string(bench.path("layout/index.json")).expect("an index");
    let index: serde_json::Value = serde_json::from_str(&index).expect("JSON");
    let digest = index["manifests"][0]["digest"].as_str().expect("a digest").replace(':', "/");
    let manifest = fs::read_to_string(bench.path(&format!("layout/blobs/{digest}"))).expect("a manifest");
    let mut manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    for size in [5 << 40, u64::MAX] {
        manifest["layers"][0]["size"] = size.into();
        let bytes = manifest.to_string();
        let digest = Digest::of(bytes.as_bytes());
        bench.write(&format!("layout/blobs/sha256/{}", digest.hex()), &bytes);
        let entry = serde_json::json!({ "mediaType": manifest["mediaType"], "digest": digest, "size": bytes.len() });
        bench.write("layout/index.json", serde_json::json!({ "schemaVersion": 2, "manifests": [entry] }).to_string());
        refuses_install(&bench, "oci:layout", 1, "unsafe_archive");
    }
}
