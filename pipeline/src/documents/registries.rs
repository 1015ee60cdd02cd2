//! What registries hold, and what was taken away from one.

use schemars::JsonSchema;
use serde::Serialize;

/// The repositories of a registry that it shows to whoever asks.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RepositoryList {
    /// The registry, `host[:port]`.
    pub registry: String,
    /// Their names without the registry, in the order of their bytes, each once.
    pub repositories: Vec<String>,
}

/// The tags of a repository or a layout.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TagList {
    /// The repository or the layout, as a reference without a tag.
    pub reference: String,
    /// All of them: versions first, the newest of them before all, then the others by name.
    pub tags: Vec<String>,
}

/// What was deleted, or in a dry run would be.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeletedArtifact {
    /// The repository or the layout, as a reference without a tag.
    pub place: String,
    /// The digest of the manifest that was named, or that the tag named.
    pub artifact_digest: String,
    /// The tags that are gone.
    pub tags: Vec<String>,
    /// Whether the manifest is gone as well: where it was named by its digest, or the registry took it with its tag.
    pub deletes_manifest: bool,
    /// The digests of manifests that are about the one that was named by its digest, and stay.
    pub referrers: Vec<String>,
}
