//! What a host would load now, what it would refuse, and where both differ from the lock.

use std::collections::HashMap;
use std::path::PathBuf;

use aisoc_discovery::{Discovered, Failed, Note};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_trust::PluginMode;
use aisoc_trust::drift::{Comparison, Drift, Present, compare};
use aisoc_trust::lockfile::{LockSchema, Lockfile};

use super::contract::ContractCheck;
use super::here::{Here, HereOptions, present};
use crate::at_rest::PluginAtRest;
use crate::contract::Contract;

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
    pub notes: Vec<Note>,
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
    /// Whether the lock lists it, as it is or otherwise.
    pub is_listed: bool,
    /// The first gate that refuses it.
    pub rejection: Option<Rejection>,
}

/// Why a plugin would not be loaded.
#[derive(Debug, Clone)]
pub enum Rejection {
    /// It is not what the lock accepts, in these ways.
    Drift(Vec<Drift>),
    /// Another gate refuses it.
    Refused(Fault),
}

impl Rejection {
    /// As a fault: of several differences the first.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(fault) => fault.clone(),
            Self::Drift(drifts) => drift_fault(drifts),
        }
    }
}

/// The refusal for what differs from the lock. There is at least one difference.
pub(super) fn drift_fault(drifts: &[Drift]) -> Fault {
    let reason = drifts.first().map_or(Reason::Internal, |drift| drift.kind.reason());
    let kinds: Vec<String> = drifts.iter().map(Drift::difference).collect();
    let fault = Fault::new(reason, format!("plugins.lock drift; trust check failed: {}", kinds.join("; ")));
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    match drifts.first() {
        Some(first) => fault.expected(shown(&first.expected), shown(&first.actual)),
        None => fault,
    }
}

/// Judges everything that is here, and changes nothing. `lock` is the lock with its path, if there is one; without one
/// production mode is not asked about: whoever loads plugins refuses to begin.
///
/// # Errors
/// `interrupted`; what is refused is listed.
pub fn list(
    options: &HereOptions,
    mode: PluginMode,
    lock: Option<(PathBuf, &Lockfile)>,
    check: &ContractCheck<'_>,
) -> Result<Listing> {
    let (Here { discovery }, mut signatures) = options.look_and_judge()?;
    let mut listed: Vec<Listed> = discovery
        .plugins
        .into_iter()
        .map(|plugin| {
            let signature = signatures.take(&plugin);
            let rejection = signature.as_ref().and_then(refusal).map(Rejection::Refused);
            Listed { plugin, signature, is_listed: false, rejection }
        })
        .collect();
    let mut here: Vec<Present> = listed.iter().map(|listed| present(&listed.plugin)).collect();
    let text = lock.as_ref().map(|(_, lock)| *lock);
    let mut comparison = compared(text, &here);
    ask_lock(mode, &comparison, &mut listed);
    let is_named = ask_contract(check, &mut listed, &mut here)?;
    if is_named {
        // By the names that the plugins go by.
        comparison = compared(text, &here);
        ask_lock(mode, &comparison, &mut listed);
    }
    for (listed, entry) in listed.iter_mut().zip(&comparison.entries) {
        listed.is_listed = entry.is_some();
    }
    refuse_second_claims(&mut listed);
    Ok(Listing {
        mode,
        lock: lock.map(|(path, lock)| (path, lock.schema())),
        plugins: listed,
        failed: discovery.failed,
        drifts: comparison.drifts,
        notes: discovery.notes,
        skipped_keys: signatures.skipped_keys,
        shared: signatures.shared,
    })
}

fn refusal(signature: &Result<Box<PluginAtRest>>) -> Option<Fault> {
    match signature {
        Ok(judged) => judged.verdict.as_ref().err().cloned(),
        Err(fault) => Some(fault.clone()),
    }
}

fn compared(lock: Option<&Lockfile>, here: &[Present]) -> Comparison {
    match lock {
        Some(lock) => compare(lock, here),
        None => Comparison { drifts: Vec::new(), entries: vec![None; here.len()] },
    }
}

/// Gate 7. In dev a difference is worth knowing, and no more.
fn ask_lock(mode: PluginMode, comparison: &Comparison, listed: &mut [Listed]) {
    if mode == PluginMode::Dev {
        return;
    }
    for (index, listed) in listed.iter_mut().enumerate().filter(|(_, listed)| listed.rejection.is_none()) {
        let drifts: Vec<Drift> = comparison.blocking(index).cloned().collect();
        if let Some(first) = drifts.first() {
            // As the lock calls it: what it calls itself is not asked any more.
            listed.plugin.id.clone_from(&first.id);
            listed.rejection = Some(Rejection::Drift(drifts));
        }
    }
}

/// Gate 3b, of what the gates before it let pass: nothing of the others is run. Whether a plugin has said its name.
fn ask_contract(check: &ContractCheck<'_>, listed: &mut [Listed], here: &mut [Present]) -> Result<bool> {
    let admitted: Vec<usize> =
        listed.iter().enumerate().filter(|(_, listed)| listed.rejection.is_none()).map(|(index, _)| index).collect();
    let plugins: Vec<&Discovered> = admitted.iter().map(|index| &listed[*index].plugin).collect();
    let answers = check(&plugins)?;
    let mut is_named = false;
    for (index, answer) in admitted.into_iter().zip(answers) {
        match answer {
            Contract::NotAsked => {}
            Contract::Broken(fault) | Contract::Unavailable(fault) => {
                listed[index].rejection = Some(Rejection::Refused(fault));
            }
            Contract::Id(id) => {
                listed[index].plugin.id.clone_from(&id);
                (here[index].id, here[index].is_provisional) = (id, false);
                is_named = true;
            }
        }
    }
    Ok(is_named)
}

/// Gate 8, once the plugins have said their names: the first claim counts.
fn refuse_second_claims(listed: &mut [Listed]) {
    let mut first: HashMap<String, PathBuf> = HashMap::new();
    for listed in listed.iter_mut().filter(|listed| listed.rejection.is_none()) {
        let Discovered { id, place, entry_point, .. } = &listed.plugin;
        match first.get(id) {
            None => drop(first.insert(id.clone(), place.clone())),
            Some(first) => {
                let message = format!(
                    "duplicate plugin id (entry point {entry_point}): '{id}' is registered from '{}' already, and cannot \
                     be from '{}'",
                    first.display(),
                    place.display()
                );
                listed.rejection = Some(Rejection::Refused(Fault::new(Reason::DuplicatePluginId, message)));
            }
        }
    }
}
