//! What a registry says once it can be asked.

use schemars::JsonSchema;
use serde::Serialize;

/// A registry that takes requests from now on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ServedRegistry {
    /// `HOST:PORT` as it stands in a reference.
    pub address: String,
    /// Every address that it listens on.
    pub addresses: Vec<String>,
    /// Where it keeps its blobs.
    pub directory: String,
    /// The process that serves, for whoever ends it.
    pub process_id: u32,
}
