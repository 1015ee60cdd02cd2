//! What is wrong, in the one form that every document has for it.

use aisoc_manifests::fault::Fault;
use schemars::JsonSchema;
use serde::Serialize;

/// Why something is refused, or would be in strict mode, or cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Objection {
    /// Its reason code.
    pub reason_code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

impl From<&Fault> for Objection {
    fn from(fault: &Fault) -> Self {
        Self { reason_code: fault.reason().as_str(), message: fault.to_string(), hint: fault.next_step().to_owned() }
    }
}

/// `code: message`, for a line of text.
impl std::fmt::Display for Objection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.reason_code, self.message)
    }
}
