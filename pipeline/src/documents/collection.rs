//! What a collection of a registry's garbage did, or in a dry run would do.

use schemars::JsonSchema;
use serde::Serialize;

use super::objection::Objection;

/// A collection, of all repositories or of those that could be looked through.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CollectedRegistry {
    /// The directory of the registry, or of the one layout.
    pub directory: String,
    /// Every repository that was looked through, in order of their names.
    pub repositories: Vec<CollectedRepository>,
    /// How many manifests are gone, of all of them.
    pub removed_manifest_count: u64,
    /// How many blobs are gone, besides the manifests.
    pub removed_blob_count: u64,
    /// Bytes of files that are gone. What another repository shares is not freed before it is gone there, too.
    pub freed_bytes: u64,
}

/// One repository.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CollectedRepository {
    /// Its name; nothing for a layout that is no registry's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The digests of the manifests that are gone.
    pub removed_manifests: Vec<String>,
    /// How many blobs are gone, besides those manifests.
    pub removed_blob_count: u64,
    /// Bytes of files that are gone.
    pub freed_bytes: u64,
    /// Why not everything was collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objection: Option<Objection>,
}
