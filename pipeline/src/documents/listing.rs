//! What is installed, and how it stands.

use schemars::JsonSchema;
use serde::Serialize;

use super::{LockVerdict, Objection, SignatureJudgement};

/// Everything that is installed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PluginList {
    /// The plugins directory.
    pub plugins_directory: String,
    /// Whether everybody may write it or one on the way to it, and that was accepted.
    pub shared: bool,
    /// The plugins, in the order of their names.
    pub plugins: Vec<ListedPlugin>,
}

/// One installed plugin. One that is refused is listed with the reason.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedPlugin {
    /// The plugin.
    pub id: String,
    /// Its version, when it is known.
    pub version: Option<String>,
    /// What it asks of the host: the entries of `capabilities` that are grants. Nothing when they were not read.
    pub capabilities: Option<Vec<String>>,
    /// Those of them that no host can grant.
    pub unknown_capabilities: Vec<String>,
    /// Whether the gate lets it in today.
    pub admitted: bool,
    /// What the gate says today.
    #[serde(flatten)]
    pub signature: SignatureJudgement,
    /// Where it came from.
    pub reference: Option<String>,
    /// Digest of the artifact that it came from.
    pub artifact_digest: Option<String>,
    /// When it was installed.
    pub installed_at: Option<String>,
    /// When a rollback put it back in place, if one did.
    pub rolled_back_at: Option<String>,
    /// The version that was in place before that rollback, when it was known.
    pub rolled_back_from: Option<String>,
    /// Its place, from which the path can be had back: bytes that are no UTF-8 are `\xNN`.
    pub directory: String,
    /// The directory's own name, when it is not the id. In JSON, `directory` says it.
    #[serde(skip)]
    pub name: Option<String>,
    /// Why it is refused, or what strict mode would refuse it for.
    pub objection: Option<Objection>,
    /// What an operator should know although it is no refusal.
    pub note: Option<&'static str>,
    /// When they were asked for: the installed version and those that can be rolled back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<Vec<PluginVersion>>,
}

/// One version of a plugin, as its install recorded it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PluginVersion {
    /// The version.
    pub version: String,
    /// Digest of the artifact that it came from.
    pub artifact_digest: String,
    /// When it was installed.
    pub installed_at: String,
    /// What the gate said when it was activated; a rollback asks again.
    pub signature_status: String,
    /// Its size on disk.
    pub disk_bytes: u64,
    /// Whether it is the installed one.
    pub current: bool,
}

/// Everything that is installed, read whole and judged.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PluginVerdicts {
    /// The plugins directory.
    pub plugins_directory: String,
    /// Whether everybody may write it or one on the way to it, and that was accepted.
    pub shared: bool,
    /// How many have which verdict.
    #[serde(flatten)]
    pub counts: VerdictCounts,
    /// The plugins, in the order of their names.
    pub plugins: Vec<PluginVerdict>,
    /// Whether what is here is what the lock accepts, where there is a lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockVerdict>,
}

/// How many plugins have which verdict. Each is counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VerdictCounts {
    /// A signature was verified, and nothing more is asked.
    #[serde(rename = "verified_count")]
    pub verified: usize,
    /// Verified, and let in although the policy asks for more.
    #[serde(rename = "verified_in_part_count")]
    pub verified_in_part: usize,
    /// Let in without a signature.
    #[serde(rename = "unsigned_count")]
    pub unsigned: usize,
    /// Let in with a signature that is not valid.
    #[serde(rename = "invalid_count")]
    pub invalid: usize,
    /// Nothing was checked.
    #[serde(rename = "skipped_count")]
    pub skipped: usize,
    /// Not let in.
    #[serde(rename = "refused_count")]
    pub refused: usize,
}

/// One installed plugin, and what the gate says of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PluginVerdict {
    /// The plugin.
    pub id: String,
    /// Its place, from which the path can be had back: bytes that are no UTF-8 are `\xNN`.
    pub directory: String,
    /// The directory's own name, when it is not the id. In JSON, `directory` says it.
    #[serde(skip)]
    pub name: Option<String>,
    /// Its version, when it is known.
    pub version: Option<String>,
    /// Whether the gate lets it in today.
    pub admitted: bool,
    /// What the gate says today.
    #[serde(flatten)]
    pub signature: SignatureJudgement,
    /// Why it is refused, or what strict mode would refuse it for.
    pub objection: Option<Objection>,
}
