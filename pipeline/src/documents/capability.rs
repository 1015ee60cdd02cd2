//! What a plugin can ask of its host.

use aisoc_manifests::capability::Capability;
use schemars::JsonSchema;
use serde::Serialize;

/// Everything that there is to ask for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CapabilityList {
    /// The capabilities, in the order of the reference.
    pub capabilities: Vec<KnownCapability>,
}

/// One capability, and what a reviewer should know of it. Part of other documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KnownCapability {
    /// Its name in a manifest.
    pub name: &'static str,
    /// The function of a plugin's context that it opens.
    pub accessor: &'static str,
    /// What kind of use that is: `read`, `write`, `emit` or `outbound`.
    pub access: &'static str,
    /// `high`, `sensitive` or `none`.
    pub impact: &'static str,
    /// What it permits.
    pub meaning: &'static str,
    /// What to ask before it is accepted.
    pub guidance: &'static str,
}

impl From<Capability> for KnownCapability {
    fn from(capability: Capability) -> Self {
        Self {
            name: capability.as_str(),
            accessor: capability.accessor(),
            access: capability.access(),
            impact: capability.impact().as_str(),
            meaning: capability.meaning(),
            guidance: capability.guidance(),
        }
    }
}
