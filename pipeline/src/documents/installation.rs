//! What changed in a plugins directory.

use aisoc_signing::Coverage;
use aisoc_trust::{FileVerdict, SignatureStatus, TrustDecision};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Objection, Signer};
use crate::at_rest::PluginAtRest;

/// What the gate said of a signature. Part of other documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SignatureJudgement {
    /// The status word. Nothing where no signature was judged.
    pub signature_status: Option<&'static str>,
    /// The key that verified it, by the name under which this site trusts it.
    pub signing_key_id: Option<String>,
    /// That key's fingerprint.
    pub signing_key_fingerprint: Option<String>,
    /// How much it covers. Nothing where that is not known.
    pub coverage: Option<&'static str>,
    /// The keys from which no more is accepted by a note of this site (`coverage: code`), where the signature covers
    /// the manifest and `*.py` alone.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub coverage_accepted_from: Vec<String>,
    /// Why it was let in: `trusted_publisher`, `operator_override` or `development_unsigned_override`. Nothing where it
    /// was not, or was by the trust mode `warn` alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trust_decision: Option<&'static str>,
}

impl SignatureJudgement {
    /// Of a plugin in a directory.
    pub fn of(plugin: &PluginAtRest) -> Self {
        let judged = plugin.verdict.as_ref();
        Self {
            signature_status: plugin.signature.map(SignatureStatus::as_str),
            signing_key_id: judged.ok().and_then(|judgement| judgement.key_id.clone()),
            signing_key_fingerprint: judged.ok().and_then(|judgement| judgement.fingerprint.clone()),
            coverage: plugin.coverage.map(Coverage::as_str),
            coverage_accepted_from: judged
                .map(|judgement| judgement.coverage_accepted_from.clone())
                .unwrap_or_default(),
            trust_decision: judged.ok().and_then(|judgement| judgement.decision).map(TrustDecision::as_str),
        }
    }

    /// Of a drop-in: what the signature beside it is worth. It covers all that there is of it.
    pub fn of_file(file: &FileVerdict) -> Self {
        let signer = file.signer.as_ref();
        Self {
            signature_status: Some(file.status.as_str()),
            signing_key_id: signer.map(|signer| signer.key_id.to_string()),
            signing_key_fingerprint: signer.map(|signer| signer.fingerprint.to_string()),
            coverage: signer.map(|_| Coverage::Full.as_str()),
            coverage_accepted_from: Vec::new(),
            trust_decision: file.decision.map(TrustDecision::as_str),
        }
    }
}

/// A plugin that was installed, or was there already.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InstalledPlugin {
    /// The plugin.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Where it came from, pinned to the digest.
    pub reference: String,
    /// Digest of the artifact's manifest.
    pub artifact_digest: String,
    /// Digest of the index that the reference names, when it names one that this was taken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_digest: Option<String>,
    /// The platform by which it was taken of an index of several, or that somebody has named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Where it is.
    pub directory: String,
    /// What the gate said.
    #[serde(flatten)]
    pub signature: SignatureJudgement,
    /// What happened to the directory: `installed`, `upgraded`, `downgraded`, `replaced`, `unchanged`.
    pub change: &'static str,
    /// All trusted keys that verified it.
    pub signers: Vec<Signer>,
    /// The version that was there before.
    pub previous_version: Option<String>,
    /// Who has signed that, as far as anybody can tell; nothing when nothing else was there.
    pub previous_signers: Option<Vec<Signer>>,
    /// The signers that are new beside one that goes on; nothing when nothing else was there.
    pub added_signers: Option<Vec<Signer>>,
    /// Where that came from, when it was written down.
    pub previous_reference: Option<String>,
    /// What it asks of the host: the entries of `capabilities` that are grants.
    pub capabilities: Vec<String>,
    /// What of that the plugin before did not ask for. Nothing when there was none, or when its manifest cannot be
    /// read.
    pub added_capabilities: Option<Vec<String>>,
    /// What the plugin before asked for and this one does not. Nothing as for `added_capabilities`.
    pub removed_capabilities: Option<Vec<String>>,
    /// `full`, `code` or `unknown` when the coverage floor was lowered.
    pub lowered_from: Option<&'static str>,
    /// Whether plugins.lock accepts it, of an install that asked.
    pub is_locked: bool,
    /// What strict mode would have refused it for.
    pub objection: Option<Objection>,
}

/// A plugin that is back at a version that was kept.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RolledBackPlugin {
    /// The plugin.
    pub id: String,
    /// The version that is in place now.
    pub version: String,
    /// Digest of the artifact that it came from.
    pub artifact_digest: String,
    /// Where it is.
    pub directory: String,
    /// What the gate said.
    #[serde(flatten)]
    pub signature: SignatureJudgement,
    /// All trusted keys that verified it.
    pub signers: Vec<Signer>,
    /// The version that was in place before.
    pub previous_version: Option<String>,
    /// Who has signed that, as far as anybody can tell; nothing when nothing else was there.
    pub previous_signers: Option<Vec<Signer>>,
    /// The signers that are new beside one that goes on; nothing when nothing else was there.
    pub added_signers: Option<Vec<Signer>>,
    /// Where that came from, when it was written down.
    pub previous_reference: Option<String>,
    /// What it asks of the host: the entries of `capabilities` that are grants.
    pub capabilities: Vec<String>,
    /// What of that the version before did not ask for. Nothing when its manifest cannot be read.
    pub added_capabilities: Option<Vec<String>>,
    /// What the version before asked for and this one does not. Nothing as for `added_capabilities`.
    pub removed_capabilities: Option<Vec<String>>,
    /// `full`, `code` or `unknown` when the coverage floor was lowered.
    pub lowered_from: Option<&'static str>,
    /// Whether plugins.lock accepts it, of a rollback that asked.
    pub is_locked: bool,
    /// What strict mode would have refused it for.
    pub objection: Option<Objection>,
}

/// A plugin that is gone.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UninstalledPlugin {
    /// The plugin.
    pub id: String,
    /// The plugins directory.
    pub plugins_directory: String,
}
