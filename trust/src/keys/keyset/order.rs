//! `advance`: whether a set goes on from what was taken of it before. Who can put an old one into its place, or hold a
//! new one back, must get nothing by it.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use jiff::Timestamp;

use super::applied::Applied;
use super::set::KeySet;

/// How a set goes on from the one that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// It is newer, or the first.
    Newer,
    /// It is the one that was applied.
    Same,
}

/// Whether the set, which is signed by whom it has to be, may be applied: it is the one of that name, not expired, and
/// neither older than what was applied before nor another one of its version.
///
/// # Errors
/// `keyset_mismatch`, `keyset_expired`, `keyset_rollback`.
pub fn advance(set: &KeySet, digest: Digest, name: &str, before: Option<&Applied>, at: Timestamp) -> Result<Advance> {
    if set.name != name {
        return Err(Fault::new(Reason::KeysetMismatch, "it is another set of keys than the one that is followed here")
            .expected(name, &set.name));
    }
    if at >= set.expires_at {
        return Err(Fault::new(
            Reason::KeysetExpired,
            format!("version {} of the set `{name}` has expired", set.version),
        )
        .expected(format!("expires_at behind {at}"), set.expires_at.to_string()));
    }
    let Some(last) = before.and_then(|before| before.last_of(name)) else { return Ok(Advance::Newer) };
    let rollback = |message: String| Fault::new(Reason::KeysetRollback, message);
    match set.version.cmp(&last.version) {
        std::cmp::Ordering::Greater => Ok(Advance::Newer),
        std::cmp::Ordering::Equal if digest == last.payload_digest => Ok(Advance::Same),
        std::cmp::Ordering::Equal => Err(rollback(format!(
            "there are two sets `{name}` of version {}, and the other one was applied",
            set.version
        ))
        .expected(last.payload_digest.to_string(), digest.to_string())
        .hint("ask who signs the set which of the two is meant, and for one of a new version")),
        std::cmp::Ordering::Less => Err(rollback(format!("the set `{name}` is older than the one that was applied"))
            .expected(format!("version {} or a later one", last.version), format!("version {}", set.version))),
    }
}
