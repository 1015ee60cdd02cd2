//! What a listing says beside its table: which files a host may run from the data directory, and who has signed nothing.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Bench, Run};

const LISTED: [&str; 4] = ["plugins", "list", "--plugins-dir", "empty"];

/// A bench with an empty plugins directory and those drop-ins.
fn bench(dropins: &[&str]) -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("empty")).expect("made");
    for name in dropins {
        let content = if name.ends_with(".py") { "x = 1\n" } else { "{}" };
        bench.write(&format!("data/plugins/{name}"), content);
    }
    bench
}

fn run(bench: &Bench, words: &[&str], variables: &[(&str, &str)]) -> Run {
    bench.run_with(words, &[&[("AISOC_DATA_DIR", "data")], variables].concat())
}

/// The lines of stderr that begin with that.
fn lines<'a>(run: &'a Run, code: &str) -> Vec<&'a str> {
    let start = format!("warning[{code}]: ");
    run.stderr.lines().filter_map(|line| line.strip_prefix(&start)).collect()
}

fn warnings(run: &Run, code: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(&run.stderr).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    let warnings = report["warnings"].as_array().expect("warnings").iter();
    let messages = warnings.filter(|warning| warning["code"] == code).map(|warning| warning["message"].as_str());
    messages.map(|message| message.expect("a message").to_owned()).collect()
}

/// As coreutils say it, which know nothing of us.
fn sha256sum(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum runs");
    String::from_utf8(output.stdout).expect("text").split(' ').next().expect("a hash").to_owned()
}

#[test]
fn every_drop_in_is_said_with_its_absolute_path_and_its_sha256() {
    let bench = bench(&["loaders/a_loader.py", "domains/d.jsonld", "cleaners/_none.py"]);
    let at = |name: &str| fs::canonicalize(bench.path(&format!("data/plugins/{name}"))).expect("there");
    let said = |name: &str, registry: &str| {
        let place = at(name);
        format!("`{}` ({registry}) sha256={}", place.display(), sha256sum(&place))
    };
    let expected = [said("loaders/a_loader.py", "LoaderRegistry"), said("domains/d.jsonld", "DomainRegistry")];
    let only = ["plugins", "verify", "--plugins-dir", "empty"];
    for words in [&LISTED[..], &only] {
        let run = run(&bench, words, &[]);
        assert_eq!(lines(run.ok(), "user_plugin_loaded"), expected, "{words:?}: {run:?}");
    }
    let documented = run(&bench, &[&LISTED[..], &["--json"]].concat(), &[]);
    assert_eq!(warnings(documented.ok(), "user_plugin_loaded"), expected);
    // With a lock too, and once.
    run(&bench, &["plugins", "lock", "--from-installed", "--reason", "read", "--plugins-dir", "empty"], &[]).ok();
    assert_eq!(lines(run(&bench, &only, &[]).ok(), "user_plugin_loaded"), expected);
}

#[test]
fn what_cannot_be_read_is_said_with_an_empty_hash_and_why() {
    let bench = bench(&["cleaners/denied.py"]);
    let denied = bench.path("data/plugins/cleaners/denied.py");
    symlink("nowhere", bench.path("data/plugins/cleaners/link.py")).expect("linked");
    let fifo = Command::new("mkfifo").arg(bench.path("data/plugins/cleaners/pipe.py")).status().expect("mkfifo runs");
    assert!(fifo.success());
    fs::set_permissions(&denied, fs::Permissions::from_mode(0o000)).expect("set");
    // Root reads everything: another user asks then.
    let run = match bench.as_nobody_with(&[("AISOC_DATA_DIR", "data")]) {
        Some(nobody) => nobody(&LISTED),
        None => run(&bench, &LISTED, &[]),
    };
    let places = ["denied", "link", "pipe"].map(|stem| {
        let place = fs::canonicalize(bench.path("data/plugins/cleaners")).expect("there").join(format!("{stem}.py"));
        format!("`{}` (CleanerRegistry) sha256=", place.display())
    });
    assert_eq!(lines(run.ok(), "user_plugin_loaded"), places, "{run:?}");
    let unhashed = lines(&run, "user_plugin_audit_hash_failed");
    for (line, start) in unhashed.iter().zip(["denied", "link", "pipe"]) {
        assert!(line.starts_with(&format!("`data/plugins/cleaners/{start}.py` has no SHA-256: ")), "{run:?}");
    }
    assert_eq!(unhashed.len(), 3, "{run:?}");
    assert!(run.stdout.contains("  cleaner/denied: io_denied: "), "{run:?}");
}

#[test]
fn the_switch_by_either_name_leaves_out_every_drop_in_and_names_it() {
    let bench = bench(&["loaders/a_loader.py", "domains/d.jsonld"]);
    for name in ["AISOC_ALLOW_USER_PLUGINS", "CHAOSCYPHER_ALLOW_USER_PLUGINS"] {
        let off = run(&bench, &LISTED, &[(name, "0")]);
        assert!(off.ok().stdout.ends_with("(no plugins loaded)\n"), "{off:?}");
        let skipped = [("loaders/a_loader.py", "LoaderRegistry"), ("domains/d.jsonld", "DomainRegistry")];
        let skipped = skipped.map(|(file, registry)| {
            format!("`data/plugins/{file}` is not loaded ({registry}): drop-ins are switched off")
        });
        assert_eq!(lines(&off, "user_plugin_disabled_skip"), skipped);
        assert!(lines(&off, "user_plugin_loaded").is_empty(), "{off:?}");
        let on = run(&bench, &LISTED, &[(name, "false")]);
        assert!(on.ok().stdout.contains("loader/a_loader") && lines(&on, "user_plugin_disabled_skip").is_empty());
    }
}

#[test]
fn an_archive_is_said_wherever_it_stands_and_nothing_fails() {
    let bench = bench(&[]);
    for place in ["data/plugins/z.zip", "data/plugins/tools/z.zip", "empty/z.zip"] {
        bench.write(place, "PK");
    }
    let said = |place: &str| format!("`{place}` is an archive, and no host loads one");
    let mut expected = ["empty/z.zip", "data/plugins/z.zip", "data/plugins/tools/z.zip"].map(said);
    let only = ["plugins", "verify", "--plugins-dir", "empty"];
    let listed = run(&bench, &LISTED, &[]);
    assert!(listed.ok().stdout.ends_with("(no plugins loaded)\n"), "{listed:?}");
    assert_eq!(lines(&listed, "archive_not_loaded"), expected, "{listed:?}");
    let mut verified =
        lines(&run(&bench, &only, &[]), "archive_not_loaded").iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    verified.sort();
    expected.sort();
    assert_eq!(verified, expected);
}

#[test]
fn a_data_directory_of_the_systems_is_said_and_nothing_fails() {
    let bench = bench(&[]);
    let run = bench.run_with(&LISTED, &[("AISOC_DATA_DIR", "/etc/x")]);
    let said = "the data directory `/etc/x` is below `/etc`, which is the system's";
    assert_eq!(lines(run.ok(), "path_settings_suspicious_data_dir"), [said], "{run:?}");
}

#[test]
fn what_nobody_has_signed_is_told_apart_beside_the_table() {
    let bench = Bench::new();
    bench.published();
    fs::create_dir(bench.path("plugins")).expect("made");
    bench.run(&["plugin", "new", "bare", "--type", "enricher", "-o", "plugins"]).ok();
    bench.write("site/lab.dist-info/METADATA", "Metadata-Version: 2.1\nName: lab\nVersion: 1\n");
    bench.write("site/lab.dist-info/RECORD", "");
    bench.write("site/lab.dist-info/entry_points.txt", "[chaoscypher.cleaners]\nlab = lab:Lab\n");
    bench.write("site/lab.py", "class Lab:\n    pass\n");
    bench.write("data/plugins/tools/t_plugin.py", "x = 1\n");
    let words = ["plugins", "list", "--plugins-dir", "plugins", "--trusted-keys", "keys", "--site-packages", "site"];
    let of_mode = |mode: &str| run(&bench, &[&words[..], &["--trust-mode", mode]].concat(), &[]);
    let warned = of_mode("warn");
    let all = "3 plugins without a signature that counts here: `bare` (unsigned), `lab` (entry_point), \
               `tool/t_plugin` (unsigned)";
    assert_eq!(lines(warned.ok(), "unverified_listed"), [all], "{warned:?}");
    // What is refused is no plugin that is loaded, and the table is what it was.
    let strict = of_mode("strict");
    let others = "2 plugins without a signature that counts here: `lab` (entry_point), `tool/t_plugin` (unsigned)";
    assert_eq!(lines(strict.ok(), "unverified_listed"), [others], "{strict:?}");
    assert!(strict.stdout.contains("\nRejected:\n  bare: unsigned: "), "{strict:?}");
}

#[test]
fn of_what_is_signed_nothing_is_said() {
    let bench = Bench::new();
    bench.published();
    fs::create_dir(bench.path("plugins")).expect("made");
    fs::rename(bench.path("demo"), bench.path("plugins/demo")).expect("moved");
    let run = bench.run(&["plugins", "list", "--plugins-dir", "plugins", "--trusted-keys", "keys"]);
    assert!(run.ok().stdout.contains("\ndemo  ") && lines(&run, "unverified_listed").is_empty(), "{run:?}");
}

/// The lines of the log, as whoever watches a host reads them.
fn events(bench: &Bench) -> Vec<Value> {
    let text = fs::read_to_string(bench.path("events.jsonl")).expect("a log");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

const LOG: (&str, &str) = ("AISOC_LOG_FILE", "events.jsonl");

#[test]
fn what_a_host_has_names_for_is_a_line_of_the_log() {
    let bench = bench(&["loaders/a_loader.py", "cleaners/x.py", "domains/x.json", "domains/x.jsonld"]);
    symlink("nowhere", bench.path("data/plugins/cleaners/y.py")).expect("linked");
    let listed = run(&bench, &LISTED, &[LOG]);
    listed.ok();
    let found = events(&bench);
    let names: Vec<_> = found.iter().map(|event| event["event"].as_str().expect("a name")).collect();
    let loaded = "user_plugin_loaded";
    assert_eq!(
        names,
        ["user_plugin_audit_hash_failed", loaded, loaded, loaded, loaded, loaded, "plugin.duplicate_id"],
        "{found:?}"
    );
    for event in &found {
        assert_eq!(event["level"], "warning", "{event}");
        let at = event["timestamp"].as_str().expect("a time");
        assert!(at.len() > 19 && at.ends_with('Z'), "{event}");
    }
    let place = fs::canonicalize(bench.path("data/plugins/loaders/a_loader.py")).expect("there");
    assert_eq!(found[1]["path"], place.to_str().expect("text"));
    assert_eq!(found[1]["sha256"], sha256sum(&place));
    // Of what nobody could read there are two lines: why, and that it counts all the same.
    let unread = found.iter().find(|event| event["event"] == loaded && event["sha256"] == "").expect("a line");
    assert_eq!(fields(&found[0]), ["error", "event", "level", "path", "registry", "timestamp"]);
    assert_eq!((&found[0]["path"], &found[0]["registry"]), (&unread["path"], &"CleanerRegistry".into()));
    assert_eq!(found[0]["error"], "`data/plugins/cleaners/y.py` is a link");
    let (first, second) = ("data/plugins/domains/x.json", "data/plugins/domains/x.jsonld");
    let duplicate = found.last().expect("an event");
    assert_eq!((&duplicate["plugin_id"], &duplicate["path"]), (&"domain/x".into(), &second.into()));
    let message = duplicate["message"].as_str().expect("a text");
    assert!(message.contains(first) && message.contains(second), "{duplicate}");
    // The next run appends, and says what it has left out; without a log nothing is written.
    run(&bench, &LISTED, &[LOG, ("AISOC_ALLOW_USER_PLUGINS", "0")]).ok();
    let more = events(&bench);
    assert_eq!(more[..found.len()], found);
    let skipped = &more[found.len()..];
    let is_skipped =
        |event: &Value| (&event["event"], &event["level"]) == (&"user_plugin_disabled_skip".into(), &"info".into());
    assert!(skipped.len() == 5 && skipped.iter().all(is_skipped), "{more:?}");
    assert_eq!(fields(&skipped[0]), ["event", "level", "path", "registry", "timestamp"]);
    assert_eq!((&skipped[0]["path"], &skipped[0]["registry"]), (&found[1]["path"], &"LoaderRegistry".into()));
    run(&bench, &LISTED, &[]).ok();
    assert_eq!(events(&bench).len(), more.len());
    bench.run_with(&LISTED, &[LOG, ("AISOC_DATA_DIR", "/etc/x")]).ok();
    let of_system = &events(&bench)[more.len()..];
    assert_eq!(of_system.len(), 1, "{of_system:?}");
    assert_eq!(fields(&of_system[0]), ["data_dir", "event", "hint", "level", "matched_root", "timestamp"]);
    assert_eq!((&of_system[0]["data_dir"], &of_system[0]["matched_root"]), (&"/etc/x".into(), &"/etc".into()));
    assert!(of_system[0]["hint"].as_str().expect("a text").contains("a directory of its own"), "{of_system:?}");
}

/// The names of what an event says.
fn fields(event: &Value) -> Vec<&str> {
    event.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn two_directories_of_one_id_are_one_event_and_neither_is_verified() {
    let bench = Bench::new();
    bench.published();
    fs::create_dir(bench.path("plugins")).expect("made");
    support::copy_tree(&bench.path("demo"), &bench.path("plugins/a"));
    fs::rename(bench.path("demo"), bench.path("plugins/b")).expect("moved");
    let places = ["--plugins-dir", "plugins", "--trusted-keys", "keys"];
    let listed = run(&bench, &[&["plugins", "list", "--json"], &places[..]].concat(), &[LOG]);
    let found = events(&bench);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["event"], &found[0]["plugin_id"]), (&"plugin.duplicate_id".into(), &"demo".into()));
    let message = found[0]["message"].as_str().expect("a text");
    assert!(message.contains("'plugins/a'") && message.contains("'plugins/b'"), "{message}");
    // The listing and the verification have one story of both: no host loads either.
    let document: Value = serde_json::from_str(&listed.ok().stdout).expect("JSON");
    let states: Vec<_> = document["plugins"].as_array().expect("rows").iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["failed", "failed"], "{document}");
    let verified = run(&bench, &[&["plugins", "verify", "--json"], &places[..]].concat(), &[]);
    let verdicts: Value = serde_json::from_str(&verified.stdout).expect("JSON");
    let admitted = verdicts["plugins"].as_array().expect("rows").iter().map(|row| row["admitted"].clone());
    assert_eq!((verified.code, admitted.collect::<Vec<_>>()), (3, vec![false.into(), false.into()]), "{verdicts}");
}

#[test]
fn what_comes_in_is_registered_with_the_word_that_has_let_it_in() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let reference = format!("{}/acme/demo:0.1.0", registry.address);
    bench.run(&["plugin", "push", "oci-archive:demo.tar", &reference, "--plain-http"]).ok();
    let install =
        ["plugin", "install", &reference, "--plain-http", "--trusted-keys", "keys", "--plugins-dir", "plugins"];
    let dry = bench.run_with(&[&install[..], &["--dry-run"]].concat(), &[LOG]);
    assert!(dry.ok().code == 0 && !bench.path("events.jsonl").exists());
    let name = ("AISOC_PLUGIN_TRUST_OVERRIDE_PUBLISHERS", "release");
    bench.run_with(&install, &[LOG, name, ("AISOC_PLUGIN_TRUSTED_PUBLISHERS", "nobody")]).ok();
    let found = events(&bench);
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!((&found[0]["event"], &found[0]["reference"]), (&"plugin.oci_unpinned".into(), &reference.into()));
    let installed = &found[1];
    assert_eq!((&installed["event"], &installed["plugin_id"]), (&"plugin.installed".into(), &"demo".into()));
    assert_eq!((&installed["change"], &installed["previous_version"]), (&"installed".into(), &Value::Null));
    assert_eq!((&installed["level"], &installed["version"]), (&"info".into(), &"0.1.0".into()));
    assert!(installed["artifact_digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{installed}");
    let registered = &found[2];
    assert_eq!((&registered["event"], &registered["plugin_id"]), (&"plugin.registered".into(), &"demo".into()));
    assert_eq!((&registered["level"], &registered["version"]), (&"warning".into(), &"0.1.0".into()));
    let signing = serde_json::json!({
        "trust_decision": "operator_override",
        "trust_reason": "by AISOC_PLUGIN_TRUST_OVERRIDE_PUBLISHERS",
    });
    assert_eq!(registered["metadata"]["signing"], signing, "{registered}");
    assert_eq!(registered["metadata"]["signed_by"].as_array().expect("keys").len(), 1, "{registered}");
    // Without an exception nobody has to look at it; and one that is pinned is not said to be none.
    fs::remove_dir_all(bench.path("plugins")).expect("removed");
    bench
        .run_with(
            &["plugin", "install", "oci-archive:demo.tar", "--trusted-keys", "keys", "--plugins-dir", "plugins"],
            &[LOG],
        )
        .ok();
    let last = events(&bench).pop().expect("an event");
    assert_eq!((events(&bench).len(), &last["level"]), (5, &"info".into()), "{last}");
    assert_eq!(last["metadata"]["signing"]["trust_decision"], "trusted_publisher", "{last}");
    // So does what comes back from the versions that are kept.
    bench.signed_version("demo", "0.2.0", "release.key");
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "next.tar"]).ok();
    bench.install("oci-archive:next.tar").ok();
    let back = ["plugin", "rollback", "demo", "--trusted-keys", "keys", "--plugins-dir", "plugins"];
    bench.run_with(&back, &[LOG]).ok();
    let last = events(&bench).pop().expect("an event");
    assert_eq!((&last["event"], &last["version"]), (&"plugin.registered".into(), &"0.1.0".into()), "{last}");
}

#[test]
fn without_the_log_that_was_asked_for_nothing_comes_in() {
    let bench = Bench::new();
    bench.published();
    fs::write(bench.path("elsewhere"), "kept").expect("written");
    symlink("elsewhere", bench.path("events.jsonl")).expect("linked");
    let install = ["plugin", "install", "oci-archive:demo.tar", "--trusted-keys", "keys", "--plugins-dir", "plugins"];
    let refused = bench.run_with(&install, &[LOG]);
    assert!(refused.code == 1 && refused.error_line().contains("cannot append to `events.jsonl`"), "{refused:?}");
    assert!(!bench.path("plugins/demo").exists());
    assert_eq!(fs::read_to_string(bench.path("elsewhere")).expect("there"), "kept");
}
