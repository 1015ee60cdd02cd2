//! What a host holds in memory, judged again: by the bytes that were loaded, whatever stands on the disk by now.

use std::path::Path;

use aisoc_discovery::{Discovered, Origin as Source};
use aisoc_installation::{Observed, escaped};
use aisoc_manifests::fault::{Fault, Result};
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

/// What the gates say now of each: nothing where it is still admitted, else why it is not. No plugin's file is read, so it
/// takes as long as its signatures do.
///
/// # Errors
/// Where nothing can be said of any of them: keys that cannot be read, a plugins directory that cannot be looked at.
pub fn judge_again(
    held: &[&Evidence],
    options: &HereOptions,
    mode: PluginMode,
    lock: Option<(&Path, &Lockfile)>,
) -> Result<Vec<Option<Fault>>> {
    let (Some(site), false) = (&options.sources.site, held.is_empty()) else { return Ok(vec![None; held.len()]) };
    let (judge, observed) = (Judge::new(&options.trust)?, site.observe()?);
    let here: Vec<Present> = held.iter().map(|evidence| present(&evidence.plugin)).collect();
    let lock = lock.map(|(path, lock)| (path, lock, compare(lock, &here)));
    let judged = held.iter().enumerate().map(|(index, evidence)| {
        let place = escaped(evidence.plugin.place.as_os_str());
        let found = FoundPlugin { place: &place, kind: evidence.plugin.kind.as_str(), is_allowed: None };
        let mut asking = Asking::found(&found, Traces::Dropped);
        let signature = evidence.signature(&judge, &observed);
        let coverage = signature.as_ref().ok().map(|(_, coverage)| *coverage);
        asking.signature(&signature.map_or_else(FoundSignature::Refused, |(said, _)| FoundSignature::Passes(said)));
        if let Some((path, lock, comparison)) = &lock {
            asking.lock(&accepted((path, lock, comparison), index, &evidence.plugin, mode), coverage);
        }
        asking.refusal().cloned()
    });
    Ok(judged.collect())
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
