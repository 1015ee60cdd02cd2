//! `KeyHolder`: what everybody who signs has in common, and the one place where a signature comes from.

use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::key::{PublicKey, SigningKey, wipe_stack};
use crate::signature::Signature;

/// Somebody who signs with one Ed25519 key.
pub trait KeyHolder {
    /// The public half, as the signer itself gives it.
    fn public_key(&self) -> PublicKey;

    /// Who that is, in words that stand in a sentence.
    fn name(&self) -> String;

    /// A signature over `message` (RFC 8032, Ed25519 without a context), not yet looked at: whoever wants one calls
    /// [`sign_message`].
    ///
    /// # Errors
    /// `signer_unavailable` when it does not answer, `signer_failed` when it says no or answers with something else;
    /// `interrupted`.
    fn sign(&self, message: &[u8]) -> Result<Signature>;
}

impl KeyHolder for SigningKey {
    fn public_key(&self) -> PublicKey {
        Self::public_key(self)
    }

    fn name(&self) -> String {
        "the signing key".to_owned()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature> {
        let signature = self.signature(message);
        wipe_stack();
        Ok(signature)
    }
}

/// Has a message signed, and verifies the signature with the signer's public key. The one place where a signature
/// comes from.
///
/// # Errors
/// As [`KeyHolder::sign`]; `signer_mismatch` when the key that the signer names does not verify what it gave.
pub fn sign_message(signer: &dyn KeyHolder, message: &[u8]) -> Result<Signature> {
    let signature = signer.sign(message)?;
    let key = signer.public_key();
    if key.verifies(message, &signature) {
        return Ok(signature);
    }
    let what = format!("{} gave a signature that its own public key does not verify", signer.name());
    Err(Fault::new(Reason::SignerMismatch, what)
        .expected(format!("a signature by {}", key.fingerprint()), "one by another key, or over something else"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signs with one key and names another.
    struct TwoFaced(SigningKey, PublicKey);

    impl KeyHolder for TwoFaced {
        fn public_key(&self) -> PublicKey {
            self.1
        }

        fn name(&self) -> String {
            "the test".to_owned()
        }

        fn sign(&self, message: &[u8]) -> Result<Signature> {
            self.0.sign(message)
        }
    }

    #[test]
    fn no_signature_leaves_that_the_signers_own_key_does_not_verify() {
        let key = || SigningKey::generate().expect("random numbers");
        let (one, other) = (key(), key());
        assert!(other.public_key().verifies(b"m", &sign_message(&other, b"m").expect("its own")));
        let fault = sign_message(&TwoFaced(one, other.public_key()), b"m").expect_err("another's");
        assert_eq!(fault.reason(), Reason::SignerMismatch);
        assert!(fault.difference().expect("both").expected.contains(&other.public_key().fingerprint().to_string()));
    }

    /// Refuses, and would sign if it were asked twice.
    struct Refusing;

    impl KeyHolder for Refusing {
        fn public_key(&self) -> PublicKey {
            SigningKey::generate().expect("random numbers").public_key()
        }

        fn name(&self) -> String {
            "the test".to_owned()
        }

        fn sign(&self, _: &[u8]) -> Result<Signature> {
            Err(Fault::new(Reason::SignerFailed, "no"))
        }
    }

    #[test]
    fn who_refuses_is_asked_once_and_the_refusal_stays_its_own() {
        let fault = sign_message(&Refusing, b"m").expect_err("refused");
        assert_eq!((fault.reason(), fault.message()), (Reason::SignerFailed, "no"));
        let key = SigningKey::generate().expect("random numbers");
        let long = vec![7; 100_000];
        assert!(key.public_key().verifies(&long, &sign_message(&key, &long).expect("of any length")));
        assert_ne!(sign_message(&key, b"").expect("nothing"), sign_message(&key, b"\0").expect("a zero"));
    }
}
