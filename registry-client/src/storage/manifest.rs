//! `Manifest`: a manifest's bytes, exactly as they are stored, and their digest; and what one is asked for
//! by.

use std::fmt;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::Tag;

/// A manifest's bytes and what they are said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    media_type: String,
    digest: Digest,
}

/// What a manifest is asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestName {
    /// A name that can be moved.
    Tag(Tag),
    /// The hash of its bytes.
    Digest(Digest),
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
    /// The manifest that those bytes are.
    pub fn new(media_type: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(&bytes), bytes, media_type: media_type.into() }
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
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Type, digest and size.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(&self.media_type, &self.bytes)
    }
}
