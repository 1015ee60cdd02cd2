//! `Afterwards`: what becomes of keys, for whoever asks what would become of plugins with them.

use std::collections::BTreeSet;

use aisoc_signing::{Fingerprint, Keyring};
use aisoc_trust::keys::Foreseen;

/// What is asked about keys.
#[derive(Debug, Clone, Copy)]
pub enum Afterwards<'a> {
    /// These are gone, under whatever names.
    Without(&'a BTreeSet<Fingerprint>),
    /// A change is made of them.
    Behind(&'a Foreseen),
}

impl Afterwards<'_> {
    /// The keys that it is about.
    pub(crate) fn keys(&self) -> &BTreeSet<Fingerprint> {
        match self {
            Self::Without(gone) => gone,
            Self::Behind(foreseen) => foreseen.keys(),
        }
    }

    /// The keys as they would be.
    pub(crate) fn of(&self, keyring: &Keyring) -> Keyring {
        match self {
            Self::Without(gone) => keyring.without(gone),
            Self::Behind(foreseen) => foreseen.after(keyring),
        }
    }
}
