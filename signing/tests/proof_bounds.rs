//! Bundles, roots and keys of proofs: what is read, what ends where, and what a key has signed.

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::proof::{
    Bundle, BundleKind, Constraint, Identity, Logged, MAX_BUNDLE_BYTES, MAX_LOG_ENTRIES, MAX_PROOF_HASHES,
    MAX_PROOF_KEY_BYTES, MAX_SUBJECTS, MAX_TIMESTAMPS, MAX_TRUSTED_ROOT_BYTES, ProofKey, ProofSigner, Proven, Subject,
    TrustedRoot, verify_bundle, verify_bundle_by_key,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

const IN_TOTO: &str = "application/vnd.in-toto+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

fn read(bundle: &Value) -> Result<Bundle, Fault> {
    Bundle::read("bundle", bundle.to_string().as_bytes())
}

#[track_caller]
fn refused<T>(result: Result<T, Fault>, reason: Reason) -> Fault {
    let fault = result.err().expect("it is refused");
    assert_eq!(fault.reason(), reason, "{fault}");
    fault
}

fn zeros(length: usize) -> String {
    STANDARD.encode(vec![0; length])
}

fn entry(hashes: usize) -> Value {
    json!({
        "logIndex": "0",
        "logId": {"keyId": zeros(32)},
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
        "integratedTime": "1",
        "inclusionProof": {
            "logIndex": "0",
            "rootHash": zeros(32),
            "treeSize": "1",
            "hashes": vec![zeros(32); hashes],
        },
        "canonicalizedBody": STANDARD.encode("{}"),
    })
}

fn statement(subjects: usize, sha256: &str) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": vec![json!({"name": "artifact", "digest": {"sha256": sha256}}); subjects],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    })
}

fn envelope(payload_type: &str, statement: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> Value {
    let payload = statement.to_string();
    let encoded = format!("DSSEv1 {} {payload_type} {} {payload}", payload_type.len(), payload.len());
    json!({
        "payload": STANDARD.encode(&payload),
        "payloadType": payload_type,
        "signatures": [{"sig": STANDARD.encode(sign(encoded.as_bytes()))}],
    })
}

/// A bundle of everything that has a bound.
fn bundle(entries: usize, hashes: usize, timestamps: usize, subjects: usize) -> Value {
    json!({
        "mediaType": BUNDLE,
        "verificationMaterial": {
            "certificate": {"rawBytes": zeros(8)},
            "tlogEntries": vec![entry(hashes); entries],
            "timestampVerificationData": {"rfc3161Timestamps": vec![json!({"signedTimestamp": zeros(8)}); timestamps]},
        },
        "dsseEnvelope": envelope(IN_TOTO, &statement(subjects, &"0".repeat(64)), |_| vec![0; 64]),
    })
}

#[test]
fn what_a_bundle_holds_has_an_end_and_up_to_there_it_is_read() {
    let most = (MAX_LOG_ENTRIES, MAX_PROOF_HASHES, MAX_TIMESTAMPS, MAX_SUBJECTS);
    let whole = read(&bundle(most.0, most.1, most.2, most.3)).expect("read");
    assert_eq!(whole.kind(), BundleKind::Certificate);
    assert_eq!(whole.predicate_type().as_deref(), Some("https://slsa.dev/provenance/v1"));
    assert!(whole.is_logged() && !read(&bundle(0, 0, 0, 1)).expect("read").is_logged());
    for (more, found) in [
        (bundle(most.0 + 1, 1, 1, 1), "9"),
        (bundle(1, most.1 + 1, 1, 1), "65"),
        (bundle(1, 1, most.2 + 1, 1), "9"),
        (bundle(1, 1, 1, most.3 + 1), "1025"),
    ] {
        let fault = refused(read(&more), Reason::ProofMalformed);
        assert_eq!(fault.difference().expect("two values").found, found, "{fault}");
    }
}

#[test]
fn a_bundle_is_no_larger_than_it_may_be() {
    let padded = |length: usize| {
        let text = bundle(1, 1, 1, 1).to_string();
        format!("{text}{}", " ".repeat(length - text.len()))
    };
    let most = usize::try_from(MAX_BUNDLE_BYTES).expect("it fits");
    for length in [most - 1, most] {
        Bundle::read("bundle", padded(length).as_bytes()).expect("read");
    }
    refused(Bundle::read("bundle", padded(most + 1).as_bytes()), Reason::ProofMalformed);
}

#[test]
fn what_is_not_understood_of_a_bundle_refuses_it() {
    let good = bundle(1, 1, 0, 1);
    let change = |pointer: &str, name: &str, value: Value| {
        let mut bundle = good.clone();
        bundle.pointer_mut(pointer).expect("there").as_object_mut().expect("an object").insert(name.to_owned(), value);
        read(&bundle)
    };
    for (pointer, name) in [
        ("", "more"),
        ("/verificationMaterial", "more"),
        ("/verificationMaterial/tlogEntries/0", "more"),
        ("/verificationMaterial/tlogEntries/0/inclusionProof", "more"),
        ("/dsseEnvelope", "more"),
        ("/dsseEnvelope/signatures/0", "more"),
    ] {
        let fault = refused(change(pointer, name, json!("x")), Reason::ProofMalformed);
        assert!(fault.to_string().contains(".more`"), "{fault}");
    }
    // A second spelling of the same bytes: `AB==` and `AA==` are both one zero to a reader that looks away.
    refused(change("/verificationMaterial/certificate", "rawBytes", json!("AAAAAAAAAAB=")), Reason::ProofMalformed);
    refused(change("/dsseEnvelope", "payload", json!("e31")), Reason::ProofMalformed);
    for wrong in ["", "[]", "{}", "null", "{\"mediaType\": \"application/json\"}"] {
        refused(Bundle::read("bundle", wrong.as_bytes()), Reason::ProofMalformed);
    }
    refused(Bundle::read("bundle", &[0xff, 0xfe]), Reason::ProofMalformed);
    refused(change("", "mediaType", json!("application/vnd.dev.sigstore.bundle.v9+json")), Reason::ProofMalformed);
    refused(change("", "messageSignature", json!({"signature": zeros(64)})), Reason::ProofMalformed);
}

#[test]
fn a_root_is_no_larger_than_it_may_be_and_names_all_that_is_needed() {
    let padded = |length: usize| {
        let root = SIGSTORE_PRODUCTION_TRUSTED_ROOT;
        TrustedRoot::read("root", format!("{root}{}", " ".repeat(length - root.len())).as_bytes(), &[])
    };
    let most = usize::try_from(MAX_TRUSTED_ROOT_BYTES).expect("it fits");
    for length in [most - 1, most] {
        padded(length).expect("read");
    }
    refused(padded(most + 1), Reason::TrustedRootInvalid);
    for missing in ["tlogs", "certificateAuthorities", "ctlogs"] {
        let mut root: Value = serde_json::from_str(SIGSTORE_PRODUCTION_TRUSTED_ROOT).expect("JSON");
        root[missing] = json!([]);
        let fault = refused(TrustedRoot::read("root", root.to_string().as_bytes(), &[]), Reason::TrustedRootInvalid);
        assert!(fault.to_string().contains("it names no "), "{fault}");
    }
    refused(TrustedRoot::read("root", &[0xff], &[]), Reason::TrustedRootInvalid);
    refused(TrustedRoot::read("root", b"{}", &[]), Reason::TrustedRootInvalid);
}

/// Somebody who signs with a key that he keeps.
struct Keeper(ed25519_dalek::SigningKey);

impl Keeper {
    fn new(number: u8) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&[number; 32]))
    }

    fn public(&self) -> Vec<u8> {
        self.0.verifying_key().to_public_key_der().expect("encoded").as_bytes().to_vec()
    }

    fn pem(&self) -> String {
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(self.public()))
    }

    fn key(&self) -> ProofKey {
        ProofKey::read("key.pub", self.pem().as_bytes(), &[]).expect("a key")
    }

    fn sign(&self, content: &[u8]) -> Vec<u8> {
        self.0.sign(content).to_bytes().to_vec()
    }

    fn bundle(&self, name: &str, content: &Value) -> Value {
        let hint = STANDARD.encode(Sha256::digest(self.public()));
        let mut bundle = json!({"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": hint}}});
        bundle[name] = content.clone();
        bundle
    }

    fn signs(&self, content: &[u8]) -> Value {
        self.bundle("messageSignature", &json!({"signature": STANDARD.encode(self.sign(content))}))
    }

    fn states(&self, payload_type: &str, statement: &Value) -> Value {
        self.bundle("dsseEnvelope", &envelope(payload_type, statement, |content| self.sign(content)))
    }
}

fn judged(bundle: &Value, content: &[u8], keeper: &Keeper) -> Result<Proven, Fault> {
    verify_bundle_by_key(&read(bundle)?, Subject::Content(content), &keeper.key(), Logged::NotRequired)
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_key_shows_what_it_has_signed_and_nothing_else() {
    let (keeper, other) = (Keeper::new(1), Keeper::new(2));
    let signed = keeper.signs(b"content");
    let proven = judged(&signed, b"content", &keeper).expect("shown");
    assert_eq!(proven.signer, ProofSigner::Key(keeper.key().fingerprint()));
    assert_eq!((proven.predicate_type, proven.signed_at.len()), (None, 0));
    refused(judged(&signed, b"another", &keeper), Reason::ProofSignatureInvalid);
    refused(judged(&signed, b"content", &other), Reason::ProofIdentityRefused);
    // A hint says which key is meant, and no more: without one the signature decides.
    let mut unhinted = signed.clone();
    unhinted["verificationMaterial"]["publicKey"] = json!({"hint": ""});
    judged(&unhinted, b"content", &keeper).expect("shown");
    refused(judged(&unhinted, b"content", &other), Reason::ProofSignatureInvalid);
    let mut stated = signed.clone();
    let digest = STANDARD.encode(Sha256::digest(b"content"));
    stated["messageSignature"]["messageDigest"] = json!({"algorithm": "SHA2_256", "digest": digest});
    judged(&stated, b"content", &keeper).expect("shown");
    stated["messageSignature"]["messageDigest"]["digest"] = json!(zeros(32));
    refused(judged(&stated, b"content", &keeper), Reason::ProofOtherArtifact);
}

#[test]
fn a_statement_is_of_the_artifact_that_it_names() {
    let keeper = Keeper::new(1);
    let stated = keeper.states(IN_TOTO, &statement(1, &hex(b"content")));
    let proven = judged(&stated, b"content", &keeper).expect("shown");
    assert_eq!(proven.predicate_type.as_deref(), Some("https://slsa.dev/provenance/v1"));
    refused(judged(&stated, b"another", &keeper), Reason::ProofOtherArtifact);
    let mut two = statement(1, &"0".repeat(64));
    two["subject"].as_array_mut().expect("a list").push(statement(1, &hex(b"content"))["subject"][0].clone());
    judged(&keeper.states(IN_TOTO, &two), b"content", &keeper).expect("one of them is");
    refused(judged(&keeper.states("text/plain", &two), b"content", &keeper), Reason::ProofMalformed);
    let mut changed = stated.clone();
    changed["dsseEnvelope"]["payload"] = json!(STANDARD.encode(statement(1, &hex(b"another")).to_string()));
    refused(judged(&changed, b"another", &keeper), Reason::ProofSignatureInvalid);
    let none = statement(0, "");
    refused(judged(&keeper.states(IN_TOTO, &none), b"content", &keeper), Reason::ProofOtherArtifact);
}

#[test]
fn what_names_a_log_is_not_judged_without_one_and_what_names_none_not_with_one() {
    let keeper = Keeper::new(1);
    let mut logged = keeper.signs(b"content");
    logged["verificationMaterial"]["tlogEntries"] = json!([entry(0)]);
    refused(judged(&logged, b"content", &keeper), Reason::ProofMalformed);
    let mut timed = keeper.signs(b"content");
    timed["verificationMaterial"]["timestampVerificationData"] =
        json!({"rfc3161Timestamps": [{"signedTimestamp": zeros(8)}]});
    refused(judged(&timed, b"content", &keeper), Reason::ProofMalformed);
    let root = TrustedRoot::read("root", SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes(), &[]).expect("a root");
    let by_log = |bundle: &Value| {
        verify_bundle_by_key(&read(bundle)?, Subject::Content(b"content"), &keeper.key(), Logged::Required(&root))
    };
    refused(by_log(&keeper.signs(b"content")), Reason::ProofLogRefused);
    refused(by_log(&logged), Reason::ProofMalformed);
    refused(by_log(&timed), Reason::ProofLogRefused);
}

#[test]
fn a_certificate_stands_in_for_no_key_and_a_key_for_no_certificate() {
    let keeper = Keeper::new(1);
    let root = TrustedRoot::read("root", SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes(), &[]).expect("a root");
    let anybody = || Constraint::pattern("^.*$").expect("a pattern");
    let identity = Identity { name: anybody(), issuer: anybody() };
    let signed = read(&keeper.signs(b"content")).expect("read");
    assert_eq!(signed.kind(), BundleKind::Key);
    refused(verify_bundle(&signed, Subject::Content(b"content"), &root, &identity), Reason::ProofMalformed);
    refused(judged(&bundle(0, 0, 0, 1), b"content", &keeper), Reason::ProofMalformed);
    refused(
        verify_bundle(&read(&bundle(1, 1, 0, 1)).expect("read"), Subject::Digest([0; 32]), &root, &identity),
        Reason::ProofMalformed,
    );
}

#[test]
fn a_key_is_one_block_of_a_kind_that_is_taken() {
    let pem = Keeper::new(1).pem();
    let key = |text: &str| ProofKey::read("key.pub", text.as_bytes(), &[]);
    assert_eq!(
        key(&pem).expect("a key").fingerprint(),
        format!("SHA256:{}", hex(Keeper::new(1).0.verifying_key().as_bytes()))
    );
    let most = usize::try_from(MAX_PROOF_KEY_BYTES).expect("it fits");
    for length in [most - 1, most] {
        key(&format!("{pem}{}", "\n".repeat(length - pem.len()))).expect("a key");
    }
    refused(key(&format!("{pem}{}", "\n".repeat(most + 1 - pem.len()))), Reason::ProofKeyInvalid);
    for wrong in [
        String::new(),
        format!("{pem}{pem}"),
        pem.replace("PUBLIC", "PRIVATE"),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(),
    ] {
        refused(key(&wrong), Reason::ProofKeyInvalid);
    }
    refused(ProofKey::read("key.pub", &[0xff], &[]), Reason::ProofKeyInvalid);
}
