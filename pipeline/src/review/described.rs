//! The reviewer's page of one plugin, as a document.

use std::collections::BTreeSet;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::plugin::Manifest;
use aisoc_trust::lockfile::Lockfile;
use aisoc_trust::{SignatureStatus, TrustDecision};
use aisoc_worker::Sandbox;

use super::checklist::{Review, checklist, writes_without_audit};
use super::compare::{compare, signer};
use super::confinement;
use super::edition::Edition;
use super::listed::file_of;
use super::look::Looked;
use crate::accepted::Listed;
use crate::documents::{
    AskedCapability, ClaimedManifest, DescribedPlugin, ExplainedDecision, Explanation, InspectedFile, Objection,
    PluginChanges, Signer,
};

/// The page of a plugin that was read, beside the version of it that was accepted.
pub fn described(named: String, looked: &Looked, accepted: Option<&Edition>, sandbox: Sandbox) -> DescribedPlugin {
    let edition = Edition::of_looked(looked);
    let verification = &looked.verification;
    let decision = ExplainedDecision::of(named, looked.is_installed(), verification);
    let explanation = Explanation::of(&verification.verdict, &verification.trace, &verification.findings);
    let manifest = looked.claim.document().and_then(Manifest::from_document).ok();
    let page = Page {
        decision,
        signature_status: Some(explanation.signature_status),
        claimed: manifest.map(ClaimedManifest::from),
        confinement: confinement::of_directory(sandbox),
        files: Some(looked.claim.tree().files.iter().map(InspectedFile::from).collect()),
    };
    page.of(edition, accepted)
}

/// The page of a plugin that is beside the plugins directory.
pub fn described_listed(named: String, listed: Listed, lock: Option<&Lockfile>, sandbox: Sandbox) -> DescribedPlugin {
    let mut decision = ExplainedDecision::asked(named, listed.plugin.id.clone(), &listed.asking);
    let (plugin, file) = (listed.plugin, listed.file);
    let accepted = lock.and_then(|lock| lock.entry(&plugin.id)).map(Edition::of_entry);
    let files = file_of(&plugin).map(|file| vec![file]);
    decision.trust_decision = file.as_ref().and_then(|file| file.decision).map(TrustDecision::as_str);
    let signature_status = file.as_ref().map(|file| file.status.as_str());
    let confinement = confinement::of_listed(&plugin, sandbox);
    let page = Page { decision, signature_status, claimed: None, confinement, files };
    page.of(Edition::of_discovered(&plugin, file.as_ref()), accepted.as_ref())
}

/// What is not said by an edition.
struct Page {
    decision: ExplainedDecision,
    signature_status: Option<&'static str>,
    claimed: Option<ClaimedManifest>,
    confinement: String,
    files: Option<Vec<InspectedFile>>,
}

impl Page {
    fn of(self, edition: Edition, accepted: Option<&Edition>) -> DescribedPlugin {
        let changes = accepted.map(|accepted| compare(accepted, &edition));
        let signers: Vec<Signer> =
            edition.signers.iter().flatten().map(|(fingerprint, name)| signer(fingerprint, name)).collect();
        let names: Vec<String> =
            signers.iter().map(|signer| signer.signing_key_id.clone().unwrap_or_default()).collect();
        let refusal = self.refusal().map(ToString::to_string);
        let checklist = checklist(&Review {
            signature_status: self.signature_status.filter(|status| *status != SignatureStatus::Unsigned.as_str()),
            trust_decision: self.decision.trust_decision,
            refusal: refusal.as_deref(),
            signers: &names,
            capabilities: edition.capabilities.as_ref(),
            description: self.claimed.as_ref().and_then(|claimed| claimed.description.as_deref()),
            changes: changes.as_ref(),
        });
        let asked = edition.capabilities.as_ref();
        DescribedPlugin {
            asked_capabilities: asked.map(|asked| asked_capabilities(asked, changes.as_ref())),
            unknown_capabilities: asked.map(unknown_capabilities).unwrap_or_default(),
            writes_without_audit: asked.is_some_and(writes_without_audit),
            decision: self.decision,
            version: edition.version,
            kind: edition.kind,
            plugin_source: edition.source,
            reference: edition.reference,
            artifact_digest: edition.artifact_digest,
            hash: edition.hash,
            signature_status: self.signature_status,
            coverage: edition.coverage,
            signers,
            claimed: self.claimed,
            used: None,
            confinement: self.confinement,
            dependencies: edition.requirements.into_iter().flatten().collect(),
            since_accepted: changes,
            files: self.files,
            checklist,
        }
    }

    fn refusal(&self) -> Option<&Objection> {
        self.decision.objection.as_ref().filter(|_| self.decision.verdict == "refused")
    }
}

fn asked_capabilities(asked: &BTreeSet<String>, changes: Option<&PluginChanges>) -> Vec<AskedCapability> {
    let added = changes.and_then(|changes| changes.capability_changes.as_ref()).map(|changes| &changes.added);
    // Sorted, as the set is; the registry has an order of its own.
    let known = asked.iter().filter_map(|name| Capability::ALL.iter().copied().find(|known| known.as_str() == name));
    let is_new = |name: &str| added.map(|added| added.iter().any(|added| added == name));
    known.map(|known| AskedCapability { capability: known.into(), is_new: is_new(known.as_str()) }).collect()
}

fn unknown_capabilities(asked: &BTreeSet<String>) -> Vec<String> {
    let is_known = |name: &str| Capability::ALL.iter().any(|known| known.as_str() == name);
    asked.iter().filter(|name| !is_known(name)).cloned().collect()
}
