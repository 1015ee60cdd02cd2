//! Back to a previous version: the line of an install, without a registry.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aisoc_installation::{Access, InstallRecord, Installed, Leaving, PreviousTree, Site, require_one_digest};
use aisoc_manifests::capability::Capability;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use aisoc_packaging::Limits;
use aisoc_trust::{CapabilityConsent, Consent, UnderLock as _, Verdict};

use crate::accepted::{Arriving, InLock, LockRule, lock_unchanged, recorded};
use crate::before::{Replaced, signers_to_record};
use crate::events::{Event, Reporter};
use crate::grants::{Grants, GrantsBefore};
use crate::intact::{Confirmed, confirm_in_place};
use crate::judge::{Judge, Judgement, TrustInputs};
use crate::proofs::Coming;
use crate::staying::beside_plugin;

/// How often a version is read again that another command has moved meanwhile: each time that one got on.
const ATTEMPTS: usize = 64;

/// What a rollback is told.
#[derive(Debug)]
pub struct RollbackOptions {
    /// Where plugins live.
    pub site: Site,
    /// The plugin.
    pub id: PluginId,
    /// The version or the artifact digest (or its beginning) to go back to; the most recently replaced one when nothing is said.
    pub to: Option<String>,
    /// Whom to trust, and how far.
    pub trust: TrustInputs,
    /// What plugins.lock has to do with it.
    pub lock: LockRule,
    /// What it may ask for beside what plugins.lock accepts of it: all of that, and nothing else.
    pub accepted_capabilities: Option<BTreeSet<Capability>>,
    /// What becomes of the version that is replaced. One that goes leaves nothing behind: the other stands there as before.
    pub leaving: Leaving,
    /// Who changes the plugins directory.
    pub access: Access,
}

/// A version that is back in place, and what the gate said about it.
#[derive(Debug)]
pub struct Rollback {
    /// The version that is in place now.
    pub version: String,
    /// Digest of the artifact that it came from.
    pub digest: ArtifactDigest,
    /// Where it is.
    pub directory: PathBuf,
    /// The version that was in place before, if its record says so. It is kept.
    pub from: Option<String>,
    /// Whether what was asked for was in place already.
    pub is_unchanged: bool,
    /// Status, key, and what strict mode would have refused it for.
    pub signature: Judgement,
    /// What it asks of the host, and what was asked before.
    pub grants: Grants,
    /// What it has replaced; nothing when it was in place already.
    pub replaced: Option<Replaced>,
    /// The coverage that the floor was lowered from for it, in one word.
    pub lowered_from: Option<&'static str>,
    /// What could not be removed.
    pub leftovers: Vec<PathBuf>,
    /// What plugins.lock says of it.
    pub lock: InLock,
}

/// Reads a previous version whole, verifies it with today's keys, and exchanges it for the installed one.
///
/// # Errors
/// `version_not_found`, `tree_modified` for a version that is not as it was installed, what the gate refuses,
/// and what refuses an activation. What is refused leaves everything as it was.
pub fn roll_back(options: &RollbackOptions, reporter: &dyn Reporter) -> Result<Rollback> {
    try_to_roll_back(options, reporter).map_err(|fault| beside_plugin(fault, &options.site, &options.id))
}

fn try_to_roll_back(options: &RollbackOptions, reporter: &dyn Reporter) -> Result<Rollback> {
    let RollbackOptions { site, id, trust, access, .. } = options;
    trust.require_acknowledged()?;
    Judge::require_keys(trust)?;
    site.check(access)?;
    site.finish_interrupted(access)?;
    for _ in 0..ATTEMPTS {
        let before = site.standing(id)?;
        match attempt(options, reporter) {
            Ok(Some(done)) => return Ok(done),
            // Another command was faster.
            Ok(None) => {}
            Err(fault) if is_final(&fault) => return Err(fault),
            // Read without the lock, while another command may have moved what was read.
            Err(fault) => {
                if site.session(access, |session| session.stands(id, &before))? {
                    return Err(fault);
                }
            }
        }
    }
    Err(Fault::new(Reason::Locked, format!("other commands keep moving the versions of `{id}`"))
        .hint(format!("run it again when they are done: `aisoc plugin rollback {id}`")))
}

/// Whether a refusal is not about what stands there, or not to be asked about under the lock.
fn is_final(fault: &Fault) -> bool {
    matches!(fault.reason(), Reason::Locked | Reason::Interrupted | Reason::LockUnsupported | Reason::PluginNotFound)
}

/// `None` when another command has moved what was read.
fn attempt(options: &RollbackOptions, reporter: &dyn Reporter) -> Result<Option<Rollback>> {
    if let Some(unchanged) = already_there(options)? {
        return Ok(Some(unchanged));
    }
    let limits = Limits::until(&options.access.cancellation);
    let previous = options.site.previous_tree(&options.id, options.to.as_deref(), &limits)?.leaving(options.leaving);
    restore(&previous, options, reporter)
}

/// `None` when what was read is no longer there.
fn restore(previous: &PreviousTree, options: &RollbackOptions, reporter: &dyn Reporter) -> Result<Option<Rollback>> {
    let RollbackOptions { site, id, trust, access, lock, .. } = options;
    let named = format!("{id} {}", previous.record().version);
    reporter.event(&Event::Verifying { id, version: &previous.record().version });
    let (claim, coming) = (previous.claim(), Coming::recorded(previous.record(), site));
    let manifest = Manifest::from_document(claim.document()?)?;
    if manifest.id != *id {
        return Err(Fault::new(Reason::TreeModified, "the kept version is of another plugin")
            .expected(id.to_string(), manifest.id.to_string()));
    }
    // Refused before the lock is taken, so that it keeps nobody waiting; under it the gates are asked again.
    if let Some(refusal) = Judge::new(trust)?.examine(&claim, coming.clone()).refusal() {
        return Err(refusal.clone().about(&named));
    }
    let kept = previous.record();
    let arriving = Arriving::of(&manifest, &claim, Some(&kept.reference), Some(recorded(kept)));
    if !access.dry_run.is_on() {
        reporter.event(&Event::Activating { id, version: &previous.record().version });
    }
    // What was accepted here once is meant by whoever goes back to it.
    let capabilities = match &options.accepted_capabilities {
        Some(these) => CapabilityConsent::AcceptedBeforeAnd(these.clone()),
        None => CapabilityConsent::AcceptedBefore,
    };
    let access = Access { consent: Consent { downgrade: true, signer_change: true, capabilities }, ..access.clone() };
    site.session(&access, |session| {
        let mut present = session.present(id)?;
        // Held until the entry stands there.
        let guard = lock.begin(site, &access)?;
        let arriving = match arriving {
            Err(_) if !guard.is_asked() => None,
            arriving => Some(arriving.map_err(|fault| fault.about(&named))?),
        };
        if let Some(arriving) = &arriving {
            present.locked(guard.facts(arriving, trust.at));
        }
        // The keys as they are now: they may have changed while the lock was waited for.
        let judge = Judge::new(trust)?;
        let admitted =
            judge.decide(judge.examine(&claim, coming), &present).outcome.map_err(|refusal| refusal.about(&named))?;
        let grants = manifest.grants();
        let record = match options.leaving {
            Leaving::IsKept => record(previous.record(), &grants, admitted.verdict(), present.record(), trust),
            Leaving::Goes => previous.record().clone(),
        };
        let signature = judge.judgement(admitted.verdict());
        let in_place = present.facts().in_place.as_ref();
        let replaced = Replaced::of(in_place, present.record(), admitted.verdict(), &record);
        let grants = Grants { before: GrantsBefore::of(in_place), now: grants };
        let Some(active) = session.restore(admitted, present, previous, &record)? else { return Ok(None) };
        let mut lock = InLock::default();
        if let Some(arriving) = &arriving {
            let capabilities = grants.now.iter().cloned().collect();
            let recorded = guard.record(arriving, &record, &signature, capabilities, trust.at);
            lock = recorded.map_err(|fault| fault.although(format!("{named} is in its place")))?;
        }
        Ok(Some(Rollback { replaced, lock, ..rollback(record, active, signature, grants) }))
    })
}

/// What the gate says today, of what was installed then.
fn record(
    kept: &InstallRecord,
    grants: &BTreeSet<String>,
    verdict: &Verdict,
    replaced: Option<&InstallRecord>,
    trust: &TrustInputs,
) -> InstallRecord {
    InstallRecord {
        rolled_back_at: Some(format!("{:.0}", trust.at)),
        rolled_back_from: replaced.map(|record| record.version.clone()),
        canonical_digest: verdict.digest(),
        signature_status: verdict.status().as_str().to_owned(),
        signing_key_id: verdict.key_id().map(ToString::to_string),
        signers: signers_to_record(verdict, Some(kept), verdict.subject()),
        coverage: Some(verdict.coverage().as_str().to_owned()),
        capabilities: Some(grants.clone()),
        ..kept.clone()
    }
}

fn rollback(record: InstallRecord, active: Installed, signature: Judgement, grants: Grants) -> Rollback {
    Rollback {
        version: record.version,
        digest: record.digest,
        directory: active.path,
        from: active.replaced.map(|record| record.version),
        is_unchanged: false,
        signature,
        grants,
        replaced: None,
        lowered_from: active.lowered_from,
        leftovers: active.leftovers,
        lock: InLock::default(),
    }
}

/// The version that was named, when it is in place, as recorded, and admitted: so the same command again,
/// after a kill, has nothing left to do.
fn already_there(options: &RollbackOptions) -> Result<Option<Rollback>> {
    let RollbackOptions { site, id, to: Some(to), trust, lock, access, .. } = options else { return Ok(None) };
    let record = site.read(id.as_str().as_ref()).and_then(|plugin| plugin.record.transpose()).transpose();
    let record = match record {
        // What is damaged says nothing about the version in place.
        Err(fault) if fault.reason() == Reason::RecordInvalid => return Ok(None),
        record => record?,
    };
    let Some(record) = record.filter(|record| record.is_named(to)) else { return Ok(None) };
    if record.version != *to {
        let kept = site.previous_versions(id)?;
        require_one_digest(kept.iter().map(|version| &version.record).chain([&record]), to)?;
    }
    let coming = Coming::recorded(&record, site);
    let Some(confirmed) = confirm_in_place(site, &record, &coming, trust, access)? else { return Ok(None) };
    let lock = lock_unchanged(&record, &confirmed, &coming, lock, (site, trust, access))?;
    let Confirmed { signature, grants, leftovers, .. } = confirmed;
    Ok(Some(Rollback {
        from: None,
        is_unchanged: true,
        version: record.version,
        digest: record.digest,
        directory: site.plugin(id),
        signature,
        grants: Grants::unchanged(grants),
        replaced: None,
        lowered_from: None,
        leftovers,
        lock,
    }))
}
