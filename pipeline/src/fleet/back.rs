//! `go_back`: the lock in whose place a set came, back in its place.

use std::path::PathBuf;

use aisoc_installation::{Access, Site};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_trust::lockfile::{AppliedLock, Brought, EntryChange, LockSchema, LockSession, Lockfile, Remembered};

use super::follow::{entry_lines, set_line};
use crate::accepted::begin_lock;

/// Which lock goes back.
#[derive(Debug)]
pub struct BackOptions {
    /// The lock.
    pub lock: PathBuf,
    /// The site that keeps the end of its journal.
    pub site: Site,
    /// Who changes it, and how long they wait.
    pub access: Access,
    /// Why.
    pub reason: StatedReason,
    /// Whether a lock that was gone back to stays: whoever is killed behind it, and says the same again, goes on.
    pub is_once: bool,
}

/// A lock that is what it was before a set came, or the set again.
#[derive(Debug)]
pub struct WentBack {
    /// The set that is followed, as it was applied last.
    pub applied: AppliedLock,
    /// The version of the set that the lock is now, if it is one as it stood.
    pub version: Option<u64>,
    /// What became of the entries.
    pub changes: Vec<EntryChange>,
    /// Whether anything was written, or in a dry run would be.
    pub is_changed: bool,
    /// The lock, and its schema version.
    pub lock: (PathBuf, LockSchema),
    /// The journal beside it.
    pub journal: PathBuf,
    /// What it accepts now.
    pub accepted: Lockfile,
}

/// Puts the lock before back. Twice is where one was, unless once is enough. The version that was applied stays the last
/// one: no older one is taken from the source, and it does not come back by itself. What a run that was killed has begun
/// is finished.
///
/// # Errors
/// `version_not_found` where there is none to go back to; as [`begin_lock`] and committing.
pub fn go_back(options: &BackOptions) -> Result<WentBack> {
    let session = begin_lock(&options.lock, &options.site, &options.access)?;
    let nowhere = |message: &str| {
        Fault::new(Reason::VersionNotFound, format!("`{}`: {message}", options.lock.display()))
            .hint("see what was done to it: `aisoc plugins journal show`")
    };
    let applied = session.applied()?.ok_or_else(|| nowhere("no set of plugins was applied to it"))?;
    let unfinished = applied.unfinished(session.lock());
    let is_back = options.is_once && applied.is_rolled_back && unfinished.is_none();
    if let Some(here) = session.lock().cloned().filter(|_| is_back) {
        return stayed(session, applied, here);
    }
    let previous = unfinished
        .or(applied.previous.as_ref())
        .ok_or_else(|| nowhere("there was no lock before the set that it follows"))?;
    let wanted = previous.lockfile()?;
    let Brought { lock, changes } = Brought::back(session.lock(), &wanted)?;
    let version = previous.version;
    let now = applied.gone_back(&lock, session.lock());
    let at = options.access.at;
    let said = match now.is_rolled_back {
        true => format!("rolled back: {}", options.reason),
        false => format!("again: {}", options.reason),
    };
    let line = set_line(&applied.name, applied.version, applied.payload_digest, &said.parse()?, at);
    let reason = format!("set {}, version {} {said}", applied.name, applied.version);
    let lines: Vec<_> = std::iter::once(line).chain(entry_lines(&changes, &reason, at)).collect();
    let done = WentBack {
        version,
        changes,
        is_changed: true,
        lock: (session.path().to_owned(), lock.schema()),
        journal: session.journal().path(),
        accepted: lock.clone(),
        applied: now.clone(),
    };
    session.commit_set(&lock, &lines, &Remembered { settings: None, applied: Some(&now) })?;
    Ok(done)
}

/// A lock that was gone back to. Of a run that was killed behind it, what was to come back does no more.
fn stayed(session: LockSession, applied: AppliedLock, here: Lockfile) -> Result<WentBack> {
    let (lock, journal) = ((session.path().to_owned(), here.schema()), session.journal().path());
    if let Some(returned) = applied.returned() {
        session.remember_alone(&Remembered { settings: None, applied: Some(&returned) })?;
    }
    Ok(WentBack { version: None, changes: Vec::new(), is_changed: false, lock, journal, accepted: here, applied })
}
