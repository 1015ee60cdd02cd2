//! Artifacts as other tools make them: in an index, as one archive, with what macOS adds, with empty directories.

mod support;

use std::fs;
use std::path::Path;

use aisoc_manifests::digest::Digest;
use aisoc_testkit::archive::{Entry, TarBuilder, gzip};
use serde_json::{Value, json};
use support::{Bench, Run};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const TITLE: &str = "org.opencontainers.image.title";
const UNPACK: &str = "io.deis.oras.content.unpack";

/// Puts a blob into a layout and describes it.
fn blob(bench: &Bench, layout: &str, media_type: &str, content: impl AsRef<[u8]>) -> Value {
    let digest = Digest::of(content.as_ref());
    bench.write(&format!("{layout}/blobs/sha256/{}", digest.hex()), content.as_ref());
    json!({"mediaType": media_type, "digest": digest, "size": content.as_ref().len()})
}

fn document(bench: &Bench, layout: &str, document: &Value) -> Value {
    let media_type = document["mediaType"].as_str().expect("a type").to_owned();
    blob(bench, layout, &media_type, document.to_string())
}

fn with(mut descriptor: Value, more: &Value) -> Value {
    descriptor.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    descriptor
}

/// An index of those entries, as a blob.
fn index(bench: &Bench, layout: &str, entries: &[Value]) -> Value {
    document(bench, layout, &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))
}

/// An artifact of layers with those types, contents and annotations, as a blob.
fn artifact(bench: &Bench, layout: &str, layers: &[(&str, &[u8], Value)]) -> Value {
    let config = blob(bench, layout, "application/vnd.oci.empty.v1+json", "{}");
    let layer = |(media_type, content, notes): &(&str, &[u8], Value)| {
        with(blob(bench, layout, media_type, content), &json!({"annotations": notes}))
    };
    let layers: Vec<Value> = layers.iter().map(layer).collect();
    document(bench, layout, &json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}))
}

/// What the layout lists: the first under the tag `1`, the others as they are.
fn list(bench: &Bench, layout: &str, entries: &[Value]) {
    let tag = json!({"annotations": {"org.opencontainers.image.ref.name": "1"}});
    let mut entries = entries.to_vec();
    entries[0] = with(entries[0].clone(), &tag);
    bench.write(&format!("{layout}/index.json"), json!({"schemaVersion": 2, "manifests": entries}).to_string());
    bench.write(&format!("{layout}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
}

/// The layout as one tar file.
fn archived(bench: &Bench, layout: &str, archive: &str) {
    let root = bench.path(layout);
    let files = bench.snapshot(layout).into_iter().filter(|(path, _)| path.is_file());
    let tar = files.fold(TarBuilder::new(), |tar, (path, content)| {
        let name = path.strip_prefix(&root).expect("below").display().to_string();
        tar.entry(&Entry::file(&name, content))
    });
    bench.write(archive, tar.end());
}

/// The signed plugin of the bench as a tar, every name below `prefix`, and what is added to it.
fn plugin(bench: &Bench, prefix: &str, added: &[Entry]) -> Vec<u8> {
    gzip(&plugin_tar(bench, prefix, added))
}

fn plugin_tar(bench: &Bench, prefix: &str, added: &[Entry]) -> Vec<u8> {
    let root = bench.path("demo");
    let files = bench.snapshot("demo").into_iter().filter(|(path, _)| path.is_file());
    let tar = files.fold(TarBuilder::new(), |tar, (path, content)| {
        tar.entry(&Entry::file(&format!("{prefix}{}", path.strip_prefix(&root).expect("below").display()), content))
    });
    added.iter().fold(tar, TarBuilder::entry).end()
}

fn unpacked(title: &str) -> Value {
    json!({TITLE: title, UNPACK: "true"})
}

fn verify(bench: &Bench, source: &str) -> Run {
    bench.run(&["plugin", "verify", source, "--keys", "keys"])
}

fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().expect("a digest")
}

fn answer(run: &Run) -> Value {
    serde_json::from_str(&run.ok().stdout).expect("JSON")
}

/// A bench with a signed plugin, and the layout `wrapped` whose tag `1` is an index of it alone. Both digests.
fn wrapped(bench: &Bench) -> (Value, Value) {
    bench.published();
    let archive = plugin(bench, "demo/", &[]);
    let inner = artifact(bench, "wrapped", &[(TAR_GZIP, &archive, unpacked("demo"))]);
    let statement = artifact(bench, "wrapped", &[("application/vnd.in-toto+json", b"{}", json!({}))]);
    let attestation = json!({
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    });
    let entries = [
        with(inner.clone(), &json!({"platform": {"os": "linux", "architecture": "amd64"}})),
        with(statement, &attestation),
    ];
    let outer = index(bench, "wrapped", &entries);
    list(bench, "wrapped", std::slice::from_ref(&outer));
    (outer, inner)
}

/// A registry's store that holds what a layout does, each manifest by its digest too.
fn stored(bench: &Bench, layout: &str, repository: &str, entries: &[Value]) {
    let store = format!("registry/{repository}/_layout");
    support::copy_tree(&bench.path(layout), &bench.path(&store));
    list(bench, &store, entries);
}

#[test]
fn an_index_of_one_plugin_is_followed_by_every_command_from_every_place() {
    let bench = Bench::new();
    let (outer, inner) = wrapped(&bench);
    archived(&bench, "wrapped", "wrapped.tar");
    stored(&bench, "wrapped", "team/demo", &[outer.clone(), inner.clone()]);
    let registry = bench.registry();
    let (outer, inner) = (digest(&outer), digest(&inner));
    let places =
        ["oci:wrapped".to_owned(), "oci-archive:wrapped.tar".to_owned(), format!("{}/team/demo", registry.address)];
    for (number, place) in places.iter().enumerate() {
        let tagged = format!("{place}:1");
        let run = verify(&bench, &tagged);
        assert!(run.ok().stderr.contains(outer) && run.stderr.contains(inner), "both are shown: {run:?}");
        verify(&bench, &format!("{place}@{outer}")).ok();
        let verdict = answer(&bench.run(&["plugin", "verify", &tagged, "--keys", "keys", "--json"]));
        assert_eq!((&verdict["artifact_digest"], &verdict["index_digest"]), (&inner.into(), &outer.into()));
        let inspection = answer(&bench.run(&["plugin", "inspect", &tagged, "--json"]));
        let artifact = &inspection["artifact"];
        assert_eq!((&artifact["artifact_digest"], &artifact["index_digest"]), (&inner.into(), &outer.into()));
        let pulled = answer(&bench.run(&["plugin", "pull", &tagged, "--out", &format!("pulled-{number}"), "--json"]));
        assert_eq!((&pulled["artifact_digest"], &pulled["index_digest"]), (&inner.into(), &outer.into()));
        let installed = answer(&install(&bench, &tagged, &["--json"]))["plugins"][0].clone();
        assert_eq!(installed["reference"], format!("{place}@{inner}"));
        assert_eq!((&installed["artifact_digest"], &installed["index_digest"]), (&inner.into(), &outer.into()));
        let again = answer(&install(&bench, installed["reference"].as_str().expect("text"), &["--json"]));
        let again = &again["plugins"][0];
        assert_eq!(
            (&again["change"], again.get("index_digest")),
            (&"unchanged".into(), None),
            "what was printed works"
        );
        let copy = format!("oci:copy-{number}:2");
        let pushed = answer(&bench.run(&["plugin", "push", &tagged, &copy, "--json"]));
        assert_eq!(pushed["artifact_digest"], inner, "what is copied is the artifact");
        verify(&bench, &copy).ok();
    }
}

fn install(bench: &Bench, reference: &str, words: &[&str]) -> Run {
    let install = ["plugin", "install", reference, "--trusted-keys", "keys", "--plugins-dir", "plugins"];
    bench.run(&[&install, words].concat())
}

#[test]
fn a_required_digest_is_that_of_the_artifact_or_of_the_index_that_binds_it() {
    let bench = Bench::new();
    let (outer, inner) = wrapped(&bench);
    let other = Digest::of(b"other").to_string();
    let run = install(&bench, "oci:wrapped:1", &["--require-digest", &other]);
    run.refused(3, "digest_mismatch");
    assert!(run.stderr.contains(&other) && run.stderr.contains(digest(&inner)), "{run:?}");
    assert!(!bench.path("plugins/demo").exists());
    for required in [&outer, &inner] {
        install(&bench, "oci:wrapped:1", &["--require-digest", digest(required)]).ok();
    }
    // The index of another reference binds nothing of this one.
    install(&bench, &format!("oci:wrapped@{}", digest(&inner)), &["--require-digest", digest(&outer)])
        .refused(3, "digest_mismatch");
}

#[test]
fn of_an_index_of_two_plugins_none_is_guessed_and_the_hint_names_each() {
    let bench = Bench::new();
    bench.published();
    let archive = plugin(&bench, "demo/", &[]);
    let one = artifact(&bench, "two", &[(TAR_GZIP, &archive, unpacked("demo"))]);
    let other = artifact(&bench, "two", &[("application/x.tar+gzip", &archive, unpacked("demo"))]);
    let outer = index(&bench, "two", &[one, other]);
    list(&bench, "two", &[outer]);
    let run = verify(&bench, "oci:two:1");
    run.refused(1, "not_a_plugin_artifact");
    let hint = run.stderr.lines().find(|line| line.starts_with("hint: ")).expect("a hint");
    let named: Vec<&str> = hint.split('`').skip(1).step_by(2).collect();
    assert_eq!(named.len(), 2, "{hint}");
    for reference in named {
        verify(&bench, reference).ok();
    }
    install(&bench, "oci:two:1", &[]).refused(1, "not_a_plugin_artifact");
}

#[test]
fn an_index_that_leads_elsewhere_than_it_says_is_refused() {
    let bench = Bench::new();
    let (outer, inner) = wrapped(&bench);
    let absent = with(inner.clone(), &json!({"digest": Digest::of(b"absent")}));
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let config = blob(&bench, "wrapped", "application/vnd.docker.container.image.v1+json", "{}");
    let image = json!({"schemaVersion": 2, "mediaType": docker, "config": config, "layers": []});
    for (what, entries, code, reason) in [
        ("another index", vec![outer], 1, "not_a_plugin_artifact"),
        ("another size", vec![with(inner, &json!({"size": 7}))], 3, "pull_failed"),
        ("nothing", vec![absent], 1, "reference_not_found"),
        ("a Docker image", vec![document(&bench, "wrapped", &image)], 1, "not_a_plugin_artifact"),
        ("no entry", vec![], 1, "not_a_plugin_artifact"),
    ] {
        let outer = index(&bench, "wrapped", &entries);
        list(&bench, "wrapped", &[outer]);
        let run = install(&bench, "oci:wrapped:1", &[]);
        run.refused(code, reason);
        assert!(!bench.path("plugins/demo").exists(), "{what}");
    }
}

#[test]
fn a_layout_without_a_tag_is_the_plugin_beside_its_signatures() {
    let bench = Bench::new();
    let (_, inner) = wrapped(&bench);
    let signature =
        artifact(&bench, "wrapped", &[("application/vnd.dev.cosign.simplesigning.v1+json", b"{}", json!({}))]);
    let kind = |kind: &str| json!({"annotations": {"kind": format!("dev.cosignproject.cosign/{kind}")}});
    let entries = [with(inner, &kind("image")), with(signature, &kind("sigs"))];
    bench.write("wrapped/index.json", json!({"schemaVersion": 2, "manifests": entries}).to_string());
    verify(&bench, "oci:wrapped").ok();
}

// ---- archives

#[test]
fn an_archive_that_is_the_only_layer_is_the_plugin() {
    let bench = Bench::new();
    bench.published();
    for (number, (media_type, title, prefix)) in [
        (TAR_GZIP, "demo.tgz", "demo/"),
        (TAR_GZIP, "demo-0.1.0.tar.gz", "./"),
        ("application/vnd.oci.image.layer.v1.tar", "demo.tgz", ""),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "demo.tgz", "demo/"),
    ]
    .into_iter()
    .enumerate()
    {
        let layout = format!("layout-{number}");
        let archive = plugin(&bench, prefix, &[]);
        let entry = artifact(&bench, &layout, &[(media_type, &archive, json!({TITLE: title}))]);
        list(&bench, &layout, &[entry]);
        verify(&bench, &format!("oci:{layout}")).ok();
        install(&bench, &format!("oci:{layout}"), &[]).ok();
    }
}

#[test]
fn an_archive_beside_other_layers_or_with_other_words_stays_a_file() {
    let bench = Bench::new();
    bench.published();
    let archive = plugin(&bench, "demo/", &[]);
    let readme: (&str, &[u8], Value) = ("text/markdown", b"# Demo\n", json!({TITLE: "README.md"}));
    for (layout, layers) in [
        ("beside", vec![(TAR_GZIP, archive.as_slice(), json!({TITLE: "demo.tgz"})), readme]),
        ("said", vec![(TAR_GZIP, archive.as_slice(), json!({TITLE: "demo.tgz", UNPACK: "True"}))]),
        ("tar", vec![("application/vnd.aisoc.plugin.v1+tar", archive.as_slice(), json!({TITLE: "plugin.tar"}))]),
    ] {
        let entry = artifact(&bench, layout, &layers);
        list(&bench, layout, &[entry]);
        let run = install(&bench, &format!("oci:{layout}"), &[]);
        run.refused(1, "manifest_missing");
        assert!(run.stderr.contains(".t") && run.stderr.contains("aisoc plugin push"), "{run:?}");
        assert!(!bench.path("plugins/demo").exists(), "{layout}");
    }
}

#[test]
fn a_file_that_is_no_layout_is_called_what_it_is_and_the_hint_unpacks_it() {
    let bench = Bench::new();
    bench.published();
    let archive = plugin(&bench, "demo/", &[]);
    bench.write("out/demo.tgz", &archive);
    bench.write("demo.zip", b"PK\x03\x04 and more");
    bench.write("docker.tar", TarBuilder::new().file("manifest.json", "[]").end());
    bench.write("demo-plain.tar", plugin_tar(&bench, "demo/", &[]));
    for (file, what, command) in [
        ("out/demo.tgz", "compressed (gzip)", "`tar -xf out/demo.tgz`"),
        ("demo.zip", "compressed (zip)", "`unzip demo.zip`"),
        ("demo-plain.tar", "an archive of a plugin's directory", "`tar -xf demo-plain.tar`"),
        ("docker.tar", "an archive of Docker images", "`aisoc plugin package"),
    ] {
        for run in [verify(&bench, file), install(&bench, &format!("oci-archive:{file}"), &[])] {
            run.refused(1, "layout_invalid");
            assert!(run.error_line().contains(what) && run.stderr.contains(command), "{run:?}");
        }
    }
}

// ---- what systems add

fn published_with(bench: &Bench, added: &[Entry]) {
    bench.published();
    let archive = plugin(bench, "demo/", added);
    let entry = artifact(bench, "added", &[(TAR_GZIP, &archive, unpacked("demo"))]);
    list(bench, "added", &[entry]);
}

const APPLE_DOUBLE: &[u8] = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ";

#[test]
fn what_macos_adds_to_an_archive_is_refused_with_its_cause_and_its_cure() {
    for added in ["demo/._plugin.py", "demo/._plugin.yaml", "demo/__MACOSX/._README.md", "demo/.DS_Store"] {
        let bench = Bench::new();
        published_with(&bench, &[Entry::file(added, APPLE_DOUBLE)]);
        let run = install(&bench, "oci:added", &[]);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(run.stderr.contains(&added[5..]) && run.stderr.contains("COPYFILE_DISABLE=1"), "{run:?}");
        assert!(!bench.path("plugins/demo").exists());
    }
    let bench = Bench::new();
    published_with(&bench, &[Entry::file("._demo", APPLE_DOUBLE)]);
    let run = install(&bench, "oci:added", &[]);
    run.refused(1, "unsafe_archive");
    assert!(run.stderr.contains("COPYFILE_DISABLE=1"), "{run:?}");
}

#[test]
fn what_somebody_adds_is_named_before_what_macos_adds() {
    let bench = Bench::new();
    published_with(&bench, &[Entry::file("demo/._README.md", APPLE_DOUBLE), Entry::file("demo/evil.sh", "x")]);
    let run = install(&bench, "oci:added", &[]);
    run.refused(3, "coverage_mismatch");
    assert!(run.error_line().contains("`evil.sh` and 1 other file") && !run.stderr.contains("macOS"), "{run:?}");
}

#[test]
fn what_merely_stands_in_a_directory_with_a_name_of_macos_is_somebodys() {
    for added in ["__MACOSX/evil.py", ".DS_Store/evil.py", "._x/evil.sh", "__MACOSX/evil.sh", "._evil.py"] {
        let bench = Bench::new();
        published_with(&bench, &[Entry::file(&format!("demo/{added}"), "import os\n")]);
        let run = install(&bench, "oci:added", &[]);
        assert!(run.code == 3 && run.error_line().contains(&format!("`{added}`")), "{run:?}");
        assert!(run.stderr.contains("fetch the plugin again") && !run.stderr.contains("macOS"), "{run:?}");
    }
}

#[test]
fn an_attribute_of_macos_in_an_archive_changes_nothing() {
    let bench = Bench::new();
    let noted = [
        Entry::pax(
            b'x',
            &[
                ("LIBARCHIVE.xattr.com.apple.provenance", "AQIAa8Lv"),
                ("SCHILY.xattr.com.apple.provenance", "\u{1}\u{2}\u{0}"),
                ("LIBARCHIVE.creationtime", "1700000000"),
            ],
        ),
        Entry::directory("demo/"),
    ];
    published_with(&bench, &noted);
    verify(&bench, "oci:added").ok();
}

#[test]
fn on_the_bench_notes_of_macos_are_left_out_and_never_taken_for_python() {
    let bench = Bench::new();
    bench.published();
    for note in ["demo/._README.md", "demo/__MACOSX/._plugin.yaml", "demo/.DS_Store"] {
        bench.write(note, APPLE_DOUBLE);
    }
    bench.sign("demo").ok();
    let packed = answer(&bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "demo.tar", "--json"]));
    assert_eq!(packed["excluded"], json!([".DS_Store", "._README.md", "__MACOSX/"]));
    install(&bench, "oci-archive:demo.tar", &[]).ok();
    let note = bench.write("demo/._plugin.py", APPLE_DOUBLE);
    let run = bench.sign("demo");
    run.refused(1, "forbidden_entry");
    assert!(run.stderr.contains("`rm demo/._plugin.py`"), "{run:?}");
    bench.write("demo/.aisocignore", "._*\n");
    bench.sign("demo").ok();
    fs::remove_file(note).expect("removed");
}

// ---- empty directories

#[test]
fn an_empty_directory_is_refused_by_what_it_is_and_the_hint_works_where_one_stands() {
    let bench = Bench::new();
    bench.published();
    fs::create_dir_all(bench.path("demo/data/cache/deep")).expect("made");
    fs::create_dir_all(bench.path("demo/plain")).expect("made");
    for _ in 0..2 {
        let run = bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"]);
        run.refused(1, "forbidden_entry");
        let hint = run.stderr.lines().find(|line| line.starts_with("hint: ")).expect("a hint");
        let command = hint.split('`').nth(1).expect("a command");
        let shell = std::process::Command::new("sh").args(["-c", command]).current_dir(bench.path(".")).status();
        assert!(shell.expect("run").success(), "{command}");
    }
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"]).ok();
    assert!(!Path::new(&bench.path("demo/data")).exists());
}

#[test]
fn an_empty_directory_of_an_archive_lands_nowhere_and_is_never_passed_over_in_silence() {
    let bench = Bench::new();
    published_with(&bench, &[Entry::directory("demo/data/"), Entry::directory("demo/data/cache/")]);
    for run in [verify(&bench, "oci:added"), install(&bench, "oci:added", &[])] {
        run.refused(3, "coverage_mismatch");
        assert!(run.stderr.contains("`data/`") && run.stderr.contains("found:    an empty directory"), "{run:?}");
    }
    let run = bench.run(&["plugin", "pull", "oci:added", "--out", "pulled"]);
    assert!(run.ok().stderr.contains("warning[empty_directory_left_out]: left out `data/`"), "{run:?}");
    assert!(!bench.path("pulled/data").exists());
    let inspection = answer(&bench.run(&["plugin", "inspect", "oci:added", "--json"]));
    let objection = &inspection["coverage_objection"];
    assert_eq!(objection["message"], "the files are as the manifest states, and there is `data/` too");
    assert_eq!(objection["reason_code"], "coverage_mismatch");
}
