//! `Named`: the manifest that a reference comes to, through an index of one artifact if need be.
//!
//! One body for registries and layouts, so that every command follows the same index to the same manifest. One
//! level deep: each step is one document of at most 4 MiB, held to the digest and size that led to it.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Descriptor, Document, ImageIndex, MANIFEST_MEDIA_TYPE};
use aisoc_manifests::platform::{PlatformChoice, PlatformName};
use aisoc_manifests::text::shown;

use crate::storage::{Fetch as _, Manifest};
use crate::target::Target;

/// What a reference has led to.
#[derive(Debug)]
pub struct Named {
    /// The manifest of an artifact: its digest is the artifact's identity.
    pub manifest: Manifest,
    /// The index that the reference names, when it names one that this was taken of.
    pub index: Option<Manifest>,
    /// The platform by which it was taken of an index of several, or that somebody has named.
    pub platform: Option<PlatformName>,
}

impl Named {
    /// The digest of the index, if there is one.
    pub fn index_digest(&self) -> Option<ArtifactDigest> {
        self.index.as_ref().map(Manifest::digest)
    }

    /// What the index has for each platform: nothing where there is none, or it does not say so of all that it has.
    ///
    /// # Errors
    /// `not_a_plugin_artifact` for what is no index.
    pub fn platforms(&self) -> Result<Vec<(PlatformName, ArtifactDigest)>> {
        let Some(index) = &self.index else { return Ok(Vec::new()) };
        let index = ImageIndex::read(index.bytes())?;
        let named = index.for_platforms().unwrap_or_default();
        Ok(named.into_iter().map(|(entry, platform)| (platform, entry.artifact_digest())).collect())
    }

    /// Refuses another artifact than that of `required`, be it its own digest or that of the index that binds it.
    /// Both are hashed by the algorithm that is asked for: a registry that keeps them under another one has them
    /// all the same.
    ///
    /// # Errors
    /// `digest_mismatch` with `message`.
    pub fn require(&self, required: ArtifactDigest, message: String) -> Result<()> {
        let by = |manifest: &Manifest| manifest.digest_by(required.algorithm());
        if self.index.as_ref().is_some_and(|index| by(index) == required) {
            return Ok(());
        }
        required.require(&by(&self.manifest), Reason::DigestMismatch, message)
    }

    /// Fetches the manifest of that digest, or the one that the target's reference names when none is given.
    ///
    /// # Errors
    /// As [`ImageIndex::artifact_for`]; `not_a_plugin_artifact` for an index of another index, and for what is neither
    /// manifest nor index; `pull_failed` for other bytes than a digest or a size names; what the place refuses.
    pub async fn fetch(target: &Target, digest: Option<ArtifactDigest>, choice: &PlatformChoice) -> Result<Self> {
        let named = target.fetch_manifest(digest).await?;
        if let Some(digest) = digest {
            digest.require(&named.digest(), Reason::PullFailed, "the manifest does not match its digest")?;
        }
        if Document::of(named.bytes())? == Document::Manifest {
            return Ok(Self { manifest: named, index: None, platform: None });
        }
        let index = ImageIndex::read(named.bytes())?;
        let (only, platform) = index.artifact_for(choice, |digest| target.reference().pinned(digest).to_string())?;
        let manifest = target.fetch_manifest(Some(only.artifact_digest())).await?;
        require_listed(only, &manifest)?;
        Ok(Self { manifest, index: Some(named), platform })
    }
}

/// The manifest must be what its index lists.
fn require_listed(listed: &Descriptor, manifest: &Manifest) -> Result<()> {
    let digest = listed.artifact_digest();
    digest.require(&manifest.digest(), Reason::PullFailed, "the manifest does not match its digest")?;
    if listed.media_type != MANIFEST_MEDIA_TYPE {
        let message = format!("the index lists {digest} as something else than an image manifest");
        return Err(Fault::new(Reason::NotAPluginArtifact, message)
            .expected(MANIFEST_MEDIA_TYPE, shown(&listed.media_type, 120)));
    }
    let bytes = manifest.bytes().len() as u64;
    if bytes != listed.size {
        let message = format!("the manifest {digest} has another size than its index states");
        return Err(Fault::new(Reason::PullFailed, message)
            .expected(format!("{} bytes", listed.size), format!("{bytes} bytes")));
    }
    match Document::of(manifest.bytes())? {
        Document::Manifest => Ok(()),
        Document::Index => Err(Fault::new(
            Reason::NotAPluginArtifact,
            format!("the index names another index, {digest}, and an index is followed to a manifest alone"),
        )),
    }
}
