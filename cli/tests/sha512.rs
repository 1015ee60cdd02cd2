//! An artifact whose every digest is of SHA-512, as another publisher may make one: by every command, from every kind
//! of place. What is signed stays SHA-256 to the bit.

mod support;

use std::fs;

use aisoc_manifests::digest::{Algorithm, Digest};
use serde_json::{Value, json};
use support::{Bench, Run};

/// The layout `plain`, as aisoc writes it, and `long`, which is the same plugin with other names of the same bytes.
/// Gives the digest of the artifact in each.
fn both(bench: &Bench) -> (String, String) {
    bench.published();
    bench.run(&["plugin", "push", "demo.tar", "oci:plain:1", "--trusted-keys", "keys"]).ok();
    let read = |name: &str| fs::read(bench.path("plain").join(name)).expect(name);
    let mut index: Value = serde_json::from_slice(&read("index.json")).expect("an index");
    let kept =
        |descriptor: &Value| read(&format!("blobs/{}", descriptor["digest"].as_str().expect("text").replace(':', "/")));
    let renamed = |descriptor: &mut Value, bytes: &[u8]| {
        let digest = Digest::of_by(Algorithm::Sha512, bytes);
        bench.write(&format!("long/blobs/sha512/{}", digest.hex()), bytes);
        descriptor["digest"] = digest.to_string().into();
        descriptor["size"] = bytes.len().into();
    };
    let entry = &mut index["manifests"][0];
    let plain = entry["digest"].as_str().expect("text").to_owned();
    let mut manifest: Value = serde_json::from_slice(&kept(entry)).expect("a manifest");
    for place in ["/config", "/layers/0"] {
        let descriptor = manifest.pointer_mut(place).expect("described");
        let bytes = kept(descriptor);
        renamed(descriptor, &bytes);
    }
    renamed(entry, manifest.to_string().as_bytes());
    let long = entry["digest"].as_str().expect("text").to_owned();
    bench.write("long/index.json", index.to_string());
    bench.write("long/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    (plain, long)
}

#[track_caller]
fn answer(run: &Run) -> Value {
    serde_json::from_str(&run.ok().stdout).expect("one document")
}

fn install(bench: &Bench, reference: &str, words: &[&str]) -> Run {
    let install = ["plugin", "install", reference, "--trusted-keys", "keys", "--plugins-dir", "plugins"];
    bench.run(&[&install, words].concat())
}

#[test]
fn an_artifact_of_sha512_is_read_and_written_by_every_command_in_every_place() {
    let bench = Bench::new();
    let (_, long) = both(&bench);
    let registry = bench.registry();
    let remote = format!("{}/team/demo", registry.address);
    for destination in ["oci:copied:1".to_owned(), "oci-archive:copied.tar:1".to_owned(), format!("{remote}:1")] {
        let pushed =
            answer(&bench.run(&["plugin", "push", "oci:long:1", &destination, "--trusted-keys", "keys", "--json"]));
        assert_eq!(pushed["artifact_digest"], long, "{destination}");
    }
    let digits = long.split(':').nth(1).expect("digits");
    for file in [format!("copied/blobs/sha512/{digits}"), format!("registry/team/demo/_layout/blobs/sha512/{digits}")] {
        assert!(bench.path(&file).is_file(), "{file}");
    }
    // Written again as an archive, which takes over what it has.
    let again = answer(&bench.run(&[
        "plugin",
        "push",
        "oci:long:1",
        "oci-archive:copied.tar:2",
        "--trusted-keys",
        "keys",
        "--json",
    ]));
    assert_eq!(again["artifact_digest"], long);

    let signed = answer(&bench.run(&["plugin", "digest", "demo", "--json"]))["canonical_digest"].clone();
    assert!(signed.as_str().expect("text").starts_with("sha256:"));
    for place in ["oci:long".to_owned(), "oci:copied".to_owned(), "oci-archive:copied.tar".to_owned(), remote] {
        let pinned = format!("{place}@{long}");
        let verdict = answer(&bench.run(&["plugin", "verify", &pinned, "--keys", "keys", "--json"]));
        assert_eq!((&verdict["artifact_digest"], &verdict["canonical_digest"]), (&json!(long), &signed), "{place}");
        let inspection = answer(&bench.run(&["plugin", "inspect", &pinned, "--json"]));
        assert_eq!(inspection["artifact"]["artifact_digest"], long, "{place}");
        let installed = answer(&install(&bench, &pinned, &["--json"]))["plugins"][0].clone();
        assert_eq!((&installed["artifact_digest"], &installed["reference"]), (&json!(long), &json!(pinned)), "{place}");
        let same = answer(&install(&bench, installed["reference"].as_str().expect("text"), &["--json"]));
        assert_eq!(same["plugins"][0]["change"], "unchanged", "what was printed works");
        let listed =
            answer(&bench.run(&["plugin", "list", "--plugins-dir", "plugins", "--trusted-keys", "keys", "--json"]));
        assert_eq!(listed["plugins"][0]["artifact_digest"], long, "{place}");
    }
    // Found by how the digest begins, with and without its algorithm, as listings show it.
    for word in [format!("sha512:{}", &digits[..16]), digits[..16].to_owned()] {
        bench.run(&["plugin", "verify", &word, "--keys", "keys", "--plugins-dir", "plugins"]).ok();
    }
    bench.run(&["plugins", "verify", "--plugins-dir", "plugins", "--trusted-keys", "keys"]).ok();
}

#[test]
fn one_digest_is_never_taken_for_another_of_the_same_bytes_that_nobody_proved() {
    let bench = Bench::new();
    let (plain, long) = both(&bench);
    let registry = bench.registry();
    let remote = format!("{}/team/demo", registry.address);
    bench.run(&["plugin", "push", "oci:plain:1", &format!("{remote}:1"), "--trusted-keys", "keys"]).ok();
    let digits = plain.split(':').nth(1).expect("digits");
    let manifest = fs::read(bench.path(&format!("plain/blobs/sha256/{digits}"))).expect("there");
    let same = Digest::of_by(Algorithm::Sha512, &manifest).to_string();

    // What is required is proved by its own algorithm, whatever the registry keeps it under; what is recorded is where
    // it can be found again.
    let installed = answer(&install(&bench, &format!("{remote}:1"), &["--require-digest", &same, "--json"]));
    assert_eq!(installed["plugins"][0]["reference"], format!("{remote}@{plain}"));
    install(&bench, &format!("{remote}:1"), &["--require-digest", &long]).refused(3, "digest_mismatch");
    let mut wrong = same.clone();
    wrong.replace_range(wrong.len() - 1.., if wrong.ends_with('0') { "1" } else { "0" });
    install(&bench, &format!("{remote}:1"), &["--require-digest", &wrong]).refused(3, "digest_mismatch");
    install(&bench, &format!("{remote}@{same}"), &[]).refused(1, "reference_not_found");

    // The bounds of the text, in a reference and in an option.
    let digits = same.split(':').nth(1).expect("digits");
    for digest in [
        format!("sha512:{}", &digits[1..]),
        format!("sha512:{digits}0"),
        format!("sha512:{}", digits.to_uppercase()),
        format!("sha256:{digits}"),
        format!("sha384:{}", &digits[..96]),
    ] {
        install(&bench, &format!("{remote}@{digest}"), &[]).refused(2, "invalid_ref");
        install(&bench, &format!("{remote}:1"), &["--require-digest", &digest]).refused(2, "invalid_ref");
    }
}

#[test]
fn a_blob_that_is_not_what_its_sha512_says_is_refused() {
    let bench = Bench::new();
    let (_, long) = both(&bench);
    let digits = long.split(':').nth(1).expect("digits");
    let file = format!("long/blobs/sha512/{digits}");
    let mut bytes = fs::read(bench.path(&file)).expect("there");
    bytes.push(b' ');
    bench.write(&file, bytes);
    install(&bench, "oci:long:1", &[]).refused(3, "pull_failed");
}

/// Cosign looks under a tag that is made of the digest, and one of SHA-512 is longer than a tag may be.
#[test]
fn an_artifact_of_sha512_is_not_signed_where_cosign_finds_nothing() {
    let bench = Bench::new();
    let (_, long) = both(&bench);
    let sign = |place: &str| bench.run(&["plugin", "sign", place, "--cosign", "--private-key", "release.key"]);
    let refused = sign("oci:long:1");
    refused.refused(3, "proof_unsupported");
    assert!(refused.stderr.contains(&long) && refused.stderr.contains("aisoc plugin attest"), "{refused:?}");
    sign("oci:plain:1").ok();
}

#[test]
fn an_artifact_of_sha512_is_attested_under_the_name_that_it_has() {
    let bench = Bench::new();
    let (plain, long) = both(&bench);
    bench.write("said.json", "{}");
    let attest = |place: &str| {
        let words = ["plugin", "attest", place, "--type", "urn:x", "--predicate", "said.json"];
        answer(&bench.run(&[&words[..], &["--private-key", "release.key", "--json"]].concat()))
    };
    let done = attest("oci:long:1");
    assert_eq!(done["artifact_digest"], long);
    assert_ne!(done["referrer_digest"], attest("oci:plain:1")["referrer_digest"], "{plain} is another name");
    let registry = bench.registry();
    let there = format!("{}/team/demo:1", registry.address);
    bench.run(&["copy", "-r", "oci:long:1", &there]).ok();
    // A tag of a registry leads to the other name of the same bytes, of which nobody has said anything.
    let there = format!("{}/team/demo@{long}", registry.address);
    for place in ["oci:long:1", there.as_str()] {
        let artifact = answer(&bench.run(&["plugin", "inspect", place, "--json"]))["artifact"].clone();
        let [one] = &artifact["referrers"].as_array().expect("a list")[..] else { panic!("{artifact}") };
        assert_eq!([&one["referrer_digest"], &one["subject_digest"]], [&done["referrer_digest"], &json!(long)]);
        assert_eq!(one["objection"], Value::Null);
    }
}
