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
mod hexadecimal;
pub mod meaning;
mod named;
mod oci;
mod reader;
mod sealed;

pub use body::{DigestOf, Hasher};
pub use form::Algorithm;
pub use hexadecimal::{hex, read_hex};
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
            good.replace(&digits[..1], "g"),
        ]
    }

    /// The texts that are no digest of SHA-512 either: its bounds, its cases, and other algorithms under its length.
    fn refused_of_sha512() -> Vec<String> {
        let digits = Digest::of(b"x").hex().repeat(2);
        vec![
            "sha512:".to_owned(),
            format!("sha512:{}", &digits[1..]),
            format!("sha512:{digits}0"),
            format!("sha512:{digits}00"),
            format!("sha512: {digits}"),
            format!("sha512:{digits}\n"),
            format!("sha512:{}", digits.to_uppercase()),
            format!("sha512:{}", digits.replacen(&digits[..1], "G", 1)),
            format!("SHA512:{digits}"),
            format!("sha-512:{digits}"),
            format!("sha512-{digits}"),
            format!("sha512:sha512:{digits}"),
            format!("sha256:{digits}"),
            format!("sha384:{}", &digits[..96]),
            format!("sha384:{digits}"),
            format!("blake3:{}", &digits[..64]),
            digits,
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
        for bad in refused().into_iter().chain(refused_of_sha512()) {
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

    fn of_sha512() -> String {
        Digest::of_by(Algorithm::Sha512, b"x").to_string()
    }

    fn reads_sha512<M: Meaning>() {
        let text = of_sha512();
        let digest: DigestOf<M> = text.parse().expect("registered");
        assert_eq!((digest.to_string(), digest.hex().len()), (text.clone(), 128));
        assert_ne!(digest, DigestOf::<M>::of(b"x"), "the same bytes under another name");
        let json = serde_json::to_string(&digest).expect("a string");
        assert_eq!(serde_json::from_str::<DigestOf<M>>(&json).expect("valid"), digest);
    }

    #[test]
    fn what_registries_keep_is_read_by_both_algorithms() {
        reads_sha512::<meaning::Blob>();
        reads_sha512::<meaning::Artifact>();
        reads_sha512::<meaning::Layer>();
        reads_sha512::<meaning::Content>();
    }

    fn refuses_sha512<M: Meaning>() {
        let fault = of_sha512().parse::<DigestOf<M>>().expect_err("not of the format");
        assert!(!fault.next_step().contains("sha512"), "{fault:?}");
    }

    #[test]
    fn what_is_signed_or_written_by_us_is_sha256_alone() {
        refuses_sha512::<meaning::File>();
        refuses_sha512::<meaning::Tree>();
        refuses_sha512::<meaning::CoveredTree>();
        refuses_sha512::<meaning::Canonical>();
        refuses_sha512::<meaning::Record>();
        refuses_sha512::<meaning::Chain>();
        refuses_sha512::<meaning::Lines>();
        refuses_sha512::<meaning::Accepted>();
        refuses_sha512::<meaning::Token>();
    }

    #[test]
    fn an_algorithm_is_its_name_and_nothing_else() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse::<Algorithm>().expect("its name"), algorithm);
        }
        for other in ["", "SHA512", "sha-512", " sha512", "sha512 ", "sha384", "sha512:", "md5"] {
            assert_eq!(other.parse::<Algorithm>().expect_err(other).reason(), Reason::InvalidReference);
        }
    }

    #[test]
    fn a_text_that_is_refused_is_refused_by_name() {
        let text = format!("sha384:{}", "0".repeat(96));
        let fault = text.parse::<ArtifactDigest>().expect_err("sha384");
        assert!(fault.message().starts_with("`sha384:0000"), "{fault:?}");
        assert!(fault.next_step().contains("sha512"), "what is read is named: {fault:?}");
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
