//! Whether a plugin comes from those who have signed what is installed of it. Every key that may sign may sign
//! every plugin; what binds a plugin to its publisher is that the next version has one of the last one's signers.

use std::fmt;

use aisoc_signing::{Fingerprint, Signer};

use crate::verdict::Verdict;

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

/// Signers by their names and content.
pub(crate) fn known(signers: &[Signer]) -> Vec<KnownSigner> {
    signers.iter().map(KnownSigner::from).collect()
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
    /// Something says that it is signed, or what would say so is damaged.
    is_unknown: bool,
}

impl SignedBy {
    /// Where what was written down is lost or damaged, and something says that it was signed: that is not the same as
    /// signed by nobody, or losing a record would be a way past the gate.
    pub fn not_known() -> Self {
        Self { is_unknown: true, ..Self::default() }
    }

    /// As an install has written it down: the keys, and the name of the first, which is all that was written
    /// down at first. A name is no key, so nobody is known by it.
    pub fn recorded(signers: Vec<KnownSigner>, name: Option<String>) -> Self {
        Self { signers, name, is_unknown: false }
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
        !self.signers.is_empty() || self.name.is_some() || self.is_unknown
    }

    /// Whether that key is one of them.
    pub fn include(&self, key: Fingerprint) -> bool {
        self.signers.iter().any(|known| known.fingerprint == key)
    }

    /// The one answer to who is the same signer: one of them has signed what comes. What nobody has signed may be
    /// signed by anybody from now on.
    pub fn go_on_in(&self, verdict: &Verdict) -> bool {
        !self.is_signed() || verdict.known_by().any(|key| self.include(key))
    }

    /// The signers of what comes that are new beside them: each may replace the plugin alone from then on.
    pub fn added_by(&self, verdict: &Verdict) -> Vec<KnownSigner> {
        let is_new = |signer: &&Signer| self.is_signed() && !self.include(signer.fingerprint);
        verdict.signers().iter().filter(is_new).map(KnownSigner::from).collect()
    }
}

impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.signers.as_slice(), &self.name) {
            ([], None) if self.is_unknown => f.write_str("signed, by whom is not known"),
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
