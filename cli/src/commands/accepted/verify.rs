//! What `aisoc plugins verify` says of the lock: drift, and changes that nobody has answered for.

use std::io::ErrorKind;

use aisoc_files::shell_word;
use aisoc_installation::Site;
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::text::printable;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::accepted::{HereOptions, LockVerification, verify_lock};
use aisoc_pipeline::documents::{LockVerdict, Objection, UnjournaledChange, UnreadablePlugin};
use aisoc_pipeline::{Failed, StatedPlugins};
use aisoc_trust::drift::Drift;
use aisoc_trust::lock_missing;
use aisoc_trust::lockfile::{Lockfile, Unjournaled};

use super::answer::{drift_lines, drifts, shown_lock};
use super::tell;
use crate::chosen_lock::ChosenLock;
use crate::context::Context;
use crate::output::path_text;

/// So many changes, or plugins, are named one by one; a document has all of them.
pub(super) const MAX_WARNED: usize = 20;

/// What the lock says of what is here.
#[derive(Debug)]
pub(in crate::commands) struct AskedLock {
    /// As documents have it.
    pub(in crate::commands) document: LockVerdict,
    /// As a listing has it.
    pub(in crate::commands) text: String,
    /// Why the command does not end with 0.
    pub(in crate::commands) refusal: Option<Fault>,
}

/// The lock that is meant; nothing where there is none and none has to be.
///
/// # Errors
/// `io_not_found` for one that is named, `lock_missing` where one is required, and as reading it.
pub(in crate::commands) fn chosen(chosen: &ChosenLock, is_named: bool, is_required: bool) -> Result<Option<Lockfile>> {
    match chosen.read()? {
        None if is_named => Err(Fault::io("read", &chosen.path, ErrorKind::NotFound.into())),
        None if is_required => Err(lock_missing(&chosen.path)),
        lock => Ok(lock),
    }
}

/// Compares the lock with what is here; of some plugins alone, where they are named. What is in `stated` is not read again.
///
/// # Errors
/// As [`verify_lock`].
pub(in crate::commands) fn ask(
    chosen: &ChosenLock,
    lock: &Lockfile,
    ids: &[String],
    (options, stated): (&HereOptions, StatedPlugins),
    site: &Site,
    context: &Context,
) -> Result<AskedLock> {
    let journal = site.lock_journal(&chosen.path)?;
    let LockVerification { drifts: mut found, mut failed, mut unjournaled, noticed } =
        verify_lock(options, stated, lock, &journal)?;
    tell(&noticed, context)?;
    let is_asked = |id: &String| ids.is_empty() || ids.contains(id);
    found.retain(|drift| is_asked(&drift.id));
    failed.retain(|failed| is_asked(&failed.name));
    unjournaled.retain(|change| is_asked(&change.id));
    warn_of_unjournaled(&unjournaled, context);
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    let path = path_text(&chosen.path);
    let mut text = format!("plugins.lock: {} (schema v{})\n", printable(&path), lock.schema());
    if lines.is_empty() && failed.is_empty() {
        text.push_str("(no drift)\n");
    }
    if !failed.is_empty() {
        text.push_str("\nRejected:\n");
        for Failed { name, fault, .. } in &failed {
            text += &format!("  {}: {}: {}\n", printable(name), fault.reason(), printable(&fault.to_string()));
        }
    }
    text += &drift_lines(&lines);
    let refusal = refusal(&found, &failed);
    let document = LockVerdict {
        plugins_lock: shown_lock(&chosen.path, lock.schema()),
        journal: path_text(&journal.path()),
        drift: drifts(&found),
        unreadable: failed.iter().map(unreadable).collect(),
        unjournaled: unjournaled.into_iter().map(document).collect(),
    };
    Ok(AskedLock { document, text, refusal })
}

/// Any difference is a no: what is not here has been accepted, and is missing.
fn refusal(drifts: &[Drift], failed: &[Failed]) -> Option<Fault> {
    // What keeps a plugin from being loaded comes first.
    let first = drifts.iter().find(|drift| drift.kind.blocks()).or(drifts.first());
    let drift = first.map(|first| {
        let more = match drifts.len() {
            1 => String::new(),
            count => format!("; {} differences in all", count),
        };
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        let message = format!("{}: plugins.lock drift: {}{more}", first.id, first.difference());
        Fault::new(first.kind.reason(), message).expected(shown(&first.expected), shown(&first.actual))
    });
    drift.or_else(|| failed.first().map(|failed| failed.fault.clone().about(&failed.name)))
}

fn unreadable(failed: &Failed) -> UnreadablePlugin {
    UnreadablePlugin { id: failed.name.clone(), source: failed.source.as_str(), error: Objection::from(&failed.fault) }
}

/// Says what a lock says and its journal does not: the first few one by one.
pub(in crate::commands) fn warn_of_unjournaled(changes: &[Unjournaled], context: &Context) {
    for change in changes.iter().take(MAX_WARNED) {
        let cure = format!("take it out of the lock: `aisoc plugins untrust {} --reason TEXT`", shell_word(&change.id));
        let remedy = match &change.revoked {
            Some(_) => Some(cure.as_str()),
            None => Warning::LockUnjournaled.remedy(),
        };
        context.output.warning_with(Warning::LockUnjournaled, change, remedy);
    }
    if let more @ 1.. = changes.len().saturating_sub(MAX_WARNED) {
        context
            .output
            .warning(Warning::LockUnjournaled, format!("unjournaled change: {}", counted(more, "more entry")));
    }
}

pub(in crate::commands) fn document(change: Unjournaled) -> UnjournaledChange {
    let message = change.to_string();
    let Unjournaled { id, journaled, locked, revoked, .. } = change;
    UnjournaledChange { id, message, journaled, locked, revoked_at: revoked.map(|revoked| revoked.at.to_string()) }
}
