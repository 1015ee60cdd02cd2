//! Reading what a bundle lists. No network is needed for any of it.

use std::path::Path;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::ImageManifest;
use aisoc_manifests::reference::Reference;
use aisoc_manifests::text::shown;
use aisoc_registry_client::{ClientOptions, Fetch as _, Target};

use super::document::{ARTIFACT_TYPE, BundleList, BundledPlugin, LIST_MEDIA_TYPE, MAX_BUNDLE_LIST_BYTES, TAG, invalid};

/// A bundle, and what it lists.
#[derive(Debug)]
pub struct OpenedBundle {
    archive: Reference,
    /// Digest of the list.
    pub digest: ArtifactDigest,
    /// What it claims to hold.
    pub plugins: Vec<BundledPlugin>,
}

impl OpenedBundle {
    /// The artifact of one of its plugins, in the file, at the digest that the list states.
    pub fn reference(&self, plugin: &BundledPlugin) -> Reference {
        self.archive.pinned(plugin.artifact_digest)
    }
}

/// Reads the list of the bundle in that file.
///
/// # Errors
/// `bundle_invalid` for what is no bundle, `digest_mismatch` for another one than the `required`; `layout_invalid` for
/// what is no archive of a layout, and I/O reasons.
pub async fn open_bundle(file: &Path, required: Option<ArtifactDigest>) -> Result<OpenedBundle> {
    let archive = Reference::layout_archive(file);
    let tagged = Target::open(&archive.tagged(TAG.parse()?), &ClientOptions::default())?;
    let manifest = tagged.fetch_manifest(None).await.map_err(|fault| match fault.reason() {
        Reason::ReferenceNotFound => not_one(file).expected(format!("an artifact tagged `{TAG}`"), "none"),
        _ => fault,
    })?;
    if let Some(required) = required {
        let message = format!("`{}` is not the required bundle", file.display());
        required.require(&manifest.digest_by(required.algorithm()), Reason::DigestMismatch, message)?;
    }
    let document = ImageManifest::read(manifest.bytes())?;
    let kind = document.artifact_type.as_deref().unwrap_or("no artifactType");
    if kind != ARTIFACT_TYPE {
        return Err(not_one(file).expected(ARTIFACT_TYPE, shown(kind, 120)));
    }
    let [layer] = &document.layers[..] else {
        return Err(not_one(file).expected("one layer", format!("{} layers", document.layers.len())));
    };
    if layer.media_type != LIST_MEDIA_TYPE {
        return Err(not_one(file).expected(LIST_MEDIA_TYPE, shown(&layer.media_type, 120)));
    }
    if layer.size > MAX_BUNDLE_LIST_BYTES {
        return Err(invalid("the list of the bundle is too large")
            .expected(format!("at most {MAX_BUNDLE_LIST_BYTES} bytes"), format!("{} bytes", layer.size)));
    }
    let content = tagged.fetch_blob_bytes(layer, MAX_BUNDLE_LIST_BYTES).await?;
    let plugins = BundleList::read(&content).map_err(|fault| fault.about(file.display()))?.plugins;
    Ok(OpenedBundle { archive, digest: manifest.digest(), plugins })
}

fn not_one(file: &Path) -> Fault {
    invalid(format!("`{}` is no bundle", file.display()))
}
