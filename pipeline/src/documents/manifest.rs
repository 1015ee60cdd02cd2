//! What is right or wrong with a manifest.

use serde::Serialize;
use serde_json::Value;

/// A manifest that is valid.
#[derive(Debug, Serialize)]
pub struct ValidManifest {
    /// The file.
    pub manifest: String,
    /// By whose rules.
    pub profile: String,
    /// None; the field is there so that one program reads both answers.
    pub problems: [ManifestProblem; 0],
    /// What a host found that loaded the plugin, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded: Option<LoadedPlugin>,
}

/// What a host found that loaded the plugin.
#[derive(Debug, Serialize)]
pub struct LoadedPlugin {
    /// Python's version.
    pub python: String,
    /// The class behind `Plugin`.
    pub class: String,
    /// Whether its `run` is declared `async`.
    pub run_is_async: bool,
    /// What `run` returned, when it was called.
    pub result: Option<Value>,
}

/// A manifest that is refused.
#[derive(Debug, Serialize)]
pub struct RefusedManifest {
    /// The file.
    pub manifest: String,
    /// All that is wrong with it.
    pub problems: Vec<ManifestProblem>,
}

/// One thing that is wrong with a manifest.
#[derive(Debug, Serialize)]
pub struct ManifestProblem {
    /// Its reason code.
    pub reason_code: &'static str,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What could stand there instead.
    pub instead: Option<String>,
}
