//! Reason codes, explained.

use aisoc_manifests::fault::Reason;
use serde::Serialize;

/// Some reason codes, or all of them.
#[derive(Debug, Serialize)]
pub struct ReasonCodes {
    /// The codes, in the order of the registry.
    pub reasons: Vec<ReasonCode>,
}

/// One reason code.
#[derive(Debug, Serialize)]
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
    pub next_step: &'static str,
}

impl From<Reason> for ReasonCode {
    fn from(reason: Reason) -> Self {
        let class = reason.class();
        Self {
            code: reason.as_str(),
            class: class.as_str(),
            exit_code: class.exit_code(),
            meaning: reason.meaning(),
            next_step: reason.remedy(),
        }
    }
}
