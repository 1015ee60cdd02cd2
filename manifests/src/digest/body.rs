//! The one body of all digests: text, hashing and comparing are the same for each.

use std::fmt;
use std::str::FromStr;

use super::form::Form;
use super::hexadecimal::hex;
use super::meaning::Meaning;
use crate::fault::{Fault, Reason, Result};
use crate::text::shown;

/// The digest of what `M` says, written as the algorithm, a colon and lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DigestOf<M: Meaning>(pub(super) M::Form);

/// Hashes bytes as they pass, into the digest of one meaning.
pub struct Hasher<M: Meaning>(pub(super) <M::Form as Form>::State);

impl<M: Meaning> DigestOf<M> {
    /// The digest of `bytes`, which are all bytes of what `M` says.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Self::hasher();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Hashes with the algorithm that we write.
    pub fn hasher() -> Hasher<M> {
        Hasher(M::Form::begin())
    }

    /// The lower-case hexadecimal digits, without the algorithm.
    pub fn hex(&self) -> String {
        hex(self.0.bytes())
    }
}

impl<M: Meaning> Hasher<M> {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        M::Form::update(&mut self.0, bytes.as_ref());
    }

    /// The digest of all bytes that were taken.
    #[must_use]
    pub fn finish(self) -> DigestOf<M> {
        DigestOf(M::Form::end(self.0))
    }
}

impl<M: Meaning> fmt::Display for DigestOf<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.algorithm(), self.hex())
    }
}

impl<M: Meaning> fmt::Debug for DigestOf<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<M: Meaning> fmt::Debug for Hasher<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// The text of the algorithms that the meaning has, and no other: what is ours by its definition is SHA-256
/// to the bit, whatever registries take.
impl<M: Meaning> FromStr for DigestOf<M> {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        M::Form::read(text).map(Self).ok_or_else(|| {
            Fault::new(Reason::InvalidReference, format!("`{}` is not a digest", shown(text, 120)))
                .hint(M::Form::GRAMMAR)
        })
    }
}

impl<M: Meaning> serde::Serialize for DigestOf<M> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, M: Meaning> serde::Deserialize<'de> for DigestOf<M> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not a digest of a known algorithm"))
    }
}
