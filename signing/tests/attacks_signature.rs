//! Section C of the catalogue: signatures and keys that somebody made to be taken for others.

use std::fs;
use std::ops::{Add, Mul};
use std::sync::Arc;

use aisoc_manifests::digest::{FileDigest, TreeDigest};
use aisoc_manifests::fault::Reason;
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_manifests::value::Text;
use aisoc_signing::{
    Claim, ClaimedTree, Content, Keyring, Outcome, Overwrite, PublicKey, Signature, SigningKey, sign, verify,
    write_key_pair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer as _, Verifier as _};
use jiff::Timestamp;
use sha2::{Digest as _, Sha512};

const MANIFEST: &[u8] = b"id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\n";
const CODE: &[u8] = b"class Plugin:\n    def run(self, payload, context):\n        return {}\n";
/// The order of the group, little-endian: 2^252 + 27742317777372353535851937790883648493.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A publisher whose key is trusted.
struct Publisher {
    key: SigningKey,
    keyring: Keyring,
    /// The same key in the hands of an attacker who knows no limits.
    raw: ed25519_dalek::SigningKey,
}

impl Publisher {
    fn new() -> Self {
        let raw = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let pem = raw.to_pkcs8_pem(LineEnding::LF).expect("encoded");
        let key = SigningKey::from_pem(pem.as_bytes()).expect("a key");
        let directory = tempfile::tempdir().expect("a directory");
        write_key_pair(&directory.path().join("release"), &key, Overwrite::Refuse).expect("written");
        let keyring = Keyring::read(directory.path()).expect("readable");
        Self { key, keyring, raw }
    }

    fn signature(&self, manifest: &[u8], code: &[u8]) -> [u8; 64] {
        let statement = claim(manifest, code, None).statement().expect("signable");
        let hex = sign(statement, &self.key).expect("signed").signature().to_hex();
        unhex(&hex).try_into().expect("64 bytes")
    }

    fn verifies(&self, manifest: &[u8], code: &[u8], signature: &[u8]) -> bool {
        let claim = claim(manifest, code, Some(signature));
        matches!(verify(&claim, &self.keyring, Timestamp::UNIX_EPOCH), Ok(Outcome::Verified(_)))
    }

    /// What was judged, for signatures that are refused by form or by mathematics.
    fn verdict(&self, signature: Option<&[u8]>) -> &'static str {
        match verify(&claim(MANIFEST, CODE, signature), &self.keyring, Timestamp::UNIX_EPOCH)
            .expect("a readable manifest")
        {
            Outcome::Verified(_) => "verified",
            Outcome::Unsigned => "unsigned",
            Outcome::Malformed(fault) => fault.reason().as_str(),
            Outcome::NoTrustedKeys { .. } => "no_trusted_keys",
            Outcome::Untrusted { .. } => Reason::SignatureInvalid.as_str(),
            other => panic!("{other:?}"),
        }
    }
}

fn claim(manifest: &[u8], code: &[u8], signature: Option<&[u8]>) -> Claim {
    let python: PythonFiles = [(Text::from("plugin.py"), FileDigest::of(code))].into_iter().collect();
    Claim::new(ClaimedTree {
        subject: TreeDigest::of(code),
        manifest_file: ManifestFile::Yaml,
        manifest: manifest.to_vec(),
        python,
        files: Arc::default(),
        strange: Vec::new(),
        empty_directories: Vec::new(),
        signature_files: signature
            .map(|content| ("plugin.sig".to_owned(), Content::Whole(content.to_vec())))
            .into_iter()
            .collect(),
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn public_pem(point: &[u8]) -> String {
    let prefix = unhex("302a300506032b6570032100");
    pem("PUBLIC KEY", &[&prefix, point].concat())
}

#[test]
fn a_missing_signature_is_no_signature() {
    assert_eq!(Publisher::new().verdict(None), "unsigned");
}

#[test]
fn forms_that_are_no_signature() {
    let publisher = Publisher::new();
    let hex = to_hex(&publisher.signature(MANIFEST, CODE));
    let base64 = STANDARD.encode(unhex(&hex));
    let nested = hex.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for malformed in [
        String::new(),
        " \n".to_owned(),
        hex[..63].to_owned(),
        hex[..65].to_owned(),
        hex[..127].to_owned(),
        format!("{hex}0"),
        format!("{hex}{hex}"),
        format!("{hex}\n{hex}\n"),
        format!("0x{hex}"),
        format!("{hex}\0"),
        format!("\u{feff}{hex}"),
        pem("SIGNATURE", &unhex(&hex)),
        base64,
        nested,
    ] {
        assert_eq!(publisher.verdict(Some(malformed.as_bytes())), "signature_malformed", "{malformed:?}");
    }
}

/// Where the host accepts, we do: what was signed by other tools keeps verifying.
#[test]
fn forms_that_the_host_reads() {
    let publisher = Publisher::new();
    let hex = to_hex(&publisher.signature(MANIFEST, CODE));
    for read in [
        hex.clone(),
        hex.to_uppercase(),
        format!(" \t{hex}\r\n"),
        format!("{}\n{}", &hex[..64], &hex[64..]),
        format!("{} {}", &hex[..2], &hex[2..]),
    ] {
        assert_eq!(publisher.verdict(Some(read.as_bytes())), "verified", "{read:?}");
    }
    let split = format!("{} {}", &hex[..1], &hex[1..]);
    assert_eq!(publisher.verdict(Some(split.as_bytes())), "signature_malformed", "a digit alone");
}

#[test]
fn raw_bytes_that_are_also_hexadecimal_have_one_reading() {
    let publisher = Publisher::new();
    let raw = publisher.signature(MANIFEST, CODE);
    assert_eq!(publisher.verdict(Some(&raw)), "verified");
    // Half a signature in hexadecimal is 64 bytes long: a raw signature, and not this one.
    let half = &to_hex(&raw)[..64];
    assert_eq!(Signature::read(half.as_bytes()).expect("64 bytes").to_hex(), to_hex(half.as_bytes()));
    assert_eq!(publisher.verdict(Some(half.as_bytes())), "signature_invalid");
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let publisher = Publisher::new();
    let signature = publisher.signature(MANIFEST, CODE);
    assert!(publisher.verifies(MANIFEST, CODE, &signature));
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for bit in 0..8 * signature.len() {
        assert!(!publisher.verifies(MANIFEST, CODE, &flipped(&signature, bit)), "bit {bit} of the signature");
    }
    for bit in 0..8 * CODE.len() {
        assert!(!publisher.verifies(MANIFEST, &flipped(CODE, bit), &signature), "bit {bit} of the code");
    }
    for bit in 0..8 * MANIFEST.len() {
        assert!(!publisher.verifies(&flipped(MANIFEST, bit), CODE, &signature), "bit {bit} of the manifest");
    }
}

/// `S + L` satisfies the same equation as `S`, and is a second spelling of the signature.
#[test]
fn a_second_spelling_of_a_signature() {
    let publisher = Publisher::new();
    let mut signature = publisher.signature(MANIFEST, CODE);
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
    }
    assert_eq!(publisher.verdict(Some(&signature)), "signature_invalid");
}

/// A number of 512 bits as a scalar, whose type the library does not hand out.
fn scalar<S: From<u64> + Add<Output = S> + Mul<Output = S> + Copy>(little_endian: &[u8], _like: S) -> S {
    little_endian.iter().rev().fold(S::from(0), |sum, byte| sum * S::from(256) + S::from(u64::from(*byte)))
}

/// Whoever has the key can make a signature whose R is the neutral element. Lenient verifiers take it,
/// strict ones do not: a signature that half of the world accepts can be denied later.
#[test]
fn a_signature_that_lenient_verifiers_take() {
    let publisher = Publisher::new();
    let digest = claim(MANIFEST, CODE, None).statement().expect("signable").digest();
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let public = publisher.raw.verifying_key();
    let hash = Sha512::new().chain_update(neutral).chain_update(public).chain_update(digest.as_bytes()).finalize();
    let secret = publisher.raw.to_scalar();
    let response = (scalar(&hash, secret) * secret).to_bytes();
    let forged: [u8; 64] = [neutral, response].concat().try_into().expect("64 bytes");
    let lenient = public.verify(digest.as_bytes(), &ed25519_dalek::Signature::from_bytes(&forged));
    assert!(lenient.is_ok(), "the equation holds");
    assert_eq!(publisher.verdict(Some(&forged)), "signature_invalid");
}

#[test]
fn keys_for_which_anybody_can_sign() {
    let small_order = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    for encoding in small_order {
        let fault = PublicKey::from_pem(public_pem(&unhex(encoding)).as_bytes()).expect_err(encoding);
        assert_eq!(fault.reason(), Reason::WeakKey, "{encoding}");
    }
    // Such a key in the directory is passed over, and nothing is signed by it: R neutral, S zero.
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("a.pem"), public_pem(&unhex(small_order[0]))).expect("written");
    let keyring = Keyring::read(directory.path()).expect("readable");
    assert_eq!(keyring.skipped()[0].fault.reason(), Reason::WeakKey);
    let forged = format!("01{}", "00".repeat(63));
    let outcome =
        verify(&claim(MANIFEST, CODE, Some(forged.as_bytes())), &keyring, Timestamp::UNIX_EPOCH).expect("judged");
    assert!(matches!(outcome, Outcome::NoTrustedKeys { .. }), "{outcome:?}");
}

/// The 19 values of y that are not below the prime, with either sign, and a y that no point has.
#[test]
fn keys_that_are_second_spellings_or_no_points() {
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            let mut encoding = [0xff; 32];
            (encoding[0], encoding[31]) = (low, high);
            let fault = PublicKey::from_bytes(&encoding).expect_err("not reduced");
            assert!(matches!(fault.reason(), Reason::WeakKey | Reason::KeyInvalid), "{fault:?}");
        }
    }
    let mut nowhere = [0; 32];
    nowhere[0] = 2;
    assert_eq!(PublicKey::from_bytes(&nowhere).expect_err("no point").reason(), Reason::KeyInvalid);
}

#[test]
fn a_signature_of_another_plugin() {
    let publisher = Publisher::new();
    let signature = publisher.signature(MANIFEST, CODE);
    let other = String::from_utf8(MANIFEST.to_vec()).expect("text").replace("id: demo", "id: other");
    assert!(publisher.verifies(MANIFEST, CODE, &signature));
    assert!(!publisher.verifies(other.as_bytes(), CODE, &signature), "the id is part of what is signed");
}

/// Signing takes the seed and derives the public half: a key file with another public half, which
/// would make two signatures of one message give the seed away, is no key (RUSTSEC-2022-0093).
#[test]
fn a_private_key_with_another_public_half() {
    let publisher = Publisher::new();
    let other = ed25519_dalek::SigningKey::from_bytes(&[8; 32]).verifying_key();
    let version_2 = |public: &[u8]| {
        let head = unhex("3051020101300506032b657004220420");
        pem("PRIVATE KEY", &[&head, publisher.raw.as_bytes().as_slice(), &unhex("812100"), public].concat())
    };
    let own = SigningKey::from_pem(version_2(publisher.raw.verifying_key().as_bytes()).as_bytes()).expect("a key");
    assert_eq!(own.public_key(), publisher.key.public_key());
    let fault = SigningKey::from_pem(version_2(other.as_bytes()).as_bytes()).err().expect("two halves");
    assert_eq!(fault.reason(), Reason::KeyInvalid);
}

/// A publisher who signs uploads with the same key gives no signature of a plugin away: what is signed
/// here is always 32 bytes, the digest of canonical JSON that begins with the file map.
#[test]
fn a_signature_over_something_else_by_the_same_key() {
    let publisher = Publisher::new();
    let statement = claim(MANIFEST, CODE, None).statement().expect("signable");
    for message in [statement.canonical(), statement.digest().hex().as_bytes(), MANIFEST, CODE, b"a tarball"] {
        let signature = publisher.raw.sign(message).to_bytes();
        assert_eq!(publisher.verdict(Some(&signature)), "signature_invalid");
    }
    let signature = publisher.raw.sign(statement.digest().as_bytes()).to_bytes();
    assert_eq!(publisher.verdict(Some(&signature)), "verified");
    assert!(statement.canonical().starts_with(br#"{"files":{"#));
}
