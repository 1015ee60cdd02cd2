//! The keys of a directory, and what depends on them.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Objection, Signer};

/// Every key of a directory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyList {
    /// The directory of the keys, or the one file.
    pub keys_directory: String,
    /// The plugins directory; nothing where there is none.
    pub plugins_directory: Option<String>,
    /// The keys: the trusted ones in the order in which they are tried, and behind them those that are set aside.
    pub keys: Vec<ListedKey>,
    /// Keys that are in the directory and are not used.
    pub unused_keys: Vec<UnusedKey>,
}

/// One key file, and what is known of its key.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ListedKey {
    /// Its name: that of its file, without the suffix.
    pub key_id: String,
    /// The key by content.
    pub fingerprint: String,
    /// Its file.
    pub path: String,
    /// `trusted`, `not_yet_valid`, `expired`, `staged`, `retired` or `revoked`: today, by where it stands and what is
    /// written of it under any of its names.
    pub state: &'static str,
    /// Whether its signatures count today, within its scope.
    pub counts: bool,
    /// What is written of it.
    #[serde(flatten)]
    pub note: KeyNote,
    /// How much its signatures have to cover, by every note on it: `full` or `code`; as the site says when there is
    /// none. `code` accepts less than the default.
    pub coverage: Option<&'static str>,
    /// The plugins that are installed here and that it verifies; nothing where there is no plugins directory.
    pub plugins: Option<Vec<String>>,
    /// How many these are.
    pub plugin_count: Option<usize>,
}

/// What the note beside a key says, whoever wrote it.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct KeyNote {
    /// Whose key it is.
    pub owner: Option<String>,
    /// What else there is to say.
    pub comment: Option<String>,
    /// From when on it counts.
    pub not_before: Option<String>,
    /// Until when it counts.
    pub not_after: Option<String>,
    /// When it was revoked, or will be.
    pub revoked_at: Option<String>,
    /// Why.
    pub revoked_reason: Option<String>,
    /// Since when somebody else may have had it; it decides over signatures with a timestamp alone.
    pub revoked_since: Option<String>,
    /// The plugins that it may sign, as globs; all when there are none.
    pub scope_plugins: Option<Vec<String>>,
    /// The repositories that what it signs may come from; all when there are none.
    pub scope_repositories: Option<Vec<String>>,
    /// What it may sign.
    pub may_sign: Vec<&'static str>,
    /// The keys on whose word it was accepted.
    pub endorsed_by: Vec<String>,
}

/// A key file that is not used, or a key that stands behind another in one.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnusedKey {
    /// Its file.
    pub path: String,
    /// The key by content, when it can be read.
    pub fingerprint: Option<String>,
    /// Why it is not used.
    pub objection: Objection,
}

/// Everything that is known of one key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShownKey {
    /// The directory of the keys, or the one file.
    pub keys_directory: String,
    /// The plugins directory; nothing where there is none.
    pub plugins_directory: Option<String>,
    /// What listings say of it.
    #[serde(flatten)]
    pub key: ListedKey,
    /// Its fingerprint as OpenSSH prints it.
    pub openssh: String,
    /// The note beside it.
    pub note_path: Option<String>,
    /// The other files in which the same key stands.
    pub other_paths: Vec<String>,
    /// When it stops to count, in words.
    pub ends: Option<String>,
    /// What somebody should know of it, in words.
    pub remarks: Vec<String>,
    /// What it verifies here, and who else does.
    pub verifies: Option<Vec<VerifiedPlugin>>,
}

/// An installed plugin that a key verifies.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VerifiedPlugin {
    /// The plugin.
    pub id: String,
    /// Its version, when it is known.
    pub version: Option<String>,
    /// Its place.
    pub directory: String,
    /// The other trusted keys that verify it as well; none when it is this key alone.
    pub other_signers: Vec<Signer>,
}

/// One key by content.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyFingerprint {
    /// As aisoc prints it everywhere: of the 32 bytes of the key.
    pub fingerprint: String,
    /// As OpenSSH prints it, when the key itself is known and not only its fingerprint.
    pub openssh: Option<String>,
    /// The name under which this site knows the key, where it was looked up.
    pub key_id: Option<String>,
}

/// What depends on keys that somebody wants to take away.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyImpact {
    /// The directory of the keys, or the one file.
    pub keys_directory: String,
    /// The plugins directory; nothing where there is none.
    pub plugins_directory: Option<String>,
    /// The keys that would be gone, together.
    pub keys: Vec<KeyFingerprint>,
    /// How many would become what.
    #[serde(flatten)]
    pub counts: ImpactCounts,
    /// What the keys vouch for today, the worst first.
    pub dependents: Vec<DependentItem>,
    /// What could not be judged, and why.
    pub failed: Vec<NotJudged>,
}

/// How many would become what without the keys. Each is counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImpactCounts {
    /// Refused.
    pub only_this_key_count: usize,
    /// With fewer signers than are required.
    pub below_required_count: usize,
    /// Let in, as mode `warn` does, with nobody who vouches as the site asks.
    pub would_become_unsigned_count: usize,
    /// Verified by another key.
    pub also_another_key_count: usize,
    /// As before: the keys have nothing to do with them.
    pub independent_count: usize,
    /// Refused, as they are today.
    pub refused_count: usize,
    /// Nobody could tell.
    pub failed_count: usize,
}

/// Something that depends on the keys.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DependentItem {
    /// `installed`, `kept` for a rollback, or `named` on the command line.
    pub place: &'static str,
    /// Its directory, or its reference.
    pub source: String,
    /// What it was installed from, as its record says.
    pub reference: Option<String>,
    /// Other references that lead to the same artifact.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_named: Vec<String>,
    /// The plugin, when it is known.
    pub id: Option<String>,
    /// Its version, when it is known.
    pub version: Option<String>,
    /// `only_this_key`, `below_required`, `would_become_unsigned` or `also_another_key`.
    pub dependence: &'static str,
    /// Those of the keys that vouch for it today.
    pub signers: Vec<Signer>,
    /// The keys that would go on vouching for it.
    pub other_signers: Vec<Signer>,
    /// What it would be refused for, or let in despite.
    pub objection: Option<Objection>,
}

/// Something that could not be judged.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotJudged {
    /// What was to be judged.
    pub source: String,
    /// Why it was not.
    pub objection: Objection,
}
