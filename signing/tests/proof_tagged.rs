//! What cosign attached before it had bundles, and what is signed for it: vectors that cosign itself has written
//! (`testdata/cosign/make`), each byte of them changed, and payloads that say more or something else.

use std::collections::BTreeMap;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::proof::{
    ArtifactSigner, Bundle, COSIGN_PREDICATE_TYPE, COSIGN_SIGNATURE, CosignSignature, DSSE_MEDIA_TYPE, Logged,
    MAX_BUNDLE_BYTES, MAX_SIMPLE_SIGNING_BYTES, ProofKey, Proven, SIMPLE_SIGNING_MEDIA_TYPE, Subject, TaggedLayer,
    TaggedSignature, verify_bundle_by_key, verify_tagged_by_key,
};
use aisoc_signing::{KeySource, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::EncodePublicKey as _;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const CYCLONEDX: &str = "https://cyclonedx.org/bom";

#[derive(Deserialize)]
struct Vectors {
    artifact: String,
    keys: BTreeMap<String, String>,
    vectors: Vec<Vector>,
}

#[derive(Clone, Deserialize)]
struct Vector {
    cosign: String,
    key: String,
    media_type: String,
    annotations: BTreeMap<String, String>,
    content: String,
}

impl Vectors {
    fn read() -> Self {
        serde_json::from_str(include_str!("../../testdata/cosign/vectors.json")).expect("JSON")
    }

    fn key(&self, name: &str) -> ProofKey {
        key_of(&self.keys[name])
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Content(self.artifact.as_bytes())
    }

    /// Those that stand under a tag.
    fn tagged(&self) -> impl Iterator<Item = &Vector> {
        self.vectors.iter().filter(|vector| !vector.is_bundle())
    }
}

impl Vector {
    fn is_bundle(&self) -> bool {
        self.media_type.starts_with("application/vnd.dev.sigstore.bundle")
    }

    fn judged(&self, subject: Subject<'_>, key: &ProofKey) -> Result<Proven, Fault> {
        if self.is_bundle() {
            let bundle = Bundle::read("vector", self.content.as_bytes())?;
            return verify_bundle_by_key(&bundle, subject, key, Logged::NotRequired);
        }
        tagged(&self.media_type, &self.annotations, self.content.as_bytes(), subject, key)
    }
}

/// A public key. Who verifies RSA is the process's own choice, by the first who reads one.
fn key_of(pem: &str) -> ProofKey {
    let rsa = rustls_graviola::default_provider().signature_verification_algorithms.all;
    ProofKey::read("key.pub", pem.as_bytes(), rsa).expect("a key")
}

fn tagged(
    media_type: &str,
    annotations: &BTreeMap<String, String>,
    content: &[u8],
    subject: Subject<'_>,
    key: &ProofKey,
) -> Result<Proven, Fault> {
    let layer = TaggedLayer { media_type, annotations, content };
    verify_tagged_by_key(&TaggedSignature::read("layer", &layer)?, subject, key, Logged::NotRequired)
}

#[track_caller]
fn refused<T>(result: Result<T, Fault>, reason: Reason) -> Fault {
    let fault = result.err().expect("it is refused");
    assert_eq!(fault.reason(), reason, "{fault}");
    fault
}

#[test]
fn what_cosign_has_signed_by_a_key_counts_for_that_artifact_and_that_key() {
    let vectors = Vectors::read();
    assert_eq!(vectors.vectors.len(), 24);
    for vector in &vectors.vectors {
        let name = format!("cosign {} {} {}", vector.cosign, vector.key, vector.media_type);
        let judged = vector.judged(vectors.subject(), &vectors.key(&vector.key));
        // By Ed25519 cosign signs the digest (Ed25519ph), and takes nothing of that by a key itself.
        if vector.key == "ed25519" {
            refused(judged, Reason::ProofSignatureInvalid);
            continue;
        }
        let proven = judged.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let predicate = match vector.media_type.as_str() {
            SIMPLE_SIGNING_MEDIA_TYPE => None,
            DSSE_MEDIA_TYPE => Some(CYCLONEDX),
            _ => Some(COSIGN_PREDICATE_TYPE),
        };
        assert_eq!(proven.predicate_type.as_deref(), predicate, "{name}");
        assert!(proven.signed_at.is_empty(), "{name}");
        refused(vector.judged(Subject::Content(b"another"), &vectors.key(&vector.key)), Reason::ProofOtherArtifact);
        refused(vector.judged(Subject::Digest([0; 32]), &vectors.key(&vector.key)), Reason::ProofOtherArtifact);
        let other = if vector.key == "p256" { "rsa" } else { "p256" };
        let fault = vector.judged(vectors.subject(), &vectors.key(other)).expect_err("another key");
        let reason = if vector.is_bundle() { Reason::ProofIdentityRefused } else { Reason::ProofSignatureInvalid };
        assert_eq!(fault.reason(), reason, "{name}: {fault}");
    }
}

#[test]
fn no_bit_of_what_is_signed_or_of_its_signature_can_be_another() {
    let vectors = Vectors::read();
    let key = vectors.key("p256");
    let (mut tried, mut taken) = (0, Vec::new());
    for vector in vectors.tagged().filter(|vector| vector.key == "p256") {
        for (index, bit) in (0..vector.content.len()).flat_map(|index| (0..8).map(move |bit| (index, bit))) {
            let mut content = vector.content.clone().into_bytes();
            content[index] ^= 1 << bit;
            tried += 1;
            if tagged(&vector.media_type, &vector.annotations, &content, vectors.subject(), &key).is_ok() {
                taken.push((vector.cosign.clone(), String::from_utf8_lossy(&content).into_owned()));
            }
        }
        let signature = vector.annotations.get(COSIGN_SIGNATURE).cloned().unwrap_or_default();
        for (index, bit) in (0..signature.len()).flat_map(|index| (0..8).map(move |bit| (index, bit))) {
            let mut changed = signature.clone().into_bytes();
            changed[index] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            let annotations = BTreeMap::from([(COSIGN_SIGNATURE.to_owned(), changed)]);
            tried += 1;
            if tagged(&vector.media_type, &annotations, vector.content.as_bytes(), vectors.subject(), &key).is_ok() {
                taken.push((vector.cosign.clone(), format!("{annotations:?}")));
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
    assert!(taken.is_empty(), "{} of {tried}: {taken:?}", taken.len());
}

/// A key of P-256 that the test knows.
struct Keeper(p256::ecdsa::SigningKey);

impl Keeper {
    fn new(number: u8) -> Self {
        Self(p256::ecdsa::SigningKey::from_slice(&[number; 32]).expect("a key"))
    }

    fn key(&self) -> ProofKey {
        let pem = self.0.verifying_key().to_public_key_der().expect("encoded");
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(pem.as_bytes()));
        key_of(&pem)
    }

    fn signed(&self, content: &[u8]) -> BTreeMap<String, String> {
        let signature: Signature = self.0.sign(content);
        BTreeMap::from([(COSIGN_SIGNATURE.to_owned(), STANDARD.encode(signature.to_der().as_bytes()))])
    }

    /// Whether a payload counts that this key has signed.
    fn judged(&self, payload: &str) -> Result<Proven, Fault> {
        let (annotations, key) = (self.signed(payload.as_bytes()), self.key());
        tagged(SIMPLE_SIGNING_MEDIA_TYPE, &annotations, payload.as_bytes(), Subject::Content(ARTIFACT), &key)
    }
}

const ARTIFACT: &[u8] = b"an artifact";

fn digest() -> String {
    format!("sha256:{}", Sha256::digest(ARTIFACT).iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn payload() -> Value {
    json!({
        "critical": {
            "identity": {"docker-reference": "registry.example/team/demo"},
            "image": {"docker-manifest-digest": digest()},
            "type": "cosign container image signature",
        },
        "optional": null,
    })
}

#[test]
fn a_payload_says_what_it_has_to_say_and_nothing_that_is_not_understood() {
    let keeper = Keeper::new(1);
    let with = |pointer: &str, value: Value| {
        let mut payload = payload();
        let (parent, name) = pointer.rsplit_once('/').expect("a member");
        payload.pointer_mut(parent).expect("there").as_object_mut().expect("an object").insert(name.to_owned(), value);
        keeper.judged(&payload.to_string())
    };
    keeper.judged(&payload().to_string()).expect("it counts");
    with("/optional", json!({"who": "ci", "times": [1, 2]})).expect("what is added says nothing here");
    with("/critical/identity/docker-reference", json!("elsewhere.example/it")).expect("carried elsewhere");
    with("/critical/identity/docker-reference", json!("")).expect("of no place");
    for (pointer, value) in [
        ("/critical/more", json!(true)),
        ("/critical/image/more", json!("x")),
        ("/critical/identity/more", json!("x")),
        ("/more", json!({})),
        ("/critical/type", json!("atomic container signature")),
        ("/critical/type", json!(1)),
        ("/critical/identity/docker-reference", json!(null)),
        ("/critical/identity/docker-reference", json!(["a"])),
        ("/critical/image/docker-manifest-digest", json!([digest()])),
        ("/critical/image", json!(digest())),
        ("/optional", json!("x")),
    ] {
        let fault = refused(with(pointer, value.clone()), Reason::ProofMalformed);
        assert!(fault.to_string().starts_with("`layer` is no proof"), "{pointer} {value}: {fault}");
    }
    let upper = digest().to_uppercase().replace("SHA256", "sha256");
    for other in [format!("sha256:{}", "0".repeat(64)), upper, digest().replace("sha256:", ""), String::new()] {
        refused(with("/critical/image/docker-manifest-digest", json!(other)), Reason::ProofOtherArtifact);
    }
    let text = payload().to_string();
    for twice in [
        text.replace(r#""optional":null"#, r#""optional":null,"optional":null"#),
        text.replace(r#""optional":null"#, r#""optional":{"a":1,"a":2}"#),
        text.replace(r#""image":"#, &format!(r#""image":{{"docker-manifest-digest":"{}"}},"image":"#, digest())),
        format!("{text}{text}"),
        "[]".to_owned(),
        String::new(),
    ] {
        refused(keeper.judged(&twice), Reason::ProofMalformed);
    }
}

#[test]
fn a_payload_and_an_envelope_are_no_larger_than_they_may_be() {
    let keeper = Keeper::new(1);
    let padded = |most: u64, length: u64, text: String| {
        assert!(length <= most + 1);
        let blanks = usize::try_from(length).expect("it fits") - text.len();
        format!("{text}{}", " ".repeat(blanks))
    };
    let judged = |length| keeper.judged(&padded(MAX_SIMPLE_SIGNING_BYTES, length, payload().to_string()));
    for length in [MAX_SIMPLE_SIGNING_BYTES - 1, MAX_SIMPLE_SIGNING_BYTES] {
        judged(length).expect("it counts");
    }
    let fault = refused(judged(MAX_SIMPLE_SIGNING_BYTES + 1), Reason::ProofMalformed);
    assert_eq!(fault.difference().expect("two values").found, "65537 bytes");
    let read = |length| {
        let envelope = json!({"payloadType": "a/b", "payload": "e30=", "signatures": [{"sig": "AA=="}]}).to_string();
        let content = padded(MAX_BUNDLE_BYTES, length, envelope);
        let layer =
            TaggedLayer { media_type: DSSE_MEDIA_TYPE, annotations: &BTreeMap::new(), content: content.as_bytes() };
        TaggedSignature::read("layer", &layer).map(drop)
    };
    for length in [MAX_BUNDLE_BYTES - 1, MAX_BUNDLE_BYTES] {
        read(length).expect("it is read");
    }
    refused(read(MAX_BUNDLE_BYTES + 1), Reason::ProofMalformed);
}

#[test]
fn what_is_of_another_form_or_needs_another_judge_is_refused_by_its_name() {
    let (keeper, text) = (Keeper::new(1), payload().to_string());
    let judged = |media_type: &str, annotations: &BTreeMap<String, String>| {
        tagged(media_type, annotations, text.as_bytes(), Subject::Content(ARTIFACT), &keeper.key())
    };
    let signed = keeper.signed(text.as_bytes());
    judged(SIMPLE_SIGNING_MEDIA_TYPE, &signed).expect("it counts");
    refused(judged("application/vnd.oci.image.layer.v1.tar", &signed), Reason::ProofMalformed);
    refused(judged(DSSE_MEDIA_TYPE, &signed), Reason::ProofMalformed);
    for none in [BTreeMap::new(), BTreeMap::from([(COSIGN_SIGNATURE.to_owned(), String::new())])] {
        refused(judged(SIMPLE_SIGNING_MEDIA_TYPE, &none), Reason::ProofMalformed);
    }
    let with = |name: &str, value: &str| {
        let mut annotations = signed.clone();
        annotations.insert(name.to_owned(), value.to_owned());
        annotations
    };
    let by_certificate = with("dev.sigstore.cosign/certificate", "-----BEGIN CERTIFICATE-----");
    refused(judged(SIMPLE_SIGNING_MEDIA_TYPE, &by_certificate), Reason::ProofUnsupported);
    refused(judged(SIMPLE_SIGNING_MEDIA_TYPE, &with("dev.sigstore.cosign/bundle", "{}")), Reason::ProofMalformed);
    refused(judged(SIMPLE_SIGNING_MEDIA_TYPE, &with(COSIGN_SIGNATURE, "no base64")), Reason::ProofMalformed);
    refused(judged(SIMPLE_SIGNING_MEDIA_TYPE, &with(COSIGN_SIGNATURE, "AAAA")), Reason::ProofSignatureInvalid);
}

/// A private key as PEM has it (PKCS#8).
fn private_pem(number: u8) -> String {
    use p256::pkcs8::EncodePrivateKey as _;
    let key = p256::SecretKey::from_slice(&[number; 32]).expect("a key");
    let der = key.to_pkcs8_der().expect("encoded");
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_bytes()))
}

fn signer(number: u8) -> ArtifactSigner {
    ArtifactSigner::read_p256(private_pem(number).as_bytes(), &KeySource::Unnamed).expect("read").expect("of P-256")
}

#[test]
fn what_is_signed_for_cosign_counts_in_both_forms_and_is_the_same_every_time() {
    let plugins = SigningKey::generate().expect("random numbers");
    let pem = plugins.public_key().to_pem();
    let by_plugins = key_of(&pem);
    for (signer, key) in [(signer(1), Keeper::new(1).key()), (ArtifactSigner::Ed25519(Box::new(plugins)), by_plugins)] {
        let digest: [u8; 32] = Sha256::digest(ARTIFACT).into();
        let made = CosignSignature::make("registry.example/team/demo", digest, &signer).expect("signed");
        let again = CosignSignature::make("registry.example/team/demo", digest, &signer).expect("signed");
        assert_eq!((&made.bundle, &made.payload_signature), (&again.bundle, &again.payload_signature));
        assert_eq!(made.payload, payload().to_string());
        assert_eq!(signer.fingerprint().expect("one"), key.fingerprint());
        let bundle = Bundle::read("bundle", made.bundle.as_bytes()).expect("a bundle");
        let annotations = BTreeMap::from([(COSIGN_SIGNATURE.to_owned(), made.payload_signature)]);
        let of = |artifact: &[u8]| {
            let subject = Subject::Content(artifact);
            let by_bundle = verify_bundle_by_key(&bundle, subject, &key, Logged::NotRequired);
            let content = made.payload.as_bytes();
            [by_bundle, tagged(SIMPLE_SIGNING_MEDIA_TYPE, &annotations, content, subject, &key)]
        };
        for proven in of(ARTIFACT) {
            proven.expect("it counts");
        }
        for other in of(b"another") {
            refused(other, Reason::ProofOtherArtifact);
        }
    }
}

#[test]
fn a_private_key_of_another_form_is_refused_and_never_quoted() {
    let read = |text: &str| ArtifactSigner::read_p256(text.as_bytes(), &KeySource::Unnamed);
    let secret = STANDARD.encode([1; 32]);
    for label in ["EC PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY"] {
        let text = format!("-----BEGIN {label}-----\n{secret}\n-----END {label}-----\n");
        let fault = refused(read(&text), Reason::KeyInvalid);
        let said = format!("{fault} {}", fault.next_step());
        assert!(!said.contains(&secret) && said.contains("openssl"), "{said}");
    }
    let two = format!("{}{}", private_pem(1), private_pem(2));
    refused(read(&two), Reason::KeyInvalid);
    // What is cut off holds none: nothing of it is taken for one.
    let whole = private_pem(1);
    for length in (0..whole.len() - 2).step_by(7) {
        assert!(read(&whole[..length]).is_ok_and(|found| found.is_none()), "{length}");
    }
    let ed25519 = SigningKey::generate().expect("random numbers").to_pem();
    assert!(read(&ed25519).expect("for others").is_none());
}
