//! What the lock says of what is in place already, and is what was asked for.

use aisoc_installation::{Access, InstallRecord, Site};
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_trust::Facts;

use super::came_in::recorded;
use super::guard::{Arriving, InLock, LockRule};
use crate::intact::Confirmed;
use crate::judge::{Judge, TrustInputs};
use crate::proofs::Coming;

/// Asks every gate once more, with the lock among them, and writes down that it is accepted where that is asked: a change
/// that was killed behind its exchange is finished so. What the lock says of it then.
///
/// # Errors
/// What the gates refuse, and as writing into the lock.
pub(crate) fn lock_unchanged(
    record: &InstallRecord,
    confirmed: &Confirmed,
    coming: &Coming<'_>,
    lock: &LockRule,
    (site, trust, access): (&Site, &TrustInputs, &Access),
) -> Result<InLock> {
    let Confirmed { claim, signature, grants, .. } = confirmed;
    let asked = || {
        let manifest = Manifest::from_document(claim.document()?)?;
        let arriving = Arriving::of(&manifest, claim, Some(&record.reference), Some(recorded(record)));
        let guard = lock.begin(site, access)?;
        let arriving = match arriving {
            Err(_) if !guard.is_asked() => return Ok(InLock::default()),
            arriving => arriving?,
        };
        let judge = Judge::new(trust)?;
        let facts = site.observe()?.facts_again(&record.id, access)?;
        let facts = Facts { lock: Some(guard.facts(&arriving, trust.at)), ..facts };
        judge.observe(judge.examine(claim, coming.clone()), Some(&facts)).outcome?;
        guard.record(&arriving, record, signature, grants.iter().cloned().collect(), trust.at)
    };
    asked().map_err(|fault: Fault| fault.about(format_args!("{} {}", record.id, record.version)))
}
