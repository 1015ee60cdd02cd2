//! The reference host's outcomes over real directories: digest, signature and verdict of every vector
//! that has them, in every trust mode.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_packaging::ReferenceDir;
use aisoc_signing::{Claim, Keyring, SigningKey, sign, verify};
use aisoc_trust::{CoverageRule, MalformedSignature, Policy, TrustMode, Verdict, examine, observe};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

const VECTORS: &str = include_str!("../../testdata/vectors/public.json");

/// Where we refuse what the reference accepts, each for a reason that the manual states.
const STRICTER: &[&str] = &["key-directory/identity-point-key"];

fn decode(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().expect("base64 text")).expect("base64")
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hexadecimal")).collect()
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, content).expect("written");
}

/// Lays out a vector's plugin directory and its key directory.
fn lay_out(vector: &Value, directory: &Path, keys: &Path, key_a: &str) {
    fs::create_dir_all(directory).expect("made");
    for (name, content) in vector["files"].as_object().into_iter().flatten() {
        write(&directory.join(name), &decode(content));
    }
    for raw in vector["files_raw"].as_array().into_iter().flatten() {
        let name = unhex(raw["path_hex"].as_str().expect("a name"));
        write(&directory.join(OsStr::from_bytes(&name)), &decode(&raw["content"]));
    }
    for (name, target) in vector["symlinks"].as_object().into_iter().flatten() {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::os::unix::fs::symlink(target.as_str().expect("a link"), path).expect("linked");
    }
    for name in vector["dirs"].as_array().into_iter().flatten() {
        fs::create_dir_all(directory.join(name.as_str().expect("a name"))).expect("made");
    }
    let signature = match (vector.get("plugin_sig"), vector["expect"]["signature_hex"].as_str()) {
        (Some(Value::Null), _) | (None, None) => None,
        (Some(content), _) => Some(decode(content)),
        (None, Some(hex)) => Some(hex.as_bytes().to_vec()),
    };
    if let Some(signature) = signature {
        write(&directory.join("plugin.sig"), &signature);
    }
    match vector.get("keys_dir") {
        None => write(&keys.join("release.pem"), key_a.as_bytes()),
        Some(Value::Null) => {}
        Some(files) => {
            fs::create_dir_all(keys).expect("made");
            for (name, content) in files.as_object().expect("files") {
                match content {
                    Value::Null => fs::create_dir_all(keys.join(name)).expect("made"),
                    content => write(&keys.join(name), &decode(content)),
                }
            }
        }
    }
}

/// What the gates about proof say.
fn verdict(policy: &Policy, claim: &Claim, keys: &Path) -> Result<Verdict, Fault> {
    let prove = |claim: &Claim, _: &mut _| verify(claim, &Keyring::read(keys)?, Timestamp::UNIX_EPOCH);
    observe(examine(policy, claim, prove), None).outcome
}

fn judge(directory: &Path, keys: &Path, mode: TrustMode) -> Result<Verdict, Fault> {
    let claim = ReferenceDir::read(directory)?.claim();
    // The vectors record the host's code, which refuses a malformed signature file in `warn` too, and
    // which knows no coverage but that of the code.
    let policy = Policy { malformed: MalformedSignature::Refused, coverage: CoverageRule::Code, ..Policy::of(mode) };
    verdict(&policy, &claim, keys)
}

fn check_verdicts(name: &str, expected: &Value, directory: &Path, keys: &Path) {
    for (word, mode) in [("strict", TrustMode::Strict), ("warn", TrustMode::Warn), ("disabled", TrustMode::Disabled)] {
        let found = judge(directory, keys, mode);
        let expected = &expected[word];
        match (&found, expected.get("error")) {
            (Err(_), Some(_)) => {}
            (Ok(admitted), None) => {
                assert_eq!(admitted.status().as_str(), expected["status"].as_str().expect("a status"), "{name} {word}");
                assert_eq!(admitted.key_id().map(|id| id.as_str()), expected["key_id"].as_str(), "{name} {word}");
            }
            _ => panic!("{name} {word}: found {found:?}, the reference {expected}"),
        }
    }
}

#[test]
fn every_vector_has_the_digest_signature_and_verdict_of_the_reference() {
    let document: Value = serde_json::from_str(VECTORS).expect("JSON");
    let key_a = document["keys"]["A"]["public_pem"].as_str().expect("a public key");
    let private = document["keys"]["A"]["private_pem"].as_str().expect("a private key");
    let signing_key = SigningKey::from_pem(private.as_bytes()).expect("key A");
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for vector in document["vectors"].as_array().expect("vectors") {
        let name = vector["name"].as_str().expect("a name");
        let category = vector["category"].as_str().expect("a category");
        if matches!(category, "load" | "pulled-tree") {
            continue; // Judged by the command line's and the packaging tests, which have a host and a walk.
        }
        let place = tempfile::tempdir().expect("a directory");
        let (directory, keys) = (place.path().join("plugin"), place.path().join("keys"));
        lay_out(vector, &directory, &keys, key_a);
        let count = counts.entry(category).or_default();
        count.1 += 1;
        let expect = &vector["expect"];
        let statement = ReferenceDir::read(&directory).and_then(|reference| reference.claim().statement());
        if let Some(error) = expect.get("error") {
            let fault = statement.expect_err(name);
            let stage = error["stage"].as_str().expect("a stage");
            let is_digest = fault.reason() == Reason::ManifestNotCanonical;
            assert_eq!(is_digest, stage == "digest", "{name}: {fault:?}, the reference fails at {stage}");
            count.0 += 1;
            continue;
        }
        let statement = statement.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        assert_eq!(statement.digest().hex(), expect["digest_hex"].as_str().expect("a digest"), "{name}");
        if let Some(canonical) = expect["canonical_b64"].as_str() {
            assert_eq!(STANDARD.encode(statement.canonical()), canonical, "{name}");
        }
        if let Some(signature) = expect["signature_hex"].as_str() {
            assert_eq!(sign(statement, &signing_key).expect("signed").signature().to_hex(), signature, "{name}");
        }
        if STRICTER.contains(&name) {
            let fault = judge(&directory, &keys, TrustMode::Strict).expect_err("a weak key is refused");
            assert_eq!(fault.reason(), Reason::NoTrustedKeys, "{name}");
        } else if let Some(verdicts) = expect.get("verify") {
            check_verdicts(name, verdicts, &directory, &keys);
        }
        count.0 += 1;
    }
    for (category, (passed, total)) in &counts {
        println!("public.json {category}: {passed} of {total}");
        assert_eq!(passed, total);
    }
    assert_eq!(counts.values().map(|(_, total)| total).sum::<usize>(), 149, "vectors were added or lost");
}

#[test]
fn a_malformed_signature_loads_as_invalid_in_warn_as_the_lifecycle_page_says() {
    let place = tempfile::tempdir().expect("a directory");
    write(&place.path().join("p/plugin.yaml"), b"id: demo.one\nname: D\nversion: \"1\"\nplugin_type: enricher\n");
    write(&place.path().join("p/plugin.sig"), b"nonsense");
    let claim = ReferenceDir::read(&place.path().join("p")).expect("readable").claim();
    let keys = place.path().join("keys");
    let admitted = verdict(&Policy::of(TrustMode::Warn), &claim, &keys).expect("let in");
    assert_eq!(admitted.status().as_str(), "invalid");
    assert_eq!(admitted.objection().expect("an objection").reason(), Reason::SignatureMalformed);
    let refused = verdict(&Policy::of(TrustMode::Strict), &claim, &keys).expect_err("strict");
    assert_eq!(refused.reason(), Reason::SignatureMalformed);
}
