//! Digests, each of which says of what: [`ArtifactDigest`], [`TreeDigest`] and their kind.
//!
//! They all look the same as text, and a record holds three of them side by side. One type for all would
//! let an installer check the tree against the artifact's digest, or a signature against the tree's, and
//! every test whose fixture uses one value for both would pass. Here a digest is read, or made by
//! [`DigestOf::of`] or [`DigestOf::hasher`] of its own meaning, and a swap does not compile. The few places
//! where two meanings are about the same bytes have doors with names: [`DigestOf::blob`], what a
//! [`Descriptor`](crate::oci::Descriptor) says that it names, and [`CoveredTreeDigest::is_of`].
//!
//! Four of them are the OCI specification's and carry their [`Algorithm`]; the others are ours and are
//! SHA-256 by their definition: a change of what registries accept never touches a signature.

mod fixed;
pub mod meaning;
mod oci;
mod reader;

use std::fmt;
use std::str::FromStr;

pub use fixed::read_hex;
pub use meaning::{
    ArtifactDigest, CanonicalDigest, ContentDigest, CoveredTreeDigest, Digest, FileDigest, LayerDigest, RecordDigest,
    TreeDigest,
};
pub use oci::{Agreement, Algorithm};
pub use reader::VerifyingReader;

use crate::fault::{Fault, Reason, Result};
use crate::text::shown;
use meaning::{Form, Meaning};

/// The digest of what `M` says, written as the algorithm, a colon and lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DigestOf<M: Meaning>(M::Form);

/// Hashes bytes as they pass, into the digest of one meaning.
pub struct Hasher<M: Meaning>(<M::Form as Form>::State);

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

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts that are no digest of any meaning: one too short, one too long, another case, another
    /// algorithm, and what a path or a blank would make of it.
    fn refused() -> Vec<String> {
        let good = Digest::of(b"x").to_string();
        let digits = Digest::of(b"x").hex();
        vec![
            String::new(),
            "sha256:".to_owned(),
            "sha256:../../x".to_owned(),
            "md5:d41d8cd98f00b204e9800998ecf8427e".to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}0"),
            format!(" {good}"),
            format!("{good}\n"),
            digits.clone(),
            good.to_uppercase(),
            format!("sha256:{}", digits.to_uppercase()),
            format!("SHA256:{digits}"),
            format!("sha256-{digits}"),
            format!("sha512:{digits}"),
            format!("sha512:{digits}{digits}"),
            good.replace(&digits[..1], "g"),
        ]
    }

    fn reads_one_text_only<M: Meaning>() {
        let digest = DigestOf::<M>::of(b"x");
        let text = format!("sha256:{}", digest.hex());
        assert_eq!((digest.to_string(), format!("{digest:?}")), (text.clone(), text.clone()));
        assert_eq!(text.parse::<DigestOf<M>>().expect("valid"), digest);
        let json = format!("\"{text}\"");
        assert_eq!(serde_json::to_string(&digest).expect("a string"), json);
        assert_eq!(serde_json::from_str::<DigestOf<M>>(&json).expect("valid"), digest);
        for bad in refused() {
            let fault = bad.parse::<DigestOf<M>>().expect_err(&bad);
            assert_eq!(fault.reason(), Reason::InvalidReference);
            assert!(serde_json::from_value::<DigestOf<M>>(bad.into()).is_err());
        }
    }

    #[test]
    fn every_meaning_has_the_one_text_and_refuses_every_other() {
        reads_one_text_only::<meaning::Blob>();
        reads_one_text_only::<meaning::Artifact>();
        reads_one_text_only::<meaning::Layer>();
        reads_one_text_only::<meaning::Content>();
        reads_one_text_only::<meaning::File>();
        reads_one_text_only::<meaning::Tree>();
        reads_one_text_only::<meaning::CoveredTree>();
        reads_one_text_only::<meaning::Canonical>();
        reads_one_text_only::<meaning::Record>();
    }

    #[test]
    fn a_text_that_is_refused_is_refused_by_name() {
        let text = format!("sha512:{}", "0".repeat(128));
        let fault = text.parse::<ArtifactDigest>().expect_err("sha512");
        assert!(fault.message().starts_with("`sha512:0000"), "{fault:?}");
    }

    #[test]
    fn pieces_hash_as_the_whole() {
        let mut hasher = FileDigest::hasher();
        hasher.update(b"ab");
        hasher.update("");
        hasher.update("c");
        // FIPS 180-2, appendix B.1.
        assert_eq!(hasher.finish().hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
