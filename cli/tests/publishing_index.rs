//! `plugin index`: what a publisher says of its plugins, of which nothing stands there that nobody has signed.

mod support;

use std::fs;

use aisoc_testkit::registry::Registry;
use serde_json::{Value, json};
use support::{Bench, Run};

/// Two plugins, signed; one of them in a registry.
fn bench() -> (Bench, Registry, String) {
    let (bench, registry) = (Bench::new(), Registry::start());
    bench.published();
    let place = registry.reference("team/demo:0.1.0");
    bench.run(&["plugin", "push", "demo.tar", &place, "--trusted-keys", "release.pem"]).ok();
    bench.run(&["plugin", "new", "other", "--type", "connector", "--author", "Ada <ada@example.com>"]).ok();
    bench.sign("other").ok();
    (bench, registry, place)
}

fn index(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugin", "index"], words, &["--trusted-keys", "release.pem"]].concat())
}

#[test]
fn an_index_says_what_was_signed_and_by_whom_and_how_it_is_installed() {
    let (bench, _registry, place) = bench();
    let run = index(&bench, &["./other", &place]);
    let document: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let [demo, other] = document["plugins"].as_array().expect("plugins").as_slice() else { panic!("{document:#}") };
    assert_eq!((&demo["id"], &demo["type"], &demo["version"]), (&json!("demo"), &json!("enricher"), &json!("0.1.0")));
    assert_eq!((&other["id"], &other["author"]), (&json!("other"), &json!("Ada <ada@example.com>")), "in their order");
    // What a reader installs by is pinned, and what it names is what was read.
    let digest = demo["artifact_digest"].as_str().expect("a digest");
    let reference = format!("{}@{digest}", place.trim_end_matches(":0.1.0"));
    assert!(demo["reference"].as_str().is_some_and(|named| named.ends_with(&format!("@{digest}"))), "{demo:#}");
    assert_eq!(demo["install"], format!("aisoc plugin install {}", demo["reference"].as_str().expect("named")));
    bench.run(&["plugin", "install", &reference, "--trusted-keys", "release.pem", "--plugins-dir", "made"]).ok();
    // Signed content and signer are those that a verification finds.
    let verified = bench.run(&["plugin", "verify", &place, "--trusted-keys", "release.pem", "--json"]);
    let verified: Value = serde_json::from_str(&verified.ok().stdout).expect("JSON");
    for member in ["canonical_digest", "signing_key_id", "signing_key_fingerprint", "coverage", "signers"] {
        assert_eq!(demo[member], verified[member], "{member}");
        assert!(!demo[member].is_null(), "{member}");
    }
    // What is on this machine alone is named to nobody.
    assert_eq!(
        (&other["reference"], &other["install"], &other["artifact_digest"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let of_archive: Value = serde_json::from_str(&index(&bench, &["oci-archive:demo.tar"]).ok().stdout).expect("JSON");
    assert_eq!(
        (&of_archive["plugins"][0]["reference"], &of_archive["plugins"][0]["artifact_digest"]),
        (&Value::Null, &json!(digest))
    );
    // The same in another order is the same, and with `--json` it is the same document.
    assert_eq!(index(&bench, &[&place, "./other"]).ok().stdout, run.stdout);
    let whole: Value = serde_json::from_str(&index(&bench, &[&place, "./other", "--json"]).ok().stdout).expect("JSON");
    assert_eq!((&whole["plugins"], whole["schema_version"].is_u64()), (&document["plugins"], true));
}

#[test]
fn nothing_unverified_is_in_an_index() {
    let (bench, _registry, place) = bench();
    let nothing = |run: &Run, code: i32, reason: &str| {
        run.refused(code, reason);
        assert_eq!(run.stdout, "", "{run:?}");
    };
    bench.run(&["plugin", "keygen", "--out", "theirs"]).ok();
    let theirs = ["plugin", "index", &place, "--trusted-keys", "theirs.pem"];
    nothing(&bench.run(&theirs), 3, "untrusted_key");
    nothing(&bench.run(&["plugin", "index", &place, "--trusted-keys", "absent.pem"]), 1, "io_not_found");
    // No mode of the environment makes it less.
    let lenient = [("PLUGIN_TRUST_MODE", "warn")];
    nothing(&bench.run_with(&theirs, &lenient), 3, "untrusted_key");
    bench.write("other/plugin.py", "x = 1\n");
    nothing(&index(&bench, &[&place, "./other"]), 3, "signature_invalid");
    fs::remove_file(bench.path("other/plugin.sig")).expect("removed");
    nothing(&index(&bench, &["./other", &place]), 3, "unsigned");
    // One version of a plugin is one thing.
    nothing(&index(&bench, &[&place, "oci-archive:demo.tar"]), 2, "usage");
    let twice = index(&bench, &[&place, "./demo"]);
    assert!(twice.refused(2, "usage").stderr.contains("demo 0.1.0 is there twice"), "{twice:?}");
    nothing(&bench.run(&["plugin", "index", "--trusted-keys", "release.pem"]), 2, "usage");
    let many = vec!["./demo"; 1_001];
    nothing(&index(&bench, &many), 2, "usage");
}
