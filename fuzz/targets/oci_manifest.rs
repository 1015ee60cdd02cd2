//! OCI manifests: what is accepted names each place once and inside its directory, and means the same
//! after it was written and read again.
#![no_main]

use aisoc_manifests::artifact::{Artifact, LayerForm, MAX_LAYERS};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Reason;
use aisoc_manifests::oci::{ImageManifest, to_bytes};
use aisoc_manifests::path::RelPath;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let read = Artifact::read(bytes.to_vec(), None);
    let other = Artifact::read(bytes.to_vec(), Some(ArtifactDigest::of(b"other bytes")));
    assert_eq!(other.expect_err("another digest").reason(), Reason::PullFailed);
    let artifact = match read {
        Ok(artifact) => artifact,
        Err(fault) => return assert!(matches!(fault.reason(), Reason::NotAPluginArtifact | Reason::UnsafeArchive)),
    };
    assert_eq!((artifact.bytes(), artifact.digest()), (bytes, ArtifactDigest::of(bytes)));
    assert!((1..=MAX_LAYERS).contains(&artifact.layers().len()));

    let mut places = Vec::new();
    for layer in artifact.layers() {
        assert!(artifact.manifest().layers.contains(&layer.descriptor));
        let place = match &layer.form {
            LayerForm::Archive { title, .. } => title.as_ref(),
            LayerForm::File { path } => Some(path),
        };
        if let Some(path) = place {
            assert_eq!(RelPath::parse(path.as_str()).expect("canonical"), *path);
        }
        assert!(!places.contains(&place), "two layers at one place");
        places.push(place);
    }

    let written = to_bytes(artifact.manifest());
    let again = Artifact::read(written.clone(), Some(ArtifactDigest::of(&written))).expect("our own form");
    assert_eq!((again.manifest(), again.layers()), (artifact.manifest(), artifact.layers()));
    assert_eq!(to_bytes(again.manifest()), written);

    // A reader that keeps every member refuses more, such as half a surrogate pair in one that nobody
    // asked for. What it takes is one document to it too: layers, and no list of manifests.
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        assert!(value["manifests"].is_null(), "an image and an index at once");
        let again: ImageManifest = serde_json::from_value(value).expect("the same type");
        assert_eq!(again, *artifact.manifest(), "two readers, two manifests");
    }
});
