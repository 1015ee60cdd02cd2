//! `RegistryEvent`: something that has happened at hooks, as hosts write it down.

use serde_json::{Map, Value, json};

/// Something that has happened at hooks, as hosts write it down.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistryEvent {
    /// `plugin.registered` and its like.
    pub name: &'static str,
    /// The plugin that it is about.
    pub plugin: String,
    /// Why it has failed, where it has.
    pub failure: Option<String>,
    /// Of which type that is, where it is an exception.
    pub exception_type: Option<String>,
    /// What else is known.
    pub metadata: Map<String, Value>,
}

impl RegistryEvent {
    /// Who does it.
    pub const ACTOR: &str = "system:plugin-registry";
    /// For whom.
    pub const TENANT: &str = "system";

    /// To what it is done.
    pub fn target(&self) -> String {
        format!("plugin:{}", self.plugin)
    }

    /// What has come of it.
    pub fn outcome(&self) -> Value {
        match &self.failure {
            None => json!({ "status": "success" }),
            Some(reason) => {
                json!({ "status": "failure", "reason": reason, "exception_type": self.exception_type })
            }
        }
    }
}
