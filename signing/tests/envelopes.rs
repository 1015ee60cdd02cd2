//! Signed statements: what of them is believed, and that no signature over one thing says another.

use std::collections::BTreeSet;
use std::sync::Arc;

use aisoc_manifests::digest::{FileDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_manifests::value::Text;
use aisoc_signing::{
    Claim, ClaimedTree, Content, Envelope, KeyHolder, Keyring, Outcome, PayloadType, PublicKey, SigningKey, sign,
    verify,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

const BODY: &[u8] = br#"{"schema_version": 1}"#;
const KIND: PayloadType = PayloadType::KeySuccession;

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

fn signed(kind: PayloadType, body: &[u8], keys: &[&SigningKey]) -> Envelope {
    let holders: Vec<&dyn KeyHolder> = keys.iter().map(|key| *key as &dyn KeyHolder).collect();
    Envelope::sign(kind, body.to_vec(), &holders).expect("signed")
}

fn document(envelope: &Envelope) -> Value {
    serde_json::from_str(&envelope.to_json()).expect("JSON")
}

fn read(document: &Value) -> Result<Envelope, Fault> {
    Envelope::read(document.to_string().as_bytes(), KIND)
}

fn refused(document: &Value) -> Fault {
    read(document).expect_err(&document.to_string())
}

fn claim(manifest: &[u8], signature: Option<String>) -> Claim {
    let python: PythonFiles = [(Text::from("plugin.py"), FileDigest::of(b"x = 1\n"))].into_iter().collect();
    Claim::new(ClaimedTree {
        subject: TreeDigest::of(b"tree"),
        manifest_file: ManifestFile::Yaml,
        manifest: manifest.to_vec(),
        python,
        files: Arc::default(),
        strange: Vec::new(),
        empty_directories: Vec::new(),
        signature_files: signature
            .map(|text| ("plugin.sig".to_owned(), Content::Whole(text.into_bytes())))
            .into_iter()
            .collect(),
    })
}

#[test]
fn what_is_opened_is_what_was_signed_by_each_key_that_is_known() {
    let (one, two, stranger) = (key(), key(), key());
    let envelope = signed(KIND, BODY, &[&one, &two, &stranger]);
    let again = Envelope::read(envelope.to_json().as_bytes(), KIND).expect("its own form");
    assert_eq!((again.to_json(), again.payload_type()), (envelope.to_json(), KIND));
    let known = [two.public_key(), key().public_key(), one.public_key()];
    let opened = again.open(&known).expect("two that are known");
    assert_eq!(opened.payload(), BODY);
    let expected: BTreeSet<_> = [&one, &two].map(|key| key.public_key().fingerprint()).into();
    assert_eq!(opened.signers(), &expected);
    assert_eq!(again.named_signers().len(), 3);
    assert_eq!(again.unverified_payload(), BODY, "whoever signs it as well compares it first");
    let shown = format!("{again:?}");
    assert!(shown.contains(&format!("{} bytes", BODY.len())) && shown.contains("SHA256:"), "{shown}");
    let alone = signed(KIND, BODY, &[&one]).signed_by(&two).and_then(|one| one.signed_by(&stranger)).expect("added");
    assert_eq!(alone.to_json(), envelope.to_json(), "the same keys make the same file, together or one by one");
}

#[test]
fn nobody_who_is_not_known_vouches_for_anything() {
    let (signer, other) = (key(), key().public_key());
    let envelope = signed(KIND, BODY, &[&signer]);
    for known in [&[][..], &[other]] {
        let fault = envelope.open(known).expect_err("a stranger");
        assert_eq!(fault.reason(), Reason::UntrustedKey);
        assert_eq!(fault.difference().expect("both").found, signer.public_key().fingerprint().to_string());
    }
}

/// Every byte of the file: what is changed is refused, or is the same statement by the same keys.
#[test]
fn no_byte_can_be_changed_and_say_something_else() {
    let (one, two) = (key(), key());
    let envelope = signed(KIND, BODY, &[&one, &two]);
    let (content, keys) = (envelope.to_json().into_bytes(), [one.public_key(), two.public_key()]);
    let mut refused = 0;
    for at in 0..content.len() {
        for flip in [1_u8, 0x20, 0x80] {
            let mut changed = content.clone();
            changed[at] ^= flip;
            match Envelope::read(&changed, KIND).and_then(|read| read.open(&keys).map(|it| it.payload().to_vec())) {
                Ok(payload) => assert_eq!(payload, BODY, "byte {at}"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > content.len() * 2, "{refused} of {}", content.len() * 3);
}

#[test]
fn a_signature_that_names_a_known_key_and_is_not_its_own_refuses_the_whole() {
    let (one, two) = (key(), key());
    let mut forged = document(&signed(KIND, BODY, &[&one, &two]));
    forged["signatures"][1]["sig"] = forged["signatures"][0]["sig"].clone();
    let envelope = read(&forged).expect("of the right form");
    let keys = [one.public_key(), two.public_key()];
    let fault = envelope.open(&keys).expect_err("one of two is not what it says");
    assert_eq!(fault.reason(), Reason::SignatureInvalid);
    assert!(fault.message().contains(&two.public_key().fingerprint().to_string()), "{fault:?}");
    assert_eq!(envelope.open(&keys[..1]).expect("a stranger's counts neither way").signers().len(), 1);
}

#[test]
fn one_key_counts_once_however_often_it_signs() {
    let one = key();
    let mut twice = document(&signed(KIND, BODY, &[&one]));
    let first = twice["signatures"][0].clone();
    twice["signatures"].as_array_mut().expect("a list").push(first);
    let envelope = read(&twice).expect("of the right form");
    assert_eq!(envelope.open(&[one.public_key()]).expect("known").signers().len(), 1);
    let again = signed(KIND, BODY, &[&one]).signed_by(&one).expect_err("twice");
    assert_eq!(again.reason(), Reason::Usage);
    assert_eq!(Envelope::sign(KIND, BODY.to_vec(), &[]).expect_err("nobody").reason(), Reason::Usage);
}

/// The four ways to carry a signature from one thing to another, made with one key that may sign both.
#[test]
fn no_signature_over_one_thing_says_another() {
    let owner = key();
    let (keys, keyring) = ([owner.public_key()], Keyring::of_key("owner", owner.public_key()));
    let manifest = b"id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\n";
    let statement = claim(manifest, None).statement().expect("signable");
    let canonical = statement.canonical().to_vec();
    let digest = FileDigest::of(&canonical).hex();
    let digest: Vec<u8> =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&digest[at..at + 2], 16).expect("hex")).collect();
    let plugin = sign(statement, &owner).expect("signed").signature().to_hex();
    let judged =
        |signature: String| verify(&claim(manifest, Some(signature)), &keyring, Timestamp::UNIX_EPOCH).expect("read");
    assert!(matches!(judged(plugin.clone()), Outcome::Verified(_)), "what the other cases differ from");
    // A plugin's signature in an envelope, over what it was made over and over its digest.
    let raw: Vec<u8> =
        (0..128).step_by(2).map(|at| u8::from_str_radix(&plugin[at..at + 2], 16).expect("hex")).collect();
    for payload in [&canonical, &digest] {
        let mut pasted = document(&signed(KIND, payload, &[&owner]));
        pasted["signatures"][0]["sig"] = STANDARD.encode(&raw).into();
        let fault = read(&pasted).expect("of the right form").open(&keys).expect_err("a plugin's signature");
        assert_eq!(fault.reason(), Reason::SignatureInvalid);
    }
    // An envelope's signature under a plugin, over what was signed and over its digest.
    for kind in PayloadType::ALL {
        for payload in [&canonical, &digest] {
            let made = document(&signed(kind, payload, &[&owner]));
            let sig = STANDARD.decode(made["signatures"][0]["sig"].as_str().expect("a text")).expect("base64");
            let hex: String = sig.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!matches!(judged(hex), Outcome::Verified(_)), "{kind}");
        }
    }
    // One statement's signature under another type, and the envelope itself where the other is wanted.
    for (kind, other) in
        [(PayloadType::KeySuccession, PayloadType::Keyset), (PayloadType::Keyset, PayloadType::KeySuccession)]
    {
        let made = signed(kind, BODY, &[&owner]);
        let fault = Envelope::read(made.to_json().as_bytes(), other).expect_err("the other");
        assert_eq!(
            (fault.reason(), fault.difference().expect("both").found.as_str()),
            (Reason::StatementInvalid, kind.as_str())
        );
        let mut renamed = document(&made);
        renamed["payloadType"] = other.as_str().into();
        let renamed = Envelope::read(renamed.to_string().as_bytes(), other).expect("of the right form");
        assert_eq!(renamed.open(&keys).expect_err("renamed").reason(), Reason::SignatureInvalid);
    }
}

#[test]
fn what_is_no_envelope_is_named_and_nothing_of_it_is_read() {
    let good = document(&signed(KIND, BODY, &[&key()]));
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).expect(pointer) = value;
        changed
    };
    let mut more = good.clone();
    more["comment"] = "x".into();
    let mut more_in_signature = good.clone();
    more_in_signature["signatures"][0]["cert"] = "x".into();
    let many: Vec<Value> = vec![good["signatures"][0].clone(); 17];
    for (document, words) in [
        (json!([]), "no envelope"),
        (json!({"payload": "", "signatures": []}), "no envelope"),
        (more, "no envelope"),
        (more_in_signature, "no envelope"),
        (with("/payload", Value::Null), "no envelope"),
        (with("/payload", "e30".into()), "`payload` is no base64"),
        (with("/payload", "e31=".into()), "`payload` is no base64"),
        (with("/payload", "e3-_".into()), "`payload` is no base64"),
        (with("/payload", " e30=".into()), "`payload` is no base64"),
        (with("/payloadType", "application/vnd.in-toto+json".into()), "`payloadType` is none that is known"),
        (with("/signatures", json!([])), "no signatures, or too many"),
        (with("/signatures", many.into()), "no signatures, or too many"),
        (with("/signatures/0/keyid", "".into()), "no fingerprint"),
        (with("/signatures/0/keyid", "release".into()), "no fingerprint"),
        (with("/signatures/0/sig", "".into()), "no signature of Ed25519"),
        (with("/signatures/0/sig", STANDARD.encode([7; 65]).into()), "no signature of Ed25519"),
        (with("/signatures/0/sig", "00".repeat(64).into()), "no signature of Ed25519"),
    ] {
        let fault = refused(&document);
        assert_eq!(fault.reason(), Reason::StatementInvalid, "{document}");
        assert!(fault.message().contains(words), "{words}: {fault:?}");
    }
    let repeated = good.to_string().replacen('{', "{\"payload\":\"e30=\",", 1);
    for content in [repeated.as_str(), &format!("{good}{{}}"), "", "-----BEGIN PUBLIC KEY-----"] {
        assert_eq!(Envelope::read(content.as_bytes(), KIND).expect_err(content).reason(), Reason::StatementInvalid);
    }
}

#[test]
fn an_envelope_has_an_end_when_it_is_read_and_when_it_is_made() {
    let owner = key();
    let holders: [&dyn KeyHolder; 1] = [&owner];
    for (kind, max_bytes) in [(PayloadType::KeySuccession, 65_536), (PayloadType::Keyset, 4_194_304)] {
        assert_eq!(kind.max_envelope_bytes(), max_bytes);
        let max_bytes = usize::try_from(max_bytes).expect("small");
        let around = signed(kind, b"", &[&owner]).to_json().len();
        let largest = (max_bytes - around) / 4 * 3;
        let made = signed(kind, &vec![b' '; largest], &[&owner]).to_json();
        let padded = |bytes: usize| format!("{made}{}", " ".repeat(bytes - made.len()));
        assert!(Envelope::read(padded(max_bytes).as_bytes(), kind).is_ok(), "{kind}");
        let fault = Envelope::read(padded(max_bytes + 1).as_bytes(), kind).expect_err("one byte more");
        assert_eq!(fault.reason(), Reason::StatementInvalid);
        let fault = Envelope::sign(kind, vec![b' '; largest + 3], &holders).expect_err("larger than is read");
        assert_eq!(fault.reason(), Reason::StatementInvalid);
    }
    let signers: Vec<SigningKey> = (0..17).map(|_| key()).collect();
    let (sixteen, all): (Vec<&dyn KeyHolder>, Vec<&dyn KeyHolder>) =
        (signers[..16].iter().map(|it| it as _).collect(), signers.iter().map(|it| it as _).collect());
    let full = Envelope::sign(KIND, BODY.to_vec(), &sixteen).expect("sixteen");
    let keys: Vec<PublicKey> = signers.iter().map(SigningKey::public_key).collect();
    assert_eq!(
        Envelope::read(full.to_json().as_bytes(), KIND).expect("read").open(&keys).expect("known").signers().len(),
        16
    );
    assert_eq!(Envelope::sign(KIND, BODY.to_vec(), &all).expect_err("seventeen").reason(), Reason::Usage);
}
