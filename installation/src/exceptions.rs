//! What an operator has answered for when a plugin came, as lines of the site's journal: that a publisher is taken as
//! an exception, that nobody has looked who signed it, that it asks for more of the host than before.
//!
//! The lines are part of the change: they stand in its note before anything of it is visible, and go into the journal
//! once it is made. Whoever finishes a change that was killed writes those that are not there yet, and takes back with a
//! change what it would have said. So a line without its change is never left, nor a change without its line.

use std::collections::BTreeSet;

use aisoc_manifests::fault::Result;
use aisoc_signing::Signer;
use aisoc_trust::Verdict;
use aisoc_trust::journal::{Action, Entry, JournalTime};

use crate::access::Access;
use crate::answered::Answered;
use crate::plugins::Plugins;
use crate::record::InstallRecord;

/// What the gates let pass by somebody's word; nothing where they did by nobody's.
pub(crate) fn answered(verdict: &Verdict, record: &InstallRecord, access: &Access) -> Option<Answered> {
    let entry = |reason| Entry {
        at: JournalTime::utc(access.at),
        action: Action::Install,
        id: Some(record.id.to_string()),
        version: Some(record.version.clone()),
        hash: Some(record.digest.to_string()),
        reason: Some(reason),
    };
    let entries: Vec<Entry> = decision(verdict).into_iter().chain(accepted(verdict)).map(entry).collect();
    Answered::of(&entries, &access.writer)
}

/// Says before anything is changed that the journal takes the lines.
///
/// # Errors
/// Those of the journal.
pub(crate) fn require_writable(answered: &Answered, plugins: &Plugins) -> Result<()> {
    answered.entries()?;
    plugins.write_down(&[], &answered.writer())
}

/// Writes the lines that are not there yet: somebody may have been killed behind some of them.
///
/// # Errors
/// Those of the journal.
pub(crate) fn write_down(answered: &Answered, plugins: &Plugins) -> Result<()> {
    let mut known = BTreeSet::new();
    plugins.read_journal(|entry| {
        known.insert(entry.to_string());
    })?;
    let entries = answered.entries()?.into_iter();
    let missing: Vec<Entry> = entries.filter(|entry| !known.contains(&entry.to_string())).collect();
    match missing.as_slice() {
        [] => Ok(()),
        missing => plugins.write_down(missing, &answered.writer()),
    }
}

/// Whether any of the lines stands in the journal. One that cannot be read may hold them.
pub(crate) fn may_be_said(answered: &Answered, plugins: &Plugins) -> bool {
    let Ok(entries) = answered.entries() else { return true };
    let lines: BTreeSet<String> = entries.iter().map(ToString::to_string).collect();
    let mut is_said = false;
    let read = plugins.read_journal(|entry| is_said |= lines.contains(&entry.to_string()));
    is_said || read.is_err()
}

fn decision(verdict: &Verdict) -> Option<String> {
    let decision = verdict.decision().filter(|decision| decision.is_exception())?;
    let signer = |signer: &Signer| format!("key {} ({})", signer.key_id, signer.fingerprint);
    let signers: Vec<String> = verdict.signers().iter().map(signer).collect();
    Some(match signers.as_slice() {
        [] => format!("trust_decision={decision}"),
        signers => format!("trust_decision={decision}: {}", signers.join(", ")),
    })
}

fn accepted(verdict: &Verdict) -> Option<String> {
    let accepted: Vec<&str> = verdict.accepted_capabilities().iter().map(String::as_str).collect();
    (!accepted.is_empty()).then(|| format!("accepted capabilities: {}", accepted.join(", ")))
}
