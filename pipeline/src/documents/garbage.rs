//! What a collection of garbage did, or in a dry run would do.

use schemars::JsonSchema;
use serde::Serialize;

/// A collection, finished or not.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CollectedGarbage {
    /// The plugins directory.
    pub plugins_directory: String,
    /// What is gone.
    pub removed: Vec<RemovedGarbage>,
    /// How many bytes that was.
    pub freed_bytes: u64,
    /// Plugins whose change a killed command had begun, and this one finished.
    pub finished_changes: Vec<String>,
    /// What could not be removed, by path.
    pub leftovers: Vec<String>,
    /// Changes that could not be finished.
    pub unfinished_changes: Vec<String>,
}

/// One thing that is gone.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RemovedGarbage {
    /// What it was.
    pub kind: &'static str,
    /// Where it was.
    pub path: String,
    /// Its size on disk.
    pub disk_bytes: u64,
}
