//! `Pushed`: what a push did, as counts.

use aisoc_manifests::digest::ArtifactDigest;

/// What a push did.
#[derive(Debug, Clone, Copy)]
pub struct Pushed {
    /// Digest of the artifact's manifest.
    pub digest: ArtifactDigest,
    /// Blobs that were sent; those that the registry had are not.
    pub uploaded_blobs: usize,
    /// Their size in bytes.
    pub uploaded_bytes: u64,
    /// Blobs that the registry took over from another repository of its own.
    pub mounted_blobs: usize,
    /// Blobs that were there before.
    pub present_blobs: usize,
    /// Whether the manifest or the tag was stored: blobs can all be there, and the artifact not.
    pub is_new: bool,
}

impl Pushed {
    /// Of an artifact of which nothing has been sent.
    pub(crate) fn nothing(digest: ArtifactDigest) -> Self {
        Self { digest, uploaded_blobs: 0, uploaded_bytes: 0, mounted_blobs: 0, present_blobs: 0, is_new: false }
    }
}
