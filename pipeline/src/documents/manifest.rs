//! What is right or wrong with a manifest.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A manifest that is valid. One that is not is an error, which lists its problems.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ValidManifest {
    /// The file.
    pub path: String,
    /// By whose rules.
    pub profile: String,
    /// What a host found that loaded the plugin, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded: Option<LoadedPlugin>,
}

/// What a host found that loaded the plugin.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LoadedPlugin {
    /// Python's version.
    pub python_version: String,
    /// The class behind `Plugin`.
    pub class: String,
    /// Whether its `run` is declared `async`.
    pub run_is_async: bool,
    /// What `run` returned, when it was called.
    pub result: Option<Value>,
}

/// One thing that is wrong with a manifest, as an error lists it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ManifestProblem {
    /// Its reason code.
    pub reason_code: &'static str,
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: String,
}
