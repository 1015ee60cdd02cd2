//! A small artifact, and the shortest way to push and open it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::allow_attributes,
    reason = "every test file uses its own part of it"
)]

use std::time::Duration;

use aisoc_manifests::digest::{Algorithm, Digest};
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::oci::{
    ARTIFACT_TYPE, Annotations, CONFIG_MEDIA_TYPE, Descriptor, ImageManifest, LAYER_MEDIA_TYPE, MANIFEST_MEDIA_TYPE,
    to_bytes,
};
use aisoc_manifests::reference::Reference;
use aisoc_registry_client::copy::{self, Shipment};
use aisoc_registry_client::{BlobSource, ClientOptions, Limits, Manifest, ReplaceTag, Slowest, Target};
use aisoc_testkit::registry::Registry;

/// An artifact with a config and one layer.
pub struct Sample {
    pub manifest: Manifest,
    pub config: Descriptor,
    pub layer: Descriptor,
    pub layer_bytes: Vec<u8>,
    pub blobs: Vec<(Descriptor, BlobSource)>,
}

/// The artifact whose layer is 300,000 bytes made from `seed`.
pub fn sample(seed: u8) -> Sample {
    let config_bytes = format!(r#"{{"seed":{seed}}}"#).into_bytes();
    let mut state = u32::from(seed) + 1;
    let layer_bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(300_000)
    .collect();
    artifact(&config_bytes, &layer_bytes)
}

/// The artifact with that config and that layer.
pub fn artifact(config_bytes: &[u8], layer_bytes: &[u8]) -> Sample {
    artifact_by(Algorithm::Sha256, config_bytes, layer_bytes)
}

/// The same, whose digests are all of that algorithm.
pub fn artifact_by(algorithm: Algorithm, config_bytes: &[u8], layer_bytes: &[u8]) -> Sample {
    let described = |media_type: &str, bytes: &[u8]| Descriptor {
        digest: Digest::of_by(algorithm, bytes),
        ..Descriptor::of(media_type, bytes)
    };
    let config = described(CONFIG_MEDIA_TYPE, config_bytes);
    let layer = described(LAYER_MEDIA_TYPE, layer_bytes);
    let document = ImageManifest {
        schema_version: 2,
        media_type: Some(MANIFEST_MEDIA_TYPE.to_owned()),
        artifact_type: Some(ARTIFACT_TYPE.to_owned()),
        config: config.clone(),
        layers: vec![layer.clone()],
        subject: None,
        annotations: Annotations::new(),
    };
    let blobs = vec![
        (config.clone(), BlobSource::Bytes(config_bytes.to_vec().into())),
        (layer.clone(), BlobSource::Bytes(layer_bytes.to_vec().into())),
    ];
    let manifest = Manifest::named_by(algorithm, MANIFEST_MEDIA_TYPE, to_bytes(&document));
    Sample { manifest, config, layer, layer_bytes: layer_bytes.to_vec(), blobs }
}

/// As in production, without the pauses.
pub fn options() -> ClientOptions {
    ClientOptions { backoff: Duration::from_millis(2), ..ClientOptions::default() }
}

/// Limits short enough for tests of what exceeds them.
pub fn impatient() -> ClientOptions {
    ClientOptions {
        limits: Limits {
            connect: Duration::from_millis(100),
            idle: Duration::from_millis(100),
            exchange: Duration::from_secs(1),
            operation: Duration::from_secs(20),
            slowest: Slowest { bytes: 10_000, within: Duration::from_millis(200) },
        },
        ..options()
    }
}

pub fn reference(text: &str) -> Reference {
    text.parse().expect(text)
}

pub fn reading(registry: &Registry, rest: &str) -> Target {
    Target::open(&reference(&registry.reference(rest)), &options()).expect("a target")
}

pub fn writing(registry: &Registry, rest: &str) -> Target {
    Target::create(&reference(&registry.reference(rest)), &options()).expect("a target")
}

pub fn reading_impatiently(registry: &Registry, rest: &str) -> Target {
    Target::open(&reference(&registry.reference(rest)), &impatient()).expect("a target")
}

/// Pushes the artifact to `target` under the tag `1`.
pub async fn push(target: &Target, sample: &Sample) -> Result<Descriptor> {
    let tag = "1".parse().expect("a tag");
    let shipment =
        Shipment { manifest: &sample.manifest, blobs: &sample.blobs, tag: Some(&tag), replace: ReplaceTag::Yes };
    copy::push(target, &shipment, &|_| {}).await
}

/// A registry that holds `sample(0)` as `plugin:1`, with empty logs.
pub async fn stocked() -> (Registry, Sample) {
    let (registry, sample) = (Registry::start(), sample(0));
    push(&writing(&registry, "plugin:1"), &sample).await.expect("pushed");
    registry.forget();
    (registry, sample)
}

/// `METHOD /path` of everything that arrived, with the digests shortened to their names.
pub fn lines(registry: &Registry, sample: &Sample) -> Vec<String> {
    let named = [
        (sample.manifest.digest().blob(), "MANIFEST"),
        (sample.config.digest, "CONFIG"),
        (sample.layer.digest, "LAYER"),
    ];
    let shorten = |path: &str| {
        let path = named.iter().fold(path.to_owned(), |path, (digest, name)| path.replace(&digest.to_string(), name));
        match path.split_once("/uploads/") {
            Some((before, id)) if !id.is_empty() => format!("{before}/uploads/ID"),
            _ => path,
        }
    };
    registry.requests().iter().map(|seen| format!("{} {}", seen.method, shorten(&seen.path))).collect()
}

/// Everything a user could be shown of a fault.
pub fn shown(fault: &Fault) -> String {
    format!("{fault:?} hint: {}", fault.next_step())
}
