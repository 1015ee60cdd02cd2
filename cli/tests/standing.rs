//! What stands in a plugins directory, as operators name it and read it: short digests, several ids, what a rollback
//! leaves, and what a refusal leaves.

mod support;

use std::fs;

use serde_json::Value;
use support::{Bench, Run};

const PLACE: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];

fn run(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugin"][..], words, &PLACE].concat())
}

fn json(bench: &Bench, words: &[&str]) -> Value {
    serde_json::from_str(&run(bench, &[words, &["--json"]].concat()).ok().stdout).expect("JSON")
}

/// `demo` 0.1.0, and 0.2.0 over it. 0.2.0 is packed in `next.tar`.
fn upgraded() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("a manifest");
    bench.write("demo/plugin.yaml", manifest.replace("0.1.0", "0.2.0"));
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "next.tar"]).ok();
    bench.install("oci-archive:next.tar").ok();
    bench
}

/// The digest that a `list --versions` line of that version prints.
fn printed(bench: &Bench, version: &str) -> String {
    let list = run(bench, &["list", "--versions"]);
    let line = list.ok().stdout.lines().find(|line| line.starts_with("  ") && line.contains(version)).expect("a line");
    line.split_whitespace().nth(2).expect("a digest").to_owned()
}

#[test]
fn the_digest_that_list_prints_is_taken_by_rollback() {
    let bench = upgraded();
    let (old, new) = (printed(&bench, "0.1.0"), printed(&bench, "0.2.0"));
    assert_eq!((old.len(), new.len()), (12, 12));
    for (to, version) in [
        (old.clone(), "0.1.0"),
        (format!("sha256:{new}"), "0.2.0"),
        (old.to_ascii_uppercase(), "0.1.0"),
        (new.clone(), "0.2.0"),
        (new.clone(), "0.2.0"),
        ("0.1.0".to_owned(), "0.1.0"),
    ] {
        assert_eq!(json(&bench, &["rollback", "demo", "--to", &to])["version"], version, "{to}");
    }
    for wrong in [&old[..11], "sha256:", "zzzzzzzzzzzz", &"0".repeat(12)] {
        run(&bench, &["rollback", "demo", "--to", wrong]).refused(1, "version_not_found");
    }
}

#[test]
fn a_rollback_is_seen_in_the_list_until_the_next_install() {
    let bench = upgraded();
    assert_eq!(json(&bench, &["list"])["plugins"][0]["rolled_back_at"], Value::Null);
    run(&bench, &["rollback", "demo"]).ok();
    let listed = &json(&bench, &["list"])["plugins"][0];
    assert_eq!((&listed["version"], &listed["rolled_back_from"]), (&"0.1.0".into(), &"0.2.0".into()));
    assert_eq!(listed["signing_key_id"], "release");
    let at = listed["rolled_back_at"].as_str().expect("a time").to_owned();
    assert!(at.len() == 20 && at.ends_with('Z'), "{at}");
    let text = run(&bench, &["list"]);
    assert!(text.stdout.contains(&format!("\n  rolled back from 0.2.0 on {at}\n")), "{text:?}");
    bench.run(&[&["plugins", "verify"][..], &PLACE].concat()).ok();
    bench.install("oci-archive:next.tar").ok();
    let listed = &json(&bench, &["list"])["plugins"][0];
    assert_eq!((&listed["rolled_back_at"], &listed["rolled_back_from"]), (&Value::Null, &Value::Null));
}

#[test]
fn list_takes_ids() {
    let bench = upgraded();
    bench.run(&["plugin", "new", "second", "--type", "enricher"]).ok();
    bench.sign("second").ok();
    bench.install("second").ok();
    let ids = |words: &[&str]| {
        let list = json(&bench, &[&["list"], words].concat());
        let ids = list["plugins"].as_array().expect("a list").iter();
        ids.map(|plugin| plugin["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), ["demo", "second"]);
    assert_eq!(ids(&["second"]), ["second"]);
    assert_eq!(ids(&["second", "demo"]), ["demo", "second"]);
    run(&bench, &["list", "demo", "nope"]).refused(1, "plugin_not_found");
}

#[test]
fn a_list_fits_a_terminal() {
    let bench = upgraded();
    run(&bench, &["rollback", "demo"]).ok();
    fs::rename(bench.path("keys/release.pem"), bench.path("keys/security-team-2026.pem")).expect("renamed");
    let long = "a-plugin-with-a-name-as-long-as-they-are-in-some-places";
    bench.run(&["plugin", "new", long, "--type", "enricher"]).ok();
    bench.sign(long).ok();
    bench.install(long).ok();
    for words in [&["plugin", "list"][..], &["plugin", "list", "--versions"], &["plugins", "verify"]] {
        let listed = bench.run(&[words, &PLACE].concat());
        for line in listed.ok().stdout.lines() {
            assert!(line.chars().count() <= 80 && line.trim_end() == line, "{line:?}");
        }
        assert!(listed.stdout.contains(long) && listed.stdout.contains("security-team-2026"), "{listed:?}");
    }
}

#[test]
fn after_a_refusal_the_installed_version_is_said_to_stay() {
    let bench = upgraded();
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    let sign = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "stranger.key"];
    bench.run(&sign).ok();
    let stays = |words: &[&str], code: i32| {
        let text = run(&bench, words);
        assert_eq!(text.code, code, "{text:?}");
        assert!(text.stderr.contains("\n  demo 0.2.0 stays installed\n"), "{text:?}");
        let report = run(&bench, &[words, &["--json"]].concat());
        let report: Value = serde_json::from_str(&report.stderr).expect("JSON");
        let detail = &report["error"]["detail"];
        assert_eq!((&detail["id"], &detail["installed_version"]), (&"demo".into(), &"0.2.0".into()));
    };
    stays(&["install", "demo"], 3);
    stays(&["rollback", "demo", "--to", "9.9.9"], 1);
    // Nothing of it could be read: it came from the same place as what is installed.
    fs::remove_file(bench.path("next.tar")).expect("removed");
    stays(&["install", "oci-archive:next.tar"], 1);
    let elsewhere = run(&bench, &["install", "127.0.0.1:1/team/demo:1"]);
    assert!(elsewhere.code == 4 && !elsewhere.stderr.contains("stays"), "never a guess: {elsewhere:?}");
    let none = run(&bench, &["rollback", "nope"]);
    assert!(none.code == 1 && !none.stderr.contains("stays"), "{none:?}");
}

#[test]
fn a_registry_that_is_gone_leaves_what_came_from_it() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let repository = format!("{}/team/demo", registry.address);
    bench.run(&["plugin", "push", "demo.tar", &format!("{repository}:0.1.0")]).ok();
    bench.install(&format!("{repository}:0.1.0")).ok();
    drop(registry);
    let run = bench.install(&format!("{repository}:0.2.0"));
    assert!(run.refused(4, "registry_unavailable").stderr.contains("\n  demo 0.1.0 stays installed\n"), "{run:?}");
}

#[test]
fn uninstall_takes_several_ids_and_tries_all() {
    let bench = upgraded();
    for name in ["second", "third"] {
        bench.run(&["plugin", "new", name, "--type", "enricher"]).ok();
        bench.sign(name).ok();
        bench.install(name).ok();
    }
    let uninstall = |ids: &[&str]| bench.run(&[&["plugin", "uninstall"], ids, &["--plugins-dir", "plugins"]].concat());
    uninstall(&["demo", "second"]).refused(10, "confirmation_required");
    uninstall(&["demo", "demo", "--yes"]).refused(2, "usage");
    uninstall(&["demo", "../x", "--yes"]).refused(2, "usage");
    assert!(bench.path("plugins/demo").is_dir(), "nothing is removed by half");
    let run = uninstall(&["demo", "nope", "second", "--yes", "--json"]);
    let answer: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!((run.code, answer["plugins"].as_array().map(Vec::len)), (1, Some(2)), "{run:?}");
    assert_eq!(answer["failed"][0]["id"], "nope");
    assert_eq!(answer["failed"][0]["objection"]["reason_code"], "plugin_not_found");
    assert!(!bench.path("plugins/demo").exists() && !bench.path("plugins/second").exists());
    let one = uninstall(&["third", "--yes"]);
    assert_eq!(one.ok().stdout, "third\n");
    uninstall(&["third", "--yes"]).refused(1, "plugin_not_found");
}

/// The directory was taken away by hand.
#[test]
fn of_a_record_that_is_left_alone_uninstall_says_what_removes_it() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    fs::remove_dir_all(bench.path("plugins/demo")).expect("removed");
    let run = bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"]);
    let line = run.refused(1, "plugin_not_found").error_line();
    assert!(line.contains("`demo` is written down in `plugins`, and its directory is gone"), "{line}");
    assert!(run.stderr.contains("hint: remove what is left of it: `aisoc plugin gc --plugins-dir plugins`"), "{run:?}");
    bench.run(&["plugin", "gc", "--plugins-dir", "plugins"]).ok();
    let run = bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"]);
    assert!(run.refused(1, "plugin_not_found").error_line().contains("there is no plugin `demo`"), "{run:?}");
}

/// As `list` prints it.
#[test]
fn a_short_digest_names_an_installed_plugin_wherever_its_id_does() {
    let bench = upgraded();
    let digest = printed(&bench, "0.2.0");
    assert_eq!(digest.len(), 12);
    for words in [&["verify"][..], &["list"], &["uninstall", "--dry-run"], &["rollback", "--dry-run"]] {
        let options = if words[0] == "uninstall" { &PLACE[2..] } else { &PLACE[..] };
        let run = bench.run(&[&["plugin"][..], words, &[&digest], options].concat());
        let said = format!("{}{}", run.ok().stdout, run.stderr);
        assert!(words[0] == "verify" || said.contains("demo"), "{run:?}");
    }
    let named = format!("sha256:{digest}");
    for digest in [&digest, &named] {
        bench.run(&[&["plugins", "verify", digest][..], &PLACE].concat()).ok();
        bench.run(&[&["plugin", "verify", digest][..], &PLACE].concat()).ok();
        bench.run(&["plugin", "uninstall", digest, "--dry-run", "--plugins-dir", "plugins"]).ok();
    }
    for unknown in ["0123456789ab", &digest[..11]] {
        let run = bench.run(&["plugin", "uninstall", unknown, "--yes", "--plugins-dir", "plugins"]);
        run.refused(1, "plugin_not_found");
        assert_eq!(bench.run(&[&["plugin", "verify", unknown][..], &PLACE].concat()).code, 1, "{unknown}");
    }
    // An id is itself, whatever else begins so.
    bench.run(&["plugin", "new", &digest, "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", &digest, "--private-key", "release.key"]).ok();
    run(&bench, &["install", &format!("./{digest}")]).ok();
    fs::remove_dir_all(bench.path(&digest)).expect("removed");
    let list = json(&bench, &["list", &digest]);
    assert_eq!(list["plugins"].as_array().expect("a list").len(), 1);
    assert_eq!(list["plugins"][0]["id"], digest.as_str());
}
