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
