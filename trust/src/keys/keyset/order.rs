//! `advance`: whether a set goes on from what was taken of it before. Who can put an old one into its place, or hold a
//! new one back, must get nothing by it.

use std::cmp::Ordering;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};
use jiff::Timestamp;

use super::signed_set::{EarlierSet, SetHead, SetReasons, SignedSet};

/// How a set goes on from the one that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// It is newer, or the first.
    Newer,
    /// It is the one that was applied.
    Same,
}

/// Whether the set, which is signed by whom it has to be, may be applied: it is the one of that name, not expired, and
/// neither older than what was applied last of it nor another one of its version.
///
/// # Errors
/// `keyset_mismatch`, `keyset_expired`, `keyset_rollback`, or those of another kind of set.
pub fn advance<S: SignedSet>(
    set: &S,
    digest: Digest,
    name: &str,
    last: Option<&EarlierSet>,
    at: Timestamp,
) -> Result<Advance> {
    let SetReasons { mismatch, expired, rollback, .. } = S::REASONS;
    let SetHead { name: found, version, expires_at, .. } = set.head();
    if found != name {
        let what = S::KIND.described();
        return Err(Fault::new(mismatch, format!("it is {what}, and another one than the one that is followed here"))
            .expected(name, found));
    }
    if at >= expires_at {
        return Err(Fault::new(expired, format!("version {version} of the set `{name}` has expired"))
            .expected(format!("expires_at behind {at}"), expires_at.to_string()));
    }
    let Some(last) = last else { return Ok(Advance::Newer) };
    match version.cmp(&last.version) {
        Ordering::Greater => Ok(Advance::Newer),
        Ordering::Equal if digest == last.payload_digest => Ok(Advance::Same),
        Ordering::Equal => {
            let message = format!("there are two sets `{name}` of version {version}, and the other one was applied");
            Err(Fault::new(rollback, message)
                .expected(last.payload_digest.to_string(), digest.to_string())
                .hint("ask who signs the set which of the two is meant, and for one of a new version"))
        }
        Ordering::Less => {
            let message = format!("the set `{name}` is older than the one that was applied");
            Err(Fault::new(rollback, message)
                .expected(format!("version {} or a later one", last.version), format!("version {version}")))
        }
    }
}
