//! What a SOURCE names is never chosen by whoever can make a directory.

mod support;

use std::fs;

use support::{Bench, Run, copy_tree};

/// A name that is a reference, and a signed plugin at a path of that name.
fn shadowed(bench: &Bench, name: &str) {
    copy_tree(&bench.path("demo"), &bench.path(name));
}

#[test]
fn a_path_that_is_spelled_like_a_reference_shadows_none() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let reference = format!("{}/team/demo:1.0.0", registry.address);
    bench.run(&["plugin", "push", "demo.tar", &reference]).ok();
    shadowed(&bench, &reference);
    let before = bench.snapshot("registry");
    for words in [
        &["plugin", "verify", &reference, "--trusted-keys", "keys"][..],
        &["plugin", "inspect", &reference],
        &["plugin", "push", &reference, &format!("{}/other/demo:1.0.0", registry.address)],
    ] {
        let run = bench.run(words);
        run.refused(2, "usage");
        assert!(run.stderr.contains(&format!("`./{reference}`")), "{run:?}");
        assert!(run.stderr.contains(&format!("`oci://{reference}`")), "{run:?}");
    }
    assert_eq!(bench.snapshot("registry"), before);
}

#[test]
fn both_readings_of_a_shadowed_name_work_as_the_hint_prints_them() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let reference = format!("{}/team/demo:1.0.0", registry.address);
    bench.run(&["plugin", "push", "demo.tar", &reference]).ok();
    shadowed(&bench, &reference);
    bench.write(&format!("{reference}/note.txt"), "only here");
    let inspected = |source: &str| bench.run(&["plugin", "inspect", source]).ok().stdout.clone();
    assert!(inspected(&format!("./{reference}")).contains("note.txt"));
    assert!(!inspected(&format!("oci://{reference}")).contains("note.txt"));
    let verify = |source: &str| bench.run(&["plugin", "verify", source, "--trusted-keys", "keys"]);
    verify(&format!("oci://{reference}")).ok();
    verify(&format!("./{reference}")).refused(3, "coverage_mismatch");
}

#[test]
fn a_file_a_dangling_link_and_a_layouts_name_are_ambiguous_too() {
    let bench = Bench::new();
    bench.published();
    for name in ["ghcr.io/o/file:1", "ghcr.io/o/link", "oci:demo", "oci-archive:demo.tar", "localhost/x"] {
        let path = bench.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        match name.ends_with("link") {
            true => std::os::unix::fs::symlink("nowhere", path).expect("made"),
            false => fs::write(path, "x").expect("written"),
        }
        for json in [&[][..], &["--json"]] {
            let run = bench.run(&[&["plugin", "inspect", name], json].concat());
            assert_eq!(run.code, 2, "{name}: {run:?}");
            assert!(run.stderr.contains("`./"), "{run:?}");
        }
    }
}

#[test]
fn what_is_no_reference_is_a_path_as_before() {
    let bench = Bench::new();
    bench.published();
    for name in ["plain", "team/plugin", "Some.Dir/Plugin", "build-1.2/demo", "ghcr.io/o/p/"] {
        copy_tree(&bench.path("demo"), &bench.path(name));
        bench.run(&["plugin", "verify", name, "--trusted-keys", "keys"]).ok();
    }
    bench.run(&["plugin", "verify", &bench.path("demo").display().to_string(), "--trusted-keys", "keys"]).ok();
    bench.run(&["plugin", "verify", "./nothing", "--trusted-keys", "keys"]).refused(1, "io_not_found");
    bench.run(&["plugin", "verify", "oci://oci:demo", "--trusted-keys", "keys"]).refused(2, "invalid_ref");
}

/// Whoever has it open types it.
#[test]
fn a_manifest_in_place_of_its_plugin_is_answered_with_the_directory() {
    let bench = Bench::new();
    bench.published();
    let keys = ["--trusted-keys", "keys"];
    for words in [
        &["plugin", "sign", "demo/plugin.yaml", "--private-key", "release.key"][..],
        &["plugin", "sign", "--plugin-dir", "demo/plugin.yaml", "--private-key", "release.key"],
        &["plugin", "package", "demo/plugin.yaml", "--out", "x.tar"],
        &["plugin", "digest", "demo/plugin.yaml"],
        &["plugin", "push", "demo/plugin.yaml", "oci:layout:1"],
        &["plugin", "release", "demo/plugin.yaml", "oci:layout", "--private-key", "release.key"],
        &["plugin", "inspect", "demo/plugin.yaml"],
        &[&["plugin", "verify", "demo/plugin.yaml"][..], &keys].concat(),
        &[&["plugin", "install", "demo/plugin.yaml", "--plugins-dir", "plugins"][..], &keys].concat(),
    ] {
        let run = bench.run(words);
        let line = run.refused(2, "usage").error_line();
        assert!(line.contains("`demo/plugin.yaml` is a manifest, and its plugin is wanted"), "{words:?}: {line}");
        assert!(run.stderr.contains("hint: name the directory: `demo`"), "{words:?}: {run:?}");
    }
    bench.run(&["plugin", "validate", "demo/plugin.yaml"]).ok();
}

#[test]
fn a_path_that_is_spelled_like_an_installed_plugin_is_taken_and_said() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let place = ["--plugins-dir", "plugins", "--trusted-keys", "keys"];
    let said =
        "warning[path_taken]: `demo` is a path here, which was taken, and not the installed plugin in `plugins/demo`\n";
    for command in [
        &["plugins", "describe"][..],
        &["plugins", "diff"],
        &["explain"],
        &["plugin", "verify"],
        &["plugin", "inspect"],
    ] {
        let place = if command == ["plugin", "inspect"] { &place[..2] } else { &place[..] };
        let run = |word: &str| bench.run(&[command, &[word], place].concat());
        let taken = run("demo");
        assert!(taken.ok().stderr.contains(said), "{command:?}: {taken:?}");
        // Whoever says that it is a path knows.
        assert!(!run("./demo").ok().stderr.contains("path_taken"), "{command:?}");
        fs::rename(bench.path("demo"), bench.path("away")).expect("moved");
        let installed = run("demo");
        assert!(!installed.ok().stderr.contains("path_taken"), "{command:?}: {installed:?}");
        fs::rename(bench.path("away"), bench.path("demo")).expect("moved back");
    }
    let to = bench.run(&[&["plugins", "diff", "./demo", "--to", "demo"][..], &place].concat());
    assert!(to.ok().stderr.contains(said), "{to:?}");
    // In the plugins directory itself both are one.
    let keys = bench.path("keys").display().to_string();
    let mut inside = bench.command(&["explain", "demo", "--plugins-dir", ".", "--trusted-keys", &keys]);
    let inside = Run::of(inside.current_dir(bench.path("plugins")));
    assert!(!inside.ok().stderr.contains("path_taken"), "{inside:?}");
}
