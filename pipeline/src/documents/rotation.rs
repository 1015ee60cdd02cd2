//! The rotation of a key: what was done, and what is left.

use schemars::JsonSchema;
use serde::Serialize;

use super::{DependentItem, NotJudged};

/// How far the rotation of a key is, or in a dry run the plan of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyRotation {
    /// The directory of keys.
    pub keys_directory: String,
    /// The plugins directory; nothing where there is none.
    pub plugins_directory: Option<String>,
    /// The key that comes.
    pub new: RotatedKey,
    /// The key that goes.
    pub old: RotatedKey,
    /// How long both count at least: `30d`.
    pub overlap: String,
    /// Whether nothing is left to do.
    pub is_finished: bool,
    /// Since when the new key is trusted, as the journal says.
    pub trusted_at: Option<String>,
    /// When the old key is retired at the earliest; nothing where it is not trusted any more.
    pub retires_at: Option<String>,
    /// What is waited for, in words.
    pub waits_for: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<KeyRotationStep>,
    /// What this run has changed, in order; nothing in a dry run.
    pub changes: Vec<KeyRotationChange>,
    /// What depends on the old key alone, the worst first.
    pub dependents: Vec<KeyRotationDependent>,
    /// What could not be judged, and why.
    pub failed: Vec<NotJudged>,
}

/// One of the two keys.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RotatedKey {
    /// The name under which this site trusts it, or will.
    pub key_id: String,
    /// The key by content.
    pub fingerprint: String,
    /// Where it stands: `trusted`, `staged`, `retired` or `revoked`; nothing where it is not there yet.
    pub state: Option<&'static str>,
}

/// A step of the rotation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyRotationStep {
    /// `stage`, `annotate`, `promote`, `resign`, `retire` or `revoke`.
    pub step: &'static str,
    /// `done`, `due` (a run takes it), `waiting`, or `later` (a step before it comes first).
    pub state: &'static str,
    /// What it waits for, or what there is to say of it, in words.
    pub why: Option<String>,
    /// Until when it waits at least.
    pub waits_until: Option<String>,
}

/// A change that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyRotationChange {
    /// What was done, in the word of the journal.
    pub action: &'static str,
    /// To which key.
    pub key_id: String,
    /// When, as the journal has it.
    pub changed_at: String,
}

/// Something that depends on the old key alone, and what changes that.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyRotationDependent {
    /// What depends on it.
    #[serde(flatten)]
    pub dependent: DependentItem,
    /// The commands that change it: the first for its publisher, who has the new private key.
    pub commands: Vec<String>,
}
