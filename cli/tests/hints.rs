//! What a refusal says to do next fits what was typed, and reads well whatever the numbers are.

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use support::{Bench, Run};

/// The hint, without its label.
fn hint(run: &Run) -> &str {
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
    hint.unwrap_or_else(|| panic!("no hint: {run:?}"))
}

#[test]
fn what_was_written_as_a_url_is_answered_with_what_is_typed_instead() {
    let bench = Bench::new();
    for (source, expected) in [
        ("file:///x", "write the path itself: `/x`"),
        ("oci:///x:1", "a layout directory is written `oci:/x:1`"),
        ("http://localhost:1/x:1", "leave the scheme out: `localhost:1/x:1`; HTTP is spoken with `--plain-http`"),
        ("https://ghcr.io/o/p:1", "leave the scheme out: `ghcr.io/o/p:1`"),
    ] {
        for words in [
            &["plugin", "install", source][..],
            &["plugin", "verify", source],
            &["plugin", "inspect", source],
            &["plugin", "pull", source, "--out", "x"],
            &["plugin", "push", ".", source],
            &["plugin", "release", source, "--new-key"],
        ] {
            let run = bench.run(words);
            let hint = hint(run.refused(2, "invalid_ref"));
            assert!(hint.starts_with(expected), "{words:?}: {hint}");
        }
    }
    let run = bench.run(&["plugin", "install", "https://user:s3cr3t@ghcr.io/o/p:1"]);
    assert!(!run.refused(2, "invalid_ref").stderr.contains("s3cr3t"), "{run:?}");
}

/// There is no line to correct in a directory.
#[test]
fn a_manifest_that_is_no_file_is_to_be_one() {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("directory/plugin.yaml")).expect("made");
    fs::create_dir_all(bench.path("fifo")).expect("made");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, bench.path("fifo/plugin.yaml"), mode).expect("made");
    for place in ["directory", "fifo"] {
        for words in [
            &["plugin", "validate", place][..],
            &["plugin", "sign", place, "--private-key", "-"],
            &["plugin", "package", place, "--out", "x.tar"],
            &["plugin", "digest", place],
        ] {
            let run = bench.run(words);
            assert!(
                hint(run.refused(1, "manifest_invalid")).starts_with("put a regular file there"),
                "{words:?}: {run:?}"
            );
        }
    }
    fs::create_dir_all(bench.path("link")).expect("made");
    symlink("../nowhere", bench.path("link/plugin.yaml")).expect("made");
    let run = bench.run(&["plugin", "validate", "link"]);
    let expected = "it is a link that leads nowhere: put a regular file there";
    assert_eq!(hint(run.refused(1, "io_not_found")), expected);
}

#[test]
fn one_is_said_as_one() {
    let bench = Bench::new();
    bench.published();
    let packed = |name: &str| bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", name]);
    bench.write("demo/notes.pyc", "x");
    let one = packed("one.tar");
    assert!(one.ok().stderr.contains("Left out 1 entry: notes.pyc"), "{one:?}");
    bench.write("demo/more.pyc", "x");
    let two = packed("two.tar");
    assert!(two.ok().stderr.contains("Left out 2 entries: "), "{two:?}");
    let installed = bench.install("oci-archive:one.tar");
    assert!(installed.ok().stderr.lines().any(|line| line.trim() == "Asks for nothing"), "{installed:?}");
    let verified = bench.run(&["plugins", "verify", "--trusted-keys", "keys", "--plugins-dir", "plugins"]);
    assert!(format!("{verified:?}").contains("1 of 1 plugin"), "{verified:?}");
    assert!(!format!("{verified:?}").contains("1 of 1 plugins"), "{verified:?}");
}

/// Every `hint` of a document that has a command, with the command.
fn commands_in(document: &serde_json::Value) -> Vec<String> {
    let below: Vec<&serde_json::Value> = match document {
        serde_json::Value::Object(fields) => {
            let hint = fields.get("hint").and_then(|hint| hint.as_str()).unwrap_or_default();
            let commands = hint.split('`').skip(1).step_by(2).filter(|line| line.starts_with("aisoc plugin"));
            let below = fields.values().flat_map(commands_in);
            return commands.map(str::to_owned).chain(below).collect();
        }
        serde_json::Value::Array(items) => items.iter().collect(),
        _ => return Vec::new(),
    };
    below.into_iter().flat_map(commands_in).collect()
}

#[test]
fn hints_say_again_what_was_typed_wherever_they_stand() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    fs::rename(bench.path("plugins"), bench.path("my plugins")).expect("renamed");
    fs::rename(bench.path("demo"), bench.path("my demo")).expect("renamed");
    let manifest = fs::read_to_string(bench.path("my demo/plugin.yaml")).expect("a manifest");
    bench.write("my demo/plugin.yaml", manifest.replace("version:", "verzion:"));
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    let run = bench.run(&["plugin", "validate", "my demo", "--profile", "manager", "--json"]);
    let refused = read(&run.stderr);
    assert!(!refused["error"]["detail"]["problems"].as_array().expect("problems").is_empty(), "{refused}");
    bench.write("my demo/plugin.yaml", "id: [");
    let broken = bench.run(&["plugin", "validate", "my demo", "--profile", "manager", "--json"]);
    assert_eq!(
        commands_in(&read(&broken.stderr))[0],
        "aisoc plugin validate 'my demo' --profile manager",
        "{broken:?}"
    );
    fs::write(bench.path("my plugins/demo/plugin.py"), "changed").expect("written");
    let places = ["--plugins-dir", "my plugins", "--trusted-keys", "keys", "--require", "1"];
    let listed = bench.run(&[&["plugins", "verify", "--json"][..], &places].concat());
    let commands = commands_in(&read(&listed.stdout));
    let typed = "--plugins-dir 'my plugins' --trusted-keys keys --require 1";
    assert!(!commands.is_empty() && commands.iter().all(|command| command.ends_with(typed)), "{listed:?}");
    let kept = ["plugin", "uninstall", "demo-1", "demo-2", "--yes", "--json", "--plugins-dir", "my plugins"];
    let failed = read(&bench.run(&kept).stdout);
    let commands: Vec<String> = failed["failed"].as_array().expect("both").iter().flat_map(commands_in).collect();
    assert_eq!(commands, ["aisoc plugin list --plugins-dir 'my plugins'"; 2], "{failed}");
}

#[test]
fn with_json_no_text_comes_out() {
    let bench = Bench::new();
    for (words, name, part) in [
        (&["help", "trust", "--json"][..], "trust", "# Trust"),
        (&["help", "plugin", "list", "--json"], "plugin list", "Usage: aisoc plugin list"),
        (&["plugin", "list", "--help", "--json"], "plugin list", "Usage: aisoc plugin list"),
        (&["help", "--json"], "help", "Manual pages"),
        (&["--json", "--help"], "help", "Usage: aisoc"),
    ] {
        let run = bench.run(words);
        let page: serde_json::Value = serde_json::from_str(&run.ok().stdout).expect("one document");
        assert_eq!((page["ok"].as_bool(), page["name"].as_str()), (Some(true), Some(name)), "{words:?}");
        assert!(page["text"].as_str().is_some_and(|text| text.contains(part)), "{words:?}: {page}");
    }
    let demo = bench.run(&["demo", "--json"]);
    let refused: serde_json::Value = serde_json::from_str(&demo.stderr).expect("one document");
    assert_eq!((demo.code, demo.stdout.as_str()), (2, ""), "{demo:?}");
    assert_eq!(refused["error"]["detail"]["reason_code"], "usage");
    let docs = bench.run(&["docs", "--write", ".", "--json"]);
    let written: serde_json::Value = serde_json::from_str(&docs.ok().stdout).expect("one document");
    assert!(written["paths"].as_array().is_some_and(|paths| paths.len() > 20), "{written}");
}

#[test]
fn the_name_of_a_new_key_is_joined_to_its_option() {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    for words in [["--new-key", "my key", "demo", "oci:layout"], ["demo", "oci:layout", "--new-key", "my key"]] {
        let run = bench.run(&[&["plugin", "release"][..], &words].concat());
        assert!(hint(run.refused(2, "usage")).contains("--new-key='my key'"), "{run:?}");
    }
    let run = bench.run(&["plugin", "release", "--new-key", "my key", "oci:layout"]);
    let joined = "joined to its option: `--new-key='my key'`";
    assert!(hint(run.refused(1, "io_not_found")).ends_with(joined), "{run:?}");
    assert!(!bench.path("demo.key").exists() && !bench.path("my key.key").exists());
}
