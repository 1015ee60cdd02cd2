//! The form of SLSA's provenance, version 1, as far as it is written here.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// How something was built, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Predicate {
    pub(super) build_definition: BuildDefinition,
    pub(super) run_details: RunDetails,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuildDefinition {
    pub(super) build_type: &'static str,
    /// What whoever started the build could choose.
    pub(super) external_parameters: Map<String, Value>,
    /// What the builder has chosen.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) internal_parameters: Map<String, Value>,
    pub(super) resolved_dependencies: Vec<Resource>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Resource {
    pub(super) uri: String,
    pub(super) digest: BTreeMap<&'static str, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct RunDetails {
    pub(super) builder: Builder,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Metadata>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Builder {
    pub(super) id: String,
    pub(super) version: BTreeMap<&'static str, &'static str>,
}

/// Of one run. When it began and ended is left out: the same run says the same again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) invocation_id: String,
}
