//! `Packaged`: what was packed, as numbers and names.

use aisoc_manifests::digest::{ArtifactDigest, LayerDigest};
use aisoc_manifests::file_map::FileMap;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use aisoc_packaging::{Assembled, FoundSecret, PluginDir};

use crate::fetch::Fetched;
use crate::signature_look::SignatureLook;

/// A packed plugin.
#[derive(Debug, Clone)]
pub struct Packaged {
    /// The plugin.
    pub id: PluginId,
    /// Its version.
    pub version: String,
    /// Digest of the artifact's manifest.
    pub digest: ArtifactDigest,
    /// Digest of the layer; of several the first.
    pub layer_digest: Option<LayerDigest>,
    /// Compressed size of the layer in bytes; of several their sum.
    pub layer_size: u64,
    /// How many files it holds.
    pub files: usize,
    /// Their size in bytes.
    pub unpacked_size: u64,
    /// What is known of its signature.
    pub signature: SignatureLook,
    /// What was left out: excluded by rule or by `.aisocignore`.
    pub excluded: Vec<String>,
    /// How many `*.py` files were packed although they lie in an excluded directory, because a
    /// signature covers every one.
    pub python_in_excluded: usize,
    /// What looks like a secret and was packed because its path was allowed.
    pub allowed_secrets: Vec<FoundSecret>,
}

impl Packaged {
    /// Of a directory, with what its pack has come to.
    pub(crate) fn of(plugin: &PluginDir, manifest: &Manifest, assembled: &Assembled, signature: SignatureLook) -> Self {
        Self {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            digest: ArtifactDigest::of(&assembled.manifest),
            layer_digest: Some(assembled.layer.layer_digest()),
            layer_size: assembled.layer.size,
            files: plugin.files().len(),
            unpacked_size: plugin.files().total_bytes(),
            signature,
            excluded: plugin.excluded().to_vec(),
            python_in_excluded: python_in_excluded(plugin),
            allowed_secrets: plugin.allowed_secrets().to_vec(),
        }
    }
}

impl Packaged {
    /// Of what was packed before, as it was read.
    pub(crate) fn of_artifact(
        fetched: &Fetched,
        files: &FileMap,
        manifest: Manifest,
        signature: SignatureLook,
    ) -> Self {
        let layers = fetched.artifact.layers();
        let first = layers.first().map(|layer| layer.descriptor.layer_digest());
        Self {
            id: manifest.id,
            version: manifest.version,
            digest: fetched.artifact.digest(),
            layer_digest: first,
            layer_size: fetched.layer_bytes(),
            files: files.len(),
            unpacked_size: files.total_bytes(),
            signature,
            excluded: Vec::new(),
            python_in_excluded: 0,
            allowed_secrets: Vec::new(),
        }
    }
}

fn python_in_excluded(plugin: &PluginDir) -> usize {
    let directories: Vec<&String> = plugin.excluded().iter().filter(|entry| entry.ends_with('/')).collect();
    plugin
        .files()
        .iter()
        .filter(|(path, _)| directories.iter().any(|entry| path.as_str().starts_with(entry.as_str())))
        .count()
}
