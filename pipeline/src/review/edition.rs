//! `Edition`: what is known of one version of a plugin, from whatever it is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aisoc_discovery::{Discovered, lock_entry_point};
use aisoc_installation::{InstallRecord, escaped};
use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::file_map::FileMap;
use aisoc_manifests::plugin::{Manifest, requirements};
use aisoc_signing::{Claim, Coverage, KeyPlace, Signer, Standing};
use aisoc_trust::FileVerdict;
use aisoc_trust::lockfile::LockEntry;

use super::look::{Looked, Whence};
use crate::documents::Explanation;
use crate::grants::stated_grants;

/// Where that is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownFrom {
    /// An entry of plugins.lock: this site has accepted it.
    PluginsLock,
    /// What its install wrote down; the plugin itself is not what was installed any more.
    InstallRecord,
    /// It is installed.
    Installed,
    /// It is offered.
    Offered,
}

impl KnownFrom {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PluginsLock => "plugins_lock",
            Self::InstallRecord => "install_record",
            Self::Installed => "installed",
            Self::Offered => "offered",
        }
    }
}

/// What is known of one version. What is not known is nothing, which is not the same as none.
#[derive(Debug, Clone)]
pub struct Edition {
    /// Where that is known from.
    pub known_from: KnownFrom,
    /// Where it was found: `compiled`, `dir`, `oci`, `entry_point` or `dropin`.
    pub source: Option<String>,
    /// The reference or the path.
    pub reference: Option<String>,
    /// The digest of the artifact that it came in.
    pub artifact_digest: Option<String>,
    /// The version that it states.
    pub version: Option<String>,
    /// What kind of plugin.
    pub kind: Option<String>,
    /// What a host loads of it, as a lock names it.
    pub entry_point: Option<String>,
    /// Its content, as a lock compares it.
    pub hash: Option<String>,
    /// How much of it a signature covers.
    pub coverage: Option<String>,
    /// The keys that have signed it, by fingerprint, and the names under which they are known here.
    pub signers: Option<BTreeMap<String, Option<String>>>,
    /// What it asks of its host.
    pub capabilities: Option<BTreeSet<String>>,
    /// What it needs beside itself.
    pub requirements: Option<BTreeSet<String>>,
    /// Its files.
    pub files: Option<Arc<FileMap>>,
    /// One digest over all of them, where they are not known one by one.
    pub tree: Option<TreeDigest>,
}

impl Edition {
    fn unknown(known_from: KnownFrom) -> Self {
        Self {
            known_from,
            source: None,
            reference: None,
            artifact_digest: None,
            version: None,
            kind: None,
            entry_point: None,
            hash: None,
            coverage: None,
            signers: None,
            capabilities: None,
            requirements: None,
            files: None,
            tree: None,
        }
    }

    /// As the claim has it, whoever says so.
    pub(super) fn of_claim(known_from: KnownFrom, claim: &Claim) -> Self {
        let document = claim.document().ok();
        let manifest = document.and_then(|document| Manifest::from_document(document).ok());
        let files = Arc::clone(&claim.tree().files);
        Self {
            version: manifest.as_ref().map(|manifest| manifest.version.clone()),
            kind: manifest.as_ref().map(|manifest| manifest.plugin_type.to_string()),
            entry_point: manifest.as_ref().map(lock_entry_point),
            hash: claim.statement().ok().map(|statement| format!("sha256:{}", statement.digest().hex())),
            capabilities: stated_grants(claim),
            requirements: document.map(requirements),
            tree: Some(files.tree_digest()),
            files: Some(files),
            ..Self::unknown(known_from)
        }
    }

    /// As it was looked at: the claim, and of the signature what was judged today.
    pub fn of_looked(looked: &Looked) -> Self {
        let is_installed = looked.is_installed();
        let known_from = if is_installed { KnownFrom::Installed } else { KnownFrom::Offered };
        let (source, reference) = match &looked.whence {
            Whence::Installed(Some(record)) => ("oci", Some(record.reference.clone())),
            Whence::Installed(None) => ("dir", None),
            Whence::Directory(directory) => ("dir", Some(escaped(directory.as_os_str()))),
            Whence::Artifact(reference) => ("oci", Some(reference.clone())),
        };
        let verification = &looked.verification;
        let explanation = Explanation::of(&verification.verdict, &verification.trace, &verification.findings);
        Self {
            source: Some(source.to_owned()),
            reference,
            artifact_digest: verification.artifact_digest.map(|digest| digest.to_string()),
            coverage: Some(explanation.coverage.to_owned()),
            signers: signers(looked),
            ..Self::of_claim(known_from, &looked.claim)
        }
    }

    /// As its install has written it down.
    pub(super) fn of_record(record: &InstallRecord) -> Self {
        let signed_by = record.signed_by();
        let named = |signer: &aisoc_trust::KnownSigner| (signer.fingerprint.to_string(), Some(signer.key_id.clone()));
        Self {
            source: Some("oci".to_owned()),
            reference: Some(record.reference.clone()),
            artifact_digest: Some(record.digest.to_string()),
            version: Some(record.version.clone()),
            hash: record.canonical_digest.map(|digest| format!("sha256:{}", digest.hex())),
            coverage: record.coverage.clone(),
            // Records of older versions name a key without its fingerprint: then nobody can compare.
            signers: (!signed_by.is_signed() || !signed_by.signers().is_empty())
                .then(|| signed_by.signers().iter().map(named).collect()),
            capabilities: record.capabilities.clone(),
            tree: Some(record.tree_digest),
            ..Self::unknown(KnownFrom::InstallRecord)
        }
    }

    /// As the lock has it.
    pub(super) fn of_entry(entry: &LockEntry) -> Self {
        let provenance = &entry.provenance;
        let signers = provenance.signed_by.as_ref();
        Self {
            source: provenance.source.clone(),
            reference: provenance.oci_ref.clone(),
            artifact_digest: provenance.oci_digest.clone(),
            version: Some(entry.version.clone()),
            entry_point: Some(entry.entry_point.clone()),
            hash: Some(entry.distribution_hash.clone()),
            coverage: provenance.coverage.clone(),
            signers: signers.map(|keys| keys.iter().map(|key| (key.clone(), None)).collect()),
            capabilities: provenance.capabilities.as_ref().map(|names| names.iter().cloned().collect()),
            ..Self::unknown(KnownFrom::PluginsLock)
        }
    }

    /// As it was found beside the plugins directory; `file` says what the signature beside a drop-in is worth, which covers
    /// all that there is of one.
    pub fn of_discovered(plugin: &Discovered, file: Option<&FileVerdict>) -> Self {
        let signer = file.and_then(|file| file.signer.as_ref());
        let named = |signer: &Signer| (signer.fingerprint.to_string(), Some(signer.key_id.to_string()));
        Self {
            coverage: signer.map(|_| Coverage::Full.as_str().to_owned()),
            signers: file.map(|_| signer.iter().map(|signer| named(signer)).collect()),
            source: Some(plugin.source.to_string()),
            reference: Some(escaped(plugin.place.as_os_str())),
            version: Some(plugin.version.clone()),
            kind: Some(plugin.kind.to_string()),
            entry_point: Some(plugin.entry_point.clone()),
            hash: Some(plugin.hash.clone()),
            capabilities: plugin.declared_in_code().cloned(),
            ..Self::unknown(KnownFrom::Installed)
        }
    }

    /// What is known of the same content from elsewhere too.
    #[must_use]
    pub(super) fn filled_from(self, same: &Self) -> Self {
        let same = same.clone();
        Self {
            kind: self.kind.or(same.kind),
            coverage: self.coverage.or(same.coverage),
            capabilities: self.capabilities.or(same.capabilities),
            requirements: self.requirements.or(same.requirements),
            files: self.files.or(same.files),
            tree: self.tree.or(same.tree),
            ..self
        }
    }
}

/// The trusted keys that have signed it and count today; nothing where nobody has come so far as to try them.
fn signers(looked: &Looked) -> Option<BTreeMap<String, Option<String>>> {
    let findings = &looked.verification.findings;
    if findings.digest.is_none() && !looked.claim.tree().signature_files.is_empty() {
        return None;
    }
    let count = findings
        .keys
        .iter()
        .filter(|key| !key.verifies.is_empty() && key.standing == Standing::Current && key.place == KeyPlace::Trusted);
    Some(count.map(|key| (key.fingerprint.to_string(), Some(key.key_id.to_string()))).collect())
}
