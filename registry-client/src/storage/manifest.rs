//! `Manifest`: a manifest's bytes, exactly as they are stored, and their digest; and what one is asked for
//! by.

use std::fmt;

use aisoc_manifests::digest::{Algorithm, ArtifactDigest};
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::Tag;

/// A manifest's bytes and what they are said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    media_type: String,
    digest: ArtifactDigest,
}

/// What a manifest is asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestName {
    /// A name that can be moved.
    Tag(Tag),
    /// The hash of its bytes.
    Digest(ArtifactDigest),
}

impl fmt::Display for ManifestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl Manifest {
    /// The manifest that those bytes are, under the digest that we write.
    pub fn new(media_type: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self::named_by(Algorithm::Sha256, media_type, bytes)
    }

    /// The manifest that those bytes are, under the digest of that algorithm: the one of the name that it was asked
    /// for by, so that what is compared, recorded and asked for again is that name.
    pub fn named_by(algorithm: Algorithm, media_type: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { digest: ArtifactDigest::of_by(algorithm, &bytes), bytes, media_type: media_type.into() }
    }

    /// The bytes, exactly as they are stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, exactly as they are stored.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What the place says the bytes are.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> ArtifactDigest {
        self.digest
    }

    /// The digest of the bytes by that algorithm, to be compared with one that somebody else has written.
    pub fn digest_by(&self, algorithm: Algorithm) -> ArtifactDigest {
        match self.digest.algorithm() == algorithm {
            true => self.digest,
            false => ArtifactDigest::of_by(algorithm, &self.bytes),
        }
    }

    /// Type, digest and size.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor { digest: self.digest.blob(), ..Descriptor::of(&self.media_type, &self.bytes) }
    }
}
