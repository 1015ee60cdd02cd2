//! `assemble`: the three blobs of a plugin artifact, from a directory. The same input has the same digest.

use std::io::{self, Write};

use aisoc_manifests::fault::Result;
use aisoc_manifests::oci::{
    ARTIFACT_TYPE, Annotations, CONFIG_MEDIA_TYPE, CONTENT_DIGEST, Descriptor, ImageManifest, LAYER_MEDIA_TYPE,
    MANIFEST_MEDIA_TYPE, TITLE, UNPACK, to_bytes,
};
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::text::without_hidden;
use aisoc_signing::{Publishable, claimed_signer};
use serde::{Deserialize, Serialize};

use crate::dir::PluginDir;
use crate::pack::{PackOptions, PackedLayer, pack, write_layer};

/// An artifact but for the bytes of its layer. It is copied config and layer first, the manifest last.
#[derive(Debug)]
pub struct Assembled {
    /// The image manifest, whose digest is the artifact's.
    pub manifest: Vec<u8>,
    /// The config document.
    pub config: Vec<u8>,
    /// What the config document is.
    pub config_descriptor: Descriptor,
    /// What the layer is.
    pub layer: Descriptor,
}

/// What `inspect` and a registry's page show without the layer. Claims like everything in an artifact:
/// an install reads none of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    schema_version: u32,
    id: String,
    name: String,
    version: String,
    r#type: String,
    capabilities: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    license: Option<String>,
    file_count: usize,
    unpacked_size: u64,
    /// Fingerprints that `plugin.sig.d` names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    signers: Vec<String>,
}

impl Config {
    /// What follows from the files.
    pub(crate) fn count(&mut self, plugin: &PluginDir, packed: &PackedLayer) {
        self.file_count = packed.files;
        self.unpacked_size = packed.unpacked_bytes;
        self.signers = plugin.files().iter().filter_map(|(path, _)| claimed_signer(path.as_str())).collect();
    }
}

/// Packs `plugin` into `out` and makes the documents that go with it.
///
/// # Errors
/// As [`pack`].
pub fn assemble(
    plugin: &PluginDir,
    publishable: &Publishable,
    manifest: &Manifest,
    options: &PackOptions,
    out: impl Write,
) -> Result<Assembled> {
    let packed = pack(plugin, publishable, &manifest.id, options, out)?;
    Ok(documents(plugin, manifest, options, &packed))
}

/// What [`assemble`] would make of `plugin`, were it published: nothing of the layer is kept, so there is
/// nothing that could leave the machine.
///
/// # Errors
/// As [`pack`].
pub fn foretell(plugin: &PluginDir, manifest: &Manifest, options: &PackOptions) -> Result<Assembled> {
    unpublished(plugin, manifest, options, io::sink())
}

/// As [`foretell`], for whoever keeps the layer on this machine.
pub(crate) fn unpublished(
    plugin: &PluginDir,
    manifest: &Manifest,
    options: &PackOptions,
    out: impl Write,
) -> Result<Assembled> {
    let packed = write_layer(plugin, &manifest.id, options, out)?;
    Ok(documents(plugin, manifest, options, &packed))
}

fn documents(plugin: &PluginDir, manifest: &Manifest, options: &PackOptions, packed: &PackedLayer) -> Assembled {
    let config = config(plugin, manifest, packed);
    let config_descriptor = Descriptor::of(CONFIG_MEDIA_TYPE, &config);
    let layer = layer_descriptor(manifest, packed);
    let image = ImageManifest {
        schema_version: 2,
        media_type: Some(MANIFEST_MEDIA_TYPE.to_owned()),
        artifact_type: Some(ARTIFACT_TYPE.to_owned()),
        config: config_descriptor.clone(),
        layers: vec![layer.clone()],
        subject: None,
        annotations: annotations(manifest, options.mtime),
    };
    Assembled { manifest: to_bytes(&image), config, config_descriptor, layer }
}

fn config(plugin: &PluginDir, manifest: &Manifest, packed: &PackedLayer) -> Vec<u8> {
    let mut config = Config {
        schema_version: 1,
        id: manifest.id.to_string(),
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        r#type: manifest.plugin_type.as_str().to_owned(),
        capabilities: manifest.capabilities.clone(),
        author: manifest.author.clone(),
        license: manifest.license.clone(),
        file_count: 0,
        unpacked_size: 0,
        signers: Vec::new(),
    };
    config.count(plugin, packed);
    to_bytes(&config)
}

pub(crate) fn layer_descriptor(manifest: &Manifest, packed: &PackedLayer) -> Descriptor {
    let notes = [
        (TITLE, manifest.id.to_string()),
        (UNPACK, "true".to_owned()),
        (CONTENT_DIGEST, packed.content_digest.to_string()),
    ];
    Descriptor {
        media_type: LAYER_MEDIA_TYPE.to_owned(),
        digest: packed.digest.blob(),
        size: packed.size,
        annotations: notes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        artifact_type: None,
        platform: None,
    }
}

/// What registries show. No creation time unless one is set: the clock would make every build another artifact.
fn annotations(manifest: &Manifest, created: Option<u64>) -> Annotations {
    let created = created
        .and_then(|seconds| jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok())
        .map(|time| time.to_string());
    [
        ("created", created.as_ref()),
        ("title", Some(&manifest.name)),
        ("version", Some(&manifest.version)),
        ("description", manifest.description.as_ref()),
        ("authors", manifest.author.as_ref()),
        ("licenses", manifest.license.as_ref()),
        ("url", manifest.homepage.as_ref()),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((format!("org.opencontainers.image.{key}"), one_line(value?))))
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

/// Annotations are shown in tables and terminals: one line, and nothing that is not seen.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).map(without_hidden);
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
