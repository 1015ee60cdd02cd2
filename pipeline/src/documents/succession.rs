//! Keys that name their successors, and what a site makes of that.

use schemars::JsonSchema;
use serde::Serialize;

use super::{FinishedChange, KeyNote, Objection};

/// An endorsement that was made, or that one more key has signed; in a dry run what it would be.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EndorsedKey {
    /// Whether there is a signature now that was not there before.
    pub changed: bool,
    /// Where it is: the file, or the reference; nothing when it was printed.
    pub destination: Option<String>,
    /// The artifact that holds it; nothing for a file.
    pub artifact_digest: Option<String>,
    /// The content of the file: an envelope of DSSE v1, one line. Nothing in a dry run.
    pub statement: Option<String>,
    /// The key that succeeds.
    pub fingerprint: String,
    /// Whose word it is.
    pub endorsers: Vec<EndorsingKey>,
    /// How many of them have to sign it.
    pub required_count: usize,
    /// When it was made.
    pub issued_at: String,
    /// The successor counts from then on.
    pub not_before: String,
    /// Until then both count, and the endorsement is followed.
    pub ends_at: String,
    /// What else they say.
    pub comment: Option<String>,
}

/// One of the keys whose word an endorsement is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EndorsingKey {
    /// The key by content.
    pub fingerprint: String,
    /// Whether it has signed.
    pub signed: bool,
}

/// A successor that this site trusts, or in a dry run would.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AcceptedKey {
    /// Whether it became a trusted key; not when it is one already.
    pub changed: bool,
    /// The successor, by the name under which this site trusts it.
    pub key_id: String,
    /// The key by content.
    pub fingerprint: String,
    /// What stands in its note; nothing when it was trusted already.
    pub note: Option<KeyNote>,
    /// How much its signatures have to cover, where its note says so: `full` or `code`.
    pub coverage: Option<&'static str>,
    /// The keys on whose word it is accepted, by their names here.
    pub endorsers: Vec<String>,
    /// The keys that have signed and do not count here.
    pub endorsers_not_counted: Vec<EndorserNotCounted>,
    /// How many endorsers there had to be.
    pub required_count: usize,
    /// Until then its endorsers are meant to count as well.
    pub ends_at: String,
    /// The directory of keys.
    pub keys_directory: String,
    /// Why.
    pub reason: String,
    /// A change that was interrupted before and is finished now.
    pub finished: Option<FinishedChange>,
}

/// A key that has signed an endorsement and does not count here.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EndorserNotCounted {
    /// Its name here.
    pub key_id: String,
    /// The key by content.
    pub fingerprint: String,
    /// Why.
    pub objection: Objection,
}
