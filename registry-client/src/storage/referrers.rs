//! `Referrers`: the question what was said of a manifest.

use std::future::Future;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::Descriptor;

/// Answers what refers to a manifest: signatures, attestations, bills of materials.
pub trait Referrers {
    /// The manifests that say of themselves that they are about that one, whether or not it is there. What the place
    /// *says*: that each of them names it, only its own bytes prove.
    fn referrers(&self, subject: ArtifactDigest) -> impl Future<Output = Result<Vec<Descriptor>>> + Send;
}
