//! The lock and the journal beside it.

use std::path::Path;

use aisoc_discovery::StatedPlugins;
use aisoc_files::shell_word;
use aisoc_trust::drift::{Drift, DriftKind};
use aisoc_trust::lockfile::{Changed, LockPlace, Lockfile, Unjournaled};
use aisoc_trust::{PluginMode, lock_missing};

use super::finding::Finding;
use super::options::DoctorOptions;
use super::plugins::refused;
use super::rule::Rule;
use super::ways;
use crate::accepted::{LockVerification, verify_lock};

pub(super) fn findings(options: &DoctorOptions) -> Vec<Finding> {
    let path: &Path = &options.lock;
    let lock = LockPlace::open(path).and_then(|place| place.map_or(Ok(None), |place| place.read()));
    match lock {
        Err(fault) => vec![Finding::of(Rule::LockUnreadable, path, &fault)],
        Ok(None) if options.mode == PluginMode::Production => {
            let fault = lock_missing(&options.lock);
            let values = ("a lock", "none");
            vec![Finding::at(Rule::LockAbsent, path, fault.message(), values, fault.next_step())]
        }
        Ok(None) => Vec::new(),
        Ok(Some(lock)) => compared(options, &lock).into_iter().chain(ways::of_groups(path)).collect(),
    }
}

fn compared(options: &DoctorOptions, lock: &Lockfile) -> Vec<Finding> {
    let journal = options.site.lock_journal(&options.lock);
    let verified = journal.and_then(|journal| verify_lock(&options.here, StatedPlugins::new(), lock, &journal));
    let LockVerification { drifts, failed, unjournaled, .. } = match verified {
        Err(fault) => return vec![Finding::of(Rule::LockJournalBroken, &*options.lock, &fault)],
        Ok(verified) => verified,
    };
    let drifts = drifts.iter().map(|drift| of_drift(options, drift));
    let failed = failed.iter().map(|failed| refused(&failed.name, &failed.place, &failed.fault));
    let unexplained = unjournaled.iter().map(|change| of_change(options, change));
    drifts.chain(failed).chain(unexplained).collect()
}

fn of_drift(options: &DoctorOptions, drift: &Drift) -> Finding {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let values = (shown(&drift.expected), shown(&drift.actual));
    let id = &drift.id;
    let word = shell_word(id);
    let (rule, message, hint) = match drift.kind {
        DriftKind::MissingFromInstall => (
            Rule::LockEntryUnused,
            format!("the lock accepts `{id}`, and it is not here"),
            format!("install it, or take it out: `aisoc plugins untrust {word} --reason TEXT`"),
        ),
        DriftKind::MissingFromLock => (
            Rule::LockDiffers,
            format!("`{id}` is here, and the lock does not accept it"),
            format!("look at it with `aisoc plugins describe {word}`"),
        ),
        kind => (
            Rule::LockDiffers,
            format!("`{id}` has another {} than the lock accepts", kind.label()),
            format!("see what has changed: `aisoc plugins diff {word}`"),
        ),
    };
    Finding::at(rule, &*options.lock, message, values, hint)
}

fn of_change(options: &DoctorOptions, change: &Unjournaled) -> Finding {
    let Unjournaled { id, journaled, locked, revoked, changed } = change;
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "no entry".to_owned());
    let (expected, found) = match changed {
        None => (shown(journaled), shown(locked)),
        Some(Changed::Version(line, entry)) => (line.clone(), entry.clone()),
        Some(Changed::Other) => ("what was accepted".to_owned(), "another entry of the same hash".to_owned()),
    };
    let word = shell_word(id);
    let hint = match locked {
        Some(_) if revoked.is_some() => {
            format!("take it out of the lock: `aisoc plugins untrust {word} --reason TEXT`")
        }
        Some(_) => format!("look at it, then answer for it: `aisoc plugins trust {word} --reason TEXT`"),
        None => format!("answer for it: `aisoc plugins untrust {word} --reason TEXT`"),
    };
    Finding::at(Rule::LockUnexplained, &*options.lock, change.to_string(), (expected, found), hint)
}
