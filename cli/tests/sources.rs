//! What a SOURCE names is never chosen by whoever can make a directory, and what is published without a
//! good signature is never published in silence.

mod support;

use std::fs;

use aisoc_manifests::digest::Digest;
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

/// What is changed in a signed plugin's directory.
type Change = (&'static str, fn(&Bench, &str));

/// Changes a signed plugin, and what a publisher must hear about it.
const BROKEN: [Change; 3] = [
    ("unsigned", |bench, directory| {
        fs::remove_file(bench.path(&format!("{directory}/plugin.sig"))).expect("removed");
        fs::remove_dir_all(bench.path(&format!("{directory}/plugin.sig.d"))).expect("removed");
    }),
    ("malformed", |bench, directory| {
        bench.write(&format!("{directory}/plugin.sig"), "no signature");
    }),
    ("other_tree", |bench, directory| {
        bench.write(&format!("{directory}/README.md"), "changed after it was signed");
    }),
];

#[track_caller]
fn is_warned(run: &Run, state: &str, words: &str) {
    let document: serde_json::Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    assert_eq!(document["signature"], state, "{run:?}");
    assert!(run.stderr.contains(r#""level":"warning""#) && run.stderr.contains(words), "{run:?}");
}

#[test]
fn pushing_what_is_unsigned_or_broken_is_said_of_directories_archives_and_layouts() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    for (state, change) in BROKEN {
        copy_tree(&bench.path("demo"), &bench.path(state));
        change(&bench, state);
        let words = if state == "unsigned" { "unsigned" } else { "signature is broken" };
        for out in [format!("{state}.tar"), format!("{state}-layout")] {
            is_warned(&bench.run(&["plugin", "package", "--plugin-dir", state, "--out", &out, "--json"]), state, words);
            let reference = format!("{}/a/{}:1", registry.address, out.replace(['.', '_'], "-"));
            is_warned(&bench.run(&["plugin", "push", &out, &reference, "--json"]), state, words);
        }
        let reference = format!("{}/d/{}:1", registry.address, state.replace('_', "-"));
        let run = bench.run(&["plugin", "push", state, &reference]);
        assert!(run.ok().stderr.contains("warning: ") && run.stderr.contains(words), "{run:?}");
    }
}

#[test]
fn pushing_what_is_signed_says_that_a_signature_is_there_and_warns_of_nothing() {
    let bench = Bench::new();
    bench.published();
    let registry = bench.registry();
    let reference = format!("{}/team/demo:1.0.0", registry.address);
    for source in ["demo.tar", "demo"] {
        let run = bench.run(&["plugin", "push", source, &reference, "--json"]);
        assert!(run.ok().stdout.contains(r#""signature": "present""#), "{run:?}");
        assert!(!run.stderr.contains("warning"), "{run:?}");
    }
    let copied = bench.run(&["plugin", "push", &reference, &format!("{}/copy/demo:1", registry.address), "--json"]);
    assert!(copied.ok().stdout.contains(r#""signature": "not_read""#), "{copied:?}");
}

/// A layout of an artifact whose one layer is no archive.
fn layout_of_no_archive(bench: &Bench, name: &str) {
    let blob = |content: &str| {
        let digest = Digest::of(content.as_bytes());
        bench.write(&format!("{name}/blobs/sha256/{}", digest.hex()), content);
        format!(r#""digest":"{digest}","size":{}"#, content.len())
    };
    let (config, layer) = (blob("{}"), blob("no archive"));
    let manifest = blob(&format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "config":{{"mediaType":"application/vnd.oci.empty.v1+json",{config}}},
        "layers":[{{"mediaType":"application/vnd.aisoc.plugin.v1.tar+gzip",{layer},"annotations":
        {{"org.opencontainers.image.title":"demo","io.deis.oras.content.unpack":"true"}}}}]}}"#
    ));
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json",{manifest}}}]}}"#
    );
    bench.write(&format!("{name}/index.json"), index);
    bench.write(&format!("{name}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[test]
fn pushing_what_is_no_plugin_is_said() {
    let bench = Bench::new();
    let registry = bench.registry();
    layout_of_no_archive(&bench, "odd");
    let run = bench.run(&["plugin", "push", "odd", &format!("{}/odd:1", registry.address), "--json"]);
    is_warned(&run, "unreadable", "cannot be read as a plugin: unsafe_archive");
}
