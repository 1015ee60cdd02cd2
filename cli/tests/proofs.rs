//! Proofs beyond a key: what `plugin verify --require` asks of an artifact, and what counts as an answer.

mod support;

use aisoc_testkit::sigstore::{PROVENANCE, SBOM, SIGNED_AT, Signer, Sigstore};
use serde_json::{Value, json};
use support::proven::{BUNDLE, BY, Site, WHO};

fn requiring<'a>(kinds: &[&'a str], by: &[&'a str]) -> Vec<&'a str> {
    kinds.iter().flat_map(|kind| ["--require", kind]).chain(by.iter().copied()).collect()
}

#[test]
fn a_proof_that_refers_to_the_artifact_is_shown_and_one_that_is_missing_is_named() {
    let site = Site::new();
    let missing = site.verify(&requiring(&["sigstore"], &BY));
    missing.refused(3, "proof_missing");
    assert!(missing.stderr.contains("`sigstore`") && missing.stderr.contains(WHO.identity), "{missing:?}");
    site.attach_bundle(&site.sigstore.signs(&site.manifest(), WHO));
    let shown = site.verify(&requiring(&["sigstore"], &BY));
    assert!(shown.ok().stdout.contains(&format!("proof=sigstore identity={}", WHO.identity)), "{shown:?}");
    let none = site.verify(&requiring(&["sigstore", "provenance"], &BY));
    none.refused(3, "proof_missing");
    assert!(none.stderr.contains("`provenance`"), "{none:?}");
    for (predicate, kind) in [(PROVENANCE, "provenance"), (SBOM, "sbom")] {
        site.attach_bundle(&site.sigstore.states(&site.digits(), predicate, &json!({}), WHO));
        site.verify(&requiring(&[kind], &BY)).ok();
    }
    let words = [&requiring(&["sigstore", "provenance", "sbom", "1"], &BY)[..], &["--json"]].concat();
    let document: Value = serde_json::from_str(&site.verify(&words).ok().stdout).expect("JSON");
    let proofs = document["proofs"].as_array().expect("proofs");
    assert_eq!(proofs.len(), 3);
    assert_eq!(proofs[1]["predicate_type"], PROVENANCE);
    assert_eq!(proofs[1]["identity"], WHO.identity);
    let signed_at = jiff::Timestamp::from_second(SIGNED_AT).expect("a time").to_string();
    assert_eq!(proofs[1]["signed_at"], signed_at);
    let explained = site.verify(&[&requiring(&["sigstore"], &BY)[..], &["--explain"]].concat());
    assert!(explained.ok().stdout.contains("proof: sigstore"), "{explained:?}");
}

#[test]
fn somebody_elses_proof_is_none() {
    let site = Site::new();
    let manifest = site.manifest();
    site.attach_bundle(&site.sigstore.signs(&manifest, Signer { identity: "https://evil.test/ci", ..WHO }));
    let refused = site.verify(&requiring(&["sigstore"], &BY));
    refused.refused(3, "proof_identity_refused");
    assert!(refused.stderr.contains("https://evil.test/ci"), "{refused:?}");
    // One that counts is enough, whatever else is attached.
    site.attach_bundle(&site.sigstore.signs(&manifest, WHO));
    site.verify(&requiring(&["sigstore"], &BY)).ok();
    let by_pattern = |pattern| {
        let by = ["--trusted-root", "root.json", "--certificate-identity-regexp", pattern];
        let by = [&by[..], &["--certificate-oidc-issuer-regexp", "^https://token[.]actions[.].*$"]].concat();
        site.verify(&requiring(&["sigstore"], &by))
    };
    by_pattern("^https://github[.]com/team/demo/.*$").ok();
    by_pattern("^https://github[.]com/team/demo$").refused(3, "proof_identity_refused");
    by_pattern("github[.]com/team/demo").refused(2, "usage");
}

#[test]
fn another_instances_proof_and_another_artifacts_are_none() {
    let site = Site::new();
    site.attach_bundle(&Sigstore::numbered(2).signs(&site.manifest(), WHO));
    site.verify(&requiring(&["sigstore"], &BY)).refused(3, "proof_malformed");
    let site = Site::new();
    site.attach_bundle(&site.sigstore.signs(b"another artifact", WHO));
    site.verify(&requiring(&["sigstore"], &BY)).refused(3, "proof_other_artifact");
    let site = Site::new();
    site.attach_bundle(&site.sigstore.states(&"0".repeat(64), SBOM, &json!({}), WHO));
    site.verify(&requiring(&["sbom"], &BY)).refused(3, "proof_other_artifact");
}

#[test]
fn a_key_stands_in_for_no_proof_and_no_mode_does_without() {
    let site = Site::new();
    for mode in ["strict", "warn", "disabled"] {
        site.bench.acknowledge_unsigned();
        let refused = site.verify(&[&requiring(&["provenance"], &BY)[..], &["--trust-mode", mode]].concat());
        assert_eq!(refused.code, 3, "{mode}: {refused:?}");
        assert!(refused.error_line().starts_with("error[proof_missing]"), "{mode}: {refused:?}");
    }
    // And no proof for a key.
    site.attach_bundle(&site.sigstore.signs(&site.manifest(), WHO));
    site.bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    let reference = site.reference();
    let words = [&["plugin", "verify", &reference, "--keys", "other.pem"][..], &requiring(&["sigstore"], &BY)].concat();
    site.bench.run(&words).refused(3, "untrusted_key");
}

#[test]
fn what_lies_about_what_it_is_or_is_not_judged_here_is_none_and_said() {
    let site = Site::new();
    site.attach("application/vnd.cncf.notary.signature", b"{}", |subject| subject);
    let refused = site.verify(&requiring(&["sigstore"], &BY));
    refused.refused(3, "proof_unsupported");
    assert!(refused.stderr.contains("notation"), "{refused:?}");
    site.attach(BUNDLE, b"no bundle", |subject| subject);
    site.verify(&requiring(&["sigstore"], &BY)).refused(3, "proof_malformed");
    let site = Site::new();
    site.attach(BUNDLE, &vec![b' '; (1 << 20) + 1], |subject| subject);
    let refused = site.verify(&requiring(&["sigstore"], &BY));
    refused.refused(3, "proof_malformed");
    assert!(refused.stderr.contains("1048577 bytes"), "{refused:?}");
}

#[test]
fn a_bundle_in_a_file_counts_and_nothing_else_is_asked() {
    let site = Site::new();
    site.bench.write("bundle.json", site.sigstore.signs(&site.manifest(), WHO).to_string());
    let by = [&BY[..], &["--bundle", "bundle.json"]].concat();
    let shown = site.verify(&requiring(&["sigstore"], &by));
    assert!(shown.ok().stdout.contains("proof=sigstore"), "{shown:?}");
    site.verify(&requiring(&["sbom"], &by)).refused(3, "proof_missing");
    // Of an archive, without any registry.
    site.bench.run(&["copy", &site.reference(), "oci-archive:demo.tar:demo"]).ok();
    let words =
        [&["plugin", "verify", "oci-archive:demo.tar:demo", "--keys", "keys"][..], &requiring(&["sigstore"], &by)];
    site.bench.run(&words.concat()).ok();
}

#[test]
fn what_proofs_are_judged_by_has_to_be_named_and_has_to_be_asked_for() {
    let site = Site::new();
    for left_out in 0..3 {
        let by: Vec<&str> =
            BY.chunks(2).enumerate().filter(|(at, _)| *at != left_out).flat_map(|(_, pair)| pair).copied().collect();
        site.verify(&requiring(&["sigstore"], &by)).refused(2, "usage");
    }
    site.verify(&BY).refused(2, "usage");
    site.verify(&["--require", "2", "--require", "1"]).refused(2, "usage");
    let words = [&["plugin", "verify", "demo", "--keys", "keys"][..], &requiring(&["sigstore"], &BY)].concat();
    site.bench.run(&words).refused(2, "usage");
    site.bench.run(&["plugin", "list", "--keys", "keys", "--require", "sigstore"]).refused(2, "usage");
    site.attach_bundle(&site.sigstore.signs(&site.manifest(), WHO));
    let by_environment: Vec<&str> = BY[2..].to_vec();
    let reference = site.reference();
    let words =
        [&["plugin", "verify", &reference, "--keys", "keys"][..], &requiring(&["sigstore"], &by_environment)].concat();
    site.bench.run_with(&words, &[("PLUGIN_SIGSTORE_ROOT", "root.json")]).ok();
}

#[test]
fn a_trusted_root_that_is_none_or_that_others_can_change_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    site.attach_bundle(&site.sigstore.signs(&site.manifest(), WHO));
    for wrong in ["", "{}", "[]", "no JSON"] {
        site.bench.write("root.json", wrong);
        site.verify(&requiring(&["sigstore"], &BY)).refused(1, "trusted_root_invalid");
    }
    for missing in ["tlogs", "certificateAuthorities", "ctlogs"] {
        let mut root = site.sigstore.trusted_root();
        root[missing] = json!([]);
        site.bench.write("root.json", root.to_string());
        site.verify(&requiring(&["sigstore"], &BY)).refused(1, "trusted_root_invalid");
    }
    let root = site.bench.write("root.json", site.sigstore.trusted_root().to_string());
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o666)).expect("set");
    site.verify(&requiring(&["sigstore"], &BY)).refused(1, "directory_insecure");
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o644)).expect("set");
    site.verify(&requiring(&["sigstore"], &BY)).ok();
}

#[test]
fn nothing_is_installed_without_the_proofs_that_are_required() {
    let site = Site::new();
    let reference = site.reference();
    let install = |words: &[&str]| {
        let all =
            [&["plugin", "install", &reference, "--keys", "keys", "--plugins-dir", "plugins"][..], words].concat();
        site.bench.run(&all)
    };
    install(&requiring(&["provenance"], &BY)).refused(3, "proof_missing");
    assert!(!site.bench.path("plugins/demo").exists());
    site.attach_bundle(&site.sigstore.states(&site.digits(), PROVENANCE, &json!({}), WHO));
    install(&requiring(&["provenance"], &BY)).ok();
    assert!(site.bench.path("plugins/demo/plugin.yaml").exists());
    // Of what is there already too: what is recorded says nothing of proofs.
    install(&requiring(&["sbom"], &BY)).refused(3, "proof_missing");
    let words = [
        &["plugin", "install", "./demo", "--keys", "keys", "--plugins-dir", "plugins"][..],
        &requiring(&["sbom"], &BY),
    ];
    site.bench.run(&words.concat()).refused(2, "usage");
}

/// As cosign writes what a key has signed: the key by its digest, and the signature over the manifest or the statement.
fn by_key(key: &str, content: Value) -> Value {
    let mut bundle = json!({"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": key}}});
    let (name, value) = content.as_object().expect("one").iter().next().expect("one");
    bundle[name] = value.clone();
    bundle
}

#[test]
fn a_key_is_enough_where_it_was_said_that_no_log_is_asked() {
    let site = Site::new();
    let (key, signs) = aisoc_testkit::sigstore::key();
    site.bench.write("proof.pub", key.pem);
    let content = json!({"messageSignature": {"signature": signs(&site.manifest())}});
    site.attach_bundle(&by_key(&key.hint, content));
    let by = ["--proof-key", "proof.pub", "--unlogged"];
    let shown = site.verify(&requiring(&["sigstore"], &by));
    assert!(shown.ok().stdout.contains("proof=sigstore key=SHA256:"), "{shown:?}");
    site.verify(&requiring(&["sigstore"], &by[..2])).refused(2, "usage");
    let logged = [&by[..2], &BY[..2]].concat();
    site.verify(&requiring(&["sigstore"], &logged)).refused(3, "proof_log_refused");
    site.verify(&requiring(&["sigstore"], &BY)).refused(3, "proof_malformed");
    let other = site.bench.write("other.pub", aisoc_testkit::sigstore::other_key().pem);
    let other = other.to_str().expect("UTF-8");
    site.verify(&requiring(&["sigstore"], &["--proof-key", other, "--unlogged"])).refused(3, "proof_identity_refused");
    for wrong in ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        site.bench.write("proof.pub", wrong);
        site.verify(&requiring(&["sigstore"], &by)).refused(1, "proof_key_invalid");
    }
}

#[test]
fn a_key_has_signed_that_artifact_or_nothing_that_counts() {
    let site = Site::new();
    let (key, signs) = aisoc_testkit::sigstore::key();
    site.bench.write("proof.pub", &key.pem);
    site.attach_bundle(&by_key(&key.hint, json!({"messageSignature": {"signature": signs(b"another artifact")}})));
    let by = ["--proof-key", "proof.pub", "--unlogged"];
    site.verify(&requiring(&["sigstore"], &by)).refused(3, "proof_signature_invalid");
}

#[test]
fn what_a_trusted_key_says_of_an_artifact_is_a_proof_of_it_as_far_as_the_key_counts() {
    let site = Site::new();
    let reference = site.reference();
    site.bench.write("slsa.json", r#"{"buildDefinition":{},"runDetails":{}}"#);
    let attest = |key: &str| {
        let words =
            ["plugin", "attest", &reference, "--type", "slsa", "--predicate", "slsa.json", "--private-key", key];
        site.bench.run(&words)
    };
    let verify = |words: &[&str]| site.verify(words);
    verify(&["--require", "provenance"]).refused(3, "proof_missing");
    site.bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    attest("stranger.key").ok();
    verify(&["--require", "provenance"]).refused(3, "untrusted_key");
    attest("release.key").ok();
    let shown = verify(&["--require", "provenance"]);
    assert!(shown.ok().stdout.contains("proof=provenance key=SHA256:"), "{shown:?}");
    verify(&["--require", "sbom"]).refused(3, "proof_missing");
    // A signature of sigstore is of somebody, and nobody is named.
    verify(&["--require", "sigstore"]).refused(2, "usage");
    let install = |kind: &str| {
        let words = ["plugin", "install", &reference, "--keys", "keys", "--plugins-dir", "plugins", "--require", kind];
        site.bench.run(&words)
    };
    install("sbom").refused(3, "proof_missing");
    assert!(!site.bench.path("plugins/demo").exists());
    install("provenance").ok();
    // Another one is trusted too: the last is not revoked.
    std::fs::copy(site.bench.path("stranger.pem"), site.bench.path("keys/other.pem")).expect("copied");
    site.bench.run(&["keys", "revoke", "release", "--keys", "keys", "--reason", "lost"]).ok();
    assert_eq!(install("provenance").code, 3);
}
