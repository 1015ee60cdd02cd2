//! What a host holds in memory, judged again: by the bytes that were loaded, whatever stands on the disk by now.

use std::path::{Path, PathBuf};

use aisoc_discovery::{Discovered, Origin as Source};
use aisoc_installation::{Observed, escaped};
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_signing::{Claim, Origin};
use aisoc_trust::drift::{Comparison, Present, compare};
use aisoc_trust::lockfile::Lockfile;
use aisoc_trust::{Asking, FoundPlugin, FoundSignature, LockFacts, LockListed, PluginMode, Traces};

use super::here::{HereOptions, present};
use crate::judge::Judge;

/// What a plugin was admitted by, kept as long as it is in memory.
#[derive(Debug)]
pub struct Evidence {
    /// As it was found.
    plugin: Discovered,
    /// Its digests and its signatures, as they were read.
    claim: Claim,
}

impl Evidence {
    pub(crate) fn new(plugin: Discovered, claim: Claim) -> Self {
        Self { plugin, claim }
    }

    /// The digest of what was loaded, as a listing has it.
    pub fn hash(&self) -> &str {
        &self.plugin.hash
    }

    /// Gate 5.
    fn signature(&self, judge: &Judge<'_>, observed: &Observed) -> Result<(String, aisoc_signing::Coverage)> {
        let id = Manifest::from_document(self.claim.document()?)?.id;
        let origin = match &self.plugin.origin {
            Source::Installed(record) => Origin::recorded(&record.reference),
            _ => Origin::unknown(),
        };
        let facts = observed.facts_at_rest(&id)?;
        let verdict = judge.observe(judge.examine(&self.claim, origin), Some(&facts)).outcome?;
        Ok((judge.judgement(&verdict).to_string(), verdict.coverage()))
    }
}

/// What the gates say now of what is in memory.
#[derive(Debug)]
pub enum Again {
    /// It would be admitted.
    Admitted,
    /// It would be refused, for this reason.
    Refused(Fault),
    /// Nobody can tell, for this reason: no gate that can be asked refuses it.
    Unknown(Fault),
}

/// What the lock says at this moment.
#[derive(Debug)]
pub enum LockNow {
    /// There is none, and none is demanded.
    None,
    /// It stands at that path.
    Says(PathBuf, Lockfile),
    /// It cannot be read, or there is none where one is demanded.
    Unknown(Fault),
}

/// What the gates say now of each. No plugin's file is read, so it takes as long as its signatures do.
///
/// Each gate is asked by itself: keys that cannot be read hide nothing that the lock says, and the other way round.
pub fn judge_again(held: &[&Evidence], options: &HereOptions, mode: PluginMode, lock: &LockNow) -> Vec<Again> {
    let keys = Judge::new(&options.trust);
    let observed = options.sources.site.as_ref().map(|site| site.observe());
    let by_keys = |evidence: &Evidence| match (&keys, &observed) {
        (Err(fault), _) | (_, Some(Err(fault))) => Err(fault.clone()),
        (Ok(judge), Some(Ok(observed))) => evidence.signature(judge, observed),
        (Ok(_), None) => Err(Fault::new(Reason::IoNotFound, "no plugins directory is named")),
    };
    let here: Vec<Present> = held.iter().map(|evidence| present(&evidence.plugin)).collect();
    let compared = match lock {
        LockNow::Says(_, lock) => Some(compare(lock, &here)),
        LockNow::None | LockNow::Unknown(_) => None,
    };
    let judged = held.iter().enumerate().map(|(index, evidence)| {
        let place = escaped(evidence.plugin.place.as_os_str());
        let found = FoundPlugin { place: &place, kind: evidence.plugin.kind.as_str(), is_allowed: None };
        let mut asking = Asking::found(&found, Traces::Dropped);
        let mut unknown = None;
        let mut coverage = None;
        match by_keys(evidence) {
            Ok((said, covers)) => {
                coverage = Some(covers);
                asking.signature(&FoundSignature::Passes(said));
            }
            Err(fault) if fault.class() == Class::Refused => asking.signature(&FoundSignature::Refused(fault)),
            Err(fault) => unknown = Some(fault),
        }
        match (lock, &compared) {
            (LockNow::Says(path, lock), Some(comparison)) => {
                asking.lock(&accepted((path, lock, comparison), index, &evidence.plugin, mode), coverage);
            }
            (LockNow::Unknown(fault), _) => unknown = unknown.or_else(|| Some(fault.clone())),
            (LockNow::None | LockNow::Says(..), _) => {}
        }
        match (asking.refusal(), unknown) {
            (Some(fault), _) if fault.class() == Class::Refused => Again::Refused(fault.clone()),
            (Some(fault), _) => Again::Unknown(fault.clone()),
            (None, Some(fault)) => Again::Unknown(fault),
            (None, None) => Again::Admitted,
        }
    });
    judged.collect()
}

/// Gate 7.
fn accepted(
    (path, lock, comparison): (&Path, &Lockfile, &Comparison),
    index: usize,
    plugin: &Discovered,
    mode: PluginMode,
) -> LockFacts {
    let artifact = match &plugin.origin {
        Source::Installed(record) => Some(record.digest.to_string()),
        _ => None,
    };
    let listed = LockListed::compared(lock, comparison, index, artifact);
    LockFacts { demand: mode.into(), path: path.to_owned(), listed: Some(listed) }
}
