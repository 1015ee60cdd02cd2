//! `PrivateKey`: what the text of a private key holds.

use aisoc_manifests::fault::Result;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use zeroize::Zeroizing;

use crate::encrypted_key::{self, EncryptedKey, encrypted_pem};
use crate::key::SigningKey;
use crate::key_form::Form;
use crate::key_source::KeySource;
use crate::pem;
use crate::wrapping::unwrapped;

/// A private key as it was read.
pub enum PrivateKey {
    /// One that signs.
    Open(SigningKey),
    /// One that needs a passphrase first.
    Encrypted(EncryptedKey),
}

impl PrivateKey {
    /// Reads a PKCS#8 PEM, as `openssl genpkey -algorithm ed25519`, `openssl pkcs8 -topk8` and `keygen` write it: also
    /// with `\n` for its line breaks, in base64 as a whole, and in UTF-16, as build systems and shells leave it. What
    /// else is in the file is passed over, unless it is another private key.
    ///
    /// # Errors
    /// `key_invalid`, saying what is there instead, and how a key is made of it. Nothing of it is quoted.
    pub fn read(content: &[u8], source: &KeySource) -> Result<Self> {
        let unwrapped = unwrapped(content);
        let (layers, text) =
            unwrapped.as_ref().map_or((&[][..], content), |found| (found.layers.as_slice(), found.text.as_slice()));
        let mut keys = pem::blocks(text).filter(pem::Block::is_private);
        let Some(block) = keys.next() else { return Err(source.no_signing_key(layers, Form::of(text))) };
        let der = block.der();
        if keys.any(|other| other.label != block.label || other.der() != der) {
            return Err(source.no_signing_key(layers, Form::Several));
        }
        let refuse = || source.no_signing_key(layers, Form::of_block(&block).unread());
        match (block.label, der) {
            (encrypted_key::LABEL, Some(der)) => EncryptedKey::read(&der, layers, source).map(Self::Encrypted),
            ("PRIVATE KEY", Some(der)) => {
                let key = ed25519_dalek::SigningKey::from_pkcs8_der(&der).map_err(|_| refuse())?;
                Ok(Self::Open(SigningKey::of(key)))
            }
            _ => Err(refuse()),
        }
    }
}

impl SigningKey {
    /// As [`SigningKey::read`], of a text whose caller knows where it is from.
    ///
    /// # Errors
    /// As [`SigningKey::read`].
    pub fn from_pem(content: &[u8]) -> Result<Self> {
        Self::read(content, &KeySource::Unnamed)
    }

    /// As [`PrivateKey::read`], of a key that needs no passphrase.
    ///
    /// # Errors
    /// As [`PrivateKey::read`]; `key_invalid` for one that needs a passphrase.
    pub fn read(content: &[u8], source: &KeySource) -> Result<Self> {
        match PrivateKey::read(content, source)? {
            PrivateKey::Open(key) => Ok(key),
            PrivateKey::Encrypted(_) => Err(source.no_signing_key(&[], Form::Encrypted)),
        }
    }

    /// The key as PKCS#8 PEM that needs a passphrase.
    ///
    /// # Errors
    /// `io_error` when the system gives no random numbers.
    pub fn to_encrypted_pem(&self, passphrase: &[u8]) -> Result<Zeroizing<String>> {
        encrypted_pem(&self.to_der(), passphrase)
    }
}
