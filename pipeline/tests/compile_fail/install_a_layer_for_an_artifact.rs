//! A layer's digest neither pins a reference nor is what an install requires.
use aisoc_manifests::digest::{ContentDigest, LayerDigest};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::InstallOptions;

fn pinned(reference: &Reference, layer: LayerDigest) -> Reference {
    reference.pinned(layer)
}

fn required(options: InstallOptions, archive: ContentDigest) -> InstallOptions {
    InstallOptions { require_digest: Some(archive), ..options }
}

fn main() {}
