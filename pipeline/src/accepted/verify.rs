//! Whether what is here is what the lock accepts, and whether somebody has answered for what it accepts.

use aisoc_discovery::{About, Failed, Note, StatedPlugins};
use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_trust::drift::{Drift, Present, compare};
use aisoc_trust::journal::{JournalPlace, Summary};
use aisoc_trust::lockfile::{Lockfile, Unjournaled, unjournaled};

use super::here::{HereOptions, present};
use crate::discovered::Noticed;
use crate::stated::Stated;

/// What a lock says of what is here, and its journal of the lock.
#[derive(Debug)]
pub struct LockVerification {
    /// Every difference, in the order of the lock.
    pub drifts: Vec<Drift>,
    /// What should be a plugin and is none, or has modules that its distribution states otherwise: nobody can tell whether
    /// it is what was accepted.
    pub failed: Vec<Failed>,
    /// Entries of which the journal says something else.
    pub unjournaled: Vec<Unjournaled>,
    /// What somebody should know.
    pub noticed: Noticed,
}

/// Compares a lock with what is here, and with the journal beside it. Nothing of a plugin is run. What is in `stated` was
/// read by whoever has judged its signature: the same bytes serve both, and are read once.
///
/// # Errors
/// `interrupted`, and I/O reasons for sources that cannot be listed; `journal_broken` for a journal whose chain does not hold, and as [`unjournaled`].
pub fn verify_lock(
    options: &HereOptions,
    stated: StatedPlugins,
    lock: &Lockfile,
    journal: &JournalPlace,
) -> Result<LockVerification> {
    let mut discovery = options.look_beside(stated)?.discovery;
    let mut noticed = Noticed::of(&mut discovery);
    let here: Vec<Present> = discovery.plugins.iter().map(present).collect();
    // A lock has accepted what a distribution states of its modules, and a host runs nothing else.
    let mut failed = discovery.failed;
    for plugin in &discovery.plugins {
        options.limits.cancellation.check()?;
        failed.extend(Stated::read(plugin).err().map(|fault| Failed::of(plugin.clone(), fault)));
    }
    let (unjournaled, reading) = unjournaled(lock, journal)?;
    if let Some(broken) = reading.broken {
        return Err(broken);
    }
    let drifts = compare(lock, &here).drifts;
    let Summary { invalid, unread, unread_count, .. } = reading.summary;
    if let Some((line, fault)) = invalid.or_else(|| unread.into_iter().next()) {
        let others = if unread_count > 1 { format!(", as do {} others", unread_count - 1) } else { String::new() };
        let message =
            format!("{}; it was written by hand, and counts for nothing{others}", fault.fault(&journal.path(), line));
        noticed.notes.push(Note {
            warning: Warning::JournalUnread,
            message,
            place: journal.path(),
            about: About::Place,
        });
    }
    Ok(LockVerification { drifts, failed, unjournaled, noticed })
}
