//! What a search has found.

use schemars::JsonSchema;
use serde::Serialize;

use super::Objection;

/// The plugins of which every word says something.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FoundPlugins {
    /// The site that was looked in.
    pub plugins_directory: String,
    /// The publishing indexes that were looked in.
    pub indexes: Vec<String>,
    /// By id, then by version and place, as texts are ordered.
    pub plugins: Vec<FoundPlugin>,
}

/// One of them. Nothing of it was verified: what is installed is by `plugins verify`, and what is offered by `plugin install`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct FoundPlugin {
    /// The plugin; of one whose manifest nobody can read, the name of its directory.
    pub id: String,
    /// What it does.
    #[serde(rename = "type")]
    pub plugin_type: Option<String>,
    /// Its name for people.
    pub name: Option<String>,
    /// One sentence or more.
    pub description: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What it asks of the host.
    pub capabilities: Vec<String>,
    /// Where it was found: the directory of what is installed, or the index.
    pub found_in: String,
    /// The version of it that is installed on the site; nothing where none is.
    pub installed_version: Option<String>,
    /// Exactly this artifact; nothing of what is installed, and of what is in no registry.
    pub reference: Option<String>,
    /// The command that installs it; nothing where there is no `reference`.
    pub install: Option<String>,
    /// The key that has signed it, as the index says.
    pub signing_key_fingerprint: Option<String>,
    /// Why its manifest cannot be read.
    pub objection: Option<Objection>,
}
