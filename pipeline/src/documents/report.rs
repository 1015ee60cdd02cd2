//! What a command says beside its result: what it warns of, and why it failed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// Whose turn it is, in one word, which decides the exit code; where something that is compiled into the command or a
    /// policy has refused, what kind of refusal it is: `plugin_install`, `plugin_conflict`, `plugin_lifecycle`, `hook` or
    /// `command_denied`.
    #[serde(rename = "type")]
    pub kind: &'static str,
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
    /// The file that decided, or the command that is denied.
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
    /// What is told of plugins that are compiled in and of policies.
    #[serde(flatten)]
    pub dispatch: DispatchDetail,
}

/// What is told where something that is compiled into the command or a policy has refused.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DispatchDetail {
    /// Why, in words that are not for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The plugin that is compiled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The plugins that cannot be there together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugins: Option<Vec<String>>,
    /// The hook, as `plugin.hook`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_name: Option<String>,
    /// At what it was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What denies the command: `policy` or `strict_mode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Which policy: `plugin:NAME`, `yaml`, `yaml:NAME`, `strict-mode` or `mixed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_source: Option<String>,
    /// What its rule is called; empty when it has no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
    /// The commands below a group that is denied whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub children: Option<Vec<DeniedChild>>,
    /// What a plugin tells programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// A command below a group that is denied whole.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeniedChild {
    /// The command.
    pub path: String,
    /// Why it is denied.
    pub reason_code: String,
}
