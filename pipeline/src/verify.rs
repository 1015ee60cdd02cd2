//! Verifying what is on disk or in a registry, without installing it.

use std::path::{Path, PathBuf};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::{Document, Manifest};
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{InstallRecord, InstalledDir, Limits, ReferenceDir, Staging};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Claim, Keyring, verify};
use aisoc_trust::{Admitted, Policy, admit};

use crate::fetch::fetch;
use crate::reporter::Reporter;

/// Whom to trust, and how far.
#[derive(Debug)]
pub struct TrustInputs {
    /// The directory of trusted public keys.
    pub keys_dir: PathBuf,
    /// What the gate does about what is not verified.
    pub policy: Policy,
}

/// A verdict to show.
#[derive(Debug)]
pub struct Verification {
    /// The id that the manifest states, when it can be read.
    pub id: Option<String>,
    /// Digest of the artifact, when it was one.
    pub artifact_digest: Option<Digest>,
    /// What the gate said.
    pub admitted: Admitted,
    /// Key files that were not used, with the reason for each.
    pub skipped_keys: Vec<String>,
}

/// Verifies a directory as the host would: whatever it holds, as it stands.
///
/// # Errors
/// What the gate refuses; `manifest_*` for a manifest that cannot be read.
pub fn verify_directory(directory: &Path, trust: &TrustInputs) -> Result<Verification> {
    judge(&ReferenceDir::read(directory)?.claim(), trust).map_err(|refusal| match refusal.location() {
        Some(_) => refusal.below(directory),
        None => refusal.about(directory.display()),
    })
}

/// Verifies an artifact in one pass over its bytes, writing nothing.
///
/// # Errors
/// What the gate refuses; every refusal of fetching and staging.
pub async fn verify_artifact(
    reference: &Reference,
    trust: &TrustInputs,
    options: &ClientOptions,
    reporter: &dyn Reporter,
) -> Result<Verification> {
    let fetched = fetch(reference, None, options).await?;
    let staged = fetched.stage(Staging::hash_only(Limits::default()), reporter).await?;
    let verification = judge(&staged.claim()?, trust).map_err(|refusal| refusal.about(reference))?;
    Ok(Verification { artifact_digest: Some(fetched.artifact.digest()), ..verification })
}

fn judge(claim: &Claim, trust: &TrustInputs) -> Result<Verification> {
    let mut skipped_keys = Vec::new();
    let admitted = admit(&trust.policy, claim, |claim| {
        let keyring = Keyring::read(&trust.keys_dir)?;
        let skipped = keyring.skipped().iter();
        skipped_keys.extend(skipped.map(|key| format!("{}: error[{}]: {}", key.file, key.fault.reason(), key.fault)));
        verify(claim, &keyring)
    })?;
    let id = claim.document().ok().and_then(|document| stated_id(&document));
    Ok(Verification { id, artifact_digest: None, admitted, skipped_keys })
}

fn stated_id(document: &Document) -> Option<String> {
    Manifest::from_document(document).ok().map(|manifest| manifest.id.to_string())
}

/// Admits an installed plugin again, provided that every byte is as its record says.
///
/// # Errors
/// `signature_invalid` when a file was changed, added or removed since the install; what the gate
/// refuses.
pub(crate) fn intact_admission(
    directory: &Path,
    record: &InstallRecord,
    keys_dir: &Path,
    policy: &Policy,
) -> Result<Admitted> {
    let present = InstalledDir::read(directory)?;
    if present.subject() != record.tree_digest {
        return Err(Fault::new(
            Reason::SignatureInvalid,
            format!("`{}` was changed since it was installed", record.id),
        )
        .expected(record.tree_digest.to_string(), present.subject().to_string())
        .hint(format!("install it again: `aisoc plugin install {}`", record.reference)));
    }
    admit(policy, &present.claim(), |claim| verify(claim, &Keyring::read(keys_dir)?))
}

/// Judges an installed plugin for a listing: by its record when it has one, else as it stands.
///
/// # Errors
/// As [`verify_directory`], and `signature_invalid` when the tree is not the recorded one.
pub fn verify_installed(directory: &Path, record: Option<&InstallRecord>, trust: &TrustInputs) -> Result<Admitted> {
    match record {
        Some(record) => intact_admission(directory, record, &trust.keys_dir, &trust.policy),
        None => verify_directory(directory, trust).map(|verification| verification.admitted),
    }
}
