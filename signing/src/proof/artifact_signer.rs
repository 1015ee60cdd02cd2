//! `ArtifactSigner`: who signs an artifact so that cosign finds it signed: a key of P-256, or one that signs plugins.

use aisoc_manifests::fault::{Fault, Reason, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::SecretKey;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use sha2::{Digest as _, Sha256};

use crate::key::wipe_stack;
use crate::key_source::KeySource;
use crate::pem;
use crate::signer::{KeyHolder, sign_message};
use crate::wrapping::unwrapped;

/// Who signs an artifact.
pub enum ArtifactSigner {
    /// A key of P-256 in memory, which is wiped when it is dropped.
    P256(Box<SecretKey>),
    /// Somebody who signs by Ed25519.
    Ed25519(Box<dyn KeyHolder>),
}

impl ArtifactSigner {
    /// The key of P-256 in a PEM text (PKCS#8); nothing where it holds something else, which is for
    /// [`PrivateKey`](crate::PrivateKey) to read or to refuse.
    ///
    /// # Errors
    /// `key_invalid` for several keys of which one is of P-256, and for one in a form that is not read, with the command that
    /// writes it anew. Nothing of it is quoted.
    pub fn read_p256(content: &[u8], source: &KeySource) -> Result<Option<Self>> {
        let unwrapped = unwrapped(content);
        let text = unwrapped.as_ref().map_or(content, |found| found.text.as_slice());
        let mut found = None;
        let mut blocks = 0_usize;
        for block in pem::blocks(text).filter(pem::Block::is_private) {
            blocks += 1;
            match block.label {
                "EC PRIVATE KEY" => return Err(of_older_form(source)),
                label if label.contains("COSIGN") || label.contains("SIGSTORE") => return Err(of_cosign(source)),
                "PRIVATE KEY" => {
                    let der = block.der();
                    found = der.and_then(|der| SecretKey::from_pkcs8_der(&der).ok()).or(found);
                }
                _ => {}
            }
        }
        wipe_stack();
        match (found, blocks) {
            (Some(key), 1) => Ok(Some(Self::P256(Box::new(key)))),
            (Some(_), _) => Err(Fault::new(Reason::KeyInvalid, format!("{source} holds several private keys"))
                .expected("one private key", "several")
                .hint("keep each key in a file of its own, and pass the one that is to sign")),
            (None, _) => Ok(None),
        }
    }

    /// The public half (SubjectPublicKeyInfo).
    pub(super) fn public_key(&self) -> Result<Vec<u8>> {
        let unwritten = |_| Fault::new(Reason::Internal, "a public key could not be written");
        match self {
            Self::P256(key) => {
                key.public_key().to_public_key_der().map(|der| der.as_bytes().to_vec()).map_err(unwritten)
            }
            Self::Ed25519(holder) => Ok(holder.public_key().to_der()),
        }
    }

    /// As cosign names a key: the digest of the public half, in base64.
    pub(super) fn hint(&self) -> Result<String> {
        Ok(STANDARD.encode(Sha256::digest(self.public_key()?)))
    }

    /// Its fingerprint, as [`ProofKey`](super::ProofKey) has it.
    ///
    /// # Errors
    /// `internal_error`, which no key leads to.
    pub fn fingerprint(&self) -> Result<String> {
        match self {
            Self::P256(_) => {
                let digest = Sha256::digest(self.public_key()?);
                let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                Ok(format!("SHA256:{digits}"))
            }
            Self::Ed25519(holder) => Ok(holder.public_key().fingerprint().to_string()),
        }
    }

    /// A signature over the message: of P-256 over its SHA-256, in DER, and the same message has the same one (RFC 6979).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::P256(key) => {
                let signature: Signature = SigningKey::from(key.as_ref()).sign(message);
                wipe_stack();
                // As everybody's: what leaves was verified.
                match VerifyingKey::from(key.public_key()).verify(message, &signature) {
                    Ok(()) => Ok(signature.to_der().as_bytes().to_vec()),
                    Err(_) => {
                        Err(Fault::new(Reason::Internal, "a signature was made that its own key does not verify"))
                    }
                }
            }
            Self::Ed25519(holder) => Ok(sign_message(holder.as_ref(), message)?.0.to_vec()),
        }
    }
}

fn of_older_form(source: &KeySource) -> Fault {
    let command = source.command();
    Fault::new(Reason::KeyInvalid, format!("{source} holds no signing key, but an EC key in an older form"))
        .expected("-----BEGIN PRIVATE KEY----- (PKCS#8)", "-----BEGIN EC PRIVATE KEY----- (SEC 1)")
        .hint(format!(
            "write it anew with `{command} | openssl pkcs8 -topk8 -nocrypt -out pkcs8-signing.key`, and pass that"
        ))
}

fn of_cosign(source: &KeySource) -> Fault {
    Fault::new(Reason::KeyInvalid, format!("{source} holds a private key that cosign has encrypted, in a form of its own"))
        .expected("-----BEGIN PRIVATE KEY----- of P-256", "an encrypted private key of cosign")
        .hint(
            "make a key that both read: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out cosign-p256.key`, and \
             pass that; `openssl pkey -in cosign-p256.key -pubout -out cosign-p256.pub` writes what verifies",
        )
}
