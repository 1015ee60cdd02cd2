//! What a digest is the digest of, as types without values.

use std::hash::Hash;

use super::form::{AlgorithmAndBytes, Form, Sha256Bytes};
use super::sealed::Sealed;

/// What a digest is the digest of. Only this module has meanings, so that each is written down once.
pub trait Meaning: Copy + Ord + Hash + 'static + Sealed {
    /// Whether the algorithm is a part of it.
    type Form: Form;
}

/// A meaning whose bytes are a blob, as they are. The archive in a layer is none: it is stored compressed.
pub trait Stored: Meaning<Form = AlgorithmAndBytes> {}

impl Stored for Artifact {}
impl Stored for Layer {}

/// Declares meanings: types without values.
macro_rules! meanings {
    ($($meaning:ident: $form:ty => $digest:literal;)*) => {$(
        #[doc = concat!("The meaning of [`", $digest, "`](super::", $digest, ").")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $meaning {}

        impl Sealed for $meaning {}

        impl Meaning for $meaning {
            type Form = $form;
        }
    )*};
}

meanings! {
    Blob: AlgorithmAndBytes => "Digest";
    Artifact: AlgorithmAndBytes => "ArtifactDigest";
    Layer: AlgorithmAndBytes => "LayerDigest";
    Content: AlgorithmAndBytes => "ContentDigest";
    File: Sha256Bytes => "FileDigest";
    Tree: Sha256Bytes => "TreeDigest";
    CoveredTree: Sha256Bytes => "CoveredTreeDigest";
    Canonical: Sha256Bytes => "CanonicalDigest";
    Record: Sha256Bytes => "RecordDigest";
    Chain: Sha256Bytes => "ChainDigest";
    Lines: Sha256Bytes => "LinesDigest";
    Accepted: Sha256Bytes => "AcceptedDigest";
    Token: Sha256Bytes => "TokenDigest";
}
