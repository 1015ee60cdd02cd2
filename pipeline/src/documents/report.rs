//! What a command says beside its result: what it warns of, and why it failed.

use schemars::JsonSchema;
use serde::Serialize;

use super::ManifestProblem;

/// The one document of stderr. A command that neither warns nor fails writes none.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this form and of every other document.
    pub schema_version: u32,
    /// Whether the command did what it was asked for.
    pub ok: bool,
    /// What somebody should know all the same, in the order in which it was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ReportedWarning>,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ReportedError>,
}

/// One warning.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReportedWarning {
    /// Its code, which is no reason code: see `aisoc reasons`.
    pub code: &'static str,
    /// What it is about.
    pub message: String,
    /// What to do next, where there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Why a command failed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportedError {
    /// Whose turn it is, in one word; it decides the exit code.
    #[serde(rename = "type")]
    pub class: &'static str,
    /// What could not be done, and on what.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// The same in parts.
    pub detail: ErrorDetail,
}

/// The parts of an error.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorDetail {
    /// Its reason code: see `aisoc reasons`.
    pub reason_code: &'static str,
    /// The file that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line in it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in it, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What was required, when the error is a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The plugin of which a version stays, when the refusal is of a change of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The version that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed_version: Option<String>,
    /// The causes, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caused_by: Vec<String>,
    /// All that is wrong with a manifest, when that is the error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ManifestProblem>,
}
