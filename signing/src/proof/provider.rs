//! `Provider`: the cryptography under a proof, in Rust, and of RSA what verifies for TLS.
//!
//! The library of proofs takes one for the process, for the first who asks. This one verifies and nothing else.

use std::sync::OnceLock;

use ed25519_dalek::{Signature as Ed25519Signature, VerifyingKey as Ed25519Key};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rustls_pki_types::{AlgorithmIdentifier, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use sigstore_verify::crypto::provider::HashContext;
use sigstore_verify::crypto::{CryptoProvider, Error, Result, SigningScheme, install_default_provider};
use sigstore_verify::types::HashAlgorithm;

/// Who verifies signatures by RSA: what an implementation of TLS has for it. Certificates and logs of some instances
/// have such keys; without one they are refused.
pub type RsaVerifiers = &'static [&'static dyn SignatureVerificationAlgorithm];

static RSA: OnceLock<RsaVerifiers> = OnceLock::new();

/// Has the library verify by this, from the first time on. Whoever comes later brings the same: a process has one TLS.
pub(crate) fn install(rsa: RsaVerifiers) {
    // Who has none says nothing of it.
    if !rsa.is_empty() {
        RSA.get_or_init(|| rsa);
    }
    // It is refused where it is there already, which is what is wanted.
    let _: std::result::Result<_, _> = install_default_provider(&Provider);
}

#[derive(Debug)]
struct Provider;

struct Hashing<D>(D);

impl<D: sha2::Digest + Send> HashContext for Hashing<D> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

impl CryptoProvider for Provider {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        match algorithm {
            HashAlgorithm::Sha2256 => Ok(Box::new(Hashing(Sha256::new()))),
            HashAlgorithm::Sha2384 => Ok(Box::new(Hashing(Sha384::new()))),
            HashAlgorithm::Sha2512 => Ok(Box::new(Hashing(Sha512::new()))),
            other => Err(Error::UnsupportedAlgorithm(other.to_string())),
        }
    }

    fn verify_raw(&self, scheme: SigningScheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
        match scheme {
            SigningScheme::EcdsaP256Sha256 | SigningScheme::EcdsaP384Sha256 => {
                self.verify_prehashed(scheme, key, &Sha256::digest(data), signature)
            }
            SigningScheme::EcdsaP256Sha384 | SigningScheme::EcdsaP384Sha384 => {
                self.verify_prehashed(scheme, key, &Sha384::digest(data), signature)
            }
            SigningScheme::Ed25519 => by_ed25519(key, data, signature),
            _ => by_rsa(scheme, key, data, signature),
        }
    }

    fn verify_prehashed(&self, scheme: SigningScheme, key: &[u8], digest: &[u8], signature: &[u8]) -> Result<()> {
        match scheme {
            SigningScheme::EcdsaP256Sha256 | SigningScheme::EcdsaP256Sha384 => by_p256(key, digest, signature),
            SigningScheme::EcdsaP384Sha256 | SigningScheme::EcdsaP384Sha384 => by_p384(key, digest, signature),
            // What verifies for TLS wants the message.
            _ => Err(unsupported(scheme)),
        }
    }
}

/// ECDSA over P-256: by a point, over a digest, in DER.
pub(crate) fn by_p256(key: &[u8], digest: &[u8], signature: &[u8]) -> Result<()> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(|_| unreadable_key())?;
    let signature = p256::ecdsa::Signature::from_der(signature).map_err(|_| wrong())?;
    key.verify_prehash(digest, &signature).map_err(|_| wrong())
}

/// The same over P-384.
pub(crate) fn by_p384(key: &[u8], digest: &[u8], signature: &[u8]) -> Result<()> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(|_| unreadable_key())?;
    let signature = p384::ecdsa::Signature::from_der(signature).map_err(|_| wrong())?;
    key.verify_prehash(digest, &signature).map_err(|_| wrong())
}

/// Strictly, as every other signature by Ed25519 here: a key of small order has signed everything.
fn by_ed25519(key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
    let key = key.try_into().ok().and_then(|key| Ed25519Key::from_bytes(key).ok()).ok_or_else(unreadable_key)?;
    let signature = Ed25519Signature::from_slice(signature).map_err(|_| wrong())?;
    key.verify_strict(data, &signature).map_err(|_| wrong())
}

fn by_rsa(scheme: SigningScheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
    let wanted = rsa_algorithm(scheme).ok_or_else(|| unsupported(scheme))?;
    let mut known = RSA.get().copied().unwrap_or_default().iter();
    let fitting =
        known.find(|one| one.public_key_alg_id() == alg_id::RSA_ENCRYPTION && one.signature_alg_id() == wanted);
    let verifier = fitting.ok_or_else(|| unsupported(scheme))?;
    verifier.verify_signature(key, data, signature).map_err(|_| wrong())
}

fn rsa_algorithm(scheme: SigningScheme) -> Option<AlgorithmIdentifier> {
    match scheme {
        SigningScheme::RsaPkcs1Sha256 => Some(alg_id::RSA_PKCS1_SHA256),
        SigningScheme::RsaPkcs1Sha384 => Some(alg_id::RSA_PKCS1_SHA384),
        SigningScheme::RsaPkcs1Sha512 => Some(alg_id::RSA_PKCS1_SHA512),
        SigningScheme::RsaPssSha256 => Some(alg_id::RSA_PSS_SHA256),
        SigningScheme::RsaPssSha384 => Some(alg_id::RSA_PSS_SHA384),
        SigningScheme::RsaPssSha512 => Some(alg_id::RSA_PSS_SHA512),
        _ => None,
    }
}

fn wrong() -> Error {
    Error::Verification("the signature is not by this key over this".to_owned())
}

fn unreadable_key() -> Error {
    Error::InvalidKeyFormat("the key cannot be read".to_owned())
}

fn unsupported(scheme: SigningScheme) -> Error {
    Error::UnsupportedAlgorithm(scheme.name().to_owned())
}
