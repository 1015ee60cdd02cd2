//! What is wrong with a directory of keys, what falls due in it, and keys by content.

use schemars::JsonSchema;
use serde::Serialize;

/// Everything that was found in a directory of keys.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyLint {
    /// The directory of the keys, or the one file.
    pub keys_directory: String,
    /// How many files were looked at.
    pub file_count: usize,
    /// How many findings are errors.
    pub error_count: usize,
    /// How many are warnings.
    pub warning_count: usize,
    /// How many are notes.
    pub note_count: usize,
    /// What was found: what weighs most first, then by path.
    pub findings: Vec<KeyFinding>,
}

/// One thing that somebody should know.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyFinding {
    /// What it is about, by an id that keeps its meaning.
    pub rule: &'static str,
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// The file or directory.
    pub path: String,
    /// The name of the key, when it can be read.
    pub key_id: Option<String>,
    /// The key by content, when it can be read.
    pub fingerprint: Option<String>,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What falls due among the keys of a directory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyCalendar {
    /// The directory of the keys, or the one file.
    pub keys_directory: String,
    /// The time by which keys are judged.
    pub from_at: String,
    /// How far ahead was looked.
    pub until_at: String,
    /// In order of time; what is over and still to be done comes first.
    pub due: Vec<DueKey>,
}

/// One entry of a calendar.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DueKey {
    /// When.
    pub at: String,
    /// `begins` to count, `expires`, `is_revoked`, or `staged_since` then; `set_expires` of the set that is followed.
    pub what: &'static str,
    /// Whether that time is over.
    pub is_over: bool,
    /// The name of the key; nothing of a set.
    pub key_id: Option<String>,
    /// The key by content.
    pub fingerprint: Option<String>,
    /// Its file.
    pub path: Option<String>,
    /// Its state today, in the words of `keys list`.
    pub state: Option<&'static str>,
    /// The set of keys that is followed; nothing of a key.
    pub set_name: Option<String>,
    /// The version of it that was applied.
    pub set_version: Option<u64>,
}

/// Keys by content.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyFingerprints {
    /// In the order in which they were named.
    pub keys: Vec<FingerprintedKey>,
}

/// One key by content, and where it was seen.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FingerprintedKey {
    /// What was named: a key file, or something whose signatures name the key, which nobody has verified.
    pub source: String,
    /// As aisoc prints it everywhere: of the 32 bytes of the key.
    pub fingerprint: String,
    /// As OpenSSH prints it, when the key itself is known and not only its fingerprint.
    pub openssh: Option<String>,
    /// The name under which the key stands among the trusted keys that were named.
    pub key_id: Option<String>,
}
