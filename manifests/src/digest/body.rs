//! The one body of all digests: text, hashing and comparing are the same for each.

use std::fmt;
use std::str::FromStr;

use super::form::Form;
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

/// Lower-case hexadecimal text of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// The bytes of 64 lower-case hexadecimal digits: what [`hex`] wrote of them.
pub fn read_hex(digits: &str) -> Option<[u8; 32]> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let digits = digits.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
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

/// One grammar for all: sha512 is registered by the OCI image specification too, and whoever meets it
/// refuses by name. Layouts, registries, references and records must read it together: one that knew it
/// alone would write what the next cannot find.
impl<M: Meaning> FromStr for DigestOf<M> {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = text.strip_prefix("sha256:").and_then(read_hex);
        bytes.map(|bytes| Self(bytes.into())).ok_or_else(|| {
            Fault::new(Reason::InvalidReference, format!("`{}` is not a digest", shown(text, 120)))
                .hint("a digest is `sha256:` followed by 64 lower-case hexadecimal digits")
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
        text.parse().map_err(|_| serde::de::Error::custom("not a sha256 digest"))
    }
}
