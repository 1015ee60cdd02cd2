//! Ed25519 keys. A private key cannot be printed; a weak public key cannot be held.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::digest::{hex, read_hex};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::hidden_key::holds_secret;
use crate::key_form::Form;
use crate::key_source::KeySource;
use crate::pem;
use crate::signature::Signature;
use crate::wrapping::{Unwrapped, unwrapped};

/// RFC 8410: `SubjectPublicKeyInfo` of an Ed25519 key is these 12 bytes and the 32 of the key.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What stands before and behind the body of one, as it is written.
const PLAIN_BEGIN: &[u8] = b"-----BEGIN PUBLIC KEY-----\n";
const PLAIN_END: &[u8] = b"\n-----END PUBLIC KEY-----\n";
/// RFC 5958 version 1: `PrivateKeyInfo` of an Ed25519 seed is these 16 bytes and the 32 of the seed.
/// Version 2, which also carries the public key, is not read by OpenSSL 3.0.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A private key. Has no `Debug`, `Display`, `Clone` or serialisation; wiped when dropped. Boxed, because
/// what moves leaves a copy where it was.
pub struct SigningKey(Box<ed25519_dalek::SigningKey>);

/// Overwrites what functions that have returned left on the stack below the caller: reading a key and
/// signing with it put the seed into registers and frames that nobody else wipes.
#[inline(never)]
pub fn wipe_stack() {
    let mut frames = [0_u8; 64 << 10];
    frames.zeroize();
    std::hint::black_box(&mut frames);
}

impl SigningKey {
    /// A new key from the operating system's random numbers.
    ///
    /// # Errors
    /// `io_error` when the system has none to give.
    pub fn generate() -> Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|error| {
            Fault::new(Reason::IoError, "the operating system gave no random numbers").caused_by(error.to_string())
        })?;
        Ok(Self(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))))
    }

    pub(crate) fn of(key: ed25519_dalek::SigningKey) -> Self {
        Self(Box::new(key))
    }

    /// The key as PKCS#8 version 1 PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::write_block("PRIVATE KEY", &self.to_der())
    }

    /// The key as PKCS#8 version 1.
    pub(crate) fn to_der(&self) -> Zeroizing<Vec<u8>> {
        let mut der = Zeroizing::new(Vec::with_capacity(PKCS8_PREFIX.len() + 32));
        der.extend_from_slice(&PKCS8_PREFIX);
        der.extend_from_slice(self.0.as_bytes());
        der
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// For [`crate::KeyHolder`] alone, which verifies it.
    pub(crate) fn signature(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }

    /// Whether those bytes are the private half of `key`.
    pub(crate) fn is_seed_of(seed: &[u8; 32], key: &PublicKey) -> bool {
        Self(Box::new(ed25519_dalek::SigningKey::from_bytes(seed))).public_key() == *key
    }
}

/// A public key for which only the owner of the private half can sign; or nobody, where it is no point of the curve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// As [`PublicKey::read`], of a text whose caller knows where it is from.
    ///
    /// # Errors
    /// As [`PublicKey::read`].
    pub fn from_pem(content: &[u8]) -> Result<Self> {
        Self::read(content, &KeySource::Unnamed)
    }

    /// Reads the first PEM block of a file, which must be an Ed25519 `PUBLIC KEY`: what the host reads, and in no
    /// other form, so that both trust the same keys.
    ///
    /// # Errors
    /// `key_invalid` for anything else, and for a private key anywhere in the file: by the lines of its PEM or of
    /// another tool, as DER or as the seed of a key that the file holds, each also in base64, hexadecimal or UTF-16
    /// up to three deep. What is compressed or cut into pieces is not found, nor binary DER of another algorithm
    /// behind a key. `weak_key` for a point of small order or a second spelling of a point.
    pub fn read(content: &[u8], source: &KeySource) -> Result<Self> {
        if let Some(key) = Self::plain(content) {
            return key;
        }
        if Self::holds_private_key(content) {
            let message = format!("{source} holds a private key, which has no place on a host");
            return Err(Fault::new(Reason::KeyInvalid, message).hint(
                "take the file away, make a new key with `aisoc plugin keygen`, and give hosts its public half only",
            ));
        }
        Self::first(content).unwrap_or_else(|| Err(Self::unread(content, source)))
    }

    /// Whether a private key stands anywhere in the file, of whatever kind.
    pub(crate) fn holds_private_key(content: &[u8]) -> bool {
        let keys: Vec<_> = Self::all(content).collect();
        let is_seed_of_key = |seed: &[u8; 32]| {
            let half = ed25519_dalek::SigningKey::from_bytes(seed).verifying_key();
            keys.iter().any(|key| key.0 == half.to_bytes())
        };
        holds_secret(content, &is_seed_of_key)
    }

    /// The key of a file that holds it in the form in which it is written, and nothing else: a thousand of them cost
    /// nothing that anybody notices. There is no room for a secret in it, and the key is held to the same rule.
    pub(crate) fn plain(content: &[u8]) -> Option<Result<Self>> {
        Self::plain_bytes(content).map(|bytes| Self::from_bytes(&bytes))
    }

    /// As [`PublicKey::plain`], but for the question whether it is a point, which takes longer than everything else.
    /// One that is none verifies nothing.
    pub(crate) fn plain_unproven(content: &[u8]) -> Option<Result<Self>> {
        Self::plain_bytes(content).map(|bytes| Self::unproven(&bytes))
    }

    fn plain_bytes(content: &[u8]) -> Option<[u8; 32]> {
        let body = content.strip_prefix(PLAIN_BEGIN)?.strip_suffix(PLAIN_END)?;
        let mut der = [0; SPKI_PREFIX.len() + 32];
        let length = STANDARD.decode_slice(body, &mut der).ok()?;
        der.get(..length)?.strip_prefix(&SPKI_PREFIX)?.try_into().ok()
    }

    /// `None` when the first block is not that of an Ed25519 key.
    fn first(content: &[u8]) -> Option<Result<Self>> {
        pem::blocks(content).next().as_ref().and_then(Self::of_block)
    }

    /// Why nothing is read, which may be that what would be a key is wrapped in something.
    fn unread(content: &[u8], source: &KeySource) -> Fault {
        match unwrapped(content) {
            Some(Unwrapped { layers, text }) if Self::first(&text).is_some_and(|key| key.is_ok()) => {
                source.wrapped_public_key(&layers)
            }
            Some(Unwrapped { layers, text }) => source.no_public_key(&layers, Form::of(&text).unread()),
            None => source.no_public_key(&[], Form::of(content).unread()),
        }
    }

    /// The other public keys that a file holds behind its first, which no host reads.
    pub(crate) fn behind_first(content: &[u8]) -> Vec<Self> {
        let mut keys: Vec<Self> = Vec::new();
        for key in Self::all(content) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.split_off(keys.len().min(1))
    }

    /// Every key that a file holds, in the form that a host would read first in it.
    fn all(content: &[u8]) -> impl Iterator<Item = Self> {
        pem::blocks(content).filter_map(|block| Self::of_block(&block)?.ok())
    }

    /// `None` for what is not the `SubjectPublicKeyInfo` of an Ed25519 key.
    fn of_block(block: &pem::Block<'_>) -> Option<Result<Self>> {
        let der = block.der().filter(|_| block.label == "PUBLIC KEY")?;
        let key = der.strip_prefix(&SPKI_PREFIX).and_then(|key| <[u8; 32]>::try_from(key).ok())?;
        Some(Self::from_bytes(&key))
    }

    /// The key of 32 bytes, or of its `SubjectPublicKeyInfo`: what services that sign give in base64.
    pub(crate) fn from_key_bytes(bytes: &[u8]) -> Option<Self> {
        let raw = bytes.strip_prefix(&SPKI_PREFIX).unwrap_or(bytes);
        Self::from_bytes(raw.try_into().ok()?).ok()
    }

    /// The key of those 32 bytes.
    ///
    /// # Errors
    /// As [`PublicKey::from_pem`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        let key = Self::unproven(bytes)?;
        key.require_point().map(|()| key)
    }

    fn unproven(bytes: &[u8; 32]) -> Result<Self> {
        if is_second_spelling(bytes) {
            return Err(Fault::new(Reason::WeakKey, "the key is a second spelling of another key (y is not reduced)"));
        }
        match is_of_small_order(bytes) {
            true => Err(Fault::new(Reason::WeakKey, "the key is a point of small order: anybody can sign for it")),
            false => Ok(Self(*bytes)),
        }
    }

    /// Whether it is a point of the curve: of any other nobody has the private half.
    ///
    /// # Errors
    /// `key_invalid`.
    pub(crate) fn require_point(&self) -> Result<()> {
        VerifyingKey::from_bytes(&self.0).map(drop).map_err(|_| not_a_point())
    }

    /// The key as SubjectPublicKeyInfo.
    pub(crate) fn to_der(self) -> Vec<u8> {
        [SPKI_PREFIX.as_slice(), &self.0].concat()
    }

    /// The key as `SubjectPublicKeyInfo` PEM.
    pub fn to_pem(&self) -> String {
        let der = self.to_der();
        pem::write_block("PUBLIC KEY", &der).to_string()
    }

    /// The 32 bytes of the key (RFC 8032, section 5.1.5).
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Names the key itself, whatever its file is called.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(self.0).into())
    }

    /// Whether `signature` is this key's over `message`. Strict: one signature has one spelling.
    pub(crate) fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

/// SHA-256 of the 32 key bytes, shown as `SHA256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Reads the 64 lower-case hexadecimal digits alone; nothing for another text.
    pub(crate) fn of_hex(digits: &str) -> Option<Self> {
        read_hex(digits).map(Self)
    }

    /// The 64 hexadecimal digits alone, as in `plugin.sig.d/<fingerprint>.sig`.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        <std::borrow::Cow<'_, str>>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Fingerprint {
    type Err = Fault;

    /// Reads the form that is shown, and no other.
    fn from_str(text: &str) -> Result<Self> {
        text.strip_prefix("SHA256:").and_then(Self::of_hex).ok_or_else(|| {
            Fault::new(Reason::KeyInvalid, format!("`{}` is no fingerprint of a key", shown(text, 80)))
                .expected("SHA256: and 64 hexadecimal digits in lower case", "another text")
        })
    }
}

fn not_a_point() -> Fault {
    Fault::new(Reason::KeyInvalid, "the key is not a point of the curve").hint("ask its publisher for PREFIX.pem again")
}

/// The y of every point whose order divides 8, least byte first: 0, 1, -1, and the two of order 8.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// Whether the point is one of the eight for which anybody can sign; the sign of x is no part of it.
fn is_of_small_order(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

/// Whether y is not below the field's prime 2^255 - 19.
fn is_second_spelling(bytes: &[u8; 32]) -> bool {
    bytes[31] & 0x7f == 0x7f && bytes[1..31].iter().all(|b| *b == 0xff) && bytes[0] >= 0xed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_round_trips() {
        let key = SigningKey::generate().expect("random numbers");
        let again = SigningKey::from_pem(key.to_pem().as_bytes()).expect("our own form");
        assert_eq!(key.public_key(), again.public_key());
        let public = PublicKey::from_pem(key.public_key().to_pem().as_bytes()).expect("our own form");
        assert_eq!(public, key.public_key());
    }

    /// The list is that of the curve: all of it is weak, and nothing that is weak is missing.
    #[test]
    fn what_is_listed_as_of_small_order_is_what_the_curve_says() {
        for y in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut bytes = y;
                bytes[31] |= sign;
                let key = VerifyingKey::from_bytes(&bytes).expect("a point");
                assert!(key.is_weak() && is_of_small_order(&bytes), "{bytes:x?}");
                assert_eq!(PublicKey::from_bytes(&bytes).expect_err("weak").reason(), Reason::WeakKey);
            }
        }
        for first in 0..=u8::MAX {
            for last in [0, 0x7f, 0x80, 0xff] {
                let mut bytes = [if last & 0x7f == 0 { 0 } else { 0xff }; 32];
                (bytes[0], bytes[31]) = (first, last);
                let is_weak = VerifyingKey::from_bytes(&bytes).is_ok_and(|key| key.is_weak());
                let is_refused = is_of_small_order(&bytes) || is_second_spelling(&bytes);
                assert!(is_refused || !is_weak, "{bytes:x?}");
            }
        }
    }

    #[test]
    fn what_is_no_point_is_held_where_nobody_asks_and_verifies_nothing() {
        let mut bytes = (2..=u8::MAX).map(|y| std::array::from_fn(|at| if at == 0 { y } else { 0 }));
        let nowhere = bytes.find(|bytes| VerifyingKey::from_bytes(bytes).is_err()).expect("half of them");
        let pem = pem::write_block("PUBLIC KEY", &[SPKI_PREFIX.as_slice(), &nowhere].concat());
        let key = PublicKey::plain_unproven(pem.as_bytes()).expect("plain").expect("not asked");
        assert_eq!(key.require_point().expect_err("no point").reason(), Reason::KeyInvalid);
        assert_eq!(PublicKey::from_pem(pem.as_bytes()).expect_err("no point").reason(), Reason::KeyInvalid);
        assert!(!key.verifies(b"message", &Signature([0; 64])));
    }

    #[test]
    fn the_short_way_reads_what_the_long_one_reads() {
        let key = SigningKey::generate().expect("random numbers").public_key();
        let pem = key.to_pem();
        assert_eq!(PublicKey::plain(pem.as_bytes()).expect("plain").expect("a key"), key);
        let weak = pem::write_block("PUBLIC KEY", &[SPKI_PREFIX.as_slice(), &[1], &[0; 31]].concat());
        let fault = PublicKey::plain(weak.as_bytes()).expect("plain").expect_err("weak");
        assert_eq!(fault.reason(), Reason::WeakKey);
        let private = SigningKey::generate().expect("random numbers").to_pem();
        let short = pem::write_block("PUBLIC KEY", &SPKI_PREFIX);
        for other in [
            "",
            pem.trim_end(),
            &pem.replace('\n', "\r\n"),
            &format!(" {pem}"),
            &format!("{pem}\n"),
            &pem.repeat(2),
            &format!("{pem}{}", *private),
            &private,
            &short,
        ] {
            assert!(PublicKey::plain(other.as_bytes()).is_none(), "{other}");
        }
        assert!(PublicKey::from_pem(format!("{pem}{}", *private).as_bytes()).is_err());
    }

    #[test]
    fn refuses_the_points_of_small_order() {
        // The encodings of the eight torsion points, and the second spellings of two of them.
        for encoding in [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            let mut bytes = [0; 32];
            for (index, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::from_str_radix(&encoding[index * 2..index * 2 + 2], 16).expect("hexadecimal");
            }
            assert_eq!(PublicKey::from_bytes(&bytes).expect_err(encoding).reason(), Reason::WeakKey, "{encoding}");
        }
    }

    #[test]
    fn says_what_a_wrong_signing_key_is() {
        let key = SigningKey::generate().expect("random numbers");
        let encrypted = pem::write_block("ENCRYPTED PRIVATE KEY", b"secret");
        let rsa = pem::write_block("PRIVATE KEY", b"not a key");
        for (content, word) in [
            ("", "empty"),
            ("not a key", "something that is no key"),
            (encrypted.as_str(), "encrypted"),
            (key.public_key().to_pem().as_str(), "the public half of an Ed25519 key"),
            (rsa.as_str(), "of an algorithm that is not known"),
            ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", "an RSA key"),
        ] {
            let fault = SigningKey::from_pem(content.as_bytes()).err().expect("refused");
            assert_eq!(fault.reason(), Reason::KeyInvalid);
            assert!(fault.message().contains(word), "{fault:?}");
        }
    }

    /// Third-party vectors stand beside the repository; without them the test says that it skips.
    fn vendor(file: &str) -> Option<serde_json::Value> {
        let path = format!("{}/../../shared/vendor/ed25519/{file}", env!("CARGO_MANIFEST_DIR"));
        let Ok(text) = std::fs::read_to_string(path) else {
            println!("skipped: {file} is not here");
            return None;
        };
        Some(serde_json::from_str(&text).expect("JSON"))
    }

    fn unhex(value: &serde_json::Value) -> Vec<u8> {
        let text = value.as_str().expect("hexadecimal text");
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
    }

    fn accepts(key: Result<PublicKey>, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = signature.try_into().map(Signature) else { return false };
        key.is_ok_and(|key| key.verifies(message, &signature))
    }

    #[test]
    fn agrees_with_every_wycheproof_case() {
        let Some(vectors) = vendor("wycheproof_ed25519.json") else { return };
        let mut cases = 0;
        for group in vectors["testGroups"].as_array().expect("groups") {
            let key = || PublicKey::from_pem(group["publicKeyPem"].as_str().expect("PEM").as_bytes());
            for case in group["tests"].as_array().expect("tests") {
                let found = accepts(key(), &unhex(&case["msg"]), &unhex(&case["sig"]));
                assert_eq!(found, case["result"] == "valid", "{case}");
                cases += 1;
            }
        }
        println!("wycheproof: {cases} of 151");
        assert_eq!(cases, 151);
    }

    #[test]
    fn a_fingerprint_is_read_in_the_one_form_in_which_it_is_shown() {
        let fingerprint = SigningKey::generate().expect("random").public_key().fingerprint();
        let text = fingerprint.to_string();
        assert_eq!(text.parse::<Fingerprint>().expect("its own form"), fingerprint);
        let digits = &text["SHA256:".len()..];
        for other in [
            "",
            "SHA256:",
            digits,
            &text[..70],
            &format!("{text}0"),
            &format!("sha256:{digits}"),
            &format!("SHA256:{}é", &digits[2..]),
        ] {
            assert_eq!(other.parse::<Fingerprint>().expect_err(other).reason(), Reason::KeyInvalid, "{other}");
        }
        for odd in ["SHA256:+0", "SHA256:AA"] {
            let other = format!("{odd}{}", "0".repeat(62));
            assert!(other.parse::<Fingerprint>().is_err(), "{other}");
        }
    }

    #[test]
    fn accepts_no_edge_case_that_implementations_disagree_on() {
        let Some(vectors) = vendor("speccheck_cases.json") else { return };
        let accepted: Vec<usize> = vectors
            .as_array()
            .expect("cases")
            .iter()
            .enumerate()
            .filter_map(|(number, case)| {
                let key = unhex(&case["pub_key"]).try_into().expect("32 bytes");
                accepts(PublicKey::from_bytes(&key), &unhex(&case["message"]), &unhex(&case["signature"]))
                    .then_some(number)
            })
            .collect();
        assert_eq!(accepted, [3], "strict verification accepts the one case without small order or malleability");
    }
}
