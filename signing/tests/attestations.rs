//! Attestations: what is signed, who is believed, and that nothing else is.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Reason;
use aisoc_signing::{
    ArtifactStatement, AttestationBundle, AttestationOutcome, Circumstances, ClaimedBundle, Envelope, KeyHolder,
    Keyring, MAX_PREDICATE_BYTES, Overwrite, PayloadType, Predicate, PublicKey, Signature, SigningKey, Standing,
    sign_message, write_key_pair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const KIND: &str = "https://example.org/x";

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

fn now() -> Circumstances {
    "2026-06-01T00:00:00Z".parse::<jiff::Timestamp>().expect("a time").into()
}

fn artifact() -> ArtifactDigest {
    ArtifactDigest::of(b"{}")
}

fn statement() -> ArtifactStatement {
    let predicate = Predicate::read("x", b"{\"a\":1}").expect("an object");
    ArtifactStatement::make("demo", artifact(), KIND.parse().expect("a URI"), &predicate)
}

fn signed(key: &SigningKey) -> Value {
    let bundle = AttestationBundle::sign(&statement(), key).expect("signed");
    serde_json::from_str(&bundle.to_json()).expect("JSON")
}

/// A directory of one key, in that place, with that note.
fn ring(key: &SigningKey, place: &str, note: Option<&str>) -> (tempfile::TempDir, Keyring) {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path().join(place);
    std::fs::create_dir_all(&at).expect("made");
    write_key_pair(&at.join("ops"), key, Overwrite::Refuse).expect("written");
    if let Some(note) = note {
        std::fs::write(at.join("ops.json"), note).expect("written");
    }
    let keyring = Keyring::read(directory.path()).expect("readable");
    (directory, keyring)
}

fn read(document: &Value) -> Result<AttestationBundle, aisoc_manifests::fault::Fault> {
    AttestationBundle::read(document.to_string().as_bytes())
}

#[test]
fn a_trusted_keys_word_is_believed_of_the_artifact_that_it_names() {
    let (owner, other) = (key(), key());
    let (_directory, keyring) = ring(&owner, "", None);
    let bundle = read(&signed(&owner)).expect("its own form");
    let AttestationOutcome::Verified(found) = bundle.verify(artifact(), Some("demo"), &keyring, &now()).expect("sound")
    else {
        panic!("a trusted key")
    };
    assert_eq!((found.signer.key_id.as_str(), found.statement.predicate_type().as_str()), ("ops", KIND));
    assert_eq!(found.statement, statement());
    let elsewhere = bundle.verify(ArtifactDigest::of(b"[]"), None, &keyring, &now()).expect_err("another artifact");
    assert_eq!(elsewhere.reason(), Reason::DigestMismatch);
    let stranger = read(&signed(&other)).expect("of the right form");
    let named = other.public_key().fingerprint();
    let outcome = stranger.verify(artifact(), None, &keyring, &now()).expect("sound");
    assert_eq!(outcome, AttestationOutcome::Untrusted { named });
}

#[test]
fn the_same_words_under_the_same_key_are_the_same_bytes() {
    let owner = key();
    let [one, two] = [(), ()].map(|()| AttestationBundle::sign(&statement(), &owner).expect("signed").to_json());
    assert_eq!(one, two);
    let again = AttestationBundle::read(one.as_bytes()).expect("its own form").to_json();
    assert_eq!(again, one);
}

#[test]
fn a_bundle_has_the_members_that_other_tools_look_for() {
    let owner = key();
    let document = signed(&owner);
    let fingerprint = owner.public_key().fingerprint().to_string();
    let payload = statement();
    let sig = document["dsseEnvelope"]["signatures"][0]["sig"].clone();
    let expected = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": fingerprint}},
        "dsseEnvelope": {
            "payload": STANDARD.encode(payload.payload()),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": sig}],
        },
    });
    assert_eq!(document, expected);
    let claimed = ClaimedBundle::look(document.to_string().as_bytes()).expect("looked at");
    let seen = ClaimedBundle { key_hint: Some(fingerprint), has_certificate: false, predicate_type: Some(KIND.into()) };
    assert_eq!(claimed, seen);
}

#[test]
fn a_key_counts_for_an_attestation_as_it_counts_for_the_plugin() {
    let owner = key();
    let bundle = read(&signed(&owner)).expect("its own form");
    for (place, note, counts) in [
        ("", None, true),
        ("", Some(r#"{"schema_version": 2, "may_sign": ["plugin"]}"#), true),
        ("", Some(r#"{"schema_version": 2, "scope": {"plugins": ["demo"]}}"#), true),
        ("", Some(r#"{"schema_version": 2, "scope": {"plugins": ["other"]}}"#), false),
        ("", Some(r#"{"schema_version": 2, "may_sign": ["keyset"]}"#), false),
        ("", Some(r#"{"schema_version": 2, "not_after": "2026-05-01T00:00:00Z"}"#), false),
        ("", Some(r#"{"schema_version": 2, "not_before": "2026-07-01T00:00:00Z"}"#), false),
        ("", Some(r#"{"schema_version": 2, "revoked": {"at": "2026-05-01T00:00:00Z", "reason": "stolen"}}"#), false),
        ("retired", None, false),
        ("revoked", None, false),
        ("staged", None, false),
    ] {
        let (_directory, keyring) = ring(&owner, place, note);
        let outcome = bundle.verify(artifact(), Some("demo"), &keyring, &now()).expect("sound");
        match outcome {
            AttestationOutcome::Verified(_) => assert!(counts, "{place} {note:?}"),
            AttestationOutcome::NotCounted { signer, predicate_type } => {
                assert!(!counts && signer.standing != Standing::Current, "{place} {note:?}");
                assert_eq!((signer.key_id.as_str().rsplit('/').next(), predicate_type.as_str()), (Some("ops"), KIND));
            }
            AttestationOutcome::Untrusted { .. } => panic!("{place} {note:?}: the key is known"),
        }
    }
}

#[test]
fn what_was_changed_after_it_was_signed_is_refused() {
    let owner = key();
    let (_directory, keyring) = ring(&owner, "", None);
    let good = signed(&owner);
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).expect(pointer) = value;
        changed
    };
    let payload = String::from_utf8(statement().payload().to_vec()).expect("text").replace("\"a\":1", "\"a\":2");
    for changed in [
        with("/dsseEnvelope/payload", STANDARD.encode(payload).into()),
        with("/dsseEnvelope/payload", "e30=".into()),
        with("/dsseEnvelope/signatures/0/sig", STANDARD.encode([7; 64]).into()),
    ] {
        let fault = read(&changed).expect("of the right form").verify(artifact(), None, &keyring, &now());
        assert_eq!(fault.expect_err("changed").reason(), Reason::SignatureInvalid, "{changed}");
    }
    // Under the name of another key that is trusted.
    let other = key();
    let (_other, others) = ring(&other, "", None);
    let renamed = with("/verificationMaterial/publicKey/hint", other.public_key().fingerprint().to_string().into());
    let fault = read(&renamed).expect("of the right form").verify(artifact(), None, &others, &now());
    assert_eq!(fault.expect_err("renamed").reason(), Reason::SignatureInvalid);
    // Signed as something else by the same key, and put here: the word of the type is part of what is signed.
    for kind in PayloadType::ALL {
        let envelope = Envelope::sign(kind, statement().payload().to_vec(), &[&owner]).expect("signed");
        let other: Value = serde_json::from_str(&envelope.to_json()).expect("JSON");
        let pasted = with("/dsseEnvelope/signatures/0/sig", other["signatures"][0]["sig"].clone());
        let fault = read(&pasted).expect("of the right form").verify(artifact(), None, &keyring, &now());
        assert_eq!(fault.expect_err("pasted").reason(), Reason::SignatureInvalid, "{kind}");
        // And the other way round: an attestation is no statement about keys.
        let mut renamed = other.clone();
        renamed["signatures"][0]["sig"] = good["dsseEnvelope"]["signatures"][0]["sig"].clone();
        let renamed = Envelope::read(renamed.to_string().as_bytes(), kind).expect("of the right form");
        assert_eq!(renamed.open([&owner.public_key()]).expect_err("renamed").reason(), Reason::SignatureInvalid);
        assert!(Envelope::read(good["dsseEnvelope"].to_string().as_bytes(), kind).is_err(), "{kind}");
    }
    // What a plugin's signature is over, signed by the same key.
    let raw = sign_message(&owner, &[7; 32]).expect("signed").to_hex();
    let raw: Vec<u8> = (0..128).step_by(2).map(|at| u8::from_str_radix(&raw[at..at + 2], 16).expect("hex")).collect();
    let mut pasted = with("/dsseEnvelope/signatures/0/sig", STANDARD.encode(raw).into());
    pasted["dsseEnvelope"]["payload"] = STANDARD.encode([7; 32]).into();
    let fault = read(&pasted).expect("of the right form").verify(artifact(), None, &keyring, &now());
    assert_eq!(fault.expect_err("pasted").reason(), Reason::SignatureInvalid);
}

#[test]
fn what_is_no_bundle_of_one_managed_key_is_refused() {
    let (owner, other) = (key(), key());
    let good = signed(&owner);
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
        match changed.pointer_mut(parent).expect(parent) {
            Value::Array(items) => items[member.parse::<usize>().expect("a number")] = value,
            parent => parent[member] = value,
        }
        changed
    };
    let signature = good["dsseEnvelope"]["signatures"][0].clone();
    let others = signed(&other)["dsseEnvelope"]["signatures"][0].clone();
    let hint = good["verificationMaterial"]["publicKey"]["hint"].clone();
    for (document, words) in [
        (json!({}), "no bundle"),
        (json!([]), "no bundle"),
        (good["dsseEnvelope"].clone(), "no bundle"),
        (with("/mediaType", "application/vnd.dev.sigstore.bundle.v0.4+json".into()), "another version"),
        (with("/mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.1".into()), "another version"),
        (with("/messageSignature", json!({})), "no bundle"),
        (with("/verificationMaterial", json!({})), "no bundle"),
        (with("/verificationMaterial/certificate", json!({"rawBytes": "AA=="})), "no bundle"),
        (with("/verificationMaterial/tlogEntries", json!([])), "no bundle"),
        (with("/verificationMaterial/publicKey/hint", "".into()), "no fingerprint"),
        (with("/verificationMaterial/publicKey/hint", "release".into()), "no fingerprint"),
        (with("/dsseEnvelope/payloadType", "application/json".into()), "something else"),
        (with("/dsseEnvelope/payloadType", PayloadType::Keyset.as_str().into()), "something else"),
        (with("/dsseEnvelope/payload", "?".into()), "no envelope"),
        (with("/dsseEnvelope/signatures/0", json!({"sig": "AAAA"})), "no envelope"),
        (with("/dsseEnvelope/signatures/0", json!({"sig": signature["sig"], "cert": ""})), "no bundle"),
        (with("/dsseEnvelope/signatures/0", json!({"keyid": ""})), "no bundle"),
        (with("/dsseEnvelope/signatures", json!([])), "not signed once"),
        (with("/dsseEnvelope/signatures", json!([signature, signature])), "not signed once"),
        (with("/dsseEnvelope/signatures", json!([signature, others])), "not signed once"),
        (with("/dsseEnvelope/signatures/0/keyid", hint.clone()), "names its key twice"),
    ] {
        let fault = read(&document).expect_err(&document.to_string());
        assert_eq!(fault.reason(), Reason::AttestationInvalid, "{document}");
        assert!(fault.message().contains(words), "{words}: {fault:?}");
    }
    // As writers of others write what is not there.
    read(&with("/dsseEnvelope/signatures/0/keyid", "".into())).expect("the same");
    let repeated = good.to_string().replacen('{', "{\"mediaType\":\"x\",", 1);
    for content in [repeated.as_str(), &format!("{good}{{}}"), ""] {
        assert_eq!(
            AttestationBundle::read(content.as_bytes()).expect_err(content).reason(),
            Reason::AttestationInvalid
        );
    }
}

#[test]
fn a_signed_statement_that_says_something_else_than_one_is_refused_although_it_is_signed() {
    let owner = key();
    let (_directory, keyring) = ring(&owner, "", None);
    let good = String::from_utf8(statement().payload().to_vec()).expect("text");
    for (payload, reason) in [
        (good.replacen("Statement/v1", "Statement/v0.1", 1), Reason::AttestationInvalid),
        (good.replacen("\"a\":1", "\"a\":1,\"a\":2", 1), Reason::AttestationInvalid),
        (good.replacen(&artifact().blob().hex(), &"0".repeat(64), 1), Reason::DigestMismatch),
        ("{}".to_owned(), Reason::AttestationInvalid),
    ] {
        let envelope =
            Envelope::sign(PayloadType::Attestation, payload.clone().into_bytes(), &[&owner]).expect("signed");
        let mut document = signed(&owner);
        document["dsseEnvelope"] = serde_json::from_str(&envelope.to_json()).expect("JSON");
        document["dsseEnvelope"]["signatures"][0].as_object_mut().expect("one").remove("keyid");
        let fault = read(&document).expect("of the right form").verify(artifact(), None, &keyring, &now());
        assert_eq!(fault.expect_err(&payload).reason(), reason, "{payload}");
    }
}

/// Signs with one key and names another.
struct TwoFaced(SigningKey, PublicKey);

impl KeyHolder for TwoFaced {
    fn public_key(&self) -> PublicKey {
        self.1
    }

    fn name(&self) -> String {
        "the test".to_owned()
    }

    fn sign(&self, message: &[u8]) -> aisoc_manifests::fault::Result<Signature> {
        self.0.sign(message)
    }
}

#[test]
fn a_signer_that_names_anothers_key_makes_no_bundle() {
    let two_faced = TwoFaced(key(), key().public_key());
    let fault = AttestationBundle::sign(&statement(), &two_faced).expect_err("another's");
    assert_eq!(fault.reason(), Reason::SignerMismatch);
}

#[test]
fn the_largest_predicate_makes_a_bundle_and_a_bundle_has_an_end() {
    let owner = key();
    let largest = usize::try_from(MAX_PREDICATE_BYTES).expect("small");
    let text = format!("{{\"a\":\"{}\"}}", "x".repeat(largest - 8));
    let predicate = Predicate::read("x", text.as_bytes()).expect("the largest");
    let made = ArtifactStatement::make("demo", artifact(), KIND.parse().expect("a URI"), &predicate);
    let bundle = AttestationBundle::sign(&made, &owner).expect("signed").to_json();
    let max_bytes = 25 << 20;
    let padded = |bytes: usize| format!("{bundle}{}", " ".repeat(bytes - bundle.len()));
    for bytes in [bundle.len(), max_bytes - 1, max_bytes] {
        assert!(AttestationBundle::read(padded(bytes).as_bytes()).is_ok(), "{bytes}");
    }
    let fault = AttestationBundle::read(padded(max_bytes + 1).as_bytes()).expect_err("one byte more");
    assert_eq!(fault.reason(), Reason::AttestationInvalid);
    let fault = Envelope::sign(PayloadType::Attestation, vec![b' '; 24 << 20], &[&owner]).expect_err("larger than any");
    assert_eq!(fault.reason(), Reason::StatementInvalid);
}

/// The example of DSSE's own specification has no Ed25519 key; what is signed is held to its words instead.
#[test]
fn what_is_signed_is_the_encoding_of_dsse_with_the_word_of_in_toto() {
    let owner = key();
    let document = signed(&owner);
    let payload = statement();
    let mut message = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.payload().len()).into_bytes();
    message.extend_from_slice(payload.payload());
    let expected = sign_message(&owner, &message).expect("signed").to_hex();
    let sig = document["dsseEnvelope"]["signatures"][0]["sig"].as_str().expect("a text");
    let found: String = STANDARD.decode(sig).expect("base64").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, expected);
}

/// Whatever one bit makes of a bundle, nobody is believed but of what the key has signed.
#[test]
fn no_changed_bit_of_a_bundle_makes_another_statement() {
    let owner = key();
    let (_directory, keyring) = ring(&owner, "", None);
    let bundle = AttestationBundle::sign(&statement(), &owner).expect("signed").to_json().into_bytes();
    let mut accepted = Vec::new();
    for at in 0..bundle.len() * 8 {
        let mut changed = bundle.clone();
        changed[at / 8] ^= 1 << (at % 8);
        let Ok(read) = AttestationBundle::read(&changed) else { continue };
        if let Ok(AttestationOutcome::Verified(found)) = read.verify(artifact(), None, &keyring, &now()) {
            assert_eq!(found.statement, statement(), "{at}");
            accepted.push(changed);
        }
    }
    // A blank behind the document is none of it.
    assert!(accepted.iter().all(|changed| changed[..changed.len() - 1] == bundle[..bundle.len() - 1]));
}
