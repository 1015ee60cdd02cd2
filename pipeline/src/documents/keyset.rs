//! Sets of keys, as they are made and as they are followed.

use schemars::JsonSchema;
use serde::Serialize;

use super::{FinishedChange, Objection, Signer};

/// A set of keys that was signed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExportedKeySet {
    /// Which set it is.
    pub name: String,
    /// Its version.
    pub set_version: u64,
    /// The version that was there before.
    pub previous_set_version: Option<u64>,
    /// When it was made.
    pub issued_at: String,
    /// Until when it can be relied on.
    pub expires_at: String,
    /// How many keys it holds.
    pub key_count: usize,
    /// What was signed, by content.
    pub payload_digest: String,
    /// Who has signed it.
    pub signers: Vec<Signer>,
    /// Where it is: the file, or the reference; nothing when it was printed.
    pub destination: Option<String>,
    /// The artifact that holds it; nothing for a file.
    pub artifact_digest: Option<String>,
    /// The content of the file, where it was printed: an envelope of DSSE v1, one line.
    pub statement: Option<String>,
    /// The directory of the keys.
    pub keys_directory: String,
}

/// What a set of keys has made of the keys of a site.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SyncedKeySet {
    /// Which set it is.
    pub name: String,
    /// Its version.
    pub set_version: u64,
    /// The version that was applied before.
    pub previous_set_version: Option<u64>,
    /// Until when it can be relied on.
    pub expires_at: String,
    /// What was signed, by content.
    pub payload_digest: String,
    /// Where it was: the file, or the reference.
    pub source: String,
    /// Whose signatures counted; nobody's where it is what was applied before.
    pub signers: Vec<Signer>,
    /// How many have to sign.
    pub required_signature_count: usize,
    /// Whether anything was written.
    pub changed: bool,
    /// What was done, in order.
    pub changes: Vec<SyncedKey>,
    /// The keys that wait, because something depends on them.
    pub waiting: Vec<WaitingKey>,
    /// What is not as the set says, and stays so.
    pub left_alone: Vec<LeftKey>,
    /// The directory of the keys.
    pub keys_directory: String,
    /// Why, as it is written down.
    pub reason: String,
    /// A change that was interrupted before, and was finished first.
    pub finished: Option<FinishedChange>,
}

/// A key that was brought or changed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SyncedKey {
    /// Its name here.
    pub key_id: String,
    /// The key by content.
    pub fingerprint: String,
    /// `revoked`, `trusted`, `staged`, `retired`, or `annotated` where its note alone has changed.
    pub change: &'static str,
    /// Where it stood; nothing for one that came.
    pub previous_state: Option<&'static str>,
    /// Where it stands.
    pub state: &'static str,
}

/// A key that is to go, and waits.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WaitingKey {
    /// Its name here.
    pub key_id: String,
    /// The key by content.
    pub fingerprint: String,
    /// What depends on it, by id or place.
    pub dependents: Vec<String>,
    /// Why nobody could tell what does.
    pub objection: Option<Objection>,
}

/// A key that is not as the set says.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LeftKey {
    /// Its name here, or in the set where it is not here.
    pub key_id: String,
    /// The key by content.
    pub fingerprint: String,
    /// Its file here.
    pub path: Option<String>,
    /// `revoked_here`, `own_key`, `changed_here`, `removed_here`, `own_key_revoked` or `name_taken`.
    pub why: &'static str,
}
