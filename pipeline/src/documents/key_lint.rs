//! What is wrong with a directory of keys.

use schemars::JsonSchema;
use serde::Serialize;

/// Everything that was found in a directory of keys.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyLint {
    /// The directory of the keys, or the one file.
    pub keys_directory: String,
    /// How many files were looked at.
    pub file_count: usize,
    /// How many findings are errors.
    pub error_count: usize,
    /// How many are warnings.
    pub warning_count: usize,
    /// How many are notes.
    pub note_count: usize,
    /// What was found: what weighs most first, then by path.
    pub findings: Vec<KeyFinding>,
}

/// One thing that somebody should know.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyFinding {
    /// What it is about, by an id that keeps its meaning.
    pub rule: &'static str,
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// The file or directory.
    pub path: String,
    /// The name of the key, when it can be read.
    pub key_id: Option<String>,
    /// The key by content, when it can be read.
    pub fingerprint: Option<String>,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}
