//! `Key`: a key of an issuer, and what it has signed. Which algorithm that is by is the key's to say.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{PUBLIC_KEY_LENGTH as ED25519_PUBLIC_KEY_LENGTH, VerifyingKey};
use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{AlgorithmIdentifier, SignatureVerificationAlgorithm, alg_id};
use serde_json::{Map, Value};

/// How long a half of a signature by ECDSA is, and of a point of its curve.
const P256_BYTES: usize = 32;
/// The shortest modulus that is taken, and the longest.
const MIN_MODULUS_BYTES: usize = 256;
const MAX_MODULUS_BYTES: usize = 1024;
/// The longest exponent, which is 65537 nearly everywhere.
const MAX_EXPONENT_BYTES: usize = 8;
/// ASN.1: a number, and a sequence of them.
const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
/// What a private key or a secret has, whatever its kind.
const PRIVATE: [&str; 2] = ["d", "k"];

/// By what a token is signed. None of these takes a secret, and there is no `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519, as RFC 8037 and RFC 9864 have it.
    Ed25519,
}

impl Algorithm {
    /// The one of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::Ed25519),
            _ => None,
        }
    }

    fn scheme(self) -> (SignatureScheme, AlgorithmIdentifier) {
        match self {
            Self::Rs256 => (SignatureScheme::RSA_PKCS1_SHA256, alg_id::RSA_ENCRYPTION),
            Self::Es256 => (SignatureScheme::ECDSA_NISTP256_SHA256, alg_id::ECDSA_P256),
            Self::Ed25519 => (SignatureScheme::ED25519, alg_id::ED25519),
        }
    }

    fn verifier(self, provider: &CryptoProvider) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        let (scheme, of_key) = self.scheme();
        let mapping = provider.signature_verification_algorithms.mapping.iter();
        let mut fitting = mapping.filter(|(listed, _)| *listed == scheme).flat_map(|(_, algorithms)| algorithms.iter());
        fitting.find(|algorithm| algorithm.public_key_alg_id() == of_key).copied()
    }
}

/// Why a key of a set is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unused {
    /// It is for something else, or of a kind that is not taken.
    Other,
    /// It says what it is for, and is not that.
    Broken(&'static str),
    /// It is no public key.
    Private,
}

/// A public key.
pub(super) struct Key {
    algorithm: Algorithm,
    verifier: &'static dyn SignatureVerificationAlgorithm,
    /// As a certificate has it.
    public: Vec<u8>,
}

impl Key {
    /// Reads a key as RFC 7518, 6 and RFC 8037, 2 have it.
    pub(super) fn read(members: &Map<String, Value>, provider: &Arc<CryptoProvider>) -> Result<Self, Unused> {
        if PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err(Unused::Private);
        }
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let is_for_signatures = members.get("use").is_none_or(|of| of == "sig")
            && members
                .get("key_ops")
                .is_none_or(|of| of.as_array().is_some_and(|all| all.iter().any(|one| one == "verify")));
        let algorithm = match (text("kty"), text("crv")) {
            (Some("RSA"), None) => Algorithm::Rs256,
            (Some("EC"), Some("P-256")) => Algorithm::Es256,
            (Some("OKP"), Some("Ed25519")) => Algorithm::Ed25519,
            _ => return Err(Unused::Other),
        };
        let is_that = members.get("alg").is_none_or(|of| of.as_str().and_then(Algorithm::named) == Some(algorithm));
        if !is_for_signatures || !is_that {
            return Err(Unused::Other);
        }
        let bytes = |name: &str| text(name).and_then(|value| URL_SAFE_NO_PAD.decode(value).ok());
        let exactly = |name: &str, length: usize| bytes(name).filter(|value| value.len() == length);
        let public = match algorithm {
            Algorithm::Rs256 => rsa(bytes("n"), bytes("e")),
            Algorithm::Es256 => exactly("x", P256_BYTES)
                .zip(exactly("y", P256_BYTES))
                .map(|(x, y)| [&[4], x.as_slice(), y.as_slice()].concat())
                .ok_or("`x` and `y` are no point of P-256"),
            Algorithm::Ed25519 => ed25519(bytes("x")),
        };
        let verifier = algorithm.verifier(provider).ok_or(Unused::Other)?;
        Ok(Self { algorithm, verifier, public: public.map_err(Unused::Broken)? })
    }

    /// Whether it has signed that, by that algorithm and no other.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if algorithm != self.algorithm {
            return false;
        }
        let signature = match algorithm {
            Algorithm::Rs256 | Algorithm::Ed25519 => signature.to_vec(),
            // Two numbers one behind the other, where a certificate has them as ASN.1.
            Algorithm::Es256 if signature.len() == 2 * P256_BYTES => {
                let (r, s) = signature.split_at(P256_BYTES);
                sequence(&[integer(r), integer(s)])
            }
            Algorithm::Es256 => return false,
        };
        self.verifier.verify_signature(&self.public, message, &signature).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// `RSAPublicKey` of RFC 8017, A.1.1.
/// A point of small order has signed everything, whoever has written that (RFC 8032, 5.1.7 lets a verifier take it).
fn ed25519(point: Option<Vec<u8>>) -> Result<Vec<u8>, &'static str> {
    let point = point.and_then(|point| <[u8; ED25519_PUBLIC_KEY_LENGTH]>::try_from(point).ok());
    let key = point.and_then(|point| VerifyingKey::from_bytes(&point).ok());
    match key {
        Some(key) if key.is_weak() => Err("with `x` everybody can sign"),
        Some(key) => Ok(key.to_bytes().to_vec()),
        None => Err("`x` is no key of Ed25519"),
    }
}

fn rsa(modulus: Option<Vec<u8>>, exponent: Option<Vec<u8>>) -> Result<Vec<u8>, &'static str> {
    let (Some(modulus), Some(exponent)) = (modulus, exponent) else { return Err("`n` and `e` are no numbers") };
    let modulus = without_zeros(&modulus);
    match (MIN_MODULUS_BYTES..=MAX_MODULUS_BYTES).contains(&modulus.len()) && modulus[0] >= 0x80 {
        true if is_exponent(without_zeros(&exponent)) => Ok(sequence(&[integer(modulus), integer(&exponent)])),
        true => Err("`e` is no exponent"),
        false => Err("`n` has not 2048 to 8192 bits"),
    }
}

/// Odd, and more than 1, with which a signature would be the message itself (RFC 8017, 3.1).
fn is_exponent(number: &[u8]) -> bool {
    number.len() <= MAX_EXPONENT_BYTES && number != [1] && number.last().is_some_and(|last| last % 2 == 1)
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    &number[first..]
}

/// A number that is not negative.
fn integer(number: &[u8]) -> Vec<u8> {
    let mut content = without_zeros(number).to_vec();
    if content.first().is_none_or(|byte| byte & 0x80 != 0) {
        content.insert(0, 0);
    }
    tagged(INTEGER, &content)
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(SEQUENCE, &parts.concat())
}

/// As DER has it (X.690, 8.1.3).
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = without_zeros(&length);
    let mut written = vec![tag];
    match content.len() {
        short @ 0..=0x7f => written.push(short as u8),
        _ => {
            written.push(0x80 | length.len() as u8);
            written.extend_from_slice(length);
        }
    }
    written.extend_from_slice(content);
    written
}
