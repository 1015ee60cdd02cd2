//! Which keys were revoked here, by the word of the journal: a file that somebody has removed takes nothing back.

use std::collections::BTreeSet;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_signing::Fingerprint;

use crate::journal::{Action, Entry, JournalPlace};

/// The keys of which the last line that says so is that they were revoked, and not that somebody has trusted or staged
/// them since. Of a journal that is broken every line that can be read counts: whether anything is changed by it is
/// judged where it is written.
///
/// # Errors
/// As [`JournalPlace::read`].
pub fn revoked_here(keys: &Path) -> Result<BTreeSet<Fingerprint>> {
    let mut revoked = BTreeSet::new();
    let Some(journal) = JournalPlace::in_keyring(keys)? else { return Ok(revoked) };
    journal.read(|seen| {
        let Ok(entry) = seen.entry() else { return Ok(()) };
        if let Some((key, is_revoked)) = said(&entry) {
            if is_revoked {
                revoked.insert(key)
            } else {
                revoked.remove(&key)
            };
        }
        Ok(())
    })?;
    Ok(revoked)
}

/// The key that a line is about, and whether it is revoked behind it; nothing where that is as it was before.
fn said(entry: &Entry) -> Option<(Fingerprint, bool)> {
    let key = entry.hash.as_deref()?.parse().map_err(|fault: Fault| drop(fault)).ok()?;
    match entry.action {
        Action::KeyRevoke => Some((key, true)),
        Action::KeyAdd | Action::KeyStage | Action::KeyPromote | Action::KeyRestore | Action::KeyAccept => {
            Some((key, false))
        }
        _ => None,
    }
}
