//! What a host holds in memory, judged again: by the bytes that were loaded, whatever stands on the disk by now.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aisoc_discovery::{Discovered, Origin as Source};
use aisoc_installation::{Observed, Site, escaped};
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_signing::{Claim, Coverage, Fingerprint, Origin};
use aisoc_trust::drift::{Comparison, Present, compare};
use aisoc_trust::keys::predecessors_of;
use aisoc_trust::lockfile::Lockfile;
use aisoc_trust::{Asking, FoundPlugin, FoundSignature, LockFacts, LockListed, PluginMode, Traces, Verdict};

use super::came_in::found;
use super::here::{HereOptions, present, said_of_file};
use super::list::{accepted_capabilities, ask_declared};
use crate::judge::Judge;
use crate::proofs::Coming;

/// A key that has signed a plugin, by its fingerprint.
#[derive(Debug)]
pub struct SignedBy {
    /// The key.
    pub fingerprint: String,
    /// Those that have named it their successor, and those that had named them.
    pub successor_of: BTreeSet<String>,
}

/// What a plugin was admitted by, kept as long as it is in memory.
#[derive(Debug)]
pub struct Evidence {
    /// As it was found, with the id that it goes by.
    plugin: Discovered,
    /// Its digests and its signatures, as they were read of its directory; nothing of what is in none.
    claim: Option<Claim>,
}

impl Evidence {
    pub(crate) fn of_directory(plugin: Discovered, claim: Claim) -> Self {
        Self { plugin, claim: Some(claim) }
    }

    /// Of a drop-in, without its code, and of an entry point.
    pub(crate) fn of_other(mut plugin: Discovered) -> Self {
        if let Source::File { code, .. } = &mut plugin.origin {
            *code = None;
        }
        Self { plugin, claim: None }
    }

    /// The digest of what was loaded, as a listing has it.
    pub fn hash(&self) -> &str {
        &self.plugin.hash
    }

    /// Who has signed it and is trusted now, in the order of its signatures, each with those whom it has followed; nobody
    /// where it counts without.
    ///
    /// # Errors
    /// Those of gate 5, and why it cannot be asked.
    pub fn signers(&self, options: &HereOptions, mode: PluginMode) -> Result<Vec<SignedBy>> {
        let judge = Judge::new(&options.trust);
        let keys: Vec<Fingerprint> = match (&self.claim, &judge) {
            (Some(_), Err(fault)) => return Err(fault.clone()),
            (None, judge) => {
                let said = said_of_file(&self.plugin, judge, &options.trust, mode);
                said.and_then(|said| Some(said.signer?.fingerprint)).into_iter().collect()
            }
            (Some(claim), Ok(judge)) => {
                let site = options.sources.site.as_ref();
                let site = site.ok_or_else(no_directory)?;
                let verdict = self.verdict(claim, judge, (site, &site.observe()?))?;
                verdict.signers().iter().map(|signer| signer.fingerprint).collect()
            }
        };
        let judge = judge?;
        let signed_by = |key: Fingerprint| SignedBy {
            fingerprint: key.to_string(),
            successor_of: predecessors_of(judge.keyring(), key).iter().map(ToString::to_string).collect(),
        };
        Ok(keys.into_iter().map(signed_by).collect())
    }

    /// Gate 5, of what is in a directory.
    fn signature(&self, claim: &Claim, judge: &Judge<'_>, here: (&Site, &Observed)) -> Result<(String, Coverage)> {
        let verdict = self.verdict(claim, judge, here)?;
        Ok((judge.judgement(&verdict).to_string(), verdict.coverage()))
    }

    fn verdict(&self, claim: &Claim, judge: &Judge<'_>, (site, observed): (&Site, &Observed)) -> Result<Verdict> {
        let id = Manifest::from_document(claim.document()?)?.id;
        let coming = match &self.plugin.origin {
            Source::Installed(record) => Coming::recorded(record, site),
            _ => Origin::unknown().into(),
        };
        let facts = observed.facts_at_rest(&id)?;
        judge.observe(judge.examine(claim, coming), Some(&facts)).outcome
    }

    /// As a lock compares it: it has said its name.
    fn present(&self) -> Present {
        Present { is_provisional: false, entry_point_name: None, ..present(&self.plugin) }
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
/// Each gate is asked by itself: keys that cannot be read hide nothing that the lock says, and the other way round. Rules that
/// cannot be read hide nothing that either says: whom the keys refuse is refused, and of the others nobody can tell.
pub fn judge_again(held: &[&Evidence], options: &HereOptions, mode: PluginMode, lock: &LockNow) -> Vec<Again> {
    let (keys, unread_rules) = match Judge::new(&options.trust) {
        Ok(judge) => (Ok(judge), None),
        Err(fault) => match Judge::of_keys(&options.trust) {
            Ok(judge) => (Ok(judge), Some(fault)),
            Err(_) => (Err(fault), None),
        },
    };
    let here = options.sources.site.as_ref().map(|site| (site, site.observe()));
    let of_directory = |evidence: &Evidence, claim: &Claim| match (&keys, &here) {
        (Err(fault), _) | (_, Some((_, Err(fault)))) => Err(fault.clone()),
        (Ok(judge), Some((site, Ok(observed)))) => evidence.signature(claim, judge, (site, observed)),
        (Ok(_), None) => Err(no_directory()),
    };
    let by_keys = |evidence: &Evidence| match &evidence.claim {
        Some(claim) => match of_directory(evidence, claim) {
            Ok((said, covers)) => (FoundSignature::Passes(said), Some(covers)),
            Err(fault) => (FoundSignature::Refused(fault), None),
        },
        None => match said_of_file(&evidence.plugin, &keys, &options.trust, mode) {
            Some(verdict) => (verdict.said, None),
            None => (FoundSignature::OfNoKind, None),
        },
    };
    let here: Vec<Present> = held.iter().map(|evidence| evidence.present()).collect();
    let compared = match lock {
        LockNow::Says(_, lock) => Some(compare(lock, &here)),
        LockNow::None | LockNow::Unknown(_) => None,
    };
    let judged = held.iter().enumerate().map(|(index, evidence)| {
        let place = escaped(evidence.plugin.place.as_os_str());
        // Whether drop-ins count is said when a host begins.
        let is_allowed = matches!(evidence.plugin.origin, Source::File { .. }).then_some(true);
        let found = FoundPlugin { place: &place, kind: evidence.plugin.kind.as_str(), is_allowed };
        let mut asking = Asking::found(&found, Traces::Dropped);
        let mut unknown = None;
        let (said, coverage) = by_keys(evidence);
        match said {
            FoundSignature::Refused(fault) if fault.class() != Class::Refused => unknown = Some(fault),
            said => asking.signature(&said),
        }
        unknown = unknown.or_else(|| unread_rules.clone());
        match (lock, &compared) {
            (LockNow::Says(path, lock), Some(comparison)) => {
                asking.lock(&accepted((path, lock, comparison), index, &evidence.plugin, mode), coverage);
                let accepted = accepted_capabilities(lock, comparison, index);
                ask_declared(&evidence.plugin, &mut asking, &options.trust.policy, accepted.as_ref());
            }
            (LockNow::Unknown(fault), _) => unknown = unknown.or_else(|| Some(fault.clone())),
            (LockNow::None | LockNow::Says(..), _) => {
                ask_declared(&evidence.plugin, &mut asking, &options.trust.policy, None);
            }
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

fn no_directory() -> Fault {
    Fault::new(Reason::IoNotFound, "no plugins directory is named")
}

/// Gate 7.
fn accepted(
    (path, lock, comparison): (&Path, &Lockfile, &Comparison),
    index: usize,
    plugin: &Discovered,
    mode: PluginMode,
) -> LockFacts {
    let listed = LockListed::compared(lock, comparison, index, found(plugin));
    LockFacts { demand: mode.into(), path: path.to_owned().into(), listed: Some(listed) }
}
