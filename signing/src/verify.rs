//! The operator's arrow: `Claim` → `Outcome`.
//!
//! The order of the checks is part of the contract, because it decides which error is seen:
//! the signature file's form, its presence, the presence of keys, the digest, the keys in order.

use std::path::PathBuf;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};

use crate::claim::Claim;
use crate::key::Fingerprint;
use crate::keyring::{KeyId, Keyring};
use crate::signature::Signature;

/// The verdict on a claim. A verdict is not an error: what follows from it is the gate's decision.
#[derive(Debug)]
pub enum Outcome {
    /// A trusted key signed exactly this.
    Verified(Verified),
    /// There is no signature file.
    Unsigned,
    /// The signature file is not a signature.
    Malformed(Fault),
    /// There is no key to try. Says which key files were skipped, and why.
    NoTrustedKeys {
        /// Where the keys should be.
        directory: PathBuf,
        /// `file: reason`, in order.
        skipped: Vec<String>,
    },
    /// No trusted key verifies the signature.
    Untrusted {
        /// The digest that should have been signed.
        digest: Digest,
        /// The keys that were tried, in order.
        tried: Vec<KeyId>,
    },
}

/// Evidence that a trusted key signed a tree. Made in this module only; neither copied nor read.
#[derive(Debug)]
pub struct Verified {
    subject: Digest,
    digest: Digest,
    key_id: KeyId,
    fingerprint: Fingerprint,
}

impl Verified {
    /// The tree that was verified.
    pub fn subject(&self) -> Digest {
        self.subject
    }

    /// The canonical digest that was signed.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The trusted key that verified it.
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// That key, by content.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// Judges a claim by the keys.
///
/// # Errors
/// Only when there is nothing to judge: a manifest that cannot be read or has no canonical form.
pub fn verify(claim: &Claim, keyring: &Keyring) -> Result<Outcome> {
    let Some(content) = claim.signature() else {
        return Ok(Outcome::Unsigned);
    };
    let signature = match Signature::read(content) {
        Ok(signature) => signature,
        Err(fault) => return Ok(Outcome::Malformed(fault)),
    };
    if keyring.keys().is_empty() {
        let skipped = keyring.skipped().iter().map(|key| format!("{}: {}", key.file, key.fault)).collect();
        return Ok(Outcome::NoTrustedKeys { directory: keyring.directory().to_owned(), skipped });
    }
    let digest = claim.statement()?.digest();
    for trusted in keyring.keys() {
        if trusted.key.verifies(digest.as_bytes(), &signature) {
            return Ok(Outcome::Verified(Verified {
                subject: claim.subject(),
                digest,
                key_id: trusted.id.clone(),
                fingerprint: trusted.key.fingerprint(),
            }));
        }
    }
    Ok(Outcome::Untrusted { digest, tried: keyring.keys().iter().map(|trusted| trusted.id.clone()).collect() })
}
