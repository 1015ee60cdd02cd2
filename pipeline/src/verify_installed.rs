//! Verifying one installed plugin, with everything that `verify` can say.

use aisoc_installation::InstallRecord;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_signing::{Claim, Origin};
use aisoc_trust::Facts;

use crate::accepted::{LockRule, recorded};
use crate::at_rest::{AtRest, AtRestOptions, PluginAtRest, verify_at_rest};
use crate::proofs::Coming;
use crate::verify::{Verification, see_directory};

/// What is said of one installed plugin: the verdict at rest, and how the signature came about.
#[derive(Debug)]
pub struct InstalledVerification {
    /// As of any directory. The verdict is that at rest, which asks for more: the tree as it was installed, its record,
    /// its neighbours, bytecode that was added.
    pub verification: Verification,
    /// What everybody may write of the plugins directory and the way to it, where that was accepted.
    pub shared: Option<String>,
}

/// Verifies the one plugin that `options` asks for, as [`verify_at_rest`] does; by the lock as well, where one is asked.
///
/// # Errors
/// As [`verify_at_rest`], and what cannot be judged of it.
pub fn verify_installed(options: &AtRestOptions, lock: Option<&LockRule>) -> Result<InstalledVerification> {
    see_installed(options, lock).map(|seen| seen.judged)
}

/// An installed plugin that was judged.
pub(crate) struct SeenInstalled {
    pub(crate) claim: Claim,
    /// What its install wrote down.
    pub(crate) record: Option<Box<InstallRecord>>,
    pub(crate) judged: InstalledVerification,
}

/// As [`verify_installed`], with what was judged: whoever shows both shows one tree.
pub(crate) fn see_installed(options: &AtRestOptions, lock: Option<&LockRule>) -> Result<SeenInstalled> {
    let AtRest { plugins, shared, .. } = verify_at_rest(options)?;
    let plugin = plugins.into_iter().min_by_key(|plugin| plugin.verdict.is_ok());
    let PluginAtRest { id, path, record, verdict, .. } = plugin.ok_or_else(|| {
        let site = options.site.path().display();
        Fault::new(Reason::PluginNotFound, format!("there is no such plugin in `{site}`"))
    })?;
    let coming =
        record.as_ref().map_or_else(|| Origin::unknown().into(), |record| Coming::recorded(record, &options.site));
    let refusal = verdict.err().map(|fault| fault.about(&id));
    // What nobody can tell from another one is gate 8's to refuse, whatever else is found of it.
    let taken_for_another = refusal.clone().filter(|fault| fault.reason() == Reason::IdentityAmbiguous);
    let facts = |claim: &Claim| {
        let facts = facts(options, record.as_deref(), lock, claim)?;
        Ok(facts.map(|facts| Facts { other_spelling: taken_for_another.clone().or(facts.other_spelling), ..facts }))
    };
    let judged = see_directory(&coming, &path, &options.trust, &options.limits, facts);
    let (claim, verification) = match (judged, refusal) {
        (Err(fault), refusal) => return Err(refusal.unwrap_or(fault)),
        (Ok(seen), None) => seen,
        (Ok((claim, verification)), Some(refusal)) => (claim, Verification { verdict: Err(refusal), ..verification }),
    };
    let artifact_digest = record.as_ref().map(|record| record.digest);
    let verification = Verification { id: Some(id), artifact_digest, ..verification };
    Ok(SeenInstalled { claim, record, judged: InstalledVerification { verification, shared } })
}

/// What is known of the site beside the tree; nothing where the manifest says no id, or nobody can rely on what is written
/// down, which the verdict at rest has said.
fn facts(
    options: &AtRestOptions,
    record: Option<&InstallRecord>,
    lock: Option<&LockRule>,
    claim: &Claim,
) -> Result<Option<Facts>> {
    let Ok(manifest) = claim.document().and_then(Manifest::from_document) else { return Ok(None) };
    let (reference, artifact) = record.map(|record| (record.reference.as_str(), recorded(record))).unzip();
    let says = |lock: &LockRule| lock.says(&manifest, claim, reference, artifact, options.trust.at);
    let lock = lock.map(says).transpose()?.flatten();
    Ok(options.site.observe()?.facts_at_rest(&manifest.id).ok().map(|facts| Facts { lock, ..facts }))
}
