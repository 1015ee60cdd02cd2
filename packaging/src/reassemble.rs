//! `reassemble`: an artifact again, of the same plugin with other signatures.
//!
//! What its publisher has said beside the plugin stays: annotations, a config document of another kind, layers that
//! become no files, and members that nobody here knows. What follows from the files is made anew: the layer, and in
//! our own config document the signers and the counts. Of an artifact of ours comes exactly what `assemble` would have
//! made of the plugin, had the other key signed it at first.

use std::collections::BTreeMap;
use std::io::Write;

use aisoc_manifests::artifact::{Artifact, LayerForm, PluginLayer};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Annotations, CONFIG_MEDIA_TYPE, Descriptor, to_bytes};
use aisoc_manifests::plugin::Manifest;
use aisoc_signing::Publishable;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::assemble::{Config, layer_descriptor};
use crate::dir::PluginDir;
use crate::pack::{PackOptions, PackedLayer, pack};
use crate::parallel::default_threads;

/// When it was made, as its publisher says (OCI image specification, Annotations); its files have that time too.
const CREATED: &str = "org.opencontainers.image.created";

/// An artifact that was made again, but for the bytes of its layer.
#[derive(Debug)]
pub struct Remade {
    /// The image manifest, whose digest is the artifact's.
    pub manifest: Vec<u8>,
    /// The config document, where it is another one now.
    pub config: Option<(Descriptor, Vec<u8>)>,
    /// The layer that was packed.
    pub layer: Descriptor,
    /// The blobs that it has from the artifact that it was made of.
    pub kept: Vec<Descriptor>,
}

/// What is known, and what else stands beside it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<T> {
    #[serde(flatten)]
    known: T,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

/// An image manifest with every member that it has.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WholeManifest {
    schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Kept<Descriptor>,
    layers: Vec<Kept<Descriptor>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Kept<Descriptor>>,
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    annotations: Annotations,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

/// Packs `plugin` into `out`, and makes of the documents of `original` those that go with it. `config` is its config
/// document, when it is one of ours.
///
/// # Errors
/// As [`pack`]; `not_a_plugin_artifact` for a manifest that cannot be read.
pub fn reassemble(
    plugin: &PluginDir,
    publishable: &Publishable,
    manifest: &Manifest,
    (original, config): (&Artifact, Option<&[u8]>),
    out: impl Write,
) -> Result<Remade> {
    let mut document: WholeManifest = serde_json::from_slice(original.bytes()).map_err(|error| {
        Fault::new(Reason::NotAPluginArtifact, "the manifest is not an OCI image manifest").caused_by(error)
    })?;
    let options = PackOptions { threads: default_threads().get(), mtime: mtime(&document.annotations) };
    let packed = pack(plugin, publishable, &manifest.id, &options, out)?;
    let config = config.and_then(|config| recounted(config, plugin, &packed));
    if let Some((descriptor, _)) = &config {
        // Its own bytes, where a publisher has put them beside it (OCI image specification, Descriptor), are others now.
        document.config.other.remove("data");
        document.config.known = Descriptor { annotations: document.config.known.annotations, ..descriptor.clone() };
    }
    let layer = with_notes(layer_descriptor(manifest, &packed), original.layers());
    let kept = exchange_layers(&mut document, original, &layer);
    let kept = config.is_none().then(|| document.config.known.clone()).into_iter().chain(kept).collect();
    Ok(Remade { manifest: to_bytes(&document), config, layer, kept })
}

/// The time of its files: the same as in the artifact that it was, when that was made by us.
fn mtime(annotations: &Annotations) -> Option<u64> {
    let created: Timestamp = annotations.get(CREATED)?.parse().ok()?;
    u64::try_from(created.as_second()).ok()
}

/// Our config document with what follows from the files. One of another form says nothing that would be wrong now.
fn recounted(config: &[u8], plugin: &PluginDir, packed: &PackedLayer) -> Option<(Descriptor, Vec<u8>)> {
    let mut document: Kept<Config> = serde_json::from_slice(config).ok()?;
    document.known.count(plugin, packed);
    let config = to_bytes(&document);
    Some((Descriptor::of(CONFIG_MEDIA_TYPE, &config), config))
}

/// What was noted of the only layer is said of the one in its place.
fn with_notes(layer: Descriptor, before: &[PluginLayer]) -> Descriptor {
    let [PluginLayer { descriptor, form: LayerForm::Archive { .. } }] = before else { return layer };
    let mut annotations = descriptor.annotations.clone();
    annotations.extend(layer.annotations);
    Descriptor { annotations, ..layer }
}

/// Puts the layer where the first of the plugin's was; the others go. Says which stay.
fn exchange_layers(document: &mut WholeManifest, original: &Artifact, layer: &Descriptor) -> Vec<Descriptor> {
    let is_plugin = |kept: &Kept<Descriptor>| original.layers().iter().any(|it| it.descriptor == kept.known);
    let (mut layers, mut kept, mut placed) = (Vec::new(), Vec::new(), false);
    for before in std::mem::take(&mut document.layers) {
        if !is_plugin(&before) {
            kept.push(before.known.clone());
            layers.push(before);
        } else if !placed {
            placed = true;
            layers.push(Kept { known: layer.clone(), other: BTreeMap::new() });
        }
    }
    document.layers = layers;
    kept
}
