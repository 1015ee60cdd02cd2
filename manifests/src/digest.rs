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

mod body;
mod fixed;
mod form;
pub mod meaning;
mod named;
mod oci;
mod reader;
mod sealed;

pub use body::{DigestOf, Hasher, hex, read_hex};
pub use form::Algorithm;
pub use named::{
    AcceptedDigest, ArtifactDigest, CanonicalDigest, ChainDigest, ContentDigest, CoveredTreeDigest, Digest, FileDigest,
    LayerDigest, LinesDigest, RecordDigest, TokenDigest, TreeDigest,
};
pub use oci::Agreement;
pub use reader::VerifyingReader;

#[cfg(test)]
mod tests {
    use super::meaning::Meaning;
    use super::*;
    use crate::reason::Reason;

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
        reads_one_text_only::<meaning::Chain>();
        reads_one_text_only::<meaning::Lines>();
        reads_one_text_only::<meaning::Accepted>();
        reads_one_text_only::<meaning::Token>();
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
