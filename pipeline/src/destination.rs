//! Where something is pushed to: whether it may be there, asked before anything is sent.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
use aisoc_registry_client::{ReplaceTag, Tagging as _, Target};

/// Refuses before anything is sent: a digest that is not this one, a tag that names another.
pub(crate) async fn check_destination(
    target: &Target,
    destination: &Reference,
    digest: ArtifactDigest,
    replace: ReplaceTag,
) -> Result<()> {
    check_digest(destination, digest)?;
    match destination.tag().filter(|_| replace == ReplaceTag::No) {
        Some(tag) => replace.check(tag, target.tag_digest(tag, digest.algorithm()).await?, digest),
        None => Ok(()),
    }
}

pub(crate) fn check_digest(destination: &Reference, digest: ArtifactDigest) -> Result<()> {
    match destination.digest().filter(|named| *named != digest) {
        Some(named) => Err(Fault::new(Reason::DigestMismatch, format!("`{destination}` names another artifact"))
            .expected(named.to_string(), digest.to_string())),
        None => Ok(()),
    }
}
