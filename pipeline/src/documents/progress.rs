//! What a command says while it goes on, for programs that show it to somebody.

use schemars::JsonSchema;
use serde::Serialize;

/// One line of `--progress=json`: something has begun, or is so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProgressEvent {
    /// Version of this form and of every other document.
    pub schema_version: u32,
    /// When it was seen.
    pub at: String,
    /// What is being done, in one word: `resolving`, `fetching`, `pushing`, `reading` and others.
    pub act: String,
    /// What that is done to, where it is the beginning of a step: a reference, a directory, a plugin and its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The one blob of a transfer that it is about; none where it is about all of the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob_digest: Option<String>,
    /// How far the blob is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ProgressState>,
    /// How many bytes are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_bytes: Option<u64>,
    /// Of how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// How many plugins are done, where plugins are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_count: Option<u64>,
    /// Of how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_count: Option<u64>,
}

/// How far one blob of a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProgressState {
    /// An earlier run has left its first `done_bytes`, and it goes on from there.
    Resumed,
    /// `done_bytes` of it have passed.
    Moving,
    /// It has arrived.
    Arrived,
    /// The registry has taken it over from another repository of its own.
    Mounted,
    /// It was there before.
    Present,
    /// It has not arrived, and what is there of it stays for another run.
    Kept,
}
