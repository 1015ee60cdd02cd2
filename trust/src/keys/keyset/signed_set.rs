//! `SignedSet`: what a signed set is, whatever it is a set of: a name that stays, a version that only grows, and an end.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_signing::PayloadType;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::plan::is_id;

/// What a set says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetHead {
    /// Which set it is: the same in every version.
    pub name: String,
    /// It only grows.
    pub version: u64,
    /// When it was made.
    pub issued_at: Timestamp,
    /// Until when it can be relied on that nothing newer was withheld.
    pub expires_at: Timestamp,
}

/// The last version of a set that was followed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierSet {
    /// The set.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// The version by content.
    pub payload_digest: Digest,
}

/// The reasons for which a set of one kind is refused.
#[derive(Debug, Clone, Copy)]
pub struct SetReasons {
    /// It is none.
    pub invalid: Reason,
    /// It is another one.
    pub mismatch: Reason,
    /// It has expired.
    pub expired: Reason,
    /// It is older, or another one of the same version.
    pub rollback: Reason,
}

/// A value that sites follow. What is signed is its JSON, and what was verified is what is read.
pub trait SignedSet: Clone + Sized {
    /// What was signed.
    const KIND: PayloadType;
    /// Why one is refused.
    const REASONS: SetReasons;

    /// Reads what was signed.
    ///
    /// # Errors
    /// [`SetReasons::invalid`], and what else refuses such a set.
    fn read(payload: &[u8]) -> Result<Self>;

    /// What is signed: the same set has the same bytes.
    fn to_payload(&self) -> Vec<u8>;

    /// What it says of itself.
    fn head(&self) -> SetHead;
}

impl SetHead {
    /// Whether it is one.
    ///
    /// # Errors
    /// `invalid`, and the two values.
    pub fn require_sound(&self, invalid: Reason) -> Result<()> {
        let invalid = |what: &str| Fault::new(invalid, what);
        if !is_id(&self.name) {
            return Err(invalid("the name of the set is none")
                .expected("letters, digits, `.`, `_` and `-`, a letter or digit first", shown(&self.name, 80)));
        }
        if self.version == 0 {
            return Err(invalid("the versions of a set begin with 1").expected("at least 1", "0"));
        }
        if self.expires_at <= self.issued_at {
            return Err(invalid("the set would never count")
                .expected(format!("expires_at behind issued_at, {}", self.issued_at), self.expires_at.to_string()));
        }
        Ok(())
    }
}

/// What somebody has typed is no set that cannot be understood.
pub fn as_usage(fault: Fault, invalid: Reason) -> Fault {
    match fault.difference() {
        Some(values) if fault.reason() == invalid => {
            Fault::new(Reason::Usage, fault.message()).expected(&values.expected, &values.found)
        }
        _ => fault,
    }
}

/// The last version of the set of that name: `now`, or one that was followed before.
pub fn last_of(now: EarlierSet, earlier: &[EarlierSet], name: &str) -> Option<EarlierSet> {
    [now].iter().chain(earlier).find(|it| it.name == name).cloned()
}

/// What is known of other sets once one of that name is followed, after `now` and those before it.
pub fn earlier_than(name: &str, now: Option<EarlierSet>, earlier: Vec<EarlierSet>) -> Vec<EarlierSet> {
    let mut earlier = earlier;
    earlier.extend(now);
    earlier.retain(|it| it.name != name);
    earlier
}
