//! `PayloadType`: what an envelope says, and the bytes that a key signs for it.

use std::fmt;

use crate::keyring::SignatureKind;

/// Largest envelope. A set of a thousand keys with their notes has less than half of it.
const MAX_ENVELOPE_BYTES: u64 = 4 << 20;
/// Larger than the envelope of any set of plugins: a lock as large as it may be there, escaped and in base64.
const MAX_LOCKSET_ENVELOPE_BYTES: u64 = 24 << 20;
/// Larger than an endorsement by sixteen keys.
const MAX_ENDORSEMENT_BYTES: u64 = 64 << 10;
/// Larger than the envelope of any attestation: a predicate as large as it may be, in base64.
const MAX_ATTESTATION_ENVELOPE_BYTES: u64 = 24 << 20;

/// What a signed statement is about. The word is part of what is signed, so that no signature over one says another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PayloadType {
    /// Keys name the key that succeeds them.
    KeySuccession,
    /// A whole set of trusted keys, for a fleet.
    Keyset,
    /// A whole plugins.lock, for a fleet.
    Lockset,
    /// What somebody says of an artifact: a statement of in-toto.
    Attestation,
}

impl PayloadType {
    /// Every one that has a file or an artifact of its own. An attestation has none: it stands in a bundle, and an
    /// envelope of one is not read alone.
    pub const ALL: [Self; 3] = [Self::KeySuccession, Self::Keyset, Self::Lockset];

    /// The word: a media type, which is the `artifactType` in a registry as well, but for an attestation's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeySuccession => "application/vnd.aisoc.key-succession.v1+json",
            Self::Keyset => "application/vnd.aisoc.keyset.v1+json",
            Self::Lockset => "application/vnd.aisoc.lockset.v1+json",
            Self::Attestation => "application/vnd.in-toto+json",
        }
    }

    /// What a key has to be allowed to sign, where its note limits it. Whoever may sign a plugin may say of it how it was
    /// made and what is in it.
    pub const fn kind(self) -> SignatureKind {
        match self {
            Self::KeySuccession => SignatureKind::Succession,
            Self::Keyset => SignatureKind::Keyset,
            Self::Lockset => SignatureKind::Lock,
            Self::Attestation => SignatureKind::Plugin,
        }
    }

    /// In words, with an article.
    pub const fn described(self) -> &'static str {
        match self {
            Self::KeySuccession => "an endorsement of a key",
            Self::Keyset => "a set of keys",
            Self::Lockset => "a set of plugins",
            Self::Attestation => "an attestation",
        }
    }

    /// In words, without an article.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::KeySuccession => "endorsement of a key",
            Self::Keyset => "set of keys",
            Self::Lockset => "set of plugins",
            Self::Attestation => "attestation",
        }
    }

    /// The largest envelope that says it.
    pub const fn max_envelope_bytes(self) -> u64 {
        match self {
            Self::KeySuccession => MAX_ENDORSEMENT_BYTES,
            Self::Keyset => MAX_ENVELOPE_BYTES,
            Self::Lockset => MAX_LOCKSET_ENVELOPE_BYTES,
            Self::Attestation => MAX_ATTESTATION_ENVELOPE_BYTES,
        }
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// The Ed25519 message: the pre-authentication encoding of DSSE v1.
    ///
    /// The signature of a plugin is over 32 bytes, a SHA-256 (`aisoc help signing-format`), and never over anything
    /// else. This is never 32 bytes: it begins with `DSSEv1 `, and the word of the type alone is longer. So neither can
    /// be taken for the other, whatever an attacker puts into a plugin or into a payload, although both are made with
    /// one key; and the lengths in it leave one way only to part type and payload.
    pub(super) fn message(self, payload: &[u8]) -> Vec<u8> {
        let kind = self.as_str();
        let mut message = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
        message.extend_from_slice(payload);
        message
    }
}

impl fmt::Display for PayloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_pre_authentication_encoding_to_the_byte() {
        let message = PayloadType::Keyset.message(b"hello world");
        assert_eq!(message, b"DSSEv1 36 application/vnd.aisoc.keyset.v1+json 11 hello world");
        let message = PayloadType::KeySuccession.message(b"");
        assert_eq!(message, b"DSSEv1 44 application/vnd.aisoc.key-succession.v1+json 0 ");
        let message = PayloadType::Attestation.message(b"{}");
        assert_eq!(message, b"DSSEv1 28 application/vnd.in-toto+json 2 {}");
    }

    /// Of no statement about keys, and of no plugin either: whatever is said of an artifact is said of nothing else.
    #[test]
    fn the_message_of_an_attestation_is_that_of_nothing_else() {
        let message = PayloadType::Attestation.message(b"{}");
        assert!(PayloadType::Attestation.message(b"").len() > 32);
        PayloadType::ALL.into_iter().for_each(|other| assert_ne!(message, other.message(b"{}"), "{other}"));
    }

    /// The shortest message is longer than a plugin's, which has 32 bytes whatever the plugin holds.
    #[test]
    fn no_message_is_as_long_as_that_of_a_plugin() {
        for one in PayloadType::ALL {
            assert!(one.message(b"").len() > 32, "{one}");
            assert_eq!(PayloadType::named(one.as_str()), Some(one));
            let others = PayloadType::ALL.into_iter().filter(|other| *other != one);
            others.for_each(|other| assert_ne!(one.message(b"{}"), other.message(b"{}")));
        }
        for none in ["", "application/vnd.aisoc.keyset.v2+json", "application/vnd.in-toto+json", "text/plain"] {
            assert_eq!(PayloadType::named(none), None, "{none}");
        }
    }
}
