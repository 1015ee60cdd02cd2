//! What was done to a trusted key.

use schemars::JsonSchema;
use serde::Serialize;

/// A change of the trusted keys, or in a dry run what it would be.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangedKey {
    /// What was done, in the word of the journal: `key-add`, `key-revoke` and so on.
    pub action: &'static str,
    /// The key, by the name under which this site knows it.
    pub key_id: String,
    /// The key by content.
    pub key_fingerprint: String,
    /// Where it stood before: `trusted`, `staged`, `retired` or `revoked`; none for a key that came.
    pub previous_state: Option<&'static str>,
    /// The directory of keys.
    pub keys_directory: String,
    /// Why.
    pub reason: String,
    /// When, as the journal has it.
    pub changed_at: String,
    /// A change that was interrupted before and is finished now.
    pub finished: Option<FinishedChange>,
    /// Of a key that is revoked: the keys that count here on its word, or on the word of one of these.
    pub successors: Vec<SuccessorOfKey>,
}

/// A key that was accepted on the word of one that is revoked.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SuccessorOfKey {
    /// Its name here.
    pub key_id: String,
    /// The key by content.
    pub key_fingerprint: String,
    /// Whether it is revoked as well, or in a dry run would be.
    pub revoked: bool,
}

/// A change that an earlier run had begun.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FinishedChange {
    /// What was done, in the word of the journal.
    pub action: &'static str,
    /// The key.
    pub key_id: String,
}
