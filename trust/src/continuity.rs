//! Whether a plugin comes from those who have signed what is installed of it. Every key that may sign may sign
//! every plugin; what binds a plugin to its publisher is that the next version has one of the last one's signers.

use std::fmt;

use aisoc_signing::{Fingerprint, Signer};

/// A key that has signed what is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSigner {
    /// The name under which this site trusted the key when it was seen.
    pub key_id: String,
    /// The key by content.
    pub fingerprint: Fingerprint,
}

impl From<&Signer> for KnownSigner {
    fn from(signer: &Signer) -> Self {
        Self { key_id: signer.key_id.to_string(), fingerprint: signer.fingerprint }
    }
}

impl fmt::Display for KnownSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key `{}` ({})", self.key_id, self.fingerprint)
    }
}

/// Who has signed what is installed, as far as anybody can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignedBy {
    signers: Vec<KnownSigner>,
    /// The name of a key that was trusted when nobody wrote down which key that was.
    name: Option<String>,
}

impl SignedBy {
    /// As an install has written it down: the keys, and the name of the first, which is all that was written
    /// down at first. A name is no key, so nobody is known by it.
    pub fn recorded(signers: Vec<KnownSigner>, name: Option<String>) -> Self {
        Self { signers, name }
    }

    /// Adds keys that were found to have signed the tree in place, whether or not they count today: who has
    /// signed it does not change when a key expires or is revoked.
    pub fn and_found(&mut self, found: impl IntoIterator<Item = KnownSigner>) {
        for signer in found {
            if self.signers.iter().all(|known| known.fingerprint != signer.fingerprint) {
                self.signers.push(signer);
            }
        }
    }

    /// The keys that are known.
    pub fn signers(&self) -> &[KnownSigner] {
        &self.signers
    }

    /// Whether anybody has signed it.
    pub fn is_signed(&self) -> bool {
        !self.signers.is_empty() || self.name.is_some()
    }

    /// Whether one of them is among `signers`: the one answer to who is the same signer.
    pub fn include_any(&self, signers: &[Signer]) -> bool {
        let is_known = |signer: &Signer| self.signers.iter().any(|known| known.fingerprint == signer.fingerprint);
        signers.iter().any(is_known)
    }
}

impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.signers.as_slice(), &self.name) {
            ([], None) => f.write_str("signed by nobody whose key is known"),
            ([], Some(name)) => write!(f, "signed by key `{name}`, of which the name alone was written down"),
            (signers, _) => f.write_str(&signed_by(signers)),
        }
    }
}

/// The signers in words.
pub(crate) fn signed_by(signers: &[KnownSigner]) -> String {
    let names: Vec<String> = signers.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "signed by nobody whose key is trusted".to_owned(),
        names => format!("signed by {}", names.join(" and ")),
    }
}
