//! `Signer`: a key that verified a signature, and whether it counts.

use jiff::Timestamp;

use crate::key::Fingerprint;
use crate::keyring::{HeldKey, KeyCoverage, KeyId, PlannedEnd, Standing};
use crate::timestamp::SignedAt;

/// A trusted key that verified a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Its name in the directory of trusted keys.
    pub key_id: KeyId,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// When it stops to count, as its note says; the signer counts until then.
    pub end: Option<PlannedEnd>,
    /// How much its signatures have to cover, where its note says so.
    pub coverage: Option<KeyCoverage>,
    /// When it signed, as an authority vouches for, where the key counts by that alone: today it does not.
    pub signed_at: Option<SignedAt>,
}

/// A trusted key that verified a signature, and does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSigner {
    /// Its name in the directory of trusted keys.
    pub key_id: KeyId,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// Why it does not count.
    pub standing: Standing,
}

impl Signer {
    pub(crate) fn of(key: &HeldKey) -> Self {
        let HeldKey { id, fingerprint, .. } = key;
        let (end, coverage) = (key.planned_end(), key.coverage());
        Self { key_id: id.clone(), fingerprint: *fingerprint, end, coverage, signed_at: None }
    }

    /// One whose key has ended, and had not when it signed.
    pub(crate) fn of_ended(key: &HeldKey, signed_at: SignedAt) -> Self {
        Self { end: None, signed_at: Some(signed_at), ..Self::of(key) }
    }

    /// That its key is going to end, in words, where a note says so and it is time to hear of it.
    pub fn near_end(&self, at: Timestamp) -> Option<String> {
        self.end.filter(|end| end.is_near(at)).map(|end| format!("key `{}` {end}", self.key_id))
    }
}
