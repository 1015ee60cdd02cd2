//! What a host would load now, what it would refuse, and where both differ from the lock.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use aisoc_discovery::{Discovered, Failed, Kind, Source};
use aisoc_hooks::Registration;
use aisoc_installation::escaped;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::Coverage;
use aisoc_trust::drift::{Comparison, Drift, Present, compare};
use aisoc_trust::lockfile::{LockPath, LockSchema, Lockfile};
use aisoc_trust::{
    Asking, FileVerdict, FoundPlugin, FoundSignature, LockFacts, LockListed, PluginMode, Policy, Traces,
};

use super::came_in::found;
use super::contract::ContractCheck;
use super::here::{Here, HereOptions, Signatures, present};
use crate::at_rest::PluginAtRest;
use crate::contract::Contract;
use crate::discovered::Noticed;
use crate::stated::CheckedAgainst;

/// Everything that is here, judged.
#[derive(Debug)]
pub struct Listing {
    /// Whether what the lock does not accept is refused.
    pub mode: PluginMode,
    /// The lock, and its schema version, if there is one.
    pub lock: Option<(PathBuf, LockSchema)>,
    /// What was found, in the order of the sources.
    pub plugins: Vec<Listed>,
    /// What should be a plugin and is none.
    pub failed: Vec<Failed>,
    /// Where the lock differs from what is here.
    pub drifts: Vec<Drift>,
    /// What somebody should know.
    pub noticed: Noticed,
    /// Key files that are not used, `file: reason`.
    pub skipped_keys: Vec<String>,
    /// What everybody may write of the plugins directory, where that was accepted.
    pub shared: Option<String>,
}

/// One plugin that is here.
#[derive(Debug)]
pub struct Listed {
    /// As it was found; with the id that it calls itself by, where that was asked.
    pub plugin: Discovered,
    /// What its signature is worth; nothing for what has none by its kind.
    pub signature: Option<Result<Box<PluginAtRest>>>,
    /// What the signature beside a drop-in is worth; nothing for what is none.
    pub file: Option<FileVerdict>,
    /// Whether the lock lists it, as it is or otherwise.
    pub is_listed: bool,
    /// What the modules of an entry point are held to, where that was asked.
    checked_against: Option<CheckedAgainst>,
    /// What a plugin with handlers of hooks said when it was asked: it is admitted as that, and as nothing else.
    pub registration: Option<Box<Registration>>,
    /// What the gates said of it.
    pub asking: Asking,
}

/// Judges everything that is here, and changes nothing. `lock` is where the lock is, or would be, and what it says: where
/// production asks one and there is none, everything is refused, as whoever loads plugins refuses to begin.
///
/// # Errors
/// `interrupted`; what is refused is listed.
pub fn list(
    options: &HereOptions,
    mode: PluginMode,
    (path, lock): (&LockPath, Option<&Lockfile>),
    check: &ContractCheck<'_>,
    traces: Traces,
) -> Result<Listing> {
    let (Here { mut discovery }, mut signatures) = options.look_and_judge(mode)?;
    let noticed = Noticed::of(&mut discovery);
    let mut listed: Vec<Listed> =
        discovery.plugins.into_iter().map(|plugin| Listed::found(plugin, &mut signatures, traces)).collect();
    // Without a lock nothing is compared.
    let compared_ones = if lock.is_some() { listed.as_slice() } else { &[] };
    let mut here: Vec<Present> = compared_ones.iter().map(|listed| present(&listed.plugin)).collect();
    let mut comparison = compared(lock, &here);
    ask_lock(mode, (path, lock), &comparison, listed.iter_mut().enumerate());
    if ask_contract(check, &mut listed, &mut here)? {
        // By the names that the plugins go by.
        comparison = compared(lock, &here);
        ask_lock(mode, (path, lock), &comparison, admitted(&mut listed));
        for (index, one) in admitted(&mut listed) {
            let accepted = lock.and_then(|lock| accepted_capabilities(lock, &comparison, index));
            ask_declared(&one.plugin, &mut one.asking, &options.trust.policy, accepted.as_ref());
        }
    }
    for (listed, entry) in listed.iter_mut().zip(&comparison.entries) {
        listed.is_listed = entry.is_some();
    }
    refuse_second_claims(&mut listed);
    Ok(Listing {
        mode,
        lock: lock.map(|lock| (path.to_path_buf(), lock.schema())),
        plugins: listed,
        failed: discovery.failed,
        drifts: comparison.drifts,
        noticed,
        skipped_keys: signatures.skipped_keys,
        shared: signatures.shared,
    })
}

impl Listed {
    /// What was found, asked what is asked of it by itself.
    fn found(plugin: Discovered, signatures: &mut Signatures, traces: Traces) -> Self {
        let (signature, file) = (signatures.take(&plugin), signatures.take_file(&plugin));
        let (place, is_dropin) = (escaped(plugin.place.as_os_str()), plugin.source == Source::Dropin);
        let found = FoundPlugin { place: &place, kind: plugin.kind.as_str(), is_allowed: is_dropin.then_some(true) };
        let mut asking = Asking::found(&found, traces);
        asking.signature(&file.as_ref().map_or_else(|| said(signature.as_ref()), |file| file.said.clone()));
        Self { plugin, signature, file, is_listed: false, checked_against: None, registration: None, asking }
    }

    /// What the code that a host would run of it is held to; nothing of what is refused, is data, or was not asked.
    pub fn code_checked_against(&self) -> Option<CheckedAgainst> {
        let is_code = match self.plugin.source {
            Source::Dir | Source::Oci => true,
            Source::Dropin => self.plugin.kind != Kind::Domain,
            Source::Compiled => false,
            Source::EntryPoint => return self.checked_against.filter(|_| self.rejection().is_none()),
        };
        (is_code && self.rejection().is_none()).then_some(CheckedAgainst::Digest)
    }

    /// The first gate that refuses it.
    pub fn rejection(&self) -> Option<&Fault> {
        self.asking.refusal()
    }

    /// What was verified of it, where anything was.
    fn coverage(&self) -> Option<Coverage> {
        let judged = self.signature.as_ref()?.as_ref().ok()?;
        judged.verdict.as_ref().ok().map(|judged| judged.coverage)
    }
}

/// Gate 5.
fn said(signature: Option<&Result<Box<PluginAtRest>>>) -> FoundSignature {
    match signature.map(|judged| judged.as_ref().and_then(|judged| judged.verdict.as_ref())) {
        None => FoundSignature::OfNoKind,
        Some(Ok(judged)) => FoundSignature::Passes(judged.to_string()),
        Some(Err(refusal)) => FoundSignature::Refused(refusal.clone()),
    }
}

fn compared(lock: Option<&Lockfile>, here: &[Present]) -> Comparison {
    match lock {
        Some(lock) => compare(lock, here),
        None => Comparison { drifts: Vec::new(), entries: Vec::new() },
    }
}

/// Gate 7.
fn ask_lock<'a>(
    mode: PluginMode,
    (path, lock): (&LockPath, Option<&Lockfile>),
    comparison: &Comparison,
    asked: impl Iterator<Item = (usize, &'a mut Listed)>,
) {
    for (index, listed) in asked {
        let says = lock.map(|lock| LockListed::compared(lock, comparison, index, found(&listed.plugin)));
        let called = says.as_ref().and_then(|says| Some(says.drifts.first()?.id.clone()));
        let facts = LockFacts { demand: mode.into(), path: path.clone(), listed: says };
        let (was_refused, coverage) = (listed.rejection().is_some(), listed.coverage());
        listed.asking.lock(&facts, coverage);
        // As the lock calls it: what it calls itself is not asked any more.
        if let (false, true, Some(called)) = (was_refused, listed.rejection().is_some(), called) {
            listed.plugin.id = called;
        }
    }
}

/// Those that no gate has refused yet, with their places.
fn admitted(listed: &mut [Listed]) -> impl Iterator<Item = (usize, &mut Listed)> {
    listed.iter_mut().enumerate().filter(|(_, listed)| listed.rejection().is_none())
}

/// Gate 3b, of what the gates before it let pass: nothing of the others is run. Whether a plugin has said its name.
fn ask_contract(check: &ContractCheck<'_>, listed: &mut [Listed], here: &mut [Present]) -> Result<bool> {
    let admitted: Vec<usize> =
        listed.iter().enumerate().filter(|(_, listed)| listed.rejection().is_none()).map(|(index, _)| index).collect();
    let plugins: Vec<&Discovered> = admitted.iter().map(|index| &listed[*index].plugin).collect();
    let answers = check(&plugins)?;
    let mut is_named = false;
    for (index, answer) in admitted.into_iter().zip(answers) {
        match answer {
            Contract::NotAsked => {}
            Contract::Broken(fault) | Contract::Unavailable(fault) => {
                listed[index].asking.contract(Some(&fault));
            }
            Contract::Id(ref id, checked_against, ref registration) => {
                listed[index].checked_against = Some(checked_against);
                listed[index].registration.clone_from(registration);
                listed[index].asking.contract(None);
                answer.name(&mut listed[index].plugin);
                // What it was called before accepts it no more: the lock is about ids, and this is the one that it has.
                if let Some(here) = here.get_mut(index) {
                    (here.id, here.is_provisional, here.entry_point_name) = (id.clone(), false, None);
                }
                is_named = true;
            }
        }
    }
    Ok(is_named)
}

/// What the lock accepts that a plugin asks for; nothing where it does not say.
pub(super) fn accepted_capabilities(
    lock: &Lockfile,
    comparison: &Comparison,
    index: usize,
) -> Option<BTreeSet<String>> {
    let entry = &lock.entries()[comparison.entries[index]?];
    entry.provenance.capabilities.as_ref().map(|names| names.iter().cloned().collect())
}

/// Gate 4, of what declares in its code what it asks for: nobody could ask it before that was run.
pub(super) fn ask_declared(
    plugin: &Discovered,
    asking: &mut Asking,
    policy: &Policy,
    accepted: Option<&BTreeSet<String>>,
) {
    if let Some(declared) = plugin.declared_in_code() {
        asking.declared(declared, policy, accepted);
    }
}

/// Gate 8, once the plugins have said their names: the first claim counts.
fn refuse_second_claims(listed: &mut [Listed]) {
    let mut first: HashMap<&str, &Path> = HashMap::new();
    let mut claims: Vec<(usize, Option<Fault>)> = Vec::with_capacity(listed.len());
    for (index, one) in listed.iter().enumerate().filter(|(_, one)| one.rejection().is_none()) {
        let Discovered { id, place, entry_point, .. } = &one.plugin;
        let refusal = first.get(id.as_str()).map(|first| {
            let message = format!(
                "duplicate plugin id (entry point {entry_point}): '{id}' is registered from '{}' already, and cannot be \
                 from '{}'",
                first.display(),
                place.display()
            );
            Fault::new(Reason::DuplicatePluginId, message)
        });
        first.entry(id).or_insert(place);
        claims.push((index, refusal));
    }
    for (index, refusal) in claims {
        listed[index].asking.name(refusal.as_ref());
    }
}
