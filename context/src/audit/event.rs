//! `Line`: one event in the audit log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::caller::Tenant;

/// Longest line: what is said of an event, in escapes, and who says it.
pub(super) const MAX_LINE_BYTES: usize = 64 << 10;
/// Longest name of an event.
pub(super) const MAX_EVENT_BYTES: usize = 128;
/// Longest name of what it is about.
pub(super) const MAX_TARGET_BYTES: usize = 512;
/// Most that is said of it beside that.
pub(super) const MAX_METADATA_BYTES: usize = 8 << 10;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Success,
    Failure,
    Denied,
}

impl Outcome {
    pub(super) fn read(word: &str) -> Option<Self> {
        match word {
            "success" => Some(Self::Success),
            "failure" => Some(Self::Failure),
            "denied" => Some(Self::Denied),
            _ => None,
        }
    }
}

/// What is reported.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) event: &'a str,
    pub(super) target: Option<&'a str>,
    pub(super) outcome: Outcome,
    pub(super) metadata: &'a Map<String, Value>,
}

/// As it is in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    /// Each has the next one.
    pub(super) line: u64,
    pub(super) timestamp: Timestamp,
    pub(super) event: String,
    pub(super) plugin: String,
    /// The line of signers of that plugin.
    pub(super) signers: String,
    pub(super) actor: String,
    pub(super) tenant: Option<Tenant>,
    pub(super) request_id: Option<String>,
    pub(super) target: Option<String>,
    pub(super) outcome: Outcome,
    pub(super) metadata: Map<String, Value>,
}
