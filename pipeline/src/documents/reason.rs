//! Codes of errors and warnings, explained.

use aisoc_manifests::fault::Reason;
use aisoc_manifests::warning::Warning;
use schemars::JsonSchema;
use serde::Serialize;

/// Some codes, or all of them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReasonCodes {
    /// The codes, in the order of the registry.
    pub reasons: Vec<ReasonCode>,
    /// The codes of warnings, in the order of their registry.
    pub warnings: Vec<WarningCode>,
}

/// One reason code.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReasonCode {
    /// The code.
    pub code: &'static str,
    /// Whose fault it is, in one word.
    #[serde(rename = "type")]
    pub class: &'static str,
    /// The exit code of a command that is refused for it.
    pub exit_code: u8,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub hint: &'static str,
}

/// The code of one warning. A command that warns goes on, so there is no exit code.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WarningCode {
    /// The code.
    pub code: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do, where there is something to do.
    pub hint: Option<&'static str>,
}

impl From<Warning> for WarningCode {
    fn from(warning: Warning) -> Self {
        Self { code: warning.as_str(), meaning: warning.meaning(), hint: warning.remedy() }
    }
}

impl From<Reason> for ReasonCode {
    fn from(reason: Reason) -> Self {
        let class = reason.class();
        Self {
            code: reason.as_str(),
            class: class.as_str(),
            exit_code: class.exit_code(),
            meaning: reason.meaning(),
            hint: reason.remedy(),
        }
    }
}
