//! What every form of a layout is made of: the names of its files, and its two documents.

use std::path::Path;

use aisoc_manifests::digest::{Algorithm, Digest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::ImageIndex;
use aisoc_manifests::text::shown;
use serde::Deserialize;

/// The file that says what the directory is.
pub(super) const MARKER: &str = "oci-layout";
pub(super) const MARKER_BYTES: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub(super) const INDEX: &str = "index.json";
/// What holds the blobs of a layout, by the algorithms of their digests.
pub(super) const BLOBS: &str = "blobs";

/// Where the blobs of an algorithm are inside a layout.
pub const fn blob_directory(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha256 => "blobs/sha256",
        Algorithm::Sha512 => "blobs/sha512",
    }
}

/// Largest `index.json` of a layout directory. A tag takes 220 bytes or so.
pub(super) const MAX_INDEX_BYTES: u64 = 32 << 20;

/// The name of a blob inside a layout.
pub(super) fn blob_name(digest: Digest) -> String {
    format!("{}/{}", blob_directory(digest.algorithm()), digest.hex())
}

/// Reads and checks the bytes of an `index.json`.
pub(super) fn read_index(path: &Path, bytes: &[u8]) -> Result<ImageIndex> {
    let index: ImageIndex = json(path, INDEX, bytes)?;
    if index.schema_version != 2 {
        return Err(
            invalid(path, "`index.json` has another schema version").expected("2", index.schema_version.to_string())
        );
    }
    Ok(index)
}

/// Reads and checks the bytes of an `oci-layout`.
pub(super) fn check_marker(path: &Path, bytes: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        image_layout_version: String,
    }
    let marker: Marker = json(path, MARKER, bytes)?;
    if marker.image_layout_version == "1.0.0" {
        return Ok(());
    }
    Err(invalid(path, "it has another layout version").expected("1.0.0", shown(&marker.image_layout_version, 80)))
}

/// The fault of what is no layout, or none that can be read in one way.
pub(super) fn invalid(path: &Path, why: &str) -> Fault {
    Fault::new(Reason::LayoutInvalid, format!("`{}` is not a usable OCI image layout: {why}", path.display()))
}

fn json<T: serde::de::DeserializeOwned>(path: &Path, name: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|source| invalid(path, &format!("`{name}` cannot be read")).caused_by(source))
}
