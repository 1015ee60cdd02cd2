//! `EphemeralKey`: the key of one signature. It is made here, stays here, and is wiped when it is dropped.

use std::fmt;

use aisoc_manifests::fault::Result;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::EncodePublicKey as _;
use zeroize::Zeroizing;

use crate::refusal;

/// How often a number is drawn that may be no key of P-256: one of 2^32 is none.
const DRAWS: usize = 8;

/// A key of P-256, which every authority takes.
pub(crate) struct EphemeralKey(SigningKey);

impl EphemeralKey {
    /// A new one, of the system's random numbers.
    pub(crate) fn generate() -> Result<Self> {
        let mut drawn = Zeroizing::new([0; 32]);
        for _ in 0..DRAWS {
            getrandom::fill(&mut *drawn)
                .map_err(|error| refusal::internal("a key: the system gives no random numbers").caused_by(error))?;
            if let Ok(key) = SigningKey::from_slice(&*drawn) {
                return Ok(Self(key));
            }
        }
        Err(refusal::internal("a key of the system's random numbers"))
    }

    /// The signature over that message, in DER.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(message);
        signature.to_der().as_bytes().to_vec()
    }

    /// Its public half, as certificates have it (SubjectPublicKeyInfo).
    pub(crate) fn public_key(&self) -> Result<Vec<u8>> {
        let encoded = self.0.verifying_key().to_public_key_der();
        encoded.map(|key| key.as_bytes().to_vec()).map_err(|_| refusal::internal("a public key"))
    }
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::VerifyingKey;
    use p256::ecdsa::signature::Verifier as _;
    use p256::pkcs8::DecodePublicKey as _;

    #[test]
    fn each_key_is_another_and_verifies_what_it_signed() {
        let (one, other) = (EphemeralKey::generate().expect("a key"), EphemeralKey::generate().expect("a key"));
        assert_ne!(one.public_key().expect("public"), other.public_key().expect("public"));
        let verifies = |key: &EphemeralKey, signed: &[u8]| {
            let key = VerifyingKey::from_public_key_der(&key.public_key().expect("public")).expect("a key");
            key.verify(b"message", &Signature::from_der(signed).expect("DER")).is_ok()
        };
        let signed = one.sign(b"message");
        assert_eq!([verifies(&one, &signed), verifies(&other, &signed)], [true, false]);
        assert_eq!(format!("{one:?}"), "[key]");
    }
}
