//! `aisoc bundle`, as somebody carries plugins to where no network is.

mod support;

use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use aisoc_manifests::oci::{ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes};
use aisoc_manifests::reference::Reference;
use aisoc_registry_client::{ClientOptions, Fetch as _, Manifest, Push as _, Target};
use aisoc_testkit::registry::{Act, Registry, Rule};
use aisoc_testkit::without_network::{ENDED_BY, run_without_network};
use serde_json::{Value, json};
use support::{Bench, Run};

/// A bench with two plugins in a registry, `demo` 0.1.0 and `other` 1.0.0, as `team/…:1.0.0` and by the same key.
fn stocked() -> (Bench, Registry) {
    let (bench, registry) = (Bench::new(), Registry::start());
    bench.published();
    bench.signed_version("other", "1.0.0", "release.key");
    for id in ["demo", "other"] {
        bench.run(&["plugin", "push", id, &registry.reference(&format!("team/{id}:1.0.0"))]).ok();
    }
    (bench, registry)
}

fn export(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["bundle", "export", "--keys", "keys", "--out", "out.tar"], words].concat())
}

fn import(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["bundle", "import", "--keys", "keys", "--plugins-dir", "plugins"], words].concat())
}

fn exported(bench: &Bench, registry: &Registry) -> Value {
    let references = ["demo", "other"].map(|id| registry.reference(&format!("team/{id}:1.0.0")));
    document(export(bench, &[&references[0], &references[1], "--json"]).ok())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).expect("a document")
}

/// Another bundle in the place of `out.tar`: its list as `change` makes it, and all else as it was.
fn with_list(bench: &Bench, change: impl Fn(&mut Value)) {
    bench.run(&["copy", "--all-tags", "oci-archive:out.tar", "oci:unpacked"]).ok();
    let place: Reference = format!("oci:{}:bundle", bench.path("unpacked").display()).parse().expect("a reference");
    let options = ClientOptions::default();
    runtime().block_on(async {
        let target = Target::create(&place, &options).expect("there");
        let manifest = ImageManifest::read(target.fetch_manifest(None).await.expect("there").bytes()).expect("one");
        let layer = &manifest.layers[0];
        let content = target.fetch_blob_bytes(layer, 1 << 20).await.expect("there");
        let mut list = serde_json::from_slice(&content).expect("JSON");
        change(&mut list);
        let list = (layer.media_type.as_str(), list.to_string().into_bytes().into());
        let kind = manifest.artifact_type.as_deref().expect("a type");
        let replace = aisoc_registry_client::ReplaceTag::Yes;
        let tag = place.tag();
        aisoc_registry_client::copy::push_document(&target, kind, list, tag, replace).await.expect("pushed");
    });
    fs::remove_file(bench.path("out.tar")).expect("gone");
    bench.run(&["copy", "--all-tags", "oci:unpacked", "oci-archive:out.tar"]).ok();
    fs::remove_dir_all(bench.path("unpacked")).expect("gone");
}

#[test]
fn a_bundle_is_imported_where_no_socket_can_be_had() {
    let (bench, registry) = stocked();
    let made = exported(&bench, &registry);
    let words = ["bundle", "import", "out.tar", "--keys", "keys", "--plugins-dir", "plugins", "--json"];
    let output = run_without_network(bench.command(&words)).expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let installed: Value = serde_json::from_slice(&output.stdout).expect("a document");
    for (at, id) in ["demo", "other"].into_iter().enumerate() {
        let plugin = &installed["plugins"][at];
        assert_eq!([&plugin["id"], &plugin["change"]], [id, "installed"]);
        assert_eq!(plugin["artifact_digest"], made["plugins"][at]["artifact_digest"]);
        assert!(bench.path("plugins").join(id).join("plugin.yaml").exists());
    }
    // What is kept from the network: with any less than all of it this would end otherwise.
    let reference = registry.reference("team/demo:1.0.0");
    let asks = bench.command(&["plugin", "install", &reference, "--trusted-keys", "keys", "--plugins-dir", "asks"]);
    assert_eq!(run_without_network(asks).expect("it runs").status.signal(), Some(ENDED_BY));
}

#[test]
fn equal_plugins_make_equal_bundles_whichever_was_named_first() {
    let (bench, registry) = stocked();
    let first = exported(&bench, &registry);
    let bytes = fs::read(bench.path("out.tar")).expect("there");
    fs::remove_file(bench.path("out.tar")).expect("gone");
    let [demo, other] = ["demo", "other"].map(|id| registry.reference(&format!("team/{id}:1.0.0")));
    let again = document(export(&bench, &[&other, &demo, "--json"]).ok());
    assert_eq!(first, again);
    assert_eq!(bytes, fs::read(bench.path("out.tar")).expect("there"));
    for plugin in again["plugins"].as_array().expect("plugins") {
        assert_eq!(plugin["signers"][0]["signing_key_id"], "release");
        assert!(plugin["signers"][0]["signing_key_fingerprint"].as_str().expect("text").starts_with("SHA256:"));
    }
    assert_eq!(again["plugins"][0]["reference"], demo);
}

#[test]
fn what_refers_to_a_plugin_is_in_the_bundle_as_well() {
    let (bench, registry) = stocked();
    let reference: Reference = registry.reference("team/demo:1.0.0").parse().expect("a reference");
    let noted = runtime().block_on(async {
        let target = Target::create(&reference, &ClientOptions::default()).expect("open");
        let subject = target.fetch_manifest(None).await.expect("there");
        let document = ImageManifest::read(subject.bytes()).expect("one");
        let about = ImageManifest {
            subject: Some(subject.descriptor()),
            artifact_type: Some("application/x.note".to_owned()),
            ..document
        };
        let about = Manifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&about));
        target.push_manifest(&about).await.expect("pushed");
        about.digest()
    });
    let made = exported(&bench, &registry);
    assert_eq!([&made["manifest_count"], &made["referrer_count"]], [3, 1]);
    let there = registry.reference("inside/demo");
    bench.run(&["copy", "-r", "oci-archive:out.tar:demo-0.1.0", &there]).ok();
    let digest = noted.to_string();
    bench.run(&["copy", &format!("{there}@{digest}"), "oci:found:1"]).ok();
}

#[test]
fn what_no_trusted_key_has_signed_makes_no_bundle() {
    let (bench, registry) = stocked();
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    bench.signed_version("strange", "1.0.0", "stranger.key");
    let strange = registry.reference("team/strange:1.0.0");
    bench.run(&["plugin", "push", "strange", &strange]).ok();
    let demo = registry.reference("team/demo:1.0.0");
    let refused = export(&bench, &[&demo, &strange]);
    refused.refused(3, "untrusted_key");
    assert!(refused.error_line().contains(&strange), "{refused:?}");
    assert!(!bench.path("out.tar").exists());
    let left: Vec<_> = fs::read_dir(bench.path("")).expect("read").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".aisoc")), "{left:?}");
}

#[test]
fn a_dry_run_judges_as_much_and_writes_no_file() {
    let (bench, registry) = stocked();
    let demo = registry.reference("team/demo:1.0.0");
    let foreseen = document(export(&bench, &[&demo, "--dry-run", "--json"]).ok());
    assert_eq!([&foreseen["artifact_digest"], &foreseen["plugins"][0]["id"]], [&Value::Null, &json!("demo")]);
    assert!(!bench.path("out.tar").exists());
    bench.run(&["plugin", "keygen", "--out", "keys/other", "--force"]).ok();
    fs::remove_file(bench.path("keys/release.pem")).expect("gone");
    fs::remove_file(bench.path("keys/other.key")).expect("gone");
    export(&bench, &[&demo, "--dry-run"]).refused(3, "untrusted_key");
}

#[test]
fn a_bundle_takes_no_other_files_place_and_no_plugin_twice() {
    let (bench, registry) = stocked();
    let demo = registry.reference("team/demo:1.0.0");
    bench.write("out.tar", "mine");
    for words in [&[demo.as_str()][..], &[&demo, "--dry-run"]] {
        export(&bench, words).refused(1, "already_exists");
    }
    assert_eq!(fs::read_to_string(bench.path("out.tar")).expect("there"), "mine");
    fs::remove_file(bench.path("out.tar")).expect("gone");
    bench.signed_version("demo", "2.0.0", "release.key");
    let newer = registry.reference("team/demo:2.0.0");
    bench.run(&["plugin", "push", "demo", &newer]).ok();
    export(&bench, &[&demo, &newer]).refused(2, "usage");
    export(&bench, &[&registry.reference("team/none:1")]).refused(1, "reference_not_found");
    export(&bench, &[&registry.reference("team/demo")]).refused(2, "invalid_ref");
    assert!(!bench.path("out.tar").exists());
}

#[test]
fn where_one_plugin_is_refused_nothing_of_the_bundle_is_written() {
    let (bench, registry) = stocked();
    bench.run(&["plugin", "keygen", "--out", "second"]).ok();
    bench.signed_version("other", "2.0.0", "second.key");
    let [demo, other] = [registry.reference("team/demo:1.0.0"), registry.reference("team/other:2.0.0")];
    bench.run(&["plugin", "push", "other", &other]).ok();
    fs::copy(bench.path("second.pem"), bench.path("keys/second.pem")).expect("copied");
    export(&bench, &[&demo, &other]).ok();
    fs::remove_file(bench.path("keys/second.pem")).expect("gone");
    let refused = import(&bench, &["out.tar"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.error_line().starts_with("error[untrusted_key]"), "{refused:?}");
    // Who accepted it elsewhere, for whoever has to find out whether to.
    assert!(refused.error_line().contains("said there to be signed by second SHA256:"), "{refused:?}");
    assert!(!bench.path("plugins/demo").exists() && !bench.path("plugins/other").exists());
    // The one that is accepted here, alone.
    import(&bench, &["out.tar", "demo"]).ok();
    assert!(bench.path("plugins/demo").exists() && !bench.path("plugins/other").exists());
    import(&bench, &["out.tar", "nobody"]).refused(2, "usage");
    import(&bench, &["out.tar", "demo", "demo"]).refused(2, "usage");
}

#[test]
fn what_the_list_says_of_a_plugin_is_believed_in_nothing() {
    let (bench, registry) = stocked();
    let made = exported(&bench, &registry);
    let digests = [0, 1].map(|at| made["plugins"][at]["artifact_digest"].clone());
    // Each as the other one.
    with_list(&bench, |list| {
        for (at, digest) in digests.iter().rev().enumerate() {
            list["plugins"][at]["artifact_digest"] = digest.clone();
        }
    });
    let refused = import(&bench, &["out.tar"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.error_line().starts_with("error[other_plugin]"), "{refused:?}");
    assert!(!bench.path("plugins/demo").exists());
    let wrong = import(&bench, &["out.tar", "--require-digest", made["artifact_digest"].as_str().expect("a digest")]);
    wrong.refused(3, "digest_mismatch");
}

#[test]
fn a_bundle_that_none_is_says_so() {
    let (bench, registry) = stocked();
    exported(&bench, &registry);
    import(&bench, &["demo.tar"]).refused(1, "bundle_invalid");
    import(&bench, &["none.tar"]).refused(1, "io_not_found");
    import(&bench, &["demo/plugin.yaml"]).refused(1, "layout_invalid");
    let with = |key: &'static str, value: Value| {
        with_list(&bench, |list| list[key] = value.clone());
        import(&bench, &["out.tar"]).refused(1, "bundle_invalid");
        fs::remove_file(bench.path("out.tar")).expect("gone");
        exported(&bench, &registry);
    };
    with("schema_version", json!(2));
    with("plugins", json!([]));
    with("more", json!(1));
    // A digest that nothing in the file has.
    with_list(&bench, |list| list["plugins"][0]["artifact_digest"] = json!(format!("sha256:{}", "0".repeat(64))));
    let refused = import(&bench, &["out.tar"]);
    assert!(refused.error_line().starts_with("error[reference_not_found]"), "{refused:?}");
    assert!(!bench.path("plugins/other").exists());
}

#[test]
fn a_byte_that_has_changed_on_the_way_is_found_before_anything_is_written() {
    let (bench, registry) = stocked();
    exported(&bench, &registry);
    let whole = fs::read(bench.path("out.tar")).expect("there");
    let (mut found, mut tried) = (0, 0);
    for at in (0..whole.len()).step_by(whole.len() / 48) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        bench.write("changed.tar", &changed);
        let run = import(&bench, &["changed.tar", "--plugins-dir", "changed"]);
        tried += 1;
        if run.code == 0 {
            // Padding and the empty end of a tar archive: everything that counts is as it was.
            let installed = bench.run(&["plugins", "verify", "--keys", "keys", "--plugins-dir", "changed"]);
            installed.ok();
            let _ = fs::remove_dir_all(bench.path("changed"));
            continue;
        }
        found += 1;
        assert!(!bench.path("changed/demo").exists() && !bench.path("changed/other").exists(), "{at}: {run:?}");
    }
    assert!(found * 2 > tried, "{found} of {tried}");
}

#[test]
fn a_blob_that_changes_on_its_way_makes_no_bundle() {
    let (bench, registry) = stocked();
    registry.set_rules(vec![Rule::on("/blobs/", Act::OtherBytes).method("GET")]);
    let refused = export(&bench, &[&registry.reference("team/demo:1.0.0")]);
    assert!(refused.code != 0, "{refused:?}");
    assert!(!bench.path("out.tar").exists());
}

#[test]
fn more_capabilities_are_accepted_of_one_plugin_with_the_command_that_the_hint_prints() {
    let (bench, registry) = stocked();
    exported(&bench, &registry);
    import(&bench, &["out.tar"]).ok();
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("there");
    bench.write("demo/plugin.yaml", format!("{manifest}capabilities: [network.outbound]\n"));
    bench.signed_version("demo", "1.1.0", "release.key");
    let demo = registry.reference("team/demo:1.1.0");
    bench.run(&["plugin", "push", "demo", &demo]).ok();
    fs::remove_file(bench.path("out.tar")).expect("gone");
    export(&bench, &[&demo, &registry.reference("team/other:1.0.0")]).ok();
    let refused = import(&bench, &["out.tar"]);
    assert!(refused.error_line().starts_with("error[capabilities_not_accepted]"), "{refused:?}");
    let hint = refused.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint");
    let command = hint.split('`').find(|part| part.starts_with("aisoc bundle import")).expect("a command");
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let both = import(&bench, &["out.tar", "--accept-capabilities", "network.outbound"]);
    both.refused(2, "usage");
    bench.run(&words).ok();
    let record = document(&bench.run(&["plugin", "list", "--keys", "keys", "--plugins-dir", "plugins", "--json"]));
    assert_eq!(record["plugins"][0]["version"], "1.1.0");
}
