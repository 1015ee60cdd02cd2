//! What commands say they did is what they did.

mod support;

use std::fs;

use serde_json::Value;
use support::{Bench, Run, copy_tree};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];

fn verify(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugins", "verify"][..], words, &PLACES].concat())
}

/// `demo` installed; `bare` beside it, unsigned; `forged` beside it, changed after signing.
fn three_plugins() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    for id in ["bare", "forged"] {
        copy_tree(&bench.path("demo"), &bench.path("plugins").join(id));
        let manifest = format!("plugins/{id}/plugin.yaml");
        let text = fs::read_to_string(bench.path(&manifest)).expect("read");
        let lines =
            text.lines().map(|line| if line.starts_with("id:") { format!("id: {id}\n") } else { format!("{line}\n") });
        bench.write(&manifest, lines.collect::<String>());
    }
    fs::remove_file(bench.path("plugins/bare/plugin.sig")).expect("removed");
    fs::remove_dir_all(bench.path("plugins/bare/plugin.sig.d")).expect("removed");
    bench
}

#[test]
fn only_what_is_verified_is_counted_as_verified() {
    let bench = three_plugins();
    let counts = |words: &[&str]| {
        let text = verify(&bench, words);
        let line = text.stderr.lines().find(|line| line.trim_start().starts_with("Verified ")).expect("a count");
        let json = verify(&bench, &[words, &["--json"]].concat());
        let document: Value = serde_json::from_str(&json.stdout).expect("JSON");
        let count = |name: &str| document[name].as_u64().expect(name);
        let names = ["verified", "verified_in_part", "unsigned", "invalid", "skipped", "refused"];
        (line.trim().to_owned(), names.map(|name| count(&format!("{name}_count"))))
    };
    assert_eq!(counts(&[]), ("Verified 1 of 3 plugins, 2 refused".to_owned(), [1, 0, 0, 0, 0, 2]));
    assert_eq!(
        counts(&["--trust-mode", "warn"]),
        ("Verified 1 of 3 plugins, 1 unsigned, 1 invalid".to_owned(), [1, 0, 1, 1, 0, 0])
    );
    assert_eq!(
        counts(&["--trust-mode", "warn", "--require", "2"]),
        ("Verified 0 of 3 plugins, 1 verified in part, 1 unsigned, 1 invalid".to_owned(), [0, 1, 1, 1, 0, 0])
    );
    assert_eq!(
        counts(&["--trust-mode", "disabled"]),
        ("Verified 0 of 3 plugins, 3 skipped".to_owned(), [0, 0, 0, 0, 3, 0])
    );
    assert_eq!(counts(&["demo"]), ("Verified 1 of 1 plugin".to_owned(), [1, 0, 0, 0, 0, 0]));
}

#[test]
fn a_place_without_plugins_is_no_success() {
    let bench = Bench::new();
    bench.published();
    verify(&bench, &[]).refused(1, "io_not_found");
    bench.run(&[&["plugin", "list"][..], &PLACES].concat()).refused(1, "io_not_found");
    bench.run(&["plugin", "gc", "--plugins-dir", "plugins"]).refused(1, "io_not_found");
    assert!(!bench.path("plugins").exists());
    fs::create_dir_all(bench.path("plugins/no-plugin")).expect("made");
    verify(&bench, &[]).refused(1, "plugin_not_found");
    verify(&bench, &["--trust-mode", "disabled"]).refused(1, "plugin_not_found");
    let list = bench.run(&[&["plugin", "list"][..], &PLACES].concat());
    assert_eq!(list.ok().stdout, "no plugins in plugins\n");
    for source in ["plugins", "plugins/no-plugin"] {
        bench.run(&["plugin", "verify", source, "--keys", "keys"]).refused(1, "manifest_missing");
    }
}

#[test]
fn a_directory_of_keys_that_was_named_and_is_not_there_is_no_verdict() {
    let bench = Bench::new();
    bench.published();
    let nowhere = ["--keys", "nowhere"];
    for words in [
        &["plugin", "verify", "demo"][..],
        &["plugin", "install", "oci-archive:demo.tar", "--plugins-dir", "plugins"],
        &["plugin", "rollback", "demo", "--plugins-dir", "plugins"],
        &["plugin", "list", "--plugins-dir", "demo"],
        &["plugins", "verify", "--plugins-dir", "demo"],
    ] {
        bench.run(&[words, &nowhere].concat()).refused(1, "io_not_found");
        assert!(!bench.path("plugins").exists());
    }
    let variable = [("PLUGIN_TRUSTED_KEYS_DIR", "nowhere")];
    bench.run_with(&["plugin", "verify", "demo"], &variable).refused(1, "io_not_found");
    // The default, which nobody has named, is no exception.
    bench.run(&["plugin", "verify", "demo"]).refused(1, "io_not_found");
    bench.run(&[&["plugin", "verify", "demo", "--trust-mode", "disabled"], &nowhere[..]].concat()).ok();
}

#[test]
fn an_older_version_is_a_downgrade_and_the_same_one_a_replacement() {
    let steps = [
        ("2.0.0", "installed", None, "Installed demo 2.0.0 in"),
        ("10.0.0", "upgraded", Some("2.0.0"), "Upgraded demo 2.0.0 → 10.0.0 in"),
        ("9.1.0", "downgraded", Some("10.0.0"), "Downgraded demo 10.0.0 → 9.1.0 in"),
        ("9.1.0", "replaced", Some("9.1.0"), "Replaced demo 9.1.0 → 9.1.0 in"),
        ("9.1.0-rc.1", "downgraded", Some("9.1.0"), "Downgraded demo 9.1.0 → 9.1.0-rc.1 in"),
        ("latest", "replaced", Some("9.1.0-rc.1"), "Replaced demo 9.1.0-rc.1 → latest in"),
    ];
    let (text, json) = (Bench::new(), Bench::new());
    text.published();
    json.published();
    for (index, (version, change, from, line)) in steps.into_iter().enumerate() {
        let run = install_next(&text, version, index, &[]);
        assert!(run.ok().stderr.contains(line), "{run:?}");
        let run = install_next(&json, version, index, &["--json"]);
        let answer: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
        let answer = &answer["plugins"][0];
        assert_eq!((answer["change"].as_str(), answer["previous_version"].as_str()), (Some(change), from));
    }
}

#[test]
fn a_rollback_is_called_a_switch_for_it_goes_both_ways() {
    let bench = Bench::new();
    bench.published();
    install_next(&bench, "1.0.0", 0, &[]).ok();
    install_next(&bench, "2.0.0", 1, &[]).ok();
    let rollback = || bench.run(&[&["plugin", "rollback", "demo"][..], &PLACES].concat());
    assert!(rollback().ok().stderr.contains("Switched demo from 2.0.0 to 1.0.0"));
    assert!(rollback().ok().stderr.contains("Switched demo from 1.0.0 to 2.0.0"));
}

#[test]
fn of_what_is_refused_only_what_is_known_is_shown() {
    let bench = three_plugins();
    let rows = |words: &[&str]| {
        let run = verify(&bench, &[words, &["--json"]].concat());
        let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
        let list = bench.run(&[&["plugin", "list", "--json"][..], words, &PLACES].concat());
        let list: Value = serde_json::from_str(&list.ok().stdout).expect("JSON");
        let known = |row: &Value| (row["signature_status"].clone(), row["coverage"].clone());
        let of = |document: &Value| document["plugins"].as_array().expect("rows").iter().map(known).collect::<Vec<_>>();
        assert_eq!(of(&document), of(&list));
        of(&document)
    };
    let known = |status: &str, coverage: &str| (Value::from(status), Value::from(coverage));
    assert_eq!(rows(&[]), [known("unsigned", "none"), known("verified", "full"), known("invalid", "none")]);
    assert_eq!(rows(&["--require", "2"])[1], (Value::from("verified"), Value::Null));
    // Signed whole before, and the code alone now.
    bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", "code"]).ok();
    let code = ["plugin", "sign", "--plugin-dir", "code/demo", "--private-key", "release.key", "--coverage", "code"];
    bench.run(&code).ok();
    bench.run(&["plugin", "package", "--plugin-dir", "code/demo", "--out", "code.tar", "--keys", "keys"]).ok();
    bench.acknowledge_unsigned();
    bench.run(&[&["plugin", "install", "oci-archive:code.tar", "--trust-mode", "disabled"][..], &PLACES].concat()).ok();
    assert_eq!(rows(&["--trust-coverage", "code"])[1], known("verified", "code"));
    bench.write("plugins/demo/plugin.yaml", "id: [\n");
    assert_eq!(rows(&[])[1].0, Value::Null, "nothing could be judged");
}

/// Signs `demo` as that version, with content of its own, and installs it.
fn install_next(bench: &Bench, version: &str, index: usize, words: &[&str]) -> Run {
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
    let lines = manifest.lines().map(|line| match line.starts_with("version:") {
        true => format!("version: \"{version}\"\n"),
        false => format!("{line}\n"),
    });
    bench.write("demo/plugin.yaml", lines.collect::<String>());
    bench.write("demo/README.md", format!("note {index}\n"));
    bench.sign("demo").ok();
    let archive = format!("next-{index}.tar");
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", &archive]).ok();
    let archive = format!("oci-archive:{archive}");
    bench.run(&[&["plugin", "install", &archive, "--allow-downgrade"][..], &PLACES, words].concat())
}

#[test]
fn a_key_in_two_files_is_called_the_same_key() {
    let bench = Bench::new();
    bench.published();
    fs::copy(bench.path("release.pem"), bench.path("keys/again.pem")).expect("copied");
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--explain"]);
    assert!(!run.ok().stdout.contains("verifies no signature"), "{run:?}");
    let line = run.stdout.lines().find(|line| line.contains("release.pem")).expect("its line");
    assert!(line.ends_with(": is the same key as again (again.pem)"), "{run:?}");
}
