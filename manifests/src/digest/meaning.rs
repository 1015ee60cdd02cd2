//! What a digest is the digest of, as types without values.

use std::hash::Hash;

use super::DigestOf;
use super::fixed::Sha256Bytes;
use super::oci::{Algorithm, AlgorithmAndBytes};

/// What a digest is the digest of. Only this module has meanings, so that each is written down once.
pub trait Meaning: Copy + Ord + Hash + 'static + sealed::Sealed {
    /// Whether the algorithm is a part of it.
    type Form: Form;
}

/// A meaning whose bytes are a blob, as they are. The archive in a layer is none: it is stored compressed.
pub trait Stored: Meaning<Form = AlgorithmAndBytes> {}

impl Stored for Artifact {}
impl Stored for Layer {}

/// How the bytes of a digest are held and computed.
pub trait Form: Copy + Ord + Hash + From<[u8; 32]> + 'static + sealed::Sealed {
    /// A hash that has taken some bytes.
    type State: Send + Sync;

    /// A hash that has taken none, of the algorithm that we write.
    fn begin() -> Self::State;

    /// Takes the next bytes.
    fn update(state: &mut Self::State, bytes: &[u8]);

    /// What was computed.
    fn end(state: Self::State) -> Self;

    /// By which algorithm.
    fn algorithm(&self) -> Algorithm;

    /// The bytes.
    fn bytes(&self) -> &[u8];
}

pub(super) mod sealed {
    /// Is implemented here alone.
    pub trait Sealed {}
}

/// Declares meanings: a type without values, and the name of its digest.
macro_rules! meanings {
    ($($(#[$doc:meta])* $meaning:ident: $form:ty => $digest:ident;)*) => {$(
        #[doc = concat!("The meaning of [`", stringify!($digest), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $meaning {}

        impl sealed::Sealed for $meaning {}

        impl Meaning for $meaning {
            type Form = $form;
        }

        $(#[$doc])*
        pub type $digest = DigestOf<$meaning>;
    )*};
}

meanings! {
    /// Of a blob, whatever it is: the name under which registries and layouts keep its bytes, a config, a
    /// layer or a manifest. It is what a descriptor states.
    Blob: AlgorithmAndBytes => Digest;
    /// Of an artifact's OCI manifest, which names everything else: the artifact's identity, what stands
    /// after the `@` of a reference, what `--require-digest` demands.
    Artifact: AlgorithmAndBytes => ArtifactDigest;
    /// Of a layer as it is stored, compressed.
    Layer: AlgorithmAndBytes => LayerDigest;
    /// Of a layer's uncompressed archive. A publisher may note it beside the layer.
    Content: AlgorithmAndBytes => ContentDigest;
    /// Of one file of a plugin.
    File: Sha256Bytes => FileDigest;
    /// Over every file that is there, signatures among them ([`FileMap::tree_digest`]): what is admitted,
    /// and what a record calls its tree by.
    ///
    /// [`FileMap::tree_digest`]: crate::file_map::FileMap::tree_digest
    Tree: Sha256Bytes => TreeDigest;
    /// Over the list of the files that a signature covers: what a manifest states as `tree_sha256`. Of
    /// another list than [`TreeDigest`], for the signature cannot cover itself.
    CoveredTree: Sha256Bytes => CoveredTreeDigest;
    /// Of the canonical JSON of manifest and code: the 32 bytes that a key signs.
    Canonical: Sha256Bytes => CanonicalDigest;
    /// Of one of our own records, without it: whether the file is as it was written. It proves nothing
    /// against people, who can compute it too.
    Record: Sha256Bytes => RecordDigest;
}
