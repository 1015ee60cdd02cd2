//! What `install` takes: directories, archives, layouts and references, one or several at once.

mod support;

use std::fs;

use aisoc_testkit::registry::Registry;
use serde_json::Value;
use support::{Bench, Run, copy_tree};

fn install(bench: &Bench, sources: &[&str], options: &[&str]) -> Run {
    let fixed = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
    bench.run(&[&["plugin", "install"], sources, &fixed, options].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("JSON: {run:?}"))
}

/// A second plugin, signed and packed.
fn other(bench: &Bench, name: &str) {
    bench.run(&["plugin", "new", name, "--type", "enricher"]).ok();
    bench.sign(name).ok();
    bench.run(&["plugin", "package", "--plugin-dir", name, "--out", &format!("{name}.tar")]).ok();
}

#[test]
fn install_takes_what_verify_takes() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "layout"]).ok();
    let registry = bench.registry();
    let reference = format!("{}/team/demo:0.1.0", registry.address);
    bench.run(&["plugin", "push", "demo.tar", &reference]).ok();
    let digest = json(&bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "again.tar", "--json"]));
    let whole = |name: &str| fs::canonicalize(bench.path(name)).expect("there").display().to_string();
    for (source, origin) in [
        ("demo", whole("demo")),
        ("./demo", whole("demo")),
        (&whole("demo"), whole("demo")),
        ("demo.tar", format!("oci-archive:{}", whole("demo.tar"))),
        ("oci-archive:demo.tar", format!("oci-archive:{}", whole("demo.tar"))),
        ("./layout", format!("oci:{}", whole("layout"))),
        ("oci:layout:0.1.0", format!("oci:{}:0.1.0", whole("layout"))),
        (&reference, reference.clone()),
        (&format!("oci://{reference}"), reference.clone()),
    ] {
        let _ = fs::remove_dir_all(bench.path("plugins"));
        bench.run(&["plugin", "verify", source, "--trusted-keys", "keys"]).ok();
        let installed = json(install(&bench, &[source], &["--json"]).ok());
        let plugin = &installed["plugins"][0];
        assert_eq!(plugin["change"], "installed", "{source}");
        // A directory is packed as `package` packs it: everywhere the same artifact.
        let artifact = plugin.get("artifact_digest").or(plugin.get("digest"));
        assert_eq!(artifact, digest.get("artifact_digest").or(digest.get("digest")), "{source}");
        let list = json(&bench.run(&["plugin", "list", "--keys", "keys", "--plugins-dir", "plugins", "--json"]));
        let recorded = list["plugins"][0]["reference"].as_str().expect("a record");
        assert_eq!(recorded, origin, "{source}");
        // Where it came from can be named again, from another directory.
        fs::create_dir_all(bench.path("elsewhere")).expect("made");
        let words = ["plugin", "install", recorded, "--keys", "../keys", "--plugins-dir", "../plugins", "--json"];
        let output = bench.command(&words).current_dir(bench.path("elsewhere")).output().expect("runs");
        let again: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(again["plugins"][0]["change"], "unchanged", "{source}");
    }
}

#[test]
fn of_a_directory_lands_what_package_ships_and_what_was_judged() {
    let bench = Bench::new();
    bench.published();
    for left_out in [".git/config", "__pycache__/x.pyc", ".venv/bin/python"] {
        bench.write(&format!("demo/{left_out}"), "not shipped");
    }
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).refused(3, "coverage_mismatch");
    install(&bench, &["demo"], &[]).ok();
    let landed: Vec<String> = bench
        .snapshot("plugins/demo")
        .keys()
        .map(|path| path.strip_prefix(bench.path("plugins/demo")).expect("below").display().to_string())
        .collect();
    assert!(landed.iter().all(|path| !path.starts_with('.') && !path.contains("pycache")), "{landed:?}");
    assert!(landed.contains(&"plugin.py".to_owned()), "{landed:?}");
    bench.run(&["plugins", "verify", "--keys", "keys", "--plugins-dir", "plugins"]).ok();
    let before = bench.snapshot("plugins");
    bench.write("demo/plugin.py", "import os\n");
    install(&bench, &["demo"], &[]).refused(3, "signature_invalid");
    std::os::unix::fs::symlink("plugin.py", bench.path("demo/link.py")).expect("linked");
    install(&bench, &["demo"], &[]).refused(1, "forbidden_entry");
    let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    fs::remove_file(bench.path("demo/link.py")).expect("removed");
    install(&bench, &["demo"], &["--require-digest", digest]).refused(3, "digest_mismatch");
    fs::create_dir(bench.path("bare")).expect("made");
    install(&bench, &["bare"], &[]).refused(1, "manifest_missing");
    assert_eq!(bench.snapshot("plugins"), before);
}

#[test]
fn several_are_each_a_transaction_and_one_code_stands_for_all() {
    let bench = Bench::new();
    bench.published();
    other(&bench, "second");
    copy_tree(&bench.path("demo"), &bench.path("changed"));
    bench.write("changed/plugin.py", "import os\n");
    let run = install(&bench, &["demo.tar", "second"], &["--json"]);
    let plugins = json(run.ok());
    let ids: Vec<&str> =
        plugins["plugins"].as_array().expect("a list").iter().filter_map(|p| p["id"].as_str()).collect();
    assert_eq!(ids, ["demo", "second"]);
    assert_eq!(plugins["failed"].as_array().map(Vec::len), Some(0));
    fs::remove_dir_all(bench.path("plugins")).expect("removed");
    // What is in between and what is behind one that fails is installed all the same.
    for (sources, code, reason) in [
        (&["nope.tar", "demo.tar"][..], 1, "io_not_found"),
        (&["127.0.0.1:1/team/x:1", "demo.tar", "nope.tar"], 4, "registry_unavailable"),
        (&["nope.tar", "changed", "second"], 3, "signature_invalid"),
    ] {
        let run = install(&bench, sources, &["--json"]);
        let (answer, error): (Value, Value) = (json(&run), serde_json::from_str(&run.stderr).expect("one document"));
        assert_eq!((run.code, answer["ok"].as_bool()), (code, Some(false)), "{run:?}");
        assert_eq!(error["error"]["detail"]["reason_code"], reason, "{run:?}");
        let count = |name: &str| answer[name].as_array().expect("a list").len();
        assert_eq!((count("plugins") + count("failed"), count("plugins")), (sources.len(), 1), "{run:?}");
        for failed in answer["failed"].as_array().expect("a list") {
            assert!(sources.contains(&failed["source"].as_str().expect("a source")), "{run:?}");
            assert!(failed["objection"]["reason_code"].is_string() && failed["objection"]["hint"].is_string());
            let is_comparison = failed["objection"]["reason_code"] == "signature_invalid";
            assert_eq!(failed["objection"]["expected"].is_string(), is_comparison, "{run:?}");
        }
    }
    let text = install(&bench, &["nope.tar", "second.tar", "changed"], &[]);
    assert_eq!((text.code, text.stdout.lines().count()), (3, 1), "{text:?}");
    assert!(text.error_line().contains("2 of 3 plugins are not installed, the first is: changed: "), "{text:?}");
    for line in ["Failed nope.tar: io_not_found: ", "Up to date second 0.1.0", "Failed changed: signature_invalid: "] {
        assert!(text.stderr.contains(line), "{line}: {text:?}");
    }
}

#[test]
fn one_plugin_twice_is_refused_before_anything() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "layout"]).ok();
    other(&bench, "second");
    for sources in [
        &["demo", "demo"][..],
        &["second", "demo.tar", "./layout"],
        &["demo", "second.tar", "demo.tar"],
        &["oci:layout", "./layout"],
    ] {
        install(&bench, sources, &[]).refused(2, "usage");
        assert!(!bench.path("plugins").exists(), "{sources:?}");
    }
    let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    install(&bench, &["demo", "second"], &["--require-digest", digest]).refused(2, "usage");
    install(&bench, &["demo", "oci://oci:x"], &[]).refused(2, "invalid_ref");
    install(&bench, &[], &[]).refused(2, "usage");
    assert!(!bench.path("plugins").exists());
    let registry = Registry::start();
    let references = [registry.reference("a/x:1"), registry.reference("b/x:1")];
    let words = ["plugin", "install", &references[0], &references[1], "--keys", "nope", "--plugins-dir", "plugins"];
    bench.run(&words).refused(1, "io_not_found");
    assert!(registry.requests().is_empty(), "keys are asked for first");
}

#[test]
fn a_local_file_that_is_missing_is_no_bad_reference() {
    let bench = Bench::new();
    bench.published();
    let keys = ["--trusted-keys", "keys"];
    for name in ["nope.tar", "./nope.tar", "nope.tgz", "nope", "dist/nope.tar", "/nope/nope.tar", "my plugin"] {
        for words in [
            &["plugin", "verify", name, keys[0], keys[1]][..],
            &["plugin", "install", name, keys[0], keys[1], "--plugins-dir", "plugins"],
            &["plugin", "inspect", name],
            &["plugin", "push", name, "localhost:1/team/demo:1"],
        ] {
            let run = bench.run(words);
            let line = run.refused(1, "io_not_found").error_line();
            assert!(line.contains(&format!("`{name}`")) && !line.contains("reference"), "{words:?}: {run:?}");
        }
    }
    for (name, kind) in [("oci-archive:nope.tar", "archive"), ("oci:nope", "directory"), ("oci:nope:1", "directory")] {
        for words in [
            &["plugin", "verify", name, keys[0], keys[1]][..],
            &["plugin", "install", name, keys[0], keys[1], "--plugins-dir", "plugins"],
            &["plugin", "inspect", name],
            &["plugin", "pull", name, "--out", "out"],
            &["plugin", "push", name, "localhost:1/team/demo:1"],
        ] {
            let run = bench.run(words);
            let line = run.refused(1, "io_not_found").error_line();
            assert!(line.contains("`nope") && line.contains(kind), "{words:?}: {run:?}");
        }
    }
    assert!(!bench.path("plugins").exists() && !bench.path("out").exists());
}

/// What is installed there would be files of the plugin, which nobody has signed.
#[test]
fn a_plugins_directory_inside_of_the_plugin_is_refused() {
    let bench = Bench::new();
    bench.published();
    let before = bench.snapshot(".");
    for (source, place) in [("demo", "demo"), ("demo/", "demo/plugins/deep"), ("./demo", "demo/../demo/x")] {
        for dry in [&[][..], &["--dry-run"]] {
            let words = ["plugin", "install", source, "--trusted-keys", "keys", "--plugins-dir", place];
            let run = bench.run(&[&words[..], dry].concat());
            assert!(run.refused(2, "usage").error_line().contains("is inside of the plugin"), "{place}: {run:?}");
        }
    }
    // Of several nothing is installed into another one of them.
    let run = bench.run(&["plugin", "install", "demo.tar", "demo", "--trusted-keys", "keys", "--plugins-dir", "demo"]);
    run.refused(2, "usage");
    assert_eq!(bench.snapshot("."), before);
    install(&bench, &["demo"], &[]).ok();
}

#[test]
fn what_no_host_loads_is_said_when_it_is_installed() {
    let bench = Bench::new();
    bench.published();
    assert!(!install(&bench, &["demo"], &[]).ok().stderr.contains("not_loadable"));
    fs::rename(bench.path("demo/plugin.py"), bench.path("demo/other.py")).expect("renamed");
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("a manifest");
    bench.write("demo/plugin.yaml", manifest.replace("entry_point: plugin.py", "entry_point: other.py"));
    bench.run(&["plugin", "sign", "demo", "--private-key", "release.key"]).ok();
    let run = install(&bench, &["demo"], &[]);
    let said = "warning[not_loadable]: no host loads `demo`: plugin.yaml:";
    assert!(run.ok().stderr.contains(said) && run.stderr.contains("there is no plugin.py"), "{run:?}");
    let warned = bench.run(&["plugin", "package", "demo", "--out", "other.tar"]);
    assert!(warned.ok().stderr.contains("(entry_point_invalid, manager)"), "{warned:?}");
}
