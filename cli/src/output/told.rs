//! What `--progress=json` says: each event as a line of JSON.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::progress::Act;
use aisoc_pipeline::documents::{ProgressEvent, ProgressState, SCHEMA_VERSION};
use jiff::Timestamp;

use super::redacted;

/// Says what the time is.
pub(super) type Clock = fn() -> Timestamp;

/// A step begins.
pub(super) fn of_step(at: Timestamp, verb: &str, subject: &str) -> String {
    line(ProgressEvent { subject: Some(redacted(subject)), ..event(at, verb) })
}

/// Work on bytes, or on plugins, is so far.
pub(super) fn of_work(at: Timestamp, act: Act, verb: &str, done: u64, total: u64) -> String {
    line(match act.counts_plugins() {
        true => ProgressEvent { done_count: Some(done), total_count: Some(total), ..event(at, verb) },
        false => ProgressEvent { done_bytes: Some(done), total_bytes: Some(total), ..event(at, verb) },
    })
}

/// One blob is so far.
pub(super) fn of_blob(
    at: Timestamp,
    verb: &str,
    (blob, size): (Digest, u64),
    (state, done): (ProgressState, Option<u64>),
) -> String {
    line(ProgressEvent {
        blob_digest: Some(blob.to_string()),
        state: Some(state),
        done_bytes: done,
        total_bytes: Some(size),
        ..event(at, verb)
    })
}

fn event(at: Timestamp, verb: &str) -> ProgressEvent {
    ProgressEvent {
        schema_version: SCHEMA_VERSION,
        at: at.to_string(),
        act: verb.to_lowercase().replace(' ', "_"),
        subject: None,
        blob_digest: None,
        state: None,
        done_bytes: None,
        total_bytes: None,
        done_count: None,
        total_count: None,
    }
}

fn line(event: ProgressEvent) -> String {
    serde_json::to_string(&event).expect("an event is strings and numbers")
}
