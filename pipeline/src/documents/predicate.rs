//! What is said of a plugin to whoever asks what is in it and where it is from: documents in the forms of others.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::provenance::{PROVENANCE_PREDICATE_TYPE, Predicate};
use crate::sbom::{Bom, SBOM_PREDICATE_TYPE, Sbom};

/// What is shipped of a plugin, and what it says that it needs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PluginSbom {
    /// What an attestation calls this kind of document.
    pub predicate_type: &'static str,
    /// The document, in the form of CycloneDX 1.6.
    #[schemars(with = "Map<String, Value>")]
    pub sbom: Bom,
    /// Lists of which it does not have everything.
    pub unread_lists: Vec<UnreadListOfPlugin>,
}

/// A list of what a plugin needs that was not read, or not all of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnreadListOfPlugin {
    /// The file, by its path in the plugin.
    pub path: String,
    /// Why, of each part that was not read.
    pub notes: Vec<String>,
}

/// Where a plugin is from.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PluginProvenance {
    /// What an attestation calls this kind of document.
    pub predicate_type: &'static str,
    /// The predicate, in the form of SLSA's provenance, version 1.
    #[schemars(with = "Map<String, Value>")]
    pub provenance: Predicate,
}

impl From<Sbom> for PluginSbom {
    fn from(Sbom { bom, unread }: Sbom) -> Self {
        let unread = unread.into_iter();
        let unread_lists = unread.map(|list| UnreadListOfPlugin { path: list.path.to_string(), notes: list.notes });
        Self { predicate_type: SBOM_PREDICATE_TYPE, sbom: bom, unread_lists: unread_lists.collect() }
    }
}

impl From<Predicate> for PluginProvenance {
    fn from(provenance: Predicate) -> Self {
        Self { predicate_type: PROVENANCE_PREDICATE_TYPE, provenance }
    }
}
