//! `Pending`: a change that was begun, as it is written down before its first step.

use aisoc_manifests::fault::{Fault, Reason, Result};
use serde::{Deserialize, Serialize};

use super::change::{KeyChange, Step};
use crate::journal::Entry;

/// The file in the keyring's own directory.
pub(super) const PENDING: &str = "pending.json";
/// Larger than any change: a few keys with their notes, each as large as a file of the directory.
pub(super) const MAX_PENDING_BYTES: u64 = 4 << 20;

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pending {
    /// Always 1.
    schema_version: u32,
    /// The line of the journal, without its end.
    line: String,
    /// The lines behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    further_lines: Vec<String>,
    /// What is done, in order.
    steps: Vec<Step>,
}

/// The change as it is written down.
///
/// # Errors
/// `usage` for one that is larger than any, and `internal` for one that would be read as another one.
pub(super) fn written(change: &KeyChange) -> Result<Vec<u8>> {
    let content = serialized(change)?;
    if content.len() as u64 > MAX_PENDING_BYTES {
        return Err(Fault::new(Reason::Usage, "the change touches too many files at once")
            .expected(format!("at most {MAX_PENDING_BYTES} bytes"), format!("{} bytes", content.len()))
            .hint("remove files that hold the same key under other names, and run the command again"));
    }
    match read(&content)? == *change {
        true => Ok(content),
        false => Err(Fault::new(Reason::Internal, "a change of keys would be read as another one")),
    }
}

fn serialized(change: &KeyChange) -> Result<Vec<u8>> {
    let further_lines = change.also.iter().map(Entry::to_string).collect();
    let pending =
        Pending { schema_version: 1, line: change.entry.to_string(), further_lines, steps: change.steps.clone() };
    serde_json::to_vec(&pending)
        .map_err(|error| Fault::new(Reason::Internal, "a change of keys is no JSON").caused_by(error))
}

/// The change that `content` holds.
///
/// # Errors
/// `record_invalid` for what is none: nobody can tell what was begun.
pub(super) fn read(content: &[u8]) -> Result<KeyChange> {
    let invalid = || Fault::new(Reason::RecordInvalid, "nobody can tell which change of the keys was begun");
    let pending: Pending = serde_json::from_slice(content).map_err(|error| invalid().caused_by(error))?;
    if pending.schema_version != 1 {
        return Err(invalid().expected("schema_version 1", pending.schema_version.to_string()));
    }
    let entry = |line: &String| Entry::read(line.as_bytes()).map_err(|error| invalid().caused_by(error.message));
    let also = pending.further_lines.iter().map(entry).collect::<Result<_>>()?;
    Ok(KeyChange { entry: entry(&pending.line)?, also, steps: pending.steps })
}
