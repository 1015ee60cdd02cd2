//! What is wrong, in the one form that every document has for it.

use aisoc_manifests::fault::Fault;
use schemars::JsonSchema;
use serde::Serialize;

use crate::redact::redacted;

/// Why something is refused, or would be in strict mode, or cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Objection {
    /// Its reason code.
    pub reason_code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What was required, when the objection is a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What to do next.
    pub hint: String,
}

impl From<&Fault> for Objection {
    fn from(fault: &Fault) -> Self {
        let difference = fault.difference();
        Self {
            reason_code: fault.reason().as_str(),
            message: redacted(&fault.to_string()),
            expected: difference.map(|difference| redacted(&difference.expected)),
            found: difference.map(|difference| redacted(&difference.found)),
            hint: redacted(fault.next_step()),
        }
    }
}

/// `code: message`, for a line of text.
impl std::fmt::Display for Objection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.reason_code, self.message)
    }
}
