//! One plugin as a reviewer looks at it, and two versions of one beside each other.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ClaimedManifest, ExplainedDecision, FileState, InspectedFile, KnownCapability, Objection, Signer, UsedPlugin,
};

/// Everything that a reviewer should know of one plugin.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DescribedPlugin {
    /// What the gates say.
    #[serde(flatten)]
    pub decision: ExplainedDecision,
    /// Its version, when it is known.
    pub version: Option<String>,
    /// What it is to its host, when that is known.
    pub kind: Option<String>,
    /// Where it was found, or would be: `compiled`, `dir`, `oci`, `entry_point` or `dropin`.
    pub plugin_source: Option<String>,
    /// Where it comes from: a reference or a path.
    pub reference: Option<String>,
    /// Digest of the artifact that it came in, when it came in one.
    pub artifact_digest: Option<String>,
    /// Its content, as a lock compares it.
    pub hash: Option<String>,
    /// What the signature is worth; nothing of what has none by its kind.
    pub signature_status: Option<&'static str>,
    /// How much the signature covers; nothing where that is not known.
    pub coverage: Option<String>,
    /// Every trusted key that has signed it.
    pub signers: Vec<Signer>,
    /// What the manifest claims; nothing of what has none, or cannot be read.
    pub claimed: Option<ClaimedManifest>,
    /// What it asks of its host, with what to ask about each. Nothing of what declares nothing by its kind.
    pub asked_capabilities: Option<Vec<AskedCapability>>,
    /// What it asks for and no host can grant.
    pub unknown_capabilities: Vec<String>,
    /// Whether it asks to change something, and not for `audit.emit` to say so.
    pub writes_without_audit: bool,
    /// What a host has written down of what it has really called; nothing where no host has written down anything.
    pub used: Option<UsedPlugin>,
    /// What holds it to what it asks for, in one sentence.
    pub confinement: String,
    /// What it needs beside itself, as `key: value` of its manifest.
    pub dependencies: Vec<String>,
    /// What differs from the version that this site has accepted; nothing where none was.
    pub since_accepted: Option<PluginChanges>,
    /// Every file; nothing where they are not known one by one.
    pub files: Option<Vec<InspectedFile>>,
    /// What a reviewer goes through.
    pub checklist: Vec<ReviewItem>,
}

/// A capability that a plugin asks for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AskedCapability {
    /// The capability.
    #[serde(flatten)]
    pub capability: KnownCapability,
    /// Whether the accepted version did not ask for it; nothing where that is not known.
    pub is_new: Option<bool>,
}

/// A question for a reviewer, and what is known about it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReviewItem {
    /// Its number.
    pub item: &'static str,
    /// The question.
    pub question: &'static str,
    /// `ok`, `look` where a person has to, or `no`.
    pub result: &'static str,
    /// What is known.
    pub finding: String,
}

/// What differs between two versions of a plugin.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PluginChanges {
    /// The version that is compared with.
    pub before: ComparedVersion,
    /// The version that is compared.
    pub after: ComparedVersion,
    /// Whether anything does. Where they come from is no difference.
    pub differs: bool,
    /// Of `version`, `kind`, `entry_point`, `hash` and `coverage` those that differ.
    pub changed_fields: Vec<ChangedField>,
    /// What it asks of its host; nothing where that is not known of both.
    pub capability_changes: Option<NameChanges>,
    /// Whose keys have signed it; nothing where that is not known of both.
    pub signer_changes: Option<SignerChanges>,
    /// What it needs beside itself; nothing where that is not known of both.
    pub dependency_changes: Option<NameChanges>,
    /// Its files; nothing where they are not known of both.
    pub file_changes: Option<FileChanges>,
    /// What is not known of both, and was not compared.
    pub not_compared: Vec<&'static str>,
}

/// What differs between the version that was accepted, or another one that was named, and one that is offered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ComparedPlugin {
    /// What was named.
    pub source: String,
    /// The plugin.
    pub id: Option<String>,
    /// What was named with `--to`, if something was.
    pub compared_with: Option<String>,
    /// Whether an install would take the version that is compared, as the gates say, and why not.
    pub verdict: &'static str,
    /// Why it is refused, or what strict mode would have refused it for.
    pub objection: Option<Objection>,
    /// What differs.
    pub changes: PluginChanges,
}

/// One of two versions that are compared.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ComparedVersion {
    /// `plugins_lock`, `install_record`, `installed` or `offered`.
    pub known_from: &'static str,
    /// Its version, when it is known.
    pub version: Option<String>,
    /// Where it comes from, when that is known.
    pub reference: Option<String>,
    /// Digest of the artifact that it came in, when that is known.
    pub artifact_digest: Option<String>,
    /// Its content, as a lock compares it.
    pub hash: Option<String>,
}

/// One value that differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangedField {
    /// What it is.
    pub field: &'static str,
    /// What it was.
    pub before: String,
    /// What it is now.
    pub after: String,
}

/// Names that one of two versions has alone.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct NameChanges {
    /// Those that are new.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
}

/// Signers that one of two versions has alone.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct SignerChanges {
    /// Those that are new.
    pub added: Vec<Signer>,
    /// Those that are gone.
    pub removed: Vec<Signer>,
}

/// Files in which two versions differ.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct FileChanges {
    /// Those that are new.
    pub added: Vec<InspectedFile>,
    /// Those that are gone.
    pub removed: Vec<InspectedFile>,
    /// Those that are in both, and are not the same.
    pub changed: Vec<ReplacedFile>,
}

/// A file that is in both versions, and is not the same.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReplacedFile {
    /// The file.
    pub path: String,
    /// What it was.
    pub before: FileState,
    /// What it is now.
    pub after: FileState,
}

impl NameChanges {
    /// Whether both have the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl SignerChanges {
    /// Whether both have the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl FileChanges {
    /// Whether both have the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}
