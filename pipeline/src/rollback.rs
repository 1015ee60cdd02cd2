//! Back to a version that was kept: the line of an install, without a registry.

use std::path::PathBuf;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use aisoc_packaging::{Access, InstallRecord, KeptTree, finish_interrupted};
use aisoc_signing::verify;
use aisoc_trust::admit;

use crate::events::{Event, Reporter};
use crate::install::{Judgement, again_admitted};
use crate::verify::TrustInputs;

/// What a rollback is told.
#[derive(Debug)]
pub struct RollbackOptions {
    /// Where plugins live.
    pub plugins_dir: PathBuf,
    /// The plugin.
    pub id: PluginId,
    /// The version or the artifact digest to go back to; the most recently replaced one when nothing is said.
    pub to: Option<String>,
    /// Whom to trust, and how far.
    pub trust: TrustInputs,
    /// Who changes the plugins directory.
    pub access: Access,
}

/// A version that is back in place, and what the gate said about it.
#[derive(Debug)]
pub struct Rollback {
    /// The version that is in place now.
    pub version: String,
    /// Digest of the artifact that it came from.
    pub digest: Digest,
    /// Where it is.
    pub directory: PathBuf,
    /// The version that was in place before, if its record says so. It is kept.
    pub from: Option<String>,
    /// Status, key, and what strict mode would have refused it for.
    pub signature: Judgement,
    /// The coverage that the floor was lowered from for it, in one word.
    pub lowered_from: Option<&'static str>,
    /// What could not be removed.
    pub leftovers: Vec<PathBuf>,
}

/// Reads a kept version whole, verifies it with today's keys, and exchanges it for the installed one.
///
/// # Errors
/// `version_not_found`, `tree_modified` for a kept version that is not as it was installed, what the
/// gate refuses, and what refuses an activation. What is refused leaves everything as it was.
pub fn roll_back(options: &RollbackOptions, reporter: &dyn Reporter) -> Result<Rollback> {
    let RollbackOptions { plugins_dir, id, to, trust, access } = options;
    trust.keyring()?;
    if let Some(unchanged) = already_there(options)? {
        finish_interrupted(plugins_dir, access)?;
        return Ok(unchanged);
    }
    let kept = KeptTree::open(plugins_dir, id, to.as_deref(), access)?;
    let named = format!("{id} {}", kept.record().version);
    reporter.event(&Event::Verifying { id, version: &kept.record().version });
    let claim = kept.claim();
    let manifest = Manifest::from_document(claim.document()?)?;
    if manifest.id != *id {
        return Err(Fault::new(Reason::TreeModified, "the kept version is of another plugin")
            .expected(id.to_string(), manifest.id.to_string()));
    }
    let admitted = admit(&trust.policy, &claim, |claim| verify(claim, &trust.keyring()?));
    let admitted = admitted.map_err(|refusal| refusal.about(&named))?;
    reporter.event(&Event::Activating { id, version: &kept.record().version });
    // What the gate says today, of what was installed then.
    let record = InstallRecord {
        canonical_digest: admitted.digest(),
        signature_status: admitted.status().as_str().to_owned(),
        signing_key_id: admitted.key_id().map(ToString::to_string),
        coverage: Some(admitted.coverage().as_str().to_owned()),
        ..kept.record().clone()
    };
    let signature = Judgement::of(&admitted);
    let from = kept.replaced().map(|record| record.version.clone());
    let active = kept.activate(admitted, &record)?;
    Ok(Rollback {
        version: record.version,
        digest: record.digest,
        directory: active.path,
        from,
        signature,
        lowered_from: active.lowered_from,
        leftovers: active.leftovers,
    })
}

/// The version that was named, when it is in place, as recorded, and admitted: so the same command again,
/// after a kill, has nothing left to do.
fn already_there(options: &RollbackOptions) -> Result<Option<Rollback>> {
    let RollbackOptions { plugins_dir, id, to: Some(to), trust, access } = options else { return Ok(None) };
    let Some(record) = InstallRecord::read_understood(plugins_dir, id)? else { return Ok(None) };
    if record.version != *to && record.digest.to_string() != *to {
        return Ok(None);
    }
    let admitted = again_admitted(plugins_dir, &record, trust, access)?;
    Ok(Some(Rollback {
        from: Some(record.version.clone()),
        version: record.version,
        digest: record.digest,
        directory: plugins_dir.join(id.as_str()),
        signature: Judgement::of(&admitted),
        lowered_from: None,
        leftovers: Vec::new(),
    }))
}
